"""Ways that lose packets, that are narrow, or that lose the large ones: what becomes of sessions people have."""

import pytest

from tests.probing import seen
from tests.servers.between import opened, says
from tests.servers.haproxy import HaProxy
from tests.servers.lines import (
    DEFAULT_RETRIES,
    THERE,
    beaten,
    behind_nginx,
    echoed,
    elsewhere,
    leave,
    open_doors,
    over,
    within,
)
from tests.servers.nginx import Certificate
from tests.servers.recordings import Recorder
from tests.servers.routed import OTHER, SERVER, Routed, routed
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.test_wire_doors import TALK, ashore, trusts
from tests.servers.uvicorn import Uvicorn
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


def lose(hosts: Routed, percent: int, address: str) -> None:
    """Of what goes to an address, and of what comes from there, so many packets in a hundred are lost."""
    for way in ("daddr", "saddr"):
        hosts.router.wall(f"ip {way} {address} numgen random mod 100 < {percent} drop", name=f"loss_{way}")


def lose_no_more(hosts: Routed) -> None:
    """The way is good again."""
    for way in ("daddr", "saddr"):
        hosts.router.no_wall(f"loss_{way}")


async def test_beats_are_lost_on_the_way_to_spring(start: Starter, recorder: Recorder) -> None:
    """Three packets of four in either direction; a chat with a host elsewhere does not mind."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(DEFAULT_RETRIES)
        port = ashore(hosts, start, Spring, heart_beat="1800,1800")
        office = {"url": f"stomp+ws://{SERVER}:{port}/ws", "heart_beat": "1800,1800"}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, office=office, third={"url": THERE, "do": says(9.3, 60, "send tick")})
            await beaten(watch, 1, "office")
            lose(hosts, 75, SERVER)
            await within(watch, 60, "close", "office")
            lose_no_more(hosts)
            await over(watch, "office")
            await leave(watch, "third", status=1)
    recorder.keep("wire-loss-spring-beats", watch)


async def test_our_pings_are_lost(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Behind nginx and TLS; two packets of three. The server's other address is reached by a better way."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        hosts.start_python()
        nginx, url = behind_nginx(hosts, start, certificate, 8081)
        pings = {"ping_interval": 1.6, "ping_timeout": 3.4, "close_timeout": 1.5} | trusts(certificate)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, A={"url": url, "do": says(0.7, 30, "send tick")} | pings)
            well = {"url": f"wss://{OTHER}:{nginx.port}/", "do": says(3.9, 60, "send tick")}
            await opened(watch, well=well | trusts(certificate))
            await echoed(watch, 2, "A")
            lose(hosts, 62, SERVER)
            await within(watch, 60, "close", "A")
            lose_no_more(hosts)
            await over(watch, "A", stage="tls")
            await leave(watch, "well", status=1)
    close = watch.the("close", "A")
    assert (close["initiator"], close["sent"]["code"]) == ("local", 1011)
    recorder.keep("wire-loss-nginx-our-pings", watch)


async def test_our_pong_stands_behind_our_upload(start: Starter, recorder: Recorder) -> None:
    """A home line with a narrow way up: uvicorn waits two and a half seconds for a pong; elsewhere nobody asks."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(DEFAULT_RETRIES)
        rate = ("rate", "150kbit", "burst", "3000", "limit", "900000")
        hosts.client.run("tc", "qdisc", "add", "dev", "eth0", "root", "tbf", *rate)
        port = ashore(hosts, start, Uvicorn, ws_ping_interval=2, ws_ping_timeout=2.5, ws_max_size=4000000)
        upload = {"url": f"ws://{SERVER}:{port}/upload", "no_compression": True}
        upload |= {"do": [f"{3.1 + n * 0.4:.1f} send-repeat x 50000" for n in range(5)]}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, third={"url": THERE, "do": says(2.9, 30, "send tick")})
            await opened(watch, upload=upload)
            await within(watch, 40, "close", "upload")
            await over(watch, "upload")
            await leave(watch, "third", status=1)
    recorder.keep("wire-narrow-up-uvicorn-pings", watch)


async def test_a_subscriber_on_a_narrow_line(start: Starter, recorder: Recorder) -> None:
    """Messages come faster than the line takes them: Spring keeps some of them, and then gives up on the subscriber."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        port = ashore(
            hosts, start, Spring, heart_beat="4000,4000", send_buffer_limit=60000, send_time_limit=6000,
            kernel_buffer=8192, inbound_threads=1,
        )  # fmt: skip
        rate = ("rate", "90kbit", "burst", "3000", "limit", "16000")
        hosts.router.run("tc", "qdisc", "add", "dev", "lan", "root", "tbf", *rate)
        table = {"url": f"stomp+ws://{SERVER}:{port}/ws", "heart_beat": "4000,4000", "no_compression": True}
        large = f"stomp-send /topic/large {'x' * 6000}"
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, sub=table | {"subscribe": ["/topic/large"]})
            await opened(watch, pub=table | {"do": [f"{1.3 + n * 0.15:.2f} {large}" for n in range(22)]})
            await within(watch, 40, "close", "sub")
            await over(watch, "sub")
            await leave(watch, "pub", status=1)
    recorder.keep("wire-narrow-down-spring-subscriber", watch)


async def test_large_posts_vanish(start: Starter, recorder: Recorder) -> None:
    """STOMP over an XHR stream: what we post that is large never arrives, the stream goes on; a twin says little."""
    with routed() as hosts:
        hosts.be_patient(4)
        port = ashore(hosts, start, Spring, heart_beat="4500,4500")
        hosts.router.wall(f"ip daddr {SERVER} meta length > 1000 drop")
        table = {"url": f"stomp+http://{SERVER}:{port}/sockjs", "sockjs_transport": "xhr-streaming"}
        table |= {"heart_beat": "4500,4500"}
        large = f"stomp-send /topic/a {'x' * 3700}"
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, small=table | {"do": says(2.3, 16, TALK)})
            await opened(watch, large=table | {"do": [f"0.8 {TALK}", f"3.3 {large}"]})
            await within(watch, 30, "close", "large")
            await over(watch, "large")
            await leave(watch, "small", status=1)
    recorder.keep("wire-mtu-spring-posts", watch)


async def test_a_vpn_makes_the_way_smaller(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """It comes up under two sealed sessions, and large packets are lost: one says little, one something large."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        with hosts.server.inside():
            server = start(Uvicorn, ws_ping_interval=2.6, ws_ping_timeout=3.1)
            haproxy = start(HaProxy, server.port, certificate=certificate)
        open_doors(hosts.server, haproxy.port)
        table = {"url": f"wss://{SERVER}:{haproxy.port}/", "no_compression": True} | trusts(certificate)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, small=table | {"do": says(1.9, 16, "send tick")})
            await opened(watch, large=table | {"do": ["0.6 send tick", "2.2 send tick", "4.1 send-repeat x 7000"]})
            await echoed(watch, 1, "large")
            hosts.router.wall("meta length > 900 drop")
            await seen(watch, "frame", "large", opcode=1, dir="in", count=2)
            await within(watch, 30, "close", "large")
            await over(watch, "large", stage="tls")
            await leave(watch, "small", status=1)
    recorder.keep("wire-mtu-haproxy-after-open", watch)

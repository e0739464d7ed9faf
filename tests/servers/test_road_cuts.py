"""What the road does to sessions that were well: tunnels, filters, lossy and narrow lines, and our own address."""

import asyncio
import signal

import pytest

from tests.probing import probing, seen
from tests.servers.asgi_hosts import Hypercorn
from tests.servers.between import opened, says, sockjs, ws
from tests.servers.frameworks import Aiohttp, Tornado
from tests.servers.lines import (
    DEFAULT_RETRIES,
    THERE,
    beaten,
    behind_nginx,
    echoed,
    elsewhere,
    leave,
    over,
    within,
)
from tests.servers.looks import looked
from tests.servers.nginx import Certificate
from tests.servers.node import SockJsNode
from tests.servers.recordings import Recorder
from tests.servers.routed import CLIENT, INSIDE, SERVER, routed
from tests.servers.spring import Spring
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.test_wire_doors import ashore, trusts
from tests.servers.test_wire_weather import lose, lose_no_more
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

LEASED = "10.78.1.23"
"""The address our machine has in the other part of the house."""


async def test_the_far_half_has_no_memory_left(start: Starter, recorder: Recorder) -> None:
    """sshd's process for us is killed: a stream that is quiet and a raw WebSocket that talks were in its tunnel."""
    server = start(SockJsNode, heartbeat_delay=2600)
    tunnel = await asyncio.to_thread(start, SshTunnel, server.port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            past=sockjs(server.port, "websocket", do=says(2.1, 12, "send tick")),
            stream=sockjs(tunnel.port, "xhr-streaming"),
            raw=ws(tunnel.port, "/echo/websocket", do=says(0.9, 12, "send tick")),
        )
        await seen(watch, "sockjs", "stream", kind="h", count=2)
        tunnel.signal_far_half(signal.SIGKILL)
        await looked(watch, "stream", "raw", ok=False)
        assert not watch.of("close", "past")
        assert await watch.finish() == 1
    recorder.keep("road-tunnel-ssh-far-half-killed", watch)


async def test_a_filter_reads_what_we_say(start: Starter, recorder: Recorder) -> None:
    """A box of the company resets whoever says ``DROP TABLE``; a colleague in the same aiohttp says other things."""
    with routed() as hosts:
        port = ashore(hosts, start, Aiohttp)
        hosts.weather(word="DROP TABLE")
        url = f"ws://{SERVER}:{port}/"
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, colleague={"url": url, "do": says(1.4, 9, "send select 1")})
            course = [*says(0.8, 3, "send select 2"), "3.70 send DROP TABLE old_orders"]
            await opened(watch, console={"url": url, "no_compression": True, "do": course})
            await over(watch, "console")
            await echoed(watch, 1, "colleague")
            await leave(watch, "colleague", status=1)
    assert watch.the("close", "console")["transport"]["how"] == "reset"
    recorder.keep("road-reset-filter-aiohttp", watch)


async def test_a_train_in_a_valley(start: Starter, recorder: Recorder) -> None:
    """Most packets are lost for a while, and Tornado does not get a pong in time; one session alone."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        port = ashore(hosts, start, Tornado, websocket_ping_interval=1.9, websocket_ping_timeout=1.3)
        table = {"url": f"ws://{SERVER}:{port}/", "do": says(0.8, 30, "send tick")}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, A=table)
            await echoed(watch, 3, "A")
            lose(hosts, 58, SERVER)
            await asyncio.sleep(6.4)
            lose_no_more(hosts)
            await within(watch, 30, "close", "A")
            await over(watch, "A")
            await leave(watch, status=1)
    recorder.keep("road-loss-tornado-alone", watch)


async def test_a_line_is_dug_up(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Spring behind nginx: a subscriber who beats, and no more; another host is reached by another line."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(4)
        with hosts.server.inside():
            spring = start(Spring, heart_beat="2700,2300")
        _, url = behind_nginx(hosts, start, certificate, spring.port)
        desk = {"url": f"stomp+{url}ws", "heart_beat": "2300,2700", "subscribe": ["/topic/a"]}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, third={"url": THERE, "do": says(3.3, 40, "send tick")})
            await opened(watch, desk=desk | trusts(certificate))
            await beaten(watch, 2, "desk")
            for way in ("daddr", "saddr"):
                hosts.router.wall(f"ip {way} {SERVER} drop", name=f"dug_{way}")
            await within(watch, 40, "close", "desk")
            await over(watch, "desk")
            await leave(watch, "third", status=1)
    recorder.keep("road-blackhole-nginx-spring-subscriber", watch)


async def test_a_report_does_not_fit(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """aiohttp behind nginx: since the new line no packet of more than 1200 bytes arrives, and nobody tells us."""
    with routed() as hosts:
        hosts.be_patient(4)
        with hosts.server.inside():
            server = start(Aiohttp)
        _, url = behind_nginx(hosts, start, certificate, server.port)
        table = {"url": url, "no_compression": True} | trusts(certificate)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, small=table | {"do": says(2.3, 25, "send tick")})
            large = ["0.70 send tick", "1.60 send-repeat x 700", "3.10 send-repeat x 5200", "3.90 send tick"]
            await opened(watch, large=table | {"do": large})
            hosts.router.wall(f"ip daddr {SERVER} meta length > 1200 drop")
            await within(watch, 40, "close", "large")
            await over(watch, "large", stage="tls")
            await leave(watch, "small", status=1)
    recorder.keep("road-mtu-nginx-aiohttp-reports", watch)


async def test_dhcp_gives_us_another_address(start: Starter, recorder: Recorder) -> None:
    """We carry our laptop over to the other building: the address of before is gone, the new one works at once."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        port = ashore(hosts, start, Hypercorn)
        table = {"url": f"ws://{SERVER}:{port}/live", "ping_interval": 2.2, "ping_timeout": 4.1, "close_timeout": 1.6}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, A=table | {"do": says(1.3, 20, "send tick")})
            await echoed(watch, 3, "A")
            hosts.client.ip("address", "delete", f"{CLIENT}/24", "dev", "eth0")
            hosts.client.ip("address", "add", f"{LEASED}/24", "dev", "eth0")
            hosts.client.ip("route", "replace", "default", "via", INSIDE)
            await within(watch, 40, "close", "A")
            await over(watch, "A")
            await leave(watch, status=1)
    recorder.keep("road-local-new-address-alone", watch)


async def test_our_beats_stand_behind_our_upload(start: Starter, recorder: Recorder) -> None:
    """A message takes six seconds on a line of 2G; Spring counts whole ones, and waits for our beats behind it."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(DEFAULT_RETRIES)
        port = ashore(hosts, start, Spring, heart_beat="1300,1300")
        rate = ("rate", "9kbit", "burst", "1600", "limit", "900000")
        hosts.client.run("tc", "qdisc", "add", "dev", "eth0", "root", "tbf", *rate)
        upload = {"url": f"stomp+ws://{SERVER}:{port}/ws", "heart_beat": "1300,1300", "no_compression": True}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, third={"url": THERE, "do": says(3.1, 40, "send tick")})
            await opened(watch, upload=upload | {"do": [f"2.20 stomp-send /topic/a {'x' * 7700}"]})
            await within(watch, 40, "close", "upload")
            await over(watch, "upload")
            await leave(watch, "third", status=1)
    recorder.keep("road-narrow-up-spring-beats", watch)

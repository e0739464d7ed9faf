"""What the way does to sessions that were well: it is narrow, loses, swallows, resets, or is gone."""

import asyncio
import signal

import pytest

from tests.probing import probing, seen
from tests.servers.afar import Afar
from tests.servers.between import opened, says, wss
from tests.servers.lines import (
    DEFAULT_RETRIES,
    THERE,
    beaten,
    behind_nginx,
    echoed,
    elsewhere,
    join,
    leave,
    over,
    within,
)
from tests.servers.looks import looked
from tests.servers.nginx import Certificate
from tests.servers.node import SockJsNode
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.spring import Spring
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.test_wire_cuts import local_port
from tests.servers.test_wire_doors import TALK, ashore, trusts
from tests.servers.test_wire_weather import lose, lose_no_more
from tests.servers.uvicorn import Uvicorn
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_pings_stand_behind_a_download(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """The server's own line is narrow: python-websockets waits 2.9 s for a pong, and its ping is behind its answers."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(DEFAULT_RETRIES)
        hosts.start_python(ping_interval=2.2, ping_timeout=2.9)
        _, url = behind_nginx(hosts, start, certificate, 8081)
        rate = ("rate", "110kbit", "burst", "3000", "limit", "900000")
        hosts.server.run("tc", "qdisc", "add", "dev", "eth0", "root", "tbf", *rate)
        load = {
            "url": url,
            "no_compression": True,
            "do": [f"{1.6 + n * 0.3:.1f} send-repeat x 26000" for n in range(4)],
        }
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, third={"url": THERE, "do": says(2.7, 24, "send tick")})
            await opened(watch, load=load | trusts(certificate))
            await within(watch, 40, "close", "load")
            await over(watch, "load", stage="tls")
            await leave(watch, "third", status=1)
    assert watch.the("close", "load")["received"]["code"] == 1011
    recorder.keep("ways-narrow-download-nginx-pings", watch)


async def test_wifi_is_switched_off(start: Starter, recorder: Recorder) -> None:
    """Two sessions with two servers, one that pings and one with STOMP's beats, over the one interface there is."""
    with routed() as hosts:
        hosts.be_patient(3)
        hosts.start_python()
        port = ashore(hosts, start, Spring, heart_beat="2400,2400")
        chat = {"url": f"ws://{SERVER}:8081/", "ping_interval": 1.9, "ping_timeout": 4.2}
        board = {"url": f"stomp+ws://{SERVER}:{port}/ws", "heart_beat": "2400,2400", "do": says(1.7, 20, TALK)}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, chat=chat, board=board)
            await beaten(watch, 1, "board")
            hosts.client.ip("link", "set", "eth0", "down")
            for session in ("chat", "board"):
                await within(watch, 30, "close", session)
            await over(watch, "chat", "board")
            await leave(watch, status=1)
    recorder.keep("ways-local-wifi-off-both", watch)


async def test_what_is_large_does_not_come_down(start: Starter, recorder: Recorder) -> None:
    """sockjs-node's large answer vanishes on the way, the small ones behind it arrive; who polls says little."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        port = ashore(hosts, start, SockJsNode, heartbeat_delay=3100)
        hosts.router.wall(f"ip saddr {SERVER} meta length > 1100 drop")
        url = f"http://{SERVER}:{port}/echo"
        large = {
            "url": url,
            "sockjs_transport": "websocket",
            "ping_interval": 2.6,
            "ping_timeout": 5.3,
            "close_timeout": 2.5,
        }
        large |= {"no_compression": True, "do": ["0.9 send tick", "3.4 send-repeat x 3000"]}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            small = {"url": url, "sockjs_transport": "xhr-polling", "do": says(4.3, 16, "send tick")}
            await opened(watch, small=small)
            await opened(watch, large=large)
            await within(watch, 30, "close", "large")
            await over(watch, "large")
            await leave(watch, "small", status=1)
    assert watch.the("close", "large")["initiator"] == "local"
    recorder.keep("ways-mtu-sockjs-answers", watch)


async def test_one_port_goes_dark(afar: Afar, recorder: Recorder) -> None:
    """A firewall's new rules forgot ActiveMQ: both ways are swallowed. The chat on the same host is let pass."""
    with routed(afar.host) as hosts:
        hosts.be_patient(4)
        port = afar.port("activemq")
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            chat = {"url": afar.sockjs, "sockjs_transport": "xhr-streaming", "do": says(5.3, 24, "send tick")}
            await opened(watch, chat=chat)
            await join(watch, afar, "orders", "activemq", "2300,2700")
            await beaten(watch, 1, "orders")
            hosts.router.wall(f"tcp dport {port} drop", name="to")
            hosts.router.wall(f"tcp sport {port} drop", name="from")
            await within(watch, 40, "close", "orders")
            await over(watch, "orders")
            await leave(watch, "chat", status=1)
    recorder.keep("ways-blackhole-activemq-port", watch)


async def test_pongs_are_lost(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Bad radio: two packets of three in either direction. uvicorn has TLS, and waits 2.6 s for a pong."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(DEFAULT_RETRIES)
        files = {"ssl_certfile": certificate.chain, "ssl_keyfile": certificate.key}
        port = ashore(hosts, start, Uvicorn, ws_ping_interval=1.7, ws_ping_timeout=2.6, **files)
        feed = {"url": f"wss://{SERVER}:{port}/live", "do": says(0.9, 30, "send tick")} | trusts(certificate)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, third={"url": THERE, "do": says(3.7, 60, "send tick")})
            await opened(watch, feed=feed)
            await echoed(watch, 2, "feed")
            lose(hosts, 66, SERVER)
            await asyncio.sleep(11.4)
            lose_no_more(hosts)
            await within(watch, 30, "close", "feed")
            await over(watch, "feed", stage="tls")
            await leave(watch, "third", status=1)
    recorder.keep("ways-loss-uvicorn-pongs", watch)


async def test_one_of_the_brokers_flows_is_reset(afar: Afar, recorder: Recorder) -> None:
    """A box on the way says RST to STOMP over TCP; STOMP over WebSocket with the same RabbitMQ lives."""
    with routed(afar.host) as hosts:
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await join(watch, afar, "web", "rabbitmq", "1900,1900")
            await join(watch, afar, "tcp", "rabbitmq-tcp", "2600,3100", do=says(0.8, 10, TALK))
            await beaten(watch, 1, "tcp")
            hosts.router.wall(f"tcp sport {local_port(watch, 'tcp')} reject with tcp reset")
            await over(watch, "tcp")
            await beaten(watch, 1, "web")
            await leave(watch, "web", status=1)
    assert watch.the("close", "tcp")["transport"]["how"] == "reset"
    recorder.keep("ways-reset-rabbitmq-tcp", watch)


async def test_the_jump_host_is_emptied(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """sshd's administrator ends this tunnel; in it were two sessions that speak TLS with uvicorn, one talks."""
    server = start(Uvicorn, ssl_certfile=certificate.chain, ssl_keyfile=certificate.key, ws_ping_interval=2.8)
    tunnel = await asyncio.to_thread(start, SshTunnel, server.port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            direct=wss(server.port, certificate, do=says(1.8, 16, "send tick")),
            quiet=wss(tunnel.port, certificate),
            busy=wss(tunnel.port, certificate, do=says(0.7, 14, "send tick")),
        )
        await seen(watch, "frame", "quiet", opcode=9, dir="in", count=2)
        tunnel.signal_far_half(signal.SIGTERM)
        await looked(watch, "quiet", "busy", ok=False)
        assert not watch.of("close", "direct")
        assert await watch.finish() == 1
    recorder.keep("ways-tunnel-ssh-tls-both", watch)

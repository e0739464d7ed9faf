"""Beats, pings and pongs that stay away: ours, theirs, and those of a program that stands still."""

import pytest

from tests.probing import ask, probing, seen
from tests.servers.between import Table, opened, says, staged, ws, wss
from tests.servers.classic import ActiveMqWs
from tests.servers.frozen import frozen
from tests.servers.golang import Gorilla
from tests.servers.haproxy import HaProxy
from tests.servers.joined import ANNA, CREW
from tests.servers.jvm import Artemis, Jetty, Undertow
from tests.servers.lines import leave, over
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.test_silent_server import silence
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_chat_page_that_forgot_its_pongs(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """gorilla behind nginx with TLS pings every 1.9 s and waits 3.1 s for a pong, however much is said."""
    server = start(Gorilla, PingPeriod=1.9, PongWait=3.1)
    proxy = start(Nginx, server.port, 40, certificate)
    base = wss(proxy.port, certificate) | {"url": f"wss://localhost:{proxy.port}/ws"}
    watch = await staged(
        {"mute": base | {"do": ["0.5 hold-pongs", *says(1.3, 6, "send hello")]}, "reads": base},
        "mute",
        stage="tls",
    )
    close = watch.the("close", "mute")
    assert (close["initiator"], close["received"]) == ("remote", None)
    recorder.keep("rhythm-nginx-gorilla-page-without-pongs", watch)


async def test_a_job_that_beats_too_rarely(start: Starter, recorder: Recorder) -> None:
    """Artemis, STOMP over TCP behind ssh: 1.4 s were promised, from 3 s on one comes every 8. One session alone."""
    broker = start(Artemis)
    tunnel = start(SshTunnel, broker.port)
    base = {"heart_beat": "1400,2300"} | ANNA
    watch = await staged(
        {
            "job": base | {"url": f"stomp://{LOOPBACK}:{tunnel.port}", "do": ["3 throttle-beats 8000"]},
        },
        "job",
    )
    assert watch.the("close", "job")["initiator"] == "remote"
    recorder.keep("rhythm-ssh-artemis-job-beats-rarely", watch)


async def test_a_scheduler_has_too_much_to_do(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Spring over SockJS's WebSocket behind stunnel: no beats, and yet orders come. Another broker beats."""
    spring, other = start(Spring, heart_beat="1700,1700", sockjs_heart_beat=25000), start(ActiveMqWs)
    front = start(Stunnel, spring.port, certificate)
    base: Table = {"url": f"stomp+https://localhost:{front.port}/sockjs", "cacert": str(certificate.ca)}
    base |= {"sockjs_transport": "websocket", "heart_beat": "1700,1700", "subscribe": ["/topic/orders"]}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            orders=base,
            stock={"url": other.url, "heart_beat": "2900,2900"} | CREW,
        )
        await seen(watch, "stomp", "orders", command="beat", dir="in", count=2)
        await ask(watch, "stomp-send /app/block/9000 report", "orders")
        await silence(watch, "orders")
        await ask(watch, "stomp-send /topic/orders one", "orders")
        await seen(watch, "stomp", "orders", command="MESSAGE")
        await leave(watch)
    assert watch.of("heartbeat", "orders", layer="stomp-in", state="missed")
    recorder.keep("rhythm-stunnel-sockjs-scheduler-busy", watch)


async def test_a_collector_of_garbage_stops_a_world(start: Starter, recorder: Recorder) -> None:
    """Jetty is stopped by a signal; one that talks and one that only pings get no answer. Undertow's client does."""
    server, other = start(Jetty), start(Undertow)
    pings: Table = {"ping_interval": 1.8, "ping_timeout": 2.6, "close_timeout": 0.6}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            talks=ws(server.port, "/live", do=says(1.1, 5, "send hello"), **pings),
            pings=ws(server.port, "/live", **pings),
            other=ws(other.port, "/live", **pings),
        )
        await seen(watch, "frame", "pings", opcode=10, dir="in")
        with frozen(server.pid):
            await over(watch, "talks", "pings")
            await leave(watch, "other", status=1)
    for name in ("talks", "pings"):
        assert watch.the("close", name)["initiator"] == "local"
    recorder.keep("rhythm-jetty-world-stopped", watch)


async def test_a_server_that_ignores_pings(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Node without pongs behind HAProxy with TLS; one session only pings, another one talks and does not."""
    server = start(NodeWs, autoPong=False)
    proxy = start(HaProxy, server.port, tunnel=40, certificate=certificate)
    watch = await staged(
        {
            "talks": wss(proxy.port, certificate, do=says(1.9, 9)),
            "pings": wss(proxy.port, certificate, ping_interval=2.7, ping_timeout=1.9, close_timeout=0.8),
        },
        "pings",
        stage="tls",
    )
    assert watch.the("close", "pings")["sent"]["code"] == 1011
    recorder.keep("rhythm-haproxy-node-ignores-pings", watch)

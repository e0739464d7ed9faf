"""Ends that somebody means, and what this machine does to its own sessions."""

import asyncio

import pytest

from tests.probing import ask, probing, seen
from tests.servers.apache import Apache
from tests.servers.between import Table, opened, says, sockjs, staged, ws
from tests.servers.endings import assert_said
from tests.servers.frameworks import Sanic
from tests.servers.frozen import frozen
from tests.servers.joined import ANNA
from tests.servers.jvm import Artemis
from tests.servers.lines import leave, open_doors, over
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.spring import Spring
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_room_is_closed_by_its_owner(start: Starter, recorder: Recorder) -> None:
    """Sanic behind ssh ends a lone session with 4090 and why, in the middle of a talk."""
    server = start(Sanic, WEBSOCKET_PING_INTERVAL=2.2, WEBSOCKET_PING_TIMEOUT=4.1)
    tunnel = start(SshTunnel, server.port)
    watch = await staged(
        {
            "guest": ws(tunnel.port, do=[*says(0.8, 4, "send hello"), "3.7 send close 4090 room closed by its owner"]),
        },
        "guest",
        stage="http",
    )
    assert_said(watch.the("close", "guest"), 4090, "room closed by its owner")
    recorder.keep("rhythm-ssh-sanic-room-closed-4090", watch)


async def test_a_worker_signs_off(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Artemis over WebSocket behind stunnel: DISCONNECT and its RECEIPT; a colleague over TCP stays."""
    broker = start(Artemis)
    front = start(Stunnel, broker.port, certificate)
    worker: Table = {"url": f"stomp+wss://localhost:{front.port}/", "cacert": str(certificate.ca)} | ANNA
    watch = await staged(
        {
            "stays": {"url": broker.tcp_url, "heart_beat": "2300,2300"} | ANNA,
            "leaves": worker
            | {"heart_beat": "2300,2300", "do": [*says(1.2, 3, "stomp-send /queue/jobs done"), "4.3 disconnect"]},
        },
        "leaves",
        status=0,
    )
    assert watch.the("close", "leaves")["asked"] is True
    recorder.keep("rhythm-stunnel-artemis-worker-signs-off", watch)


async def test_a_stream_is_thrown_away(start: Starter, recorder: Recorder) -> None:
    """Spring over XHR streaming behind Apache: a lone one is aborted here in the middle of it."""
    spring = start(Spring, heart_beat="2600,2600", sockjs_heart_beat=25000)
    proxy = start(Apache, spring.port, timeout=40)
    base = {"url": f"stomp+http://{LOOPBACK}:{proxy.port}/sockjs", "heart_beat": "2600,2600"}
    watch = await staged(
        {
            "thrown": base
            | {"sockjs_transport": "xhr-streaming", "do": [*says(1.1, 3, "stomp-send /topic/a 1"), "3.9 abort"]},
        },
        "thrown",
        status=0,
    )
    assert watch.the("close", "thrown")["initiator"] == "local"
    recorder.keep("rhythm-apache-stream-thrown-away", watch)


async def test_a_laptop_is_carried_to_a_meeting(start: Starter, recorder: Recorder) -> None:
    """sockjs-node forgets a lone poller after 1.7 s without a poll; the laptop sleeps for 6.7 s.

    Its user wants no look after a drop.
    """
    server = start(SockJsNode, heartbeat_delay=1300, disconnect_delay=1700)
    async with probing("--stdin") as watch:
        await opened(watch, A=sockjs(server.port, "xhr-polling", do=["0.7 send hello", "1.5 send hello"]))
        await seen(watch, "sockjs", "A", dir="in", kind="a", count=2)
        with frozen(watch.process.pid):
            await asyncio.sleep(6.7)  # the lid is closed
        await seen(watch, "stall")
        await seen(watch, "close", "A")
        assert await watch.finish() == 1
    recorder.keep("rhythm-sockjs-node-laptop-carried", watch)


async def test_a_chart_that_draws_slowly(start: Starter, recorder: Recorder) -> None:
    """Spring over SockJS's WebSocket behind nginx: too much waits for a page that is busy for 3.4 s. Another reads.

    The hosts' kernels keep little.
    """
    with routed() as hosts:
        for host in (hosts.client, hosts.server):
            host.set(net__ipv4__tcp_rmem="4096 16384 16384", net__ipv4__tcp_wmem="4096 16384 16384")
        with hosts.server.inside():
            spring = start(Spring, heart_beat="", kernel_buffer=8192, send_time_limit=60000, send_buffer_limit=90000)
            proxy = start(Nginx, spring.port, 40, rules="proxy_buffer_size 4k;")
        open_doors(hosts.server, proxy.port)
        base: Table = {"url": f"stomp+http://{SERVER}:{proxy.port}/sockjs", "sockjs_transport": "websocket"}
        base |= {"heart_beat": "0,0", "no_compression": True}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, chart=base | {"subscribe": ["/topic/prices"]}, well=base)
            await ask(watch, "stomp-send /app/prices/1/20 x", "well")
            await seen(watch, "stomp", "chart", command="MESSAGE")
            await ask(watch, "freeze 3.4", "chart")
            for _ in range(6):
                await ask(watch, "stomp-send /app/prices/5/9000 x", "well")
                await asyncio.sleep(0.3)  # the fault takes its time
            await over(watch, "chart")
            await leave(watch, "well", status=1)
    assert watch.the("close", "chart")["initiator"] == "remote"
    recorder.keep("rhythm-nginx-chart-draws-slowly", watch)

"""Proxies and tunnels that die under their sessions, a script that aborts, and a busy night that only looks bad."""

import asyncio
import os
import signal

import pytest

from tests.probing import ask, open_session, probing, seen
from tests.servers.between import Table, assert_cut, opened, says, sockjs, staged, stomp, web_stomp, ws
from tests.servers.caddy import Caddy
from tests.servers.envoy import Envoy
from tests.servers.frozen import frozen
from tests.servers.haproxy import HaProxy
from tests.servers.joined import GUEST, beaten
from tests.servers.jvm import Vertx
from tests.servers.lesser import Lighttpd
from tests.servers.lines import leave
from tests.servers.nginx import Certificate
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.python_apps import SockJsTornado
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

ORDERS = "stomp-send /topic/orders 17"
LOG = "send 03:12 ERROR upstream 503, connection reset by peer, try again later (1013)"


async def test_lighttpd_has_a_segmentation_fault(start: Starter, recorder: Recorder) -> None:
    """Under a busy socket and a silent one, and nobody starts it again; who goes past it polls on."""
    server = start(SockJsTornado, heartbeat_delay=1.7)
    lighttpd = start(Lighttpd, server.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "page", kind="a", dir="in", count=3)
        await seen(watch, "sockjs", "waits", kind="h", count=1)
        os.kill(lighttpd.pid, signal.SIGSEGV)

    tables = {
        "direct": sockjs(server.port, "xhr-polling"),
        "page": sockjs(lighttpd.port, "websocket", do=says(0.8, 6)),
        "waits": sockjs(lighttpd.port, "websocket"),
    }
    watch = await staged(tables, "page", "waits", strike=strike, ok=False)
    recorder.keep("mast-lighttpd-sockjs-segfault", watch)


async def test_envoy_is_killed_and_there_again(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """No memory was left; its supervisor starts it anew, and a selling and a reading till come back."""
    envoy = start(Envoy, broker.port, certificate=certificate)
    base = web_stomp(0, "2100,2100", url=f"stomp+wss://localhost:{envoy.port}/ws", cacert=str(certificate.ca))

    async def strike(watch: Watch) -> None:
        await beaten(watch, "stock", 2)
        await asyncio.to_thread(envoy.end)
        await asyncio.to_thread(envoy.begin)
        for name in ("till", "stock"):
            await seen(watch, "stomp", name, command="CONNECTED", count=2)

    tables = {
        "direct": web_stomp(broker.port, "2100,2100", do=says(1.7, 9, ORDERS)),
        "till": base | {"reconnect": True, "do": says(1.1, 3, ORDERS)},
        "stock": base | {"reconnect": True},
    }
    watch = await staged(tables, "till", "stock", strike=strike)
    assert_cut(watch, "till", "stock")
    recorder.keep("mast-envoy-rabbitmq-killed-and-there-again", watch)


async def test_ssh_r_ends_and_is_made_again(start: Starter, recorder: Recorder) -> None:
    """``ssh -R`` to Vert.x from a machine whose line was cut: STOMP and a socket in it, and both come back."""
    server = start(Vertx)
    tunnel = start(SshTunnel, server.port, way="-R")

    async def strike(watch: Watch) -> None:
        await beaten(watch, "till", 3)
        await asyncio.to_thread(tunnel.kill_client)
        for name in ("till", "board"):
            await seen(watch, "close", name)
        await asyncio.to_thread(tunnel.begin_client)
        await seen(watch, "stomp", "till", command="CONNECTED", count=2)
        await seen(watch, "open", "board", count=2)

    base: Table = {"reconnect": True}
    tables = {
        "direct": {"url": server.stomp_url, "heart_beat": "1000,1000"},
        "till": base | {"url": f"stomp+ws://{LOOPBACK}:{tunnel.port}/stomp", "heart_beat": "1000,1000"},
        "board": base | ws(tunnel.port, "/live?user=board", do=says(0.9, 3)),
    }
    watch = await staged(tables, "till", "board", strike=strike)
    assert_cut(watch, "till", "board")
    recorder.keep("mast-ssh-r-ends-and-is-made-again", watch)


async def test_a_script_aborts(start: Starter, recorder: Recorder) -> None:
    """It gives its SockJS socket up in mid-sentence, without a Close; another page of the same Caddy talks on."""
    server = start(SockJsNode, heartbeat_delay=2300)
    caddy = start(Caddy, server.port)
    tables = {
        "page": sockjs(caddy.port, "websocket", do=says(1.2, 7)),
        "script": sockjs(caddy.port, "websocket", do=[*says(0.55, 2.5), "2.9 abort"]),
    }
    watch = await staged(tables, "script", status=0)
    assert watch.the("close", "script")["initiator"] == "local"
    recorder.keep("mast-caddy-sockjs-abort-in-a-script", watch)


async def test_a_night_that_only_looks_bad(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """A program holds its breath, HAProxy is reloaded, a log tells of troubles of others: everybody is well."""
    server, stream = start(NodeWs), start(SockJsNode, heartbeat_delay=1500)
    haproxy = start(HaProxy, server.port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            log=ws(haproxy.port, do=says(1.3, 9, LOG)),
            pings=ws(haproxy.port, ping_interval=1.7, ping_timeout=7.0),
            desk=stomp(broker.stomp_port, "3000,3000", GUEST, subscribe=["/topic/orders"]),
            polls=sockjs(stream.port, "xhr-polling"),
        )
        await seen(watch, "frame", "log", dir="in", opcode=1, count=2)
        with frozen(server.pid, stream.pid):
            await asyncio.sleep(2.8)
        pongs = len(watch.of("frame", "pings", dir="in", opcode=10))
        await seen(watch, "frame", "pings", dir="in", opcode=10, count=pongs + 1)
        haproxy.reload()
        await ask(watch, "stomp-send /topic/orders ERROR 503 Service Unavailable: connection to broker closed", "desk")
        await seen(watch, "stomp", "desk", command="MESSAGE")
        assert (await open_session(watch, name="late", **ws(haproxy.port, do=["0.4 send 1006"])))["ok"]
        await seen(watch, "frame", "late", dir="in", opcode=1)
        await beaten(watch, "desk", 1)
        await leave(watch, "log", "pings", "desk", "polls", "late", status=0)
    recorder.keep("mast-pauses-reloads-and-words-and-well", watch)

"""Hands and faults behind proxies and tunnels: operators, brokers that are lost, stalls, cuts, crashes and restarts."""

import asyncio
import os
import signal

import pytest

from tests.probing import ask, seen
from tests.servers.between import Table, assert_cut, says, sockjs, staged, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.classic import ActiveMqWs
from tests.servers.frameworks import Aiohttp
from tests.servers.haproxy import HaProxy
from tests.servers.joined import CREW, beaten
from tests.servers.lesser import Lighttpd
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeEndings, NodeWs, SockJsNode
from tests.servers.node_apps import Rules
from tests.servers.python import PythonEndings
from tests.servers.python_apps import SockJsTornado
from tests.servers.recordings import Recorder
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.uvicorn import Uvicorn
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def spoken(watch: Watch, name: str, count: int) -> None:
    """Returns once so many messages have come in."""
    await seen(watch, "frame", name, dir="in", opcode=1, count=count)


async def test_an_operator_stops_one_behind_haproxy(
    certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """ActiveMQ's console gives no reason to who is stopped; the other, by the same way, beats on."""
    broker = start(ActiveMqWs)
    haproxy = start(HaProxy, broker.port, certificate=certificate)
    at = f"stomp+wss://localhost:{haproxy.port}/"

    def of(name: str, beats: str) -> Table:
        table: Table = {"url": at, "heart_beat": beats, "cacert": str(certificate.ca)}
        return table | CREW | {"connect_header": [f"client-id: {name}-4"]}

    async def strike(watch: Watch) -> None:
        await beaten(watch, "scanner", 2)
        await asyncio.to_thread(broker.stop_connection, "scanner-4")

    tables = {"scanner": of("scanner", "1700,1700"), "till": of("till", "2300,2300")}
    watch = await staged(tables, "scanner", strike=strike, stage="tls")
    assert watch.the("close", "scanner")["received"] == {"code": 1000, "reason": ""}
    recorder.keep("programs-haproxy-activemq-operator-stops-one", watch)


async def test_a_gateway_lost_its_broker(start: Starter, recorder: Recorder) -> None:
    """It says so with 1011 to whoever needs it; who does not, stays."""
    server = start(Rules)
    why = "message broker not available: connection to broker lost"
    tables = {
        "orders": ws(server.port, "/orders", do=[*says(0.57, 2), f"2.8 send end 1011 {why}"]),
        "clock": ws(server.port, "/clock", do=says(0.92, 5)),
    }
    watch = await staged(tables, "orders")
    assert watch.the("close", "orders")["received"] == {"code": 1011, "reason": why}
    recorder.keep("programs-node-gateway-lost-its-broker", watch)


async def test_a_going_away_that_never_ends(start: Starter, recorder: Recorder) -> None:
    """1001 in a tunnel of ssh, from a program that stands still right after; another server is well."""
    server, other = start(NodeEndings), start(NodeWs)
    tunnel = start(SshTunnel, server.port)
    tables = {
        "A": ws(tunnel.port, do=[*says(0.66, 2), "2.3 send hang 1001 restarting"], close_timeout=3.2),
        "elsewhere": ws(other.port, do=says(1.2, 6)),
    }
    watch = await staged(tables, "A")
    assert watch.the("close", "A")["received"]["code"] == 1001
    recorder.keep("programs-ssh-node-1001-then-hangs", watch)


async def test_a_program_aborts_one_alone(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """python-websockets, behind nginx with TLS, after a silence of 2.2 s that the client ends."""
    server = start(PythonEndings, ping_interval=None)
    nginx = start(Nginx, server.port, certificate=certificate)
    watch = await staged({"A": wss(nginx.port, certificate, do=[*says(0.5, 1.2), "3.2 send abort"])}, "A")
    assert_cut(watch, "A")
    recorder.keep("programs-nginx-python-aborts-one-alone", watch)


async def test_one_message_ends_a_uvicorn_in_a_tunnel(start: Starter, recorder: Recorder) -> None:
    """Two were in, by ssh; nobody starts it again. Another server is well."""
    server, other = start(Uvicorn), start(NodeWs)
    tunnel = start(SshTunnel, server.port)
    tables = {
        "quiet": ws(tunnel.port, "/live"),
        "fatal": ws(tunnel.port, "/live", do=[*says(0.71, 2.2), "2.7 send exit"]),
        "elsewhere": ws(other.port, do=says(1.1, 6)),
    }
    watch = await staged(tables, "quiet", "fatal")
    assert_cut(watch, "quiet", "fatal")
    recorder.keep("programs-ssh-uvicorn-exits", watch)


async def test_sockjs_has_an_internal_error(start: Starter, recorder: Recorder) -> None:
    """``c[1011,…]`` to one who polls through Caddy; a WebSocket to the same server goes on."""
    server = start(SockJsNode, heartbeat_delay=1700)
    caddy = start(Caddy, server.port)
    tables = {
        "report": sockjs(caddy.port, "xhr-polling", do=["0.8 send hello", "2.1 send close 1011 Internal Server Error"]),
        "chat": sockjs(caddy.port, "websocket", do=says(0.9, 5)),
    }
    watch = await staged(tables, "report")
    recorder.keep("programs-caddy-sockjs-1011", watch)


async def test_aiohttp_is_deployed_anew(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """It says 1012 to both behind HAProxy, which says 503 until it is back."""
    server = start(Aiohttp, says_bye=[1012, "new release"])
    haproxy = start(HaProxy, server.port, certificate=certificate)

    async def strike(watch: Watch) -> None:
        await spoken(watch, "busy", 3)
        await asyncio.to_thread(server.end, signal.SIGTERM)
        await seen(watch, "http", "busy", dir="in", status=503)
        server.begin()
        for name in ("busy", "idle"):
            await seen(watch, "open", name, count=2)

    tables = {
        "busy": wss(haproxy.port, certificate, do=says(0.61, 2.6), reconnect=True),
        "idle": wss(haproxy.port, certificate, reconnect=True),
    }
    watch = await staged(tables, "busy", "idle", strike=strike)
    assert {line["code"] for line in watch.of("close")[:2]} == {1012}
    recorder.keep("programs-haproxy-aiohttp-1012", watch)


async def test_sockjs_tornado_asks_to_come_back_later(start: Starter, recorder: Recorder) -> None:
    """``c[1013,…]`` to one who polls through lighttpd; who came by WebSocket stays."""
    server = start(SockJsTornado, heartbeat_delay=1.4)
    lighttpd = start(Lighttpd, server.port)
    tables = {
        "polls": sockjs(
            lighttpd.port, "xhr-polling", do=["0.7 send hello", "2.4 send close 1013 busy, try again later"]
        ),
        "chat": sockjs(lighttpd.port, "websocket", do=says(0.8, 5)),
    }
    watch = await staged(tables, "polls")
    recorder.keep("programs-lighttpd-tornado-1013", watch)


async def test_a_program_dies_in_the_middle_of_an_answer(
    certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """python-websockets, behind stunnel; the client, alone, was busy with something else."""
    server = start(PythonEndings, ping_interval=None, max_size=None)
    stunnel = start(Stunnel, server.port, certificate)

    async def strike(watch: Watch) -> None:
        await ask(watch, "send-repeat y 9000000", "A")
        await ask(watch, "freeze 1.9", "A")
        await asyncio.sleep(1.1)  # its answer has begun: the rest waits until we read
        os.kill(server.pid, signal.SIGKILL)

    watch = await staged(
        {"A": wss(stunnel.port, certificate, no_compression=True, do=says(0.4, 1))}, "A", strike=strike
    )
    assert watch.the("close", "A")["transport"]["undecoded"] > 0
    recorder.keep("programs-stunnel-python-dies-mid-answer", watch)

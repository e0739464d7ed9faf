"""Programs that are stopped, restarted, die or speak of trouble, behind gateways of many makes."""

import asyncio
import os
import signal

import pytest

from tests.probing import ask, seen
from tests.servers.apache import Apache
from tests.servers.between import Table, assert_cut, opened, says, sockjs, staged, stomp, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.endings import assert_said
from tests.servers.envoy import Envoy
from tests.servers.forward import Connect
from tests.servers.goapps import Gobwas, Melody
from tests.servers.joined import beaten
from tests.servers.jvm import JavaWebSocket, Jetty, Undertow, Vertx
from tests.servers.lesser import Hitch, Nghttpx, Redir, Rinetd, Varnish
from tests.servers.nginx import Certificate
from tests.servers.node import NodeEndings, NodeStomp, NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.python import PythonEndings
from tests.servers.python_apps import CoilMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def spoken(watch: Watch, name: str, count: int) -> None:
    """Returns once so many messages have come in."""
    await seen(watch, "frame", name, dir="in", opcode=1, count=count)


async def test_a_deployment_behind_varnish(start: Starter, recorder: Recorder) -> None:
    """melody says 1001 to a busy and a silent client and ends; a server that is not deployed goes on."""
    server = start(Melody, Stop=[1001, "deploying v2.31.0"])
    varnish, other = start(Varnish, server.port), start(NodeWs)

    async def strike(watch: Watch) -> None:
        await spoken(watch, "orders", 5)
        await asyncio.to_thread(server.end, signal.SIGTERM)

    tables = {
        "orders": ws(varnish.port, "/ws", do=says(0.57, 5)),
        "board": ws(varnish.port, "/ws"),
        "elsewhere": ws(other.port, do=says(1.1, 6)),
    }
    watch = await staged(tables, "orders", "board", strike=strike)
    for name in ("orders", "board"):
        assert_said(watch.the("close", name), 1001, "deploying v2.31.0")
    recorder.keep("stop-varnish-melody-deployed-1001", watch)


async def test_jetty_is_replaced_behind_caddy(start: Starter, recorder: Recorder) -> None:
    """One client talks by way of Caddy, one is silent and goes straight; a moment later it is there again."""
    server, other = start(Jetty, grace=1000), start(SockJsNode, heartbeat_delay=1700)
    caddy = start(Caddy, server.port)

    async def strike(watch: Watch) -> None:
        await spoken(watch, "phone", 3)
        await asyncio.to_thread(server.end, signal.SIGTERM)
        await asyncio.to_thread(server.begin)

    tables = {
        "phone": ws(caddy.port, "/live?user=phone", do=says(0.66, 4)),
        "desk": ws(server.port, "/live?user=desk"),
        "elsewhere": sockjs(other.port, "websocket"),
    }
    watch = await staged(tables, "phone", "desk", strike=strike)
    assert watch.of("close", "phone")[0]["received"]["code"] == 1001
    recorder.keep("stop-caddy-jetty-away-and-back-1001", watch)


async def test_vertx_is_restarted_under_stomp(start: Starter, recorder: Recorder) -> None:
    """Over TCP and over WebSocket; both are let in again. A broker elsewhere stays."""
    server, other = start(Vertx), start(NodeStomp, beatEvery=1300, beats=1000)

    async def strike(watch: Watch) -> None:
        await beaten(watch, "till", 3)
        await asyncio.to_thread(server.end, signal.SIGTERM)
        for name in ("till", "stock"):
            await seen(watch, "end", name, how="refused")
        await asyncio.to_thread(server.begin)
        for name in ("till", "stock"):
            await seen(watch, "stomp", name, command="CONNECTED", count=2)

    beats: Table = {"heart_beat": "1000,1000", "reconnect": True}
    tables = {
        "till": {"url": server.stomp_url} | beats,
        "stock": {"url": server.stomp_ws_url} | beats,
        "elsewhere": {"url": other.url, "heart_beat": "1300,1300"},
    }
    watch = await staged(tables, "till", "stock", strike=strike)
    recorder.keep("stop-vertx-stomp-restarted", watch)


async def test_a_node_is_replaced_behind_envoy(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """1012 for three, and the process is exchanged for a new one; nobody reconnects by himself."""
    server, other = start(NodeEndings), start(NodeWs)
    envoy = start(Envoy, server.port, certificate=certificate)

    async def strike(watch: Watch) -> None:
        await spoken(watch, "chat", 4)
        await ask(watch, "send everybody 1012 node is being replaced", "ops")
        for name in ("chat", "ops", "idle"):
            await seen(watch, "close", name)
        await asyncio.to_thread(server.end, signal.SIGTERM)
        server.begin()

    tables = {
        "chat": wss(envoy.port, certificate, do=says(0.48, 4)),
        "idle": wss(envoy.port, certificate, ping_interval=0.9),
        "ops": wss(envoy.port, certificate),
        "elsewhere": ws(other.port, do=says(0.9, 7)),
    }
    watch = await staged(tables, "chat", "idle", "ops", strike=strike)
    assert_said(watch.the("close", "idle"), 1012, "node is being replaced")
    recorder.keep("stop-envoy-node-replaced-1012", watch)


async def test_go_panics_behind_nghttpx(start: Starter, recorder: Recorder) -> None:
    """At one client's message, which ends the process and so another's session too."""
    server, other = start(Gobwas), start(NodeWs)
    nghttpx = start(Nghttpx, server.port)
    tables = {
        "report": ws(nghttpx.port, "/ws", do=[*says(0.6, 2.5), "3.1 send panic"]),
        "feed": ws(nghttpx.port, "/ws", do=says(0.83, 5)),
        "elsewhere": ws(other.port, do=says(1.2, 6)),
    }
    watch = await staged(tables, "report", "feed")
    assert_cut(watch, "report", "feed")
    recorder.keep("stop-nghttpx-gobwas-panics", watch)


async def test_a_small_broker_is_killed(start: Starter, recorder: Recorder) -> None:
    """By the kernel's SIGKILL, behind redir, under one that sends and one that waits; another broker is well."""
    broker, other = start(CoilMq), start(NodeStomp, beatEvery=1600, beats=1000)
    redir = start(Redir, broker.port)
    crew: Table = stomp(redir.port, "0,0", {"login": "ground", "passcode": "crew", "stomp_version": "1.0,1.1"})

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "sends", command="SEND", dir="out", count=4)
        os.kill(broker.pid, signal.SIGKILL)

    tables = {
        "sends": crew | {"do": says(0.7, 5, "stomp-send /queue/night one")},
        "waits": crew,
        "elsewhere": {"url": other.url, "heart_beat": "1600,1600"},
    }
    watch = await staged(tables, "sends", "waits", strike=strike)
    assert_cut(watch, "sends", "waits")
    recorder.keep("stop-redir-coilmq-killed", watch)


async def test_a_program_in_java_cuts_one(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """At the word of another, who talks on through the same hitch."""
    server = start(JavaWebSocket)
    hitch = start(Hitch, server.port, certificate)
    url = f"wss://localhost:{hitch.port}/live?user="

    async def strike(watch: Watch) -> None:
        await spoken(watch, "guest", 4)
        await ask(watch, "send cut guest", "boss")

    tables = {
        "boss": wss(hitch.port, certificate, do=says(0.8, 6)) | {"url": url + "boss"},
        "guest": wss(hitch.port, certificate, do=says(0.5, 5)) | {"url": url + "guest"},
    }
    watch = await staged(tables, "guest", strike=strike, stage="tls")
    assert_cut(watch, "guest")
    recorder.keep("stop-hitch-java-cuts-one", watch)


async def test_a_program_cuts_everybody(start: Starter, recorder: Recorder) -> None:
    """``terminate`` for all three of its clients; it lives, and so does another program."""
    server, other = start(NodeEndings), start(PythonEndings, ping_interval=None)

    async def strike(watch: Watch) -> None:
        await spoken(watch, "b", 3)
        await ask(watch, "send terminate-everybody", "a")

    tables = {
        "a": ws(server.port),
        "b": ws(server.port, do=says(0.7, 5)),
        "c": ws(server.port, ping_interval=0.8),
        "other": ws(other.port, do=says(1.05, 6)),
    }
    watch = await staged(tables, "a", "b", "c", strike=strike)
    assert_cut(watch, "a", "b", "c")
    recorder.keep("stop-node-terminates-everybody", watch)


async def test_a_goodbye_and_a_busy_loop(start: Starter, recorder: Recorder) -> None:
    """python-websockets says 4200 through Apache, and then its event loop computes for ten seconds."""
    server, other = start(PythonEndings, ping_interval=None), start(NodeWs)
    apache = start(Apache, server.port)
    tables = {
        "export": ws(apache.port, do=[*says(0.55, 2), "2.4 send stall 4200 10"], close_timeout=3.1),
        "elsewhere": ws(other.port, do=says(0.95, 6)),
    }
    watch = await staged(tables, "export")
    assert watch.the("close", "export")["received"]["code"] == 4200
    recorder.keep("stop-apache-python-4200-then-computes", watch)


async def test_one_is_asked_to_come_back_later(start: Starter, recorder: Recorder) -> None:
    """Undertow's backlog is full: 1013 for a feed that comes through a company's proxy; who asked for it stays."""
    server = start(Undertow)
    proxy = start(Connect)

    async def strike(watch: Watch) -> None:
        await spoken(watch, "feed", 4)
        await ask(watch, "send kick feed 1013 backlog full, try again in 60s", "ops")

    tables = {
        "feed": ws(server.port, "/live?user=feed", proxy=f"http://{LOOPBACK}:{proxy.port}", do=says(0.62, 6)),
        "ops": ws(server.port, "/live?user=ops", do=says(1.3, 6)),
    }
    watch = await staged(tables, "feed", strike=strike)
    assert_said(watch.the("close", "feed"), 1013, "backlog full, try again in 60s")
    recorder.keep("stop-tinyproxy-undertow-1013", watch)


async def test_a_consumer_fails_behind_envoy(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A handler of Jetty's throws at the message of one; its process and the other client go on."""
    server = start(Jetty)
    envoy = start(Envoy, server.port, certificate=certificate)
    url = {"url": f"wss://localhost:{envoy.port}/live"}
    tables = {
        "basket": wss(envoy.port, certificate, do=[*says(0.45, 2), "2.3 send raise"]) | url,
        "search": wss(envoy.port, certificate, do=says(0.7, 5)) | url,
    }
    watch = await staged(tables, "basket", stage="tls")
    assert watch.the("close", "basket")["received"]["code"] == 1011
    recorder.keep("stop-envoy-jetty-handler-throws", watch)


async def test_a_program_has_lost_its_database(start: Starter, recorder: Recorder) -> None:
    """It says 1011 and why, to two behind rinetd; one past it is of another service."""
    server, other = start(NodeEndings), start(NodeWs)
    rinetd = start(Rinetd, server.port)

    async def strike(watch: Watch) -> None:
        await spoken(watch, "cart", 3)
        await opened(watch, late=ws(rinetd.port))
        await ask(watch, "send everybody 1011 connect ECONNREFUSED 10.3.0.7:5432", "late")

    tables = {"cart": ws(rinetd.port, do=says(0.6, 5)), "elsewhere": ws(other.port, do=says(0.8, 6))}
    watch = await staged(tables, "cart", "late", strike=strike)
    assert_said(watch.the("close", "cart"), 1011, "connect ECONNREFUSED 10.3.0.7:5432")
    recorder.keep("stop-rinetd-node-lost-its-database-1011", watch)

"""Servers that are drained, deployed, killed or full, and programs that cut one of their sessions."""

import asyncio
import signal

import pytest

from tests.probing import ask, seen
from tests.servers.apache import Apache
from tests.servers.between import TCP, Table, assert_cut, says, sockjs, staged, stomp, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.golang import Coder
from tests.servers.haproxy import HaProxy
from tests.servers.joined import CREW
from tests.servers.jvm import JavaWebSocket, Jetty, Netty
from tests.servers.lesser import Lighttpd, Nghttpx, Varnish
from tests.servers.nginx import Certificate
from tests.servers.node import NodeEndings, NodeWs, SockJsNode
from tests.servers.node_apps import Fastify
from tests.servers.python_apps import CoilMq
from tests.servers.recordings import Recorder
from tests.servers.rustapps import Axum
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.uvicorn import Uvicorn
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_node_is_drained(start: Starter, recorder: Recorder) -> None:
    """An operator has two be told 1001 before the node pool shrinks; behind Varnish. He himself stays."""
    app = start(JavaWebSocket)
    varnish = start(Varnish, app.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "anna", dir="in", opcode=1, count=4)
        for name in ("anna", "carl"):
            await ask(watch, f"send kick {name} 1001 node is being drained", "ops")

    tables = {
        "ops": ws(varnish.port, "/live?user=ops", do=says(1.4, 6)),
        "anna": ws(varnish.port, "/live?user=anna", do=says(0.6, 5)),
        "carl": ws(varnish.port, "/live?user=carl"),
    }
    watch = await staged(tables, "anna", "carl", strike=strike)
    assert {watch.the("close", name)["code"] for name in ("anna", "carl")} == {1001}
    recorder.keep("owl-varnish-java-websocket-drained", watch)


async def test_a_page_is_deployed(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Fastify is told to end and started anew behind Caddy; a busy page and a quiet wall come back. TLS."""
    app, other = start(Fastify), start(NodeWs)
    caddy = start(Caddy, app.port, tls=f"{certificate.chain} {certificate.key}")
    there: Table = wss(caddy.port, certificate) | {"url": f"wss://localhost:{caddy.port}/ws", "reconnect": True}

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "page", dir="in", opcode=1, count=3)
        await asyncio.to_thread(app.end, signal.SIGTERM)
        await asyncio.sleep(0.9)
        await asyncio.to_thread(app.begin)
        for name in ("page", "wall"):
            await seen(watch, "open", name, count=2)
        await asyncio.sleep(1.3)

    tables = {
        "elsewhere": ws(other.port, do=says(1.3, 8)),
        "page": there | {"do": says(0.8, 3)},
        "wall": there,
    }
    watch = await staged(tables, "page", "wall", strike=strike)
    recorder.keep("owl-caddy-fastify-deployed", watch)


async def test_coilmq_is_killed_and_there_again(start: Starter, recorder: Recorder) -> None:
    """No memory was left; two seconds later its supervisor has it there again, and both tills come back."""
    broker, other = start(CoilMq), start(NodeWs)
    there: Table = {"stomp_version": "1.0,1.1", "vhost": "localhost", "reconnect": True}

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "till", command="SEND", dir="out", count=3)
        await asyncio.to_thread(broker.end)
        await asyncio.sleep(2.0)
        await asyncio.to_thread(broker.begin)
        for name in ("till", "stock"):
            await seen(watch, "stomp", name, command="CONNECTED", count=2)
        await asyncio.sleep(1.1)

    tables = {
        "elsewhere": ws(other.port, do=says(1.5, 9)),
        "till": stomp(broker.port, "0,0", CREW, do=says(0.7, 2.5, "stomp-send /topic/till 12")) | there,
        "stock": stomp(broker.port, "0,0", CREW, subscribe=["/topic/till"]) | there,
    }
    watch = await staged(tables, "till", "stock", strike=strike)
    assert_cut(watch, "till", "stock")
    recorder.keep("owl-coilmq-killed-and-there-again", watch)


async def test_axum_aborts(start: Starter, recorder: Recorder) -> None:
    """An assertion of the program fails: its process aborts under a busy and a silent session and stays away."""
    app, other = start(Axum), start(SockJsNode, heartbeat_delay=1400)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "busy", dir="in", opcode=1, count=3)
        await asyncio.to_thread(app.end, signal.SIGABRT)

    tables = {
        "elsewhere": sockjs(other.port, "xhr-streaming"),
        "busy": ws(app.port, "/ws", do=says(0.7, 6)),
        "silent": ws(app.port, "/ws"),
    }
    watch = await staged(tables, "busy", "silent", strike=strike, ok=False)
    assert_cut(watch, "busy", "silent")
    recorder.keep("owl-axum-process-aborts", watch)


async def test_a_program_cuts_one_behind_haproxy(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A moderator has a guest cut in mid-talk; HAProxy passes TLS's bytes on and knows nothing of HTTP."""
    app = start(JavaWebSocket)
    haproxy = start(HaProxy, app.port, options=TCP, certificate=certificate)

    def user(name: str, **options: object) -> Table:
        return wss(haproxy.port, certificate) | {"url": f"wss://localhost:{haproxy.port}/live?user={name}"} | options

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "guest", dir="in", opcode=1, count=4)
        await ask(watch, "send cut guest", "moderator")

    tables = {
        "moderator": user("moderator", do=says(1.3, 6)),
        "guest": user("guest", do=says(0.65, 6)),
        "listener": user("listener"),
    }
    watch = await staged(tables, "guest", strike=strike)
    assert_cut(watch, "guest")
    recorder.keep("owl-haproxy-wss-guest-is-cut", watch)


async def test_a_program_resets_one(start: Starter, recorder: Recorder) -> None:
    """Node resets a session whose order it does not like, and it comes back; another of the same server talks on."""
    app = start(NodeEndings)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "bot", dir="in", opcode=1, count=3)
        await ask(watch, "send reset", "bot")
        await seen(watch, "open", "bot", count=2)
        await asyncio.sleep(1.4)

    tables = {
        "human": ws(app.port, do=says(1.1, 7)),
        "bot": ws(app.port, do=says(0.5, 1.6), reconnect=True),
    }
    watch = await staged(tables, "bot", strike=strike)
    assert_cut(watch, "bot", how=("reset",))
    recorder.keep("owl-node-resets-a-bot", watch)


async def test_jetty_is_overloaded_again(start: Starter, recorder: Recorder) -> None:
    """Jetty says 1013 to a dashboard, and to its next connection too; a small one is let be. Behind Apache."""
    app = start(Jetty)
    apache = start(Apache, app.port)

    async def strike(watch: Watch) -> None:
        for count in (1, 2):
            await seen(watch, "open", "dashboard", count=count)
            await asyncio.sleep(1.2)
            await ask(watch, "send close 1013 overloaded, come back in a minute", "dashboard")
            await seen(watch, "close", "dashboard", count=count)
        await seen(watch, "open", "dashboard", count=3)
        await asyncio.sleep(0.8)

    tables = {
        "small": ws(apache.port, "/live?user=small", do=says(1.2, 8)),
        "dashboard": ws(apache.port, "/live?user=dashboard", do=["0.4 send all"], reconnect=True),
    }
    watch = await staged(tables, "dashboard", strike=strike)
    recorder.keep("owl-apache-jetty-overloaded-again", watch)


async def test_a_sockjs_server_is_full(start: Starter, recorder: Recorder) -> None:
    """sockjs-node closes a socket and a stream with 1013 at one moment, and a poller not; behind lighttpd."""
    app = start(SockJsNode, heartbeat_delay=1500)
    lighttpd = start(Lighttpd, app.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "page", kind="a", dir="in", count=3)
        for name in ("page", "widget"):
            await ask(watch, "send close 1013 Try again later", name)

    tables = {
        "polls": sockjs(app.port, "xhr-polling"),
        "page": sockjs(lighttpd.port, "websocket", do=says(0.7, 5)),
        "widget": sockjs(app.port, "xhr-streaming"),
    }
    watch = await staged(tables, "page", "widget", strike=strike)
    recorder.keep("owl-lighttpd-sockjs-try-again-later", watch)


async def test_uvicorn_s_application_fails_again(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """An exception in the handler at a certain message, and again after it is back; TLS by stunnel. Another talks."""
    app = start(Uvicorn)
    stunnel = start(Stunnel, app.port, certificate)

    async def strike(watch: Watch) -> None:
        for count in (1, 2):
            await seen(watch, "open", "desk", count=count)
            await asyncio.sleep(0.9)
            await ask(watch, "send raise", "desk")
            await seen(watch, "close", "desk", count=count)
        await seen(watch, "open", "desk", count=3)
        await asyncio.sleep(1.0)

    tables = {
        "other": wss(stunnel.port, certificate, do=says(1.1, 7)),
        "desk": wss(stunnel.port, certificate, do=["0.3 send order"], reconnect=True),
    }
    watch = await staged(tables, "desk", strike=strike)
    recorder.keep("owl-stunnel-uvicorn-fails-again", watch)


async def test_a_go_handler_fails(start: Starter, recorder: Recorder) -> None:
    """An order that is not there makes the handler end by 1011, in the middle of a busy talk; two others are well."""
    app = start(Coder)
    nghttpx = start(Nghttpx, app.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "clerk", dir="in", opcode=1, count=4)
        await ask(watch, "send fail", "clerk")

    tables = {
        "boss": ws(nghttpx.port, "/ws", do=says(1.2, 6)),
        "clerk": ws(nghttpx.port, "/ws", do=says(0.55, 6)),
        "board": ws(nghttpx.port, "/ws"),
    }
    watch = await staged(tables, "clerk", strike=strike)
    assert watch.the("close", "clerk")["code"] == 1011
    recorder.keep("owl-nghttpx-coder-handler-fails", watch)


async def test_a_message_in_fragments_ends_early(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """The first fragment is whole; the next says 1024 bytes and has some twenty when Node ends TCP. TLS by stunnel."""
    app = start(NodeEndings)
    stunnel = start(Stunnel, app.port, certificate)
    first, part = b"id;name\n".hex(), b"17;Anna\n18;Bert\n19;Ca".hex()

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "chat", dir="in", opcode=1, count=3)
        await ask(watch, f"send cut 0108{first}007e0400{part}", "export")

    tables = {
        "chat": wss(stunnel.port, certificate, do=says(0.8, 5)),
        "export": wss(stunnel.port, certificate, do=["0.5 send customers"]),
    }
    watch = await staged(tables, "export", strike=strike)
    recorder.keep("owl-stunnel-fragments-end-early", watch)


async def test_a_game_server_is_updated(start: Starter, recorder: Recorder) -> None:
    """Netty says 1012 to two players and takes them in again at once; a spectator of another server plays on."""
    app, other = start(Netty), start(Coder)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "player1", dir="in", opcode=1, count=3)
        for name in ("player1", "player2"):
            await ask(watch, "send close 1012 update to 4.1.2", name)
        for name in ("player1", "player2"):
            await seen(watch, "open", name, count=2)
        await asyncio.sleep(1.1)

    tables = {
        "spectator": ws(other.port, "/ws", do=says(1.2, 7)),
        "player1": ws(app.port, "/live?user=player1", do=says(0.7, 2.5), reconnect=True),
        "player2": ws(app.port, "/live?user=player2", reconnect=True),
    }
    watch = await staged(tables, "player1", "player2", strike=strike)
    recorder.keep("owl-netty-game-server-is-updated", watch)

"""Proxies that are reloaded, restarted or killed, that have nobody behind them, and that deal requests badly."""

import asyncio
import signal

import pytest

from tests.probing import ask, open_session, probing, seen
from tests.servers.apache import Apache
from tests.servers.between import TCP, Table, assert_cut, opened, refused, says, sockjs, staged, stomp, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.envoy import Envoy
from tests.servers.forward import Connect
from tests.servers.frameworks import Tornado
from tests.servers.golang import Coder
from tests.servers.haproxy import HaProxy
from tests.servers.joined import ANNA, beaten
from tests.servers.jvm import Artemis, Vertx
from tests.servers.lesser import Hitch, Lighttpd, Nghttpx
from tests.servers.lines import leave
from tests.servers.looks import looked
from tests.servers.nginx import Certificate
from tests.servers.node import NodeStomp, NodeWs, SockJsNode
from tests.servers.node_apps import StompBroker
from tests.servers.ports import LOOPBACK
from tests.servers.python_apps import SockJsTornado
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.traefik import Traefik
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_caddy_is_reloaded(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A new site is added: a second later all sockets by Caddy are cut, busy or not, and come back. One is direct."""
    app = start(SockJsTornado, heartbeat_delay=2.6)
    caddy = start(Caddy, app.port, close_delay=1, tls=f"{certificate.chain} {certificate.key}")
    there: Table = {"url": f"https://localhost:{caddy.port}/echo", "cacert": str(certificate.ca), "reconnect": True}
    there |= {"sockjs_transport": "websocket"}

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "desk", kind="a", dir="in", count=2)
        await asyncio.to_thread(caddy.reload)
        for name in ("desk", "wall"):
            await seen(watch, "close", name)
        for name in ("desk", "wall"):
            await seen(watch, "open", name, count=2)
        await asyncio.sleep(1.2)

    tables = {
        "direct": sockjs(app.port, "websocket"),
        "desk": there | {"do": says(0.7, 1.5)},
        "wall": there,
    }
    watch = await staged(tables, "desk", "wall", strike=strike)
    recorder.keep("owl-caddy-sockjs-tornado-reloaded", watch)


async def test_haproxy_is_reloaded_under_artemis(artemis: Artemis, start: Starter, recorder: Recorder) -> None:
    """Its old worker ends with the STOMP sessions it has, 0.8 s later; HAProxy passes TCP on. One goes past it."""
    haproxy = start(HaProxy, artemis.port, options=TCP, hard_stop=0.8)

    async def strike(watch: Watch) -> None:
        await beaten(watch, "quiet", 1)
        haproxy.reload()
        for name in ("busy", "quiet"):
            await seen(watch, "close", name)
            await seen(watch, "stomp", name, command="CONNECTED", count=2)
        await beaten(watch, "quiet", 1)

    tables = {
        "past": stomp(artemis.port, "2900,2900", ANNA),
        "busy": stomp(haproxy.port, "2500,2500", ANNA, reconnect=True, do=says(0.7, 2.5, "stomp-send /topic/turns on")),
        "quiet": stomp(haproxy.port, "2500,2500", ANNA, reconnect=True),
    }
    watch = await staged(tables, "busy", "quiet", strike=strike)
    recorder.keep("owl-haproxy-tcp-artemis-reloaded", watch)


async def test_nghttpx_is_restarted(start: Starter, recorder: Recorder) -> None:
    """``systemctl restart`` for an update of it: STOMP and its board are cut and come back. One goes past it."""
    broker = start(StompBroker, heartbeat=[1600, 1600])
    nghttpx = start(Nghttpx, broker.port)
    there: Table = {"url": f"stomp+ws://{LOOPBACK}:{nghttpx.port}/stomp", "heart_beat": "1600,1600", "reconnect": True}

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "page", command="SEND", dir="out", count=3)
        await asyncio.to_thread(nghttpx.end, signal.SIGTERM)
        await asyncio.to_thread(nghttpx.begin)
        for name in ("page", "board"):
            await seen(watch, "stomp", name, command="CONNECTED", count=2)
        await asyncio.sleep(1.2)

    tables = {
        "past": {"url": broker.url, "heart_beat": "1600,1600"},
        "page": there | {"do": says(0.8, 3, "stomp-send /topic/board up")},
        "board": there | {"subscribe": ["/topic/board"]},
    }
    watch = await staged(tables, "page", "board", strike=strike)
    recorder.keep("owl-nghttpx-stomp-broker-js-restarted", watch)


async def test_the_office_proxy_is_restarted(start: Starter, recorder: Recorder) -> None:
    """tinyproxy gets new rules and is restarted: two sessions with two servers by it are cut. A third is direct."""
    node, coder = start(NodeWs), start(Coder)
    proxy = start(Connect)
    way: Table = {"proxy": f"http://{LOOPBACK}:{proxy.port}", "reconnect": True}

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "chat", dir="in", opcode=1, count=3)
        await asyncio.to_thread(proxy.end, signal.SIGTERM)
        await asyncio.sleep(1.0)
        await asyncio.to_thread(proxy.begin)
        for name in ("chat", "feed"):
            await seen(watch, "open", name, count=2)
        await asyncio.sleep(1.2)

    tables = {
        "direct": ws(coder.port, "/ws", do=says(1.2, 9)),
        "chat": ws(node.port, do=says(0.8, 3)) | way,
        "feed": ws(coder.port, "/ws") | way,
    }
    watch = await staged(tables, "chat", "feed", strike=strike)
    assert_cut(watch, "chat", "feed")
    recorder.keep("owl-tinyproxy-restarted-under-two", watch)


async def test_traefik_is_killed(start: Starter, recorder: Recorder) -> None:
    """The kernel kills Traefik for its memory under a chat, a stream and a quiet one; nobody starts it again."""
    app, page = start(NodeWs), start(SockJsNode, heartbeat_delay=1500)
    traefik, other = start(Traefik, app.port), start(Lighttpd, page.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "chat", dir="in", opcode=1, count=3)
        await asyncio.to_thread(traefik.end)

    tables = {
        "page": sockjs(other.port, "websocket"),
        "direct": ws(app.port, do=says(1.3, 6)),
        "chat": ws(traefik.port, do=says(0.7, 6)),
        "quiet": ws(traefik.port),
    }
    watch = await staged(tables, "chat", "quiet", strike=strike, ok=False)
    assert_cut(watch, "chat", "quiet")
    recorder.keep("owl-traefik-killed-its-server-lives", watch)


async def test_apache_is_killed_and_there_again(start: Starter, recorder: Recorder) -> None:
    """All its processes are killed at once and its supervisor has it there 1.5 s later; STOMP sessions come back."""
    app = start(Vertx)
    apache = start(Apache, app.port)
    there: Table = {"url": f"stomp+ws://{LOOPBACK}:{apache.port}/stomp", "heart_beat": "1000,1000", "reconnect": True}

    async def strike(watch: Watch) -> None:
        await beaten(watch, "till", 2)
        await asyncio.to_thread(apache.end)
        await asyncio.sleep(1.5)
        await asyncio.to_thread(apache.begin)
        for name in ("till", "stock"):
            await seen(watch, "stomp", name, command="CONNECTED", count=2)
        await asyncio.sleep(1.0)

    tables = {
        "past": {"url": app.stomp_ws_url, "heart_beat": "0,0"},
        "till": there,
        "stock": there | {"heart_beat": "0,0"},
    }
    watch = await staged(tables, "till", "stock", strike=strike)
    assert_cut(watch, "till", "stock")
    recorder.keep("owl-apache-vertx-stomp-killed-and-there-again", watch)


async def test_a_backend_is_taken_out(start: Starter, recorder: Recorder) -> None:
    """HAProxy's last backend is disabled and its sessions are shut down; who comes back gets 503. One goes past it."""
    app = start(Coder)
    haproxy = start(HaProxy, app.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "chat", dir="in", opcode=1, count=3)
        await asyncio.to_thread(haproxy.say, "disable server back/1")
        await asyncio.to_thread(haproxy.say, "shutdown sessions server back/1")
        for name in ("chat", "quiet"):
            await seen(watch, "http", name, dir="in", status=503, count=2)

    tables = {
        "past": ws(app.port, "/ws", do=says(1.2, 8)),
        "chat": ws(haproxy.port, "/ws", do=says(0.7, 3), reconnect=True),
        "quiet": ws(haproxy.port, "/ws", reconnect=True),
    }
    watch = await staged(tables, "chat", "quiet", strike=strike)
    recorder.keep("owl-haproxy-last-backend-taken-out", watch)


async def test_what_is_behind_envoy_is_away(start: Starter, recorder: Recorder) -> None:
    """Tornado is killed; who comes back is answered 503 until it is there again, seconds later."""
    app, other = start(Tornado), start(NodeStomp, beatEvery=3100, beats=1000)
    envoy = start(Envoy, app.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "chat", dir="in", opcode=1, count=3)
        await asyncio.to_thread(app.end)
        for name in ("chat", "wall"):
            await seen(watch, "http", name, dir="in", status=503)
        await asyncio.to_thread(app.begin)
        for name in ("chat", "wall"):
            await seen(watch, "open", name, count=2)
        await asyncio.sleep(0.8)

    tables: dict[str, Table] = {
        "elsewhere": {"url": other.url, "heart_beat": "3100,3100"},
        "chat": ws(envoy.port, do=says(0.7, 2.2), reconnect=True),
        "wall": ws(envoy.port, reconnect=True),
    }
    watch = await staged(tables, "chat", "wall", strike=strike)
    assert_cut(watch, "chat", "wall")
    recorder.keep("owl-envoy-tornado-away-for-a-while", watch)


async def test_haproxy_waits_for_a_body(start: Starter, recorder: Recorder) -> None:
    """It was to look into reports before it passes them on, and holds a SockJS stream; a poller by that way is well."""
    app = start(SockJsTornado, heartbeat_delay=1.9)
    held = (
        "http-request set-var(txn.path) path\n    "
        "http-response wait-for-body time 12s at-least 65536 if { var(txn.path) -m sub xhr_streaming }"
    )
    haproxy = start(HaProxy, app.port, rules=held)
    watch = await refused(
        {"stream": sockjs(haproxy.port, "xhr-streaming", open_timeout=5.4)},
        after=1.0,
        polls=sockjs(haproxy.port, "xhr-polling", do=says(2.4, 6)),
    )
    recorder.keep("owl-haproxy-waits-for-the-body-of-a-stream", watch)


async def test_envoy_deals_in_turn(start: Starter, recorder: Recorder) -> None:
    """Two sockjs-node behind Envoy, each with sessions of its own: a stream and a poller by it; a socket is well."""
    one, two = start(SockJsNode, heartbeat_delay=1500), start(SockJsNode, heartbeat_delay=1500)
    ends = [
        {"endpoint": {"address": {"socket_address": {"address": LOOPBACK, "port_value": app.port}}}}
        for app in (one, two)
    ]
    both = {"load_assignment": {"cluster_name": "back", "endpoints": [{"lb_endpoints": ends}]}}
    envoy = start(Envoy, one.port, cluster=both)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, socket=sockjs(envoy.port, "websocket", do=says(0.8, 7)))
        await open_session(watch, name="polls", **sockjs(envoy.port, "xhr-polling", open_timeout=6.0))
        await open_session(watch, name="stream", **sockjs(envoy.port, "xhr-streaming", open_timeout=6.0))
        await seen(watch, "sockjs", "socket", kind="a", dir="in", count=3)
        for name in ("stream", "polls"):
            for n in range(3):
                if not watch.of("close", name):
                    await ask(watch, f"send hello {n}", name)
                    await asyncio.sleep(0.4)
        await looked(watch, "stream", "polls")
        await leave(watch, "socket")
    recorder.keep("owl-envoy-deals-sockjs-in-turn", watch)


async def test_proxies_are_reloaded_and_nobody_ends(
    certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """hitch and Envoy take new settings and let old sessions live; one session is asked to connect anew, and does."""
    app, server = start(NodeWs), start(Vertx)
    hitch, envoy = start(Hitch, app.port, certificate), start(Envoy, server.port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            chat=wss(hitch.port, certificate, do=says(0.9, 7)),
            quiet=wss(hitch.port, certificate),
            till={"url": f"stomp+ws://{LOOPBACK}:{envoy.port}/stomp", "heart_beat": "1000,1000"},
        )
        await seen(watch, "frame", "chat", dir="in", opcode=1, count=2)
        hitch.reload()
        await asyncio.to_thread(envoy.change)
        await beaten(watch, "till", 2)
        await ask(watch, "reconnect", "quiet")
        await seen(watch, "open", "quiet", count=2)
        await ask(watch, "send hello again", "quiet")
        await seen(watch, "frame", "quiet", dir="in", opcode=1)
        await beaten(watch, "till", 2)
        await leave(watch, "chat", "till", status=0)
    recorder.keep("owl-well-hitch-and-envoy-reloaded", watch)

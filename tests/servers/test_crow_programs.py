"""Programs that are stopped, started anew or killed, and those that end one of their clients in mid-talk."""

import asyncio
import os
import signal

import pytest

from tests.probing import ask, seen
from tests.servers.apache import Apache
from tests.servers.ashore import side_by_side
from tests.servers.between import TCP, Table, assert_cut, says, sockjs, staged, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.frameworks import Aiohttp, Tornado
from tests.servers.golang import Coder, Gorilla
from tests.servers.haproxy import HaProxy
from tests.servers.jvm import Jetty, Undertow
from tests.servers.lesser import Hitch, Lighttpd, Nghttpx, Redir, Varnish
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeEndings, NodeWs, SockJsNode
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.uvicorn import Uvicorn
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def closed_for_inventory(start: Starter, recorder: Recorder) -> None:
    """A shop's Node is stopped for the night: 1001 for a till and a wall, and Apache says 503 from then on."""
    app, other = start(NodeEndings), start(NodeWs)
    apache = start(Apache, app.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "till", dir="in", opcode=1, count=3)
        await asyncio.to_thread(app.end, signal.SIGTERM)

    tables = {
        "elsewhere": ws(other.port, do=says(1.3, 7)),
        "till": ws(apache.port, do=says(0.8, 6)),
        "wall": ws(apache.port),
    }
    watch = await staged(tables, "till", "wall", strike=strike)
    assert {watch.the("close", name)["code"] for name in ("till", "wall")} == {1001}
    recorder.keep("crow-apache-node-closed-for-inventory-1001", watch)


async def a_new_version_is_started(start: Starter, recorder: Recorder) -> None:
    """systemd ends gorilla's process and starts the new binary; nghttpx says 502 meanwhile. One is elsewhere."""
    app, other = start(Gorilla), start(NodeWs)
    nghttpx = start(Nghttpx, app.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "desk", dir="in", opcode=1, count=3)
        await asyncio.to_thread(app.end, signal.SIGTERM)
        await asyncio.sleep(1.4)
        await asyncio.to_thread(app.begin)
        for name in ("desk", "board"):
            await seen(watch, "open", name, count=2)
        await asyncio.sleep(1.0)

    tables = {
        "elsewhere": ws(other.port, do=says(1.4, 10)),
        "desk": ws(nghttpx.port, "/ws", do=says(0.7, 3), reconnect=True),
        "board": ws(nghttpx.port, "/ws", reconnect=True),
    }
    watch = await staged(tables, "desk", "board", strike=strike)
    assert_cut(watch, "desk", "board")
    recorder.keep("crow-nghttpx-gorilla-new-binary-started", watch)


async def a_deployment_of_uvicorn(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """uvicorn is deployed anew behind nginx with TLS: 1012 for an editor and a reader, who return. One is direct."""
    app, other = start(Uvicorn), start(Coder)
    nginx = start(Nginx, app.port, 60, certificate)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "editor", dir="in", opcode=1, count=2)
        await asyncio.to_thread(app.end, signal.SIGTERM)
        await asyncio.to_thread(app.begin)
        for name in ("editor", "reader"):
            await seen(watch, "open", name, count=2)
        await asyncio.sleep(1.0)

    tables = {
        "elsewhere": ws(other.port, "/ws", do=says(1.5, 10)),
        "editor": wss(nginx.port, certificate, do=says(0.9, 3), reconnect=True),
        "reader": wss(nginx.port, certificate, reconnect=True),
    }
    watch = await staged(tables, "editor", "reader", strike=strike)
    assert watch.of("close", "editor")[0]["code"] == 1012
    recorder.keep("crow-nginx-wss-uvicorn-deployed-1012", watch)


async def undertow_halts(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A Java program halts under a report that was too much for it, by HAProxy with TLS; a screen goes with it."""
    app, other = start(Undertow), start(NodeWs)
    haproxy = start(HaProxy, app.port, certificate=certificate)

    def at(user: str, **options: object) -> Table:
        return wss(haproxy.port, certificate) | {"url": f"wss://localhost:{haproxy.port}/live?user={user}"} | options

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "report", dir="in", opcode=1, count=2)
        await ask(watch, "send halt", "report")

    tables = {
        "elsewhere": ws(other.port, do=says(1.2, 7)),
        "screen": at("screen"),
        "report": at("report", do=says(0.9, 2)),
    }
    watch = await staged(tables, "report", "screen", strike=strike)
    assert_cut(watch, "report", "screen")
    recorder.keep("crow-haproxy-wss-undertow-halts-under-two", watch)


async def sockjs_node_is_killed(start: Starter, recorder: Recorder) -> None:
    """The kernel kills sockjs-node behind Varnish under a poller and a socket; another page's server is well."""
    app, other = start(SockJsNode, heartbeat_delay=1800), start(SockJsNode, heartbeat_delay=1700)
    varnish = start(Varnish, app.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "socket", kind="a", dir="in", count=3)
        await asyncio.to_thread(app.end)

    tables = {
        "elsewhere": sockjs(other.port, "xhr-polling"),
        "poller": sockjs(varnish.port, "xhr-polling"),
        "socket": sockjs(varnish.port, "websocket", do=says(0.8, 6)),
    }
    watch = await staged(tables, "poller", "socket", strike=strike)
    recorder.keep("crow-varnish-sockjs-node-killed-poller-and-socket", watch)


async def a_bidder_is_cut(start: Starter, recorder: Recorder) -> None:
    """An auction on Jetty cuts a bidder whose bid it does not like, in mid-talk; two others bid on. By nginx."""
    app = start(Jetty)
    nginx = start(Nginx, app.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "cheat", dir="in", opcode=1, count=4)
        await ask(watch, "send cut cheat", "host")

    tables = {
        "host": ws(nginx.port, "/live?user=host", do=says(1.1, 6)),
        "other": ws(nginx.port, "/live?user=other", do=["0.6 send move"]),
        "cheat": ws(nginx.port, "/live?user=cheat", do=says(0.6, 6)),
    }
    watch = await staged(tables, "cheat", strike=strike)
    assert_cut(watch, "cheat")
    recorder.keep("crow-nginx-jetty-cuts-a-bidder", watch)


async def aiohttp_cuts_a_bot_twice(start: Starter, recorder: Recorder) -> None:
    """aiohttp's program cuts a bot at a certain order, and again when it is back; a person stays. By redir."""
    app = start(Aiohttp)
    redir = start(Redir, app.port)

    async def strike(watch: Watch) -> None:
        for count in (1, 2):
            await seen(watch, "open", "bot", count=count)
            await asyncio.sleep(0.9)
            await ask(watch, "send order 17", "bot")
            await asyncio.sleep(0.5)
            await ask(watch, "send cut", "bot")
            await seen(watch, "close", "bot", count=count)
        await seen(watch, "open", "bot", count=3)
        await asyncio.sleep(0.9)

    tables = {"person": ws(redir.port, do=says(1.2, 9)), "bot": ws(redir.port, reconnect=True)}
    watch = await staged(tables, "bot", strike=strike)
    assert_cut(watch, "bot")
    recorder.keep("crow-redir-aiohttp-cuts-a-bot-twice", watch)


async def a_cache_is_warming_up(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """uvicorn's application says 1013 to two dashboards while its cache fills; a small page is let be. Caddy, TLS."""
    app = start(Uvicorn)
    caddy = start(Caddy, app.port, tls=f"{certificate.chain} {certificate.key}")
    later = "send close 1013 cache is warming up, try again later"
    tables = {
        "small": wss(caddy.port, certificate, do=says(1.2, 6)),
        "dash1": wss(caddy.port, certificate, do=["0.7 send all", f"2.2 {later}"]),
        "dash2": wss(caddy.port, certificate, do=["0.5 send all", f"1.9 {later}"]),
    }
    watch = await staged(tables, "dash1", "dash2", stage="tls")
    assert {watch.the("close", name)["code"] for name in ("dash1", "dash2")} == {1013}
    recorder.keep("crow-caddy-uvicorn-warming-up-1013-two", watch)


async def jetty_raises(start: Starter, recorder: Recorder) -> None:
    """Jetty's handler raises at an order that is not there: 1011 for the clerk, by lighttpd; a manager works on."""
    app = start(Jetty)
    lighttpd = start(Lighttpd, app.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "clerk", dir="in", opcode=1, count=3)
        await ask(watch, "send raise", "clerk")

    tables = {
        "manager": ws(lighttpd.port, "/live?user=manager", do=says(1.2, 6)),
        "clerk": ws(lighttpd.port, "/live?user=clerk", do=says(0.8, 6)),
    }
    watch = await staged(tables, "clerk", strike=strike)
    assert watch.the("close", "clerk")["code"] == 1011
    recorder.keep("crow-lighttpd-jetty-handler-raises", watch)


async def tornado_is_killed(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Tornado's process dies of a signal under three of hitch's, of which one is silent; nobody starts it again."""
    app, other = start(Tornado), start(NodeWs)
    hitch = start(Hitch, app.port, certificate)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "chat", dir="in", opcode=1, count=3)
        os.kill(app.pid, signal.SIGSEGV)

    tables = {
        "elsewhere": ws(other.port, do=says(1.3, 7)),
        "silent": wss(hitch.port, certificate),
        "pings": wss(hitch.port, certificate, ping_interval=1.1, ping_timeout=4),
        "chat": wss(hitch.port, certificate, do=says(0.9, 6)),
    }
    watch = await staged(tables, "silent", "pings", "chat", strike=strike, stage="tls")
    assert_cut(watch, "silent", "pings", "chat")
    recorder.keep("crow-hitch-tornado-segfault-under-three", watch)


async def test_stops_and_crashes(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Six at a time; most of the time is spent waiting."""
    await side_by_side(
        (
            closed_for_inventory(start, recorder),
            a_new_version_is_started(start, recorder),
            a_deployment_of_uvicorn(certificate, start, recorder),
            undertow_halts(certificate, start, recorder),
            sockjs_node_is_killed(start, recorder),
            tornado_is_killed(certificate, start, recorder),
        )
    )


async def test_ends_of_one(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Three at a time; most of the time is spent waiting."""
    await side_by_side(
        (
            a_bidder_is_cut(start, recorder),
            aiohttp_cuts_a_bot_twice(start, recorder),
            a_cache_is_warming_up(certificate, start, recorder),
        )
    )


async def a_replica_is_scaled_in(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A replica tells a dashboard and a bot 1001 and ends, as there is little to do; another replica is well. TLS."""
    app, other = start(NodeEndings), start(NodeEndings)
    haproxy = start(HaProxy, app.port, options=TCP, certificate=certificate)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "bot", dir="in", opcode=1, count=3)
        await ask(watch, "send everybody 1001 replica is scaled in", "bot")
        await seen(watch, "close", "bot")
        await asyncio.to_thread(app.end, signal.SIGTERM)

    tables = {
        "replica2": ws(other.port, do=says(1.3, 7)),
        "dash": wss(haproxy.port, certificate, ping_interval=2.0, ping_timeout=6),
        "bot": wss(haproxy.port, certificate, do=says(0.8, 3)),
    }
    watch = await staged(tables, "dash", "bot", strike=strike, stage="tls")
    assert {watch.the("close", name)["code"] for name in ("dash", "bot")} == {1001}
    recorder.keep("crow-haproxy-tcp-replica-scaled-in-1001", watch)


async def test_a_handler_raises(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """One of Jetty's, and a replica that ends."""
    await side_by_side((jetty_raises(start, recorder), a_replica_is_scaled_in(certificate, start, recorder)))

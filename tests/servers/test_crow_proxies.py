"""Proxies that are reloaded, restarted or killed, that deal requests in turn, and tunnels that end."""

import asyncio
import os
import signal

import pytest

from tests.probing import ask, open_session, probing, seen
from tests.servers.apache import Apache
from tests.servers.ashore import side_by_side
from tests.servers.between import Table, assert_cut, opened, says, sockjs, staged, stomp, ws, wss
from tests.servers.child import children
from tests.servers.envoy import Envoy
from tests.servers.forward import Connect
from tests.servers.frameworks import Sanic
from tests.servers.goapps import Gobwas, Melody
from tests.servers.golang import Coder
from tests.servers.haproxy import HaProxy
from tests.servers.joined import ANNA, beaten
from tests.servers.jvm import Artemis
from tests.servers.lesser import Nghttpx, Varnish
from tests.servers.lines import leave
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.python_apps import SockJsTornado
from tests.servers.recordings import Recorder
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def nginx_is_reloaded(artemis: Artemis, certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A new certificate: 1.5 s later nginx's old worker cuts a till that beats and one that sells; they return."""
    nginx = start(Nginx, artemis.port, 60, certificate, shutdown_timeout=1.5)
    there: Table = {"url": f"stomp+wss://localhost:{nginx.port}/", "heart_beat": "2200,2200", "reconnect": True} | ANNA
    there |= {"cacert": str(certificate.ca)}

    async def strike(watch: Watch) -> None:
        await beaten(watch, "till", 1)
        await asyncio.to_thread(nginx.reload)
        for name in ("till", "shop"):
            await seen(watch, "stomp", name, command="CONNECTED", count=2)
        await beaten(watch, "till", 1)

    tables = {
        "past": stomp(artemis.port, "4000,4000", ANNA),
        "till": there,
        "shop": there | {"do": says(1.3, 2.8, "stomp-send crow.sold 1")},
    }
    watch = await staged(tables, "till", "shop", strike=strike, stage="tls")
    assert_cut(watch, "till", "shop")
    recorder.keep("crow-nginx-reload-two-tills-of-artemis", watch)


async def haproxy_is_reloaded(start: Starter, recorder: Recorder) -> None:
    """A backend is added to HAProxy, whose old worker stops hard a second later: a talker, a pinger, a silent one."""
    app = start(Gobwas)
    haproxy = start(HaProxy, app.port, hard_stop=1.0)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "talks", dir="in", opcode=1, count=3)
        await asyncio.to_thread(haproxy.reload)
        for name in ("talks", "pings", "silent"):
            await seen(watch, "open", name, count=2)
        await asyncio.sleep(1.0)

    tables = {
        "past": ws(app.port, "/ws", do=says(1.4, 9)),
        "talks": ws(haproxy.port, "/ws", do=says(0.8, 3), reconnect=True),
        "pings": ws(haproxy.port, "/ws", ping_interval=1.3, ping_timeout=4, reconnect=True),
        "silent": ws(haproxy.port, "/ws", reconnect=True),
    }
    watch = await staged(tables, "talks", "pings", "silent", strike=strike)
    assert_cut(watch, "talks", "pings", "silent")
    recorder.keep("crow-haproxy-gobwas-hard-stop-under-three", watch)


async def apache_is_restarted(start: Starter, recorder: Recorder) -> None:
    """An update restarts Apache under two pages of melody; both return. One goes past it."""
    app = start(Melody)
    apache = start(Apache, app.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "page", dir="in", opcode=1, count=3)
        await asyncio.to_thread(apache.end, signal.SIGTERM)
        await asyncio.sleep(0.8)
        await asyncio.to_thread(apache.begin)
        for name in ("page", "wall"):
            await seen(watch, "open", name, count=2)
        await asyncio.sleep(1.0)

    tables = {
        "past": ws(app.port, "/ws", do=["0.6 send hello"]),
        "page": ws(apache.port, "/ws", do=says(0.8, 3), reconnect=True),
        "wall": ws(apache.port, "/ws", reconnect=True),
    }
    watch = await staged(tables, "page", "wall", strike=strike)
    assert_cut(watch, "page", "wall")
    recorder.keep("crow-apache-restarted-under-melody", watch)


async def varnish_s_child_dies(start: Starter, recorder: Recorder) -> None:
    """Varnish's child panics, and its manager has a new one at once: a chat and a wall of Sanic return; one is past."""
    app = start(Sanic)
    varnish = start(Varnish, app.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "chat", dir="in", opcode=1, count=3)
        for pid in children(varnish.pid):
            os.kill(pid, signal.SIGABRT)
        for name in ("chat", "wall"):
            await seen(watch, "open", name, count=2)
        await asyncio.sleep(1.0)

    tables = {
        "past": ws(app.port, do=says(1.4, 9)),
        "chat": ws(varnish.port, do=says(0.8, 3), reconnect=True),
        "wall": ws(varnish.port, reconnect=True),
    }
    watch = await staged(tables, "chat", "wall", strike=strike)
    assert_cut(watch, "chat", "wall")
    recorder.keep("crow-varnish-child-panics-under-two", watch)


async def nginx_is_killed(start: Starter, recorder: Recorder) -> None:
    """The kernel kills nginx, all of it, under a SockJS stream and a socket, and it stays away; one polls past it."""
    app = start(SockJsNode, heartbeat_delay=1600)
    nginx = start(Nginx, app.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "socket", kind="a", dir="in", count=3)
        await asyncio.to_thread(nginx.end)

    tables = {
        "past": sockjs(app.port, "xhr-polling"),
        "stream": sockjs(nginx.port, "xhr-streaming"),
        "socket": sockjs(nginx.port, "websocket", do=says(0.8, 6)),
    }
    watch = await staged(tables, "stream", "socket", strike=strike, ok=False)
    recorder.keep("crow-nginx-killed-under-sockjs", watch)


async def tinyproxy_is_killed(start: Starter, recorder: Recorder) -> None:
    """The office's tinyproxy runs out of memory and is gone; two feeds through it end, a direct one does not."""
    app = start(Coder)
    proxy = start(Connect)
    way: Table = {"proxy": f"http://{LOOPBACK}:{proxy.port}"}

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "feed", dir="in", opcode=1, count=3)
        await asyncio.to_thread(proxy.end)

    tables = {
        "direct": ws(app.port, "/ws", do=says(1.3, 7)),
        "feed": ws(app.port, "/ws", do=says(0.8, 6)) | way,
        "quiet": ws(app.port, "/ws") | way,
    }
    watch = await staged(tables, "feed", "quiet", strike=strike, ok=False)
    assert_cut(watch, "feed", "quiet")
    recorder.keep("crow-tinyproxy-killed-under-two-feeds", watch)


async def varnish_deals_in_turn(start: Starter, recorder: Recorder) -> None:
    """A second sockjs-node behind Varnish's round robin: a stream's messages miss their session, a socket is well."""
    one, two = start(SockJsNode, heartbeat_delay=2000), start(SockJsNode, heartbeat_delay=2000)
    rules = f"""}}
import directors;
backend second {{ .host = "{LOOPBACK}"; .port = "{two.port}"; }}
sub vcl_init {{
    new all = directors.round_robin();
    all.add_backend(default);
    all.add_backend(second);
}}
sub vcl_recv {{
    set req.backend_hint = all.backend();"""
    varnish = start(Varnish, one.port, rules=rules)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, socket=sockjs(varnish.port, "websocket", do=says(0.9, 9)))
        await open_session(watch, name="stream", **sockjs(varnish.port, "xhr-streaming", open_timeout=6.0))
        for n in range(4):
            await asyncio.sleep(0.6)
            if not watch.of("close", "stream"):
                await ask(watch, f"send hello {n}", "stream")
        await looked(watch, "stream")
        await leave(watch, "socket")
    recorder.keep("crow-varnish-round-robin-sockjs-stream", watch)


async def nghttpx_deals_in_turn(start: Starter, recorder: Recorder) -> None:
    """nghttpx was given two sockjs-tornados: a poller's session is on one of them; another page goes to one alone."""
    one, two = start(SockJsTornado, heartbeat_delay=2.0), start(SockJsTornado, heartbeat_delay=2.0)
    nghttpx = start(Nghttpx, one.port, f"backend={LOOPBACK},{two.port}")
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, alone=sockjs(one.port, "xhr-polling", do=says(1.1, 9)))
        await open_session(watch, name="polls", **sockjs(nghttpx.port, "xhr-polling", open_timeout=6.0))
        for n in range(4):
            await asyncio.sleep(0.7)
            if not watch.of("close", "polls"):
                await ask(watch, f"send hello {n}", "polls")
        await looked(watch, "polls")
        await leave(watch, "alone")
    recorder.keep("crow-nghttpx-two-tornados-poller", watch)


async def a_reverse_tunnel_ends(start: Starter, recorder: Recorder) -> None:
    """A developer's ``ssh -R`` ends when his laptop is shut: a page and a hook through it end; one needs no tunnel."""
    app = start(NodeWs)
    tunnel = start(SshTunnel, app.port, way="-R")

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "page", dir="in", opcode=1, count=3)
        await asyncio.to_thread(tunnel.kill_client)

    tables = {
        "local": ws(app.port, do=says(1.3, 8)),
        "page": ws(tunnel.port, do=says(0.8, 6)),
        "hook": ws(tunnel.port, ping_interval=1.5, ping_timeout=5),
    }
    watch = await staged(tables, "page", "hook", strike=strike, ok=False)
    assert_cut(watch, "page", "hook")
    recorder.keep("crow-ssh-r-laptop-shut-under-two", watch)


async def a_tunnel_to_a_broker_is_made_again(artemis: Artemis, start: Starter, recorder: Recorder) -> None:
    """autossh's ssh dies under a till and a stock list of Artemis and is there again; the office goes directly."""
    tunnel = start(SshTunnel, artemis.port)

    async def strike(watch: Watch) -> None:
        await beaten(watch, "till", 1)
        await asyncio.to_thread(tunnel.kill_client, signal.SIGTERM)
        await asyncio.sleep(1.6)
        await asyncio.to_thread(tunnel.begin_client)
        for name in ("till", "stock"):
            await seen(watch, "stomp", name, command="CONNECTED", count=2)
        await beaten(watch, "till", 1)

    tables = {
        "office": stomp(artemis.port, "4000,4000", ANNA),
        "till": stomp(tunnel.port, "2100,2100", ANNA, reconnect=True),
        "stock": stomp(tunnel.port, "2100,2100", ANNA, reconnect=True, do=says(0.9, 3, "stomp-send crow.stock 7")),
    }
    watch = await staged(tables, "till", "stock", strike=strike)
    assert_cut(watch, "till", "stock")
    recorder.keep("crow-ssh-artemis-autossh-made-again", watch)


async def envoy_is_updated(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Envoy is stopped and started for an update, with TLS: an app and a widget of Coder return; one is past it."""
    app = start(Coder)
    envoy = start(Envoy, app.port, certificate=certificate)
    there: Table = wss(envoy.port, certificate, reconnect=True) | {"url": f"wss://localhost:{envoy.port}/ws"}

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "app", dir="in", opcode=1, count=3)
        await asyncio.to_thread(envoy.end, signal.SIGTERM)
        await asyncio.to_thread(envoy.begin)
        for name in ("app", "widget"):
            await seen(watch, "open", name, count=2)
        await asyncio.sleep(1.0)

    tables = {
        "past": ws(app.port, "/ws", do=says(1.4, 9)),
        "app": there | {"do": says(0.8, 3)},
        "widget": there,
    }
    watch = await staged(tables, "app", "widget", strike=strike, stage="tls")
    assert_cut(watch, "app", "widget")
    recorder.keep("crow-envoy-tls-coder-updated-and-back", watch)


async def test_restarts_and_crashes(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Six at a time; most of the time is spent waiting."""
    await side_by_side(
        (
            haproxy_is_reloaded(start, recorder),
            apache_is_restarted(start, recorder),
            varnish_s_child_dies(start, recorder),
            nginx_is_killed(start, recorder),
            tinyproxy_is_killed(start, recorder),
            envoy_is_updated(certificate, start, recorder),
        )
    )


async def test_ways_and_turns(artemis: Artemis, start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Five at a time; most of the time is spent waiting."""
    await side_by_side(
        (
            nginx_is_reloaded(artemis, certificate, start, recorder),
            varnish_deals_in_turn(start, recorder),
            nghttpx_deals_in_turn(start, recorder),
            a_reverse_tunnel_ends(start, recorder),
            a_tunnel_to_a_broker_is_made_again(artemis, start, recorder),
        )
    )

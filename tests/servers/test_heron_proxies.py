"""Proxies that are restarted or killed, have nobody behind them, collect what should stream, or deal requests badly."""

import asyncio
import os
import signal

import pytest

from tests.probing import ask, open_session, probing, seen
from tests.servers.apache import Apache
from tests.servers.ashore import side_by_side
from tests.servers.between import Table, assert_cut, opened, refused, says, sockjs, staged, stomp, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.envoy import Envoy
from tests.servers.forward import Socks, Squid
from tests.servers.frameworks import Aiohttp
from tests.servers.goapps import Melody
from tests.servers.golang import Coder
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.joined import CREW
from tests.servers.lesser import Lighttpd, Varnish
from tests.servers.lines import leave
from tests.servers.looks import looked
from tests.servers.mosquitto import PING, connect
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeEndings, NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.python_apps import CoilMq, SockJsTornado
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.things import minding
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

CHECKS = """option httpchk GET /ws
    http-check expect status 400
    timeout check 500ms
    default-server check inter 600ms fall 2 on-marked-down shutdown-sessions"""


async def a_health_check_fails(start: Starter, recorder: Recorder) -> None:
    """Melody stands still, HAProxy shuts its sessions and says 503 to who returns; another server is well."""
    app = start(Melody)
    haproxy = start(HaProxy, app.port, options=CHECKS)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "chat", dir="in", opcode=1, count=3)
        os.kill(app.pid, signal.SIGSTOP)
        for name in ("chat", "quiet"):
            await seen(watch, "http", name, dir="in", status=503)

    async with house() as other:
        tables = {
            "elsewhere": ws(other.port, "/?user=e", do=says(1.1, 12)),
            "chat": ws(haproxy.port, "/ws", do=says(0.7, 3), reconnect=True),
            "quiet": ws(haproxy.port, "/ws", reconnect=True),
        }
        watch = await staged(tables, "chat", "quiet", strike=strike)
    os.kill(app.pid, signal.SIGCONT)
    recorder.keep("heron-haproxy-health-check-shuts-sessions", watch)


async def nobody_is_there_at_the_return(start: Starter, recorder: Recorder) -> None:
    """aiohttp's process is killed; nginx says 502 to a chat and a wall that come back. One is at another server."""
    app, other = start(Aiohttp), start(NodeWs)
    nginx = start(Nginx, app.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "chat", dir="in", opcode=1, count=3)
        await asyncio.to_thread(app.end)
        for name in ("chat", "wall"):
            await seen(watch, "http", name, dir="in", status=502, count=2)

    tables = {
        "elsewhere": ws(other.port, do=says(1.2, 9)),
        "chat": ws(nginx.port, do=says(0.7, 3), reconnect=True),
        "wall": ws(nginx.port, reconnect=True),
    }
    watch = await staged(tables, "chat", "wall", strike=strike)
    recorder.keep("heron-nginx-aiohttp-killed-502-at-return", watch)


async def a_backend_is_away_for_a_while(start: Starter, recorder: Recorder) -> None:
    """Coder's process is killed; Apache says 503 to the feed that comes back, and then it is there again."""
    app, other = start(Coder), start(NodeWs)
    apache = start(Apache, app.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "feed", dir="in", opcode=1, count=3)
        await asyncio.to_thread(app.end)
        await seen(watch, "http", "feed", dir="in", status=503)
        await asyncio.to_thread(app.begin)

    tables = {
        "elsewhere": ws(other.port, do=says(1.2, 9)),
        "feed": ws(apache.port, "/ws", do=says(0.6, 2.5), reconnect=True),
    }
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, **tables)
        await strike(watch)
        await asyncio.sleep(3)
        await leave(watch, "elsewhere")
    recorder.keep("heron-apache-coder-killed-503-then-there", watch)


async def lighttpd_is_restarted(start: Starter, recorder: Recorder) -> None:
    """An update restarts lighttpd under a SockJS socket and a stream, which come back; a poller goes past it."""
    app = start(SockJsNode, heartbeat_delay=1900)
    lighttpd = start(Lighttpd, app.port, rules="server.stream-response-body = 2")

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "page", kind="a", dir="in", count=3)
        await asyncio.to_thread(lighttpd.end, signal.SIGTERM)
        await asyncio.sleep(0.7)
        await asyncio.to_thread(lighttpd.begin)
        for name in ("page", "stream"):
            await seen(watch, "sockjs", name, kind="o", dir="in", count=2)
        await asyncio.sleep(1.0)

    tables = {
        "past": sockjs(app.port, "xhr-polling"),
        "page": sockjs(lighttpd.port, "websocket", do=says(0.8, 3), reconnect=True),
        "stream": sockjs(lighttpd.port, "xhr-streaming", reconnect=True),
    }
    watch = await staged(tables, "page", "stream", strike=strike)
    recorder.keep("heron-lighttpd-restarted-under-sockjs", watch)


async def squid_is_restarted(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """The office's Squid is restarted for new rules: a desk's and a board's TLS by it are cut. A third is direct."""
    app = start(NodeEndings, cert=str(certificate.chain), key=str(certificate.key))
    squid = start(Squid)
    way: Table = {"proxy": f"http://{LOOPBACK}:{squid.port}", "reconnect": True}

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "desk", dir="in", opcode=1, count=3)
        await asyncio.to_thread(squid.end, signal.SIGTERM)
        await asyncio.to_thread(squid.begin)
        for name in ("desk", "board"):
            await seen(watch, "open", name, count=2)
        await asyncio.sleep(1.0)

    tables = {
        "direct": wss(app.port, certificate, do=says(1.2, 9)),
        "desk": wss(app.port, certificate, do=says(0.8, 3)) | way,
        "board": wss(app.port, certificate) | way,
    }
    watch = await staged(tables, "desk", "board", strike=strike)
    recorder.keep("heron-squid-restarted-under-wss", watch)


async def envoy_is_killed(start: Starter, recorder: Recorder) -> None:
    """The kernel kills Envoy under two that speak MQTT; who goes past it to the broker is well."""

    def at(port: int, name: str, *do: str) -> Table:
        table = ws(port, f"/mqtt?user={name}", do=[f"0.3 send-binary {connect(name, 20)}", *do])
        return table | {"subprotocol": ["mqtt"]}

    async with house(minding(), subprotocols=["mqtt"], ping_interval=None) as app:
        envoy = start(Envoy, app.port)

        async def strike(watch: Watch) -> None:
            await seen(watch, "frame", "meter", dir="in", count=4)
            await asyncio.to_thread(envoy.end)

        tables = {
            "past": at(app.port, "past", *says(1.3, 7, f"send-binary {PING}")),
            "meter": at(envoy.port, "meter", *says(0.8, 7, f"send-binary {PING}")),
            "tank": at(envoy.port, "tank"),
        }
        watch = await staged(tables, "meter", "tank", strike=strike, ok=False)
    assert_cut(watch, "meter", "tank")
    recorder.keep("heron-envoy-killed-under-mqtt", watch)


async def a_socks_proxy_crashes(start: Starter, recorder: Recorder) -> None:
    """microsocks ends by a fault of its own under two tills of one broker; a third is in the broker's own network."""
    broker = start(CoilMq)
    proxy = start(Socks)
    there: Table = {"stomp_version": "1.0,1.1", "vhost": "localhost"}
    way: Table = there | {"proxy": f"socks5://{LOOPBACK}:{proxy.port}"}

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "till", command="SEND", dir="out", count=3)
        await asyncio.to_thread(proxy.end, signal.SIGSEGV)

    tables = {
        "inside": stomp(broker.port, "0,0", CREW, do=says(1.3, 6, "stomp-send /topic/till 1")) | there,
        "till": stomp(broker.port, "0,0", CREW, do=says(0.8, 6, "stomp-send /topic/till 12")) | way,
        "stock": stomp(broker.port, "0,0", CREW, subscribe=["/topic/till"]) | way,
    }
    watch = await staged(tables, "till", "stock", strike=strike, ok=False)
    assert_cut(watch, "till", "stock")
    recorder.keep("heron-microsocks-segfault-stomp", watch)


async def varnish_collects(start: Starter, recorder: Recorder) -> None:
    """Its VCL has it fetch answers whole before it passes them on: a SockJS stream never begins, a socket is well."""
    app = start(SockJsTornado, heartbeat_delay=1.6)
    whole = "}\nsub vcl_backend_response {\n    set beresp.do_stream = false;\n}\nsub vcl_recv {"
    varnish = start(Varnish, app.port, rules=whole)
    watch = await refused(
        {"stream": sockjs(varnish.port, "xhr-streaming", open_timeout=5.0)},
        after=1.2,
        before=0.8,
        socket=sockjs(varnish.port, "websocket", do=says(1.4, 8)),
    )
    recorder.keep("heron-varnish-collects-a-stream", watch)


async def caddy_deals_in_turn(start: Starter, recorder: Recorder) -> None:
    """A second sockjs-tornado was added behind Caddy, which deals in turn: a poller does not get on; a socket does."""
    one, two = start(SockJsTornado, heartbeat_delay=2.0), start(SockJsTornado, heartbeat_delay=2.0)
    both = (
        f"reverse_proxy /echo/* {LOOPBACK}:{one.port} {LOOPBACK}:{two.port} {{\n        lb_policy round_robin\n    }}"
    )
    caddy = start(Caddy, one.port, rules=both)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, socket=sockjs(caddy.port, "websocket", do=says(0.9, 9)))
        await open_session(watch, name="polls", **sockjs(caddy.port, "xhr-polling", open_timeout=6.0))
        for n in range(5):
            await asyncio.sleep(0.6)
            if not watch.of("close", "polls"):
                await ask(watch, f"send hello {n}", "polls")
        await looked(watch, "polls")
        await leave(watch, "socket")
    recorder.keep("heron-caddy-round-robin-tornado-polls", watch)


async def a_balancer_of_apache(start: Starter, recorder: Recorder) -> None:
    """Two Spring applications behind mod_proxy_balancer without a route: STOMP by a stream fails, by a socket not."""
    one, two = (start(Spring, heart_beat="5000,5000", inbound_threads=1) for _ in range(2))
    members = "\n".join(f"    BalancerMember http://{LOOPBACK}:{app.port} upgrade=websocket" for app in (one, two))
    rules = f"<Proxy balancer://apps>\n{members}\n    ProxySet lbmethod=byrequests\n</Proxy>\n"
    rules += "ProxyPass /sockjs balancer://apps/sockjs"
    modules = ("slotmem_shm", "proxy_balancer", "lbmethod_byrequests")
    apache = start(Apache, one.port, modules=modules, rules=rules)
    base: Table = {"url": f"stomp+http://{LOOPBACK}:{apache.port}/sockjs", "heart_beat": "5000,5000"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        socket = base | {"sockjs_transport": "websocket", "do": says(1.1, 9, "stomp-send /topic/a 1")}
        await opened(watch, socket=socket)
        await open_session(watch, name="stream", **base, sockjs_transport="xhr-streaming", open_timeout=6.0)
        await looked(watch, "stream")
        await leave(watch, "socket")
    recorder.keep("heron-apache-balancer-spring-stream", watch)


async def test_restarts_and_crashes(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Several proxies at a time; most of the time is spent waiting."""
    await side_by_side(
        (
            a_health_check_fails(start, recorder),
            nobody_is_there_at_the_return(start, recorder),
            a_backend_is_away_for_a_while(start, recorder),
            lighttpd_is_restarted(start, recorder),
            squid_is_restarted(certificate, start, recorder),
            a_socks_proxy_crashes(start, recorder),
        )
    )


async def test_buffers_and_balancers(start: Starter, recorder: Recorder) -> None:
    """Several proxies at a time; most of the time is spent waiting."""
    await side_by_side(
        (
            varnish_collects(start, recorder),
            caddy_deals_in_turn(start, recorder),
            envoy_is_killed(start, recorder),
        )
    )


async def test_apache_balances(start: Starter, recorder: Recorder) -> None:
    """Two Spring applications behind one Apache."""
    await a_balancer_of_apache(start, recorder)

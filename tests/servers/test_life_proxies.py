"""Proxies that have nobody behind them, wait in vain, are reloaded, restarted or killed, while other ways stay open."""

import asyncio
import os
import signal

import pytest

from tests.probing import seen
from tests.servers.apache import Apache
from tests.servers.asgi_hosts import Daphne
from tests.servers.between import (
    TCP,
    Table,
    answer,
    assert_cut,
    opened,
    refused,
    restarted,
    says,
    sockjs,
    staged,
    ws,
    wss,
)
from tests.servers.caddy import Caddy
from tests.servers.classic import ActiveMqWs
from tests.servers.frameworks import Aiohttp
from tests.servers.frozen import frozen
from tests.servers.haproxy import HaProxy
from tests.servers.joined import CREW, beaten
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.ports import free_ports
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


def classic(url: str, beats: str, **options: object) -> Table:
    """A session with ActiveMQ over WebSocket, wherever it is reached."""
    return {"url": url, "heart_beat": beats} | CREW | options


async def spoken(watch: Watch, name: str, count: int) -> None:
    """Returns once so many messages have come in."""
    await seen(watch, "frame", name, dir="in", opcode=1, count=count)


async def test_nobody_is_behind_apache(start: Starter, recorder: Recorder) -> None:
    """Its stock 503 page speaks of maintenance."""
    (nobody,) = free_ports(1)
    apache = start(Apache, nobody)
    watch = await refused({"shop": ws(apache.port, "/live")})
    assert answer(watch, "shop") == 503
    recorder.keep("life-apache-503", watch)


async def test_sockjs_finds_nobody_behind_caddy(start: Starter, recorder: Recorder) -> None:
    """Its ``/info`` is answered 502, for one who polls and for one who wants a socket."""
    server = start(SockJsNode)
    server.end()
    caddy, other = start(Caddy, server.port), start(SockJsNode, heartbeat_delay=1500)
    tables = {"polls": sockjs(caddy.port, "xhr-polling"), "socket": sockjs(caddy.port, "websocket")}
    watch = await refused(tables, elsewhere=sockjs(other.port, "websocket"))
    recorder.keep("life-caddy-sockjs-502", watch)


async def test_apache_waits_in_vain(start: Starter, recorder: Recorder) -> None:
    """For a server that stands still: its word for that is 502. A session behind another Apache lives."""
    server, other = start(NodeWs), start(Daphne)
    apache, well = start(Apache, server.port, timeout=3), start(Apache, other.port)
    with frozen(server.pid):
        watch = await refused({"report": ws(apache.port, "/live")}, well=ws(well.port, "/live", do=says(0.8, 4)))
    assert answer(watch, "report") == 502
    recorder.keep("life-apache-waits-502", watch)


async def test_haproxy_waits_in_vain_for_sockjs(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """For the ``/info`` of one alone, over TLS, for 3.4 s."""
    server = start(SockJsNode)
    haproxy = start(HaProxy, server.port, client=9, server=3.4, certificate=certificate)
    url = f"https://localhost:{haproxy.port}/echo"
    table = sockjs(haproxy.port, "xhr-streaming") | {"url": url, "cacert": str(certificate.ca)}
    with frozen(server.pid):
        watch = await refused({"A": table})
    assert answer(watch, "A") == 504
    recorder.keep("life-haproxy-sockjs-504", watch)


async def test_nginx_is_reloaded_under_three_of_different_age(
    start: Starter, certificate: Certificate, recorder: Recorder
) -> None:
    """A certificate was renewed: who talks, who pings and who idles end together with the old worker."""
    server = start(Aiohttp)
    nginx = start(Nginx, server.port, certificate=certificate, shutdown_timeout=1.4)

    async def strike(watch: Watch) -> None:
        await spoken(watch, "talks", 2)
        await opened(watch, pings=wss(nginx.port, certificate, ping_interval=0.7))
        await spoken(watch, "talks", 4)
        await opened(watch, idle=wss(nginx.port, certificate))
        await spoken(watch, "talks", 5)
        nginx.reload()

    tables = {"direct": ws(server.port), "talks": wss(nginx.port, certificate, do=says(0.53, 6))}
    watch = await staged(tables, "talks", "pings", "idle", strike=strike)
    assert_cut(watch, "talks", "pings", "idle")
    recorder.keep("life-nginx-wss-reload-three-ages", watch)


async def test_haproxy_is_reloaded_under_sockjs(start: Starter, recorder: Recorder) -> None:
    """``hard-stop-after`` ends what the old worker has left; who reconnects is with the new one at once."""
    server = start(SockJsNode, heartbeat_delay=1400)
    haproxy = start(HaProxy, server.port, hard_stop=1.7)

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "stream", kind="h", count=2)
        haproxy.reload()
        for name in ("socket", "stream"):
            await seen(watch, "close", name)
            await seen(watch, "sockjs", name, kind="o", count=2)

    tables = {
        "socket": sockjs(haproxy.port, "websocket", do=says(1.27, 5), reconnect=True),
        "stream": sockjs(haproxy.port, "xhr-streaming", reconnect=True),
        "direct": sockjs(server.port, "websocket"),
    }
    watch = await staged(tables, "socket", "stream", strike=strike)
    recorder.keep("life-haproxy-reload-sockjs-mixed", watch)


async def test_nginx_is_stopped_and_started_before_a_broker(
    start: Starter, certificate: Certificate, recorder: Recorder
) -> None:
    """For a moment nobody is at the door; a session past it does not notice."""
    broker = start(ActiveMqWs)
    nginx = start(Nginx, broker.port, certificate=certificate)
    through = classic(f"stomp+wss://localhost:{nginx.port}/", "1900,1900", cacert=str(certificate.ca), reconnect=True)

    async def strike(watch: Watch) -> None:
        await beaten(watch, "desk", 2)
        await asyncio.to_thread(nginx.end, signal.SIGTERM)
        await seen(watch, "end", "desk", how="refused")
        nginx.begin()
        for name in ("desk", "phone"):
            await seen(watch, "stomp", name, command="CONNECTED", count=2)

    tables = {"direct": classic(broker.url, "1900,1900"), "desk": through, "phone": through | {"heart_beat": "0,0"}}
    watch = await staged(tables, "desk", "phone", strike=strike)
    assert_cut(watch, "desk", "phone")
    recorder.keep("life-nginx-stomp-wss-away-and-back", watch)


async def test_haproxy_is_restarted_at_once(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """It ends TLS and knows nothing of HTTP. Nobody reconnects, and the looks come before it is back."""
    server = start(Daphne)
    haproxy = start(HaProxy, server.port, certificate=certificate, options=TCP)

    async def strike(watch: Watch) -> None:
        await spoken(watch, "busy", 3)
        await asyncio.to_thread(restarted, haproxy)

    tables = {
        "busy": wss(haproxy.port, certificate, do=says(0.61, 5)),
        "idle": wss(haproxy.port, certificate),
        "direct": ws(server.port, do=says(1.05, 6)),
    }
    watch = await staged(tables, "busy", "idle", strike=strike, stage="tls")
    assert_cut(watch, "busy", "idle")
    recorder.keep("life-haproxy-tls-restarted", watch)


async def test_nginx_is_killed_before_a_broker(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Master and worker at once, under beats of 2.3 s; nobody starts it again."""
    broker = start(ActiveMqWs)
    nginx = start(Nginx, broker.port, certificate=certificate)
    through = classic(f"stomp+wss://localhost:{nginx.port}/", "2300,2300", cacert=str(certificate.ca))

    async def strike(watch: Watch) -> None:
        await beaten(watch, "till", 2)
        os.killpg(nginx.pid, signal.SIGKILL)

    tables = {"till": through, "stock": through, "direct": classic(broker.url, "2300,2300")}
    watch = await staged(tables, "till", "stock", strike=strike, ok=False)
    assert_cut(watch, "till", "stock")
    recorder.keep("life-nginx-stomp-wss-killed", watch)


async def test_haproxy_is_killed_and_started_again(start: Starter, recorder: Recorder) -> None:
    """Its supervisor takes a moment; SockJS over two transports reconnects, and a third is past it."""
    server = start(SockJsNode, heartbeat_delay=1300)
    haproxy = start(HaProxy, server.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "polls", kind="h", count=2)
        os.killpg(haproxy.pid, signal.SIGKILL)
        await seen(watch, "end", "socket", how="refused")
        await asyncio.to_thread(haproxy.end)
        haproxy.begin()
        for name in ("polls", "socket"):
            await seen(watch, "sockjs", name, kind="o", count=2)

    tables = {
        "polls": sockjs(haproxy.port, "xhr-polling", reconnect=True),
        "socket": sockjs(haproxy.port, "websocket", do=says(0.9, 3), reconnect=True),
        "direct": sockjs(server.port, "xhr-streaming"),
    }
    watch = await staged(tables, "polls", "socket", strike=strike)
    recorder.keep("life-haproxy-sockjs-killed-and-back", watch)

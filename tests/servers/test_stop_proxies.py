"""Gateways that have nobody behind them, wait in vain, are reloaded, restarted, killed, or deal a session out."""

import asyncio
import os
import signal

import pytest

from tests.probing import ask, seen
from tests.servers.between import Table, answer, assert_cut, refused, restarted, says, sockjs, staged, stomp, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.envoy import Envoy
from tests.servers.frozen import frozen
from tests.servers.haproxy import HaProxy
from tests.servers.joined import beaten
from tests.servers.jvm import Jetty, Vertx
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeStomp, NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.python_apps import CoilMq, SockJsTornado
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.traefik import Traefik
from tests.waiting import eventually
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


def beating(url: str, beats: str, **options: object) -> Table:
    """A session with the home-made STOMP server, wherever it is reached."""
    return {"url": url, "heart_beat": beats} | options


def secure(port: int, certificate: Certificate, beats: str, **options: object) -> Table:
    """The same by way of a gateway that speaks TLS."""
    return beating(f"stomp+wss://localhost:{port}/", beats, cacert=str(certificate.ca), **options)


async def spoken(watch: Watch, name: str, count: int) -> None:
    """Returns once so many messages have come in."""
    await seen(watch, "frame", name, dir="in", opcode=1, count=count)


async def test_traefik_has_taken_its_only_server_out(start: Starter, recorder: Recorder) -> None:
    """Its checks of a program that ended have failed: 503 for one who polls and for one who wants a socket."""
    server, other = start(SockJsNode), start(SockJsNode, heartbeat_delay=1400)
    traefik = start(
        Traefik, server.port, service={"healthCheck": {"path": "/echo", "interval": "1s", "timeout": "400ms"}}
    )
    server.end(signal.SIGTERM)
    await asyncio.to_thread(eventually, lambda: "Health check failed" in traefik.log)
    tables = {"polls": sockjs(traefik.port, "xhr-polling"), "socket": sockjs(traefik.port, "websocket")}
    watch = await refused(tables, elsewhere=sockjs(other.port, "xhr-streaming"))
    assert {line["status"] for line in watch.of("http", "polls", dir="in")} == {503}
    recorder.keep("stop-traefik-health-check-failed-503", watch)


async def test_nobody_is_behind_envoy(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """For a client of a broker; one who goes to another broker is well."""
    (nobody,) = free_ports(1)
    envoy, other = start(Envoy, nobody, certificate=certificate), start(NodeStomp, beatEvery=900, beats=1000)
    watch = await refused(
        {"till": secure(envoy.port, certificate, "1200,1200")}, after=1.1, stock=beating(other.url, "900,900")
    )
    assert answer(watch, "till") == 503
    recorder.keep("stop-envoy-stomp-nobody-behind-503", watch)


async def test_traefik_waits_in_vain(start: Starter, recorder: Recorder) -> None:
    """2.6 s, for the ``/info`` of a program that stands still."""
    server, other = start(SockJsNode), start(NodeWs)
    traefik = start(Traefik, server.port, transport={"forwardingTimeouts": {"responseHeaderTimeout": "2.6s"}})
    with frozen(server.pid):
        watch = await refused({"chat": sockjs(traefik.port, "websocket")}, elsewhere=ws(other.port, do=says(0.9, 4)))
    assert answer(watch, "chat") == 504
    recorder.keep("stop-traefik-sockjs-504", watch)


async def test_haproxy_waits_in_vain_for_a_broker(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """2.9 s, for its 101; a client of another broker beats on."""
    server, other = start(NodeStomp, beatEvery=1000, beats=1000), start(NodeStomp, beatEvery=1100, beats=1000)
    haproxy = start(HaProxy, server.port, client=20, server=2.9, certificate=certificate)
    with frozen(server.pid):
        watch = await refused(
            {"till": secure(haproxy.port, certificate, "1000,1000")}, stock=beating(other.url, "1100,1100")
        )
    assert answer(watch, "till") == 504
    recorder.keep("stop-haproxy-stomp-504", watch)


async def test_caddy_takes_a_new_configuration(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """1.4 s later the streams of the old one end, whether they beat, talk or do nothing."""
    server = start(NodeStomp, beatEvery=1900, beats=1000)
    caddy = start(Caddy, server.port, close_delay=1.4, tls=f"{certificate.chain} {certificate.key}")

    async def strike(watch: Watch) -> None:
        await beaten(watch, "beats", 1)
        await asyncio.to_thread(caddy.reload)

    tables = {
        "beats": secure(caddy.port, certificate, "1900,1900"),
        "talks": secure(caddy.port, certificate, "0,0", do=says(0.95, 6, "stomp-send /topic/night one")),
        "idle": secure(caddy.port, certificate, "0,0"),
        "direct": beating(server.url, "3100,3100"),
    }
    watch = await staged(tables, "beats", "talks", "idle", strike=strike, stage="tls")
    recorder.keep("stop-caddy-stomp-wss-new-configuration", watch)


async def test_envoys_listener_is_changed(start: Starter, recorder: Recorder) -> None:
    """Vert.x's SockJS over two transports: both end after two seconds of draining, and both are back at once."""
    server = start(Vertx, heartbeat=1500)
    envoy = start(Envoy, server.port, drain=2)

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "feed", kind="h", count=1)
        envoy.change()
        for name in ("chat", "feed"):
            await seen(watch, "sockjs", name, kind="o", count=2)

    tables = {
        "chat": sockjs(envoy.port, "websocket", do=says(0.8, 3), reconnect=True),
        "feed": sockjs(envoy.port, "xhr-streaming", reconnect=True),
        "direct": sockjs(server.port, "websocket"),
    }
    watch = await staged(tables, "chat", "feed", strike=strike)
    recorder.keep("stop-envoy-vertx-sockjs-listener-changed", watch)


async def test_traefik_is_restarted(start: Starter, recorder: Recorder) -> None:
    """For a new version of itself; who goes past it does not notice."""
    server = start(NodeWs)
    traefik = start(Traefik, server.port)

    async def strike(watch: Watch) -> None:
        await spoken(watch, "busy", 4)
        await asyncio.to_thread(restarted, traefik)

    tables = {
        "busy": ws(traefik.port, do=says(0.55, 4)),
        "idle": ws(traefik.port),
        "direct": ws(server.port, do=says(0.9, 6)),
    }
    watch = await staged(tables, "busy", "idle", strike=strike, ok=False)
    assert_cut(watch, "busy", "idle")
    recorder.keep("stop-traefik-new-version", watch)


async def test_stunnel_is_restarted(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """It ends TLS for a small broker, and is there again when its clients ask."""
    broker = start(CoilMq)
    stunnel = start(Stunnel, broker.port, certificate)
    login: Table = {"login": "ground", "passcode": "crew", "stomp_version": "1.0,1.1", "heart_beat": "0,0"}
    through = login | {"url": f"stomps://localhost:{stunnel.port}", "cacert": str(certificate.ca), "reconnect": True}

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "sends", command="SEND", dir="out", count=3)
        await asyncio.to_thread(restarted, stunnel)
        for name in ("sends", "waits"):
            await seen(watch, "stomp", name, command="CONNECTED", count=2)

    tables = {
        "sends": through | {"do": says(0.6, 2.5, "stomp-send /queue/night one")},
        "waits": through,
        "direct": stomp(broker.port, "0,0", login),
    }
    watch = await staged(tables, "sends", "waits", strike=strike)
    recorder.keep("stop-stunnel-coilmq-restarted", watch)


async def test_traefik_is_killed(start: Starter, recorder: Recorder) -> None:
    """By the kernel, which had no memory left; nobody starts it again."""
    server = start(SockJsNode, heartbeat_delay=1700)
    traefik = start(Traefik, server.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "chat", kind="a", dir="in", count=3)
        os.kill(traefik.pid, signal.SIGKILL)

    tables = {
        "chat": sockjs(traefik.port, "websocket", do=says(0.7, 5)),
        "feed": sockjs(traefik.port, "xhr-streaming"),
        "direct": sockjs(server.port, "xhr-polling"),
    }
    watch = await staged(tables, "chat", "feed", strike=strike, ok=False)
    recorder.keep("stop-traefik-sockjs-killed", watch)


async def test_nginx_is_killed_and_there_again(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Master and worker; its supervisor is quick. Jetty behind it knows of nothing."""
    server = start(Jetty)
    nginx = start(Nginx, server.port, certificate=certificate)
    url = {"url": f"wss://localhost:{nginx.port}/live"}

    async def strike(watch: Watch) -> None:
        await spoken(watch, "busy", 3)
        await asyncio.to_thread(nginx.end)
        nginx.begin()
        for name in ("busy", "pings"):
            await seen(watch, "open", name, count=2)

    tables = {
        "busy": wss(nginx.port, certificate, do=says(0.7, 2.5), reconnect=True) | url,
        "pings": wss(nginx.port, certificate, ping_interval=1.1, reconnect=True) | url,
        "direct": ws(server.port, "/live", do=says(1.2, 6)),
    }
    watch = await staged(tables, "busy", "pings", strike=strike)
    assert_cut(watch, "busy", "pings")
    recorder.keep("stop-nginx-jetty-killed-and-there-again", watch)


async def test_traefik_deals_a_stream_out(start: Starter, recorder: Recorder) -> None:
    """To two programs that do not know of each other; a WebSocket by the same way is well."""
    servers = [start(SockJsNode, heartbeat_delay=1500) for _ in range(2)]
    pool = {"servers": [{"url": f"http://{LOOPBACK}:{server.port}"} for server in servers]}
    traefik = start(Traefik, servers[0].port, service=pool)

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "socket", kind="a", dir="in", count=2)
        await ask(watch, "send hello", "stream")
        if not watch.of("close", "stream"):
            await ask(watch, "send hello again", "stream")

    tables = {
        "socket": sockjs(traefik.port, "websocket", do=says(0.75, 4)),
        "stream": sockjs(traefik.port, "xhr-streaming"),
    }
    watch = await staged(tables, "stream", strike=strike)
    assert 404 in [line["status"] for line in watch.of("http", "stream", dir="in")]
    recorder.keep("stop-traefik-stream-dealt-out", watch)


async def test_nginx_holds_a_stream_of_tornado_back(
    certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """It buffers what is not a page's affair; over TLS, and a socket by the same way is well."""
    server = start(SockJsTornado, heartbeat_delay=1.3)
    nginx = start(Nginx, server.port, certificate=certificate)
    base = {"url": f"https://localhost:{nginx.port}/echo", "cacert": str(certificate.ca)}
    watch = await refused(
        {"feed": sockjs(nginx.port, "xhr-streaming", open_timeout=4.6) | base},
        chat=sockjs(nginx.port, "websocket", do=says(0.9, 5)) | base,
    )
    recorder.keep("stop-nginx-tornado-stream-held", watch)

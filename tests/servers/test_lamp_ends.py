"""Servers and proxies that end, are started again or are told to begin anew, and connections that grow too old."""

import asyncio
import signal

import pytest

from tests.probing import probing, seen
from tests.servers.activemq import ActiveMq
from tests.servers.asgi_hosts import Gunicorn
from tests.servers.between import (
    Table,
    answer,
    assert_cut,
    opened,
    refused,
    restarted,
    says,
    sockjs,
    staged,
    stomp,
    stomps,
    web_stomp,
    ws,
    wss,
)
from tests.servers.caddy import Caddy
from tests.servers.envoy import Envoy
from tests.servers.haproxy import HaProxy
from tests.servers.joined import CREW, beaten
from tests.servers.jvm import Artemis, Jetty, Undertow, Vertx
from tests.servers.lesser import Hitch, Rinetd
from tests.servers.lines import leave
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.python_apps import CoilMq, SockJsTornado
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.waiting import eventually
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_deploy_of_gunicorn(start: Starter, recorder: Recorder) -> None:
    """It is stopped in order under a busy and a silent session (1012) and started anew; another service stays."""
    server, other = start(Gunicorn, "uvicorn.workers.UvicornWorker"), start(NodeWs)
    way = start(Rinetd, server.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "dash", dir="in", opcode=1, count=3)
        await asyncio.to_thread(restarted, server)

    tables = {
        "elsewhere": ws(other.port, do=says(1.2, 7)),
        "dash": ws(way.port, do=says(0.8, 6)),
        "wall": ws(way.port),
    }
    watch = await staged(tables, "dash", "wall", strike=strike)
    for name in ("dash", "wall"):
        assert watch.the("close", name)["received"]["code"] == 1012
    recorder.keep("lamp-rinetd-gunicorn-deploy-1012", watch)


async def test_vertx_is_restarted(start: Starter, recorder: Recorder) -> None:
    """SIGTERM and a start a little later, under a selling and a reading till that come back; CoilMQ is another's."""
    server, other = start(Vertx), start(CoilMq)
    base: Table = {"url": server.stomp_url, "heart_beat": "1000,1000", "reconnect": True}

    async def strike(watch: Watch) -> None:
        await beaten(watch, "stock", 2)
        await asyncio.to_thread(server.end, signal.SIGTERM)
        await seen(watch, "close", "stock", count=2)
        await asyncio.to_thread(server.begin)
        for name in ("till", "stock"):
            await seen(watch, "stomp", name, command="CONNECTED", count=2)

    old = {"login": "ground", "passcode": "crew"}
    tables = {
        "elsewhere": stomp(
            other.port, "0,0", old, stomp_version="1.0,1.1", do=says(2.1, 12, "stomp-send /queue/a still here")
        ),
        "till": base | {"do": says(0.9, 2.8, "stomp-send /queue/sold one")},
        "stock": base,
    }
    watch = await staged(tables, "till", "stock", strike=strike)
    assert watch.of("close", "till")[0]["initiator"] == "remote"
    recorder.keep("lamp-vertx-stomp-restarted-and-back", watch)


async def test_jetty_is_killed_for_its_memory(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """The kernel kills its process under one that talks and one that waits, both direct; who is at Undertow goes on."""
    server, other = start(Jetty), start(Undertow)
    hitch = start(Hitch, other.port, certificate)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "meter", dir="in", opcode=1, count=4)
        await asyncio.to_thread(server.end, signal.SIGKILL)

    elsewhere = wss(hitch.port, certificate) | {"url": f"wss://localhost:{hitch.port}/live?user=far"}
    tables = {
        "elsewhere": elsewhere | {"do": says(1.3, 8)},
        "meter": ws(server.port, "/live?user=meter", do=says(0.7, 7, "send 21.5")),
        "valve": ws(server.port, "/live?user=valve", ping_interval=1.6),
    }
    watch = await staged(tables, "meter", "valve", strike=strike, ok=False)
    assert_cut(watch, "meter", "valve")
    recorder.keep("lamp-jetty-killed-under-two", watch)


async def test_a_node_program_dies_behind_caddy(start: Starter, recorder: Recorder) -> None:
    """Its process aborts under a stream and a socket of SockJS, and nobody starts it again; a tornado lives on."""
    server, other = start(SockJsNode, heartbeat_delay=1900), start(SockJsTornado, heartbeat_delay=1.8)
    caddy = start(Caddy, server.port, rules=f"handle_path /b/* {{\n reverse_proxy {LOOPBACK}:{other.port}\n }}")

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "chat", kind="a", dir="in", count=3)
        await asyncio.to_thread(server.end, signal.SIGABRT)

    tables = {
        "tornado": {"url": f"http://{LOOPBACK}:{caddy.port}/b/echo", "sockjs_transport": "websocket"},
        "stream": sockjs(caddy.port, "xhr-streaming"),
        "chat": sockjs(caddy.port, "websocket", do=says(0.75, 6)),
    }
    watch = await staged(tables, "stream", "chat", strike=strike, stage="http")
    recorder.keep("lamp-caddy-sockjs-node-throws", watch)


async def test_nginx_is_reloaded_under_spring(start: Starter, recorder: Recorder) -> None:
    """Its old worker has 1.8 s left: a SockJS page that talks and a silent STOMP socket; who goes past it beats on."""
    shop = start(Spring, heart_beat="2500,2500")
    nginx = start(Nginx, shop.port, shutdown_timeout=1.8)
    there = f"{LOOPBACK}:{nginx.port}"
    page: Table = {"url": f"stomp+http://{there}/sockjs", "sockjs_transport": "websocket", "heart_beat": "2500,2500"}

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "page", command="MESSAGE", count=3)
        nginx.reload()

    tables = {
        "past": {"url": shop.ws_url, "heart_beat": "2500,2500"},
        "page": page | {"subscribe": ["/topic/a"], "do": says(0.7, 7, "stomp-send /topic/a b")},
        "raw": {"url": f"stomp+ws://{there}/ws", "heart_beat": "0,0"},
    }
    watch = await staged(tables, "page", "raw", strike=strike, stage="http")
    assert_cut(watch, "page", "raw")
    recorder.keep("lamp-nginx-spring-reload-three-transports", watch)


async def test_envoys_listener_is_changed(
    activemq: ActiveMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """A new certificate is rolled out: TCP sessions of the old listener have a second left; who goes past it stays."""
    envoy = start(Envoy, activemq.port, certificate=certificate, tcp={}, drain=1)
    base = stomps(envoy.port, "2900,2900", certificate, CREW)

    async def strike(watch: Watch) -> None:
        await beaten(watch, "scale", 1)
        envoy.change()

    tables = {
        "direct": stomp(activemq.port, "3300,3300", CREW),
        "till": base | {"do": says(1.3, 6, "stomp-send /queue/sold one")},
        "scale": base,
    }
    watch = await staged(tables, "till", "scale", strike=strike, stage="tls")
    assert_cut(watch, "till", "scale")
    recorder.keep("lamp-envoy-tls-listener-changed", watch)


async def test_caddy_ends_old_streams(start: Starter, recorder: Recorder) -> None:
    """``stream_timeout 4s``: a board that talks all the time, and comes back each time, is cut three times."""
    server = start(NodeWs)
    caddy = start(Caddy, server.port, life=4)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, direct=ws(server.port, do=says(1.7, 14)))
        await opened(watch, board=ws(caddy.port, do=says(0.9, 14), reconnect=True, ping_interval=1.5))
        await seen(watch, "close", "board", count=3)
        await seen(watch, "open", "board", count=4)
        await leave(watch, "direct", status=1)
    recorder.keep("lamp-caddy-stream-timeout-busy-and-again", watch)


async def test_envoy_ends_connections_of_an_age(
    artemis: Artemis, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """``max_stream_duration`` of six seconds: two tills, opened 2.3 s apart, both beat and sell."""
    envoy = start(
        Envoy, artemis.port, certificate=certificate, route={"max_stream_duration": {"max_stream_duration": "6s"}}
    )
    login = {"login": "anna", "passcode": "crew"}
    till: Table = {
        "url": f"stomp+wss://localhost:{envoy.port}",
        "cacert": str(certificate.ca),
        "heart_beat": "1600,1600",
    }
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, direct={"url": artemis.ws_url, "heart_beat": "2100,2100"} | login)
        await opened(watch, first=till | login | {"do": says(1.1, 9, "stomp-send jms.queue.sold one")})
        await asyncio.sleep(2.3)
        await opened(watch, second=till | login)
        for name in ("first", "second"):
            await seen(watch, "close", name)
            await seen(watch, "postmortem", name, stage="tls")
        await leave(watch, "direct", status=1)
    assert_cut(watch, "first", "second")
    recorder.keep("lamp-envoy-artemis-same-age", watch)


async def test_haproxy_has_no_server_left(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """Its check has found a broker down since the deploy; the one of another proxy is well."""
    down = start(CoilMq)
    haproxy = start(HaProxy, down.port, options="default-server check inter 300ms fall 2")
    down.end(signal.SIGKILL)
    way = start(HaProxy, broker.port)
    await asyncio.to_thread(eventually, lambda: "no server available" in haproxy.log)
    till: Table = {"url": f"stomp+ws://{LOOPBACK}:{haproxy.port}/ws", "heart_beat": "2000,2000", "login": "guest"}
    watch = await refused({"till": till}, after=1.1, before=1.4, other=web_stomp(way.port, "2000,2000"))
    assert answer(watch, "till") == 503
    recorder.keep("lamp-haproxy-stomp-no-server-503", watch)


async def test_info_is_502(start: Starter, recorder: Recorder) -> None:
    """A page comes while its program is not up; another path of the same Caddy leads to one that is."""
    down, other = start(SockJsNode), start(SockJsTornado, heartbeat_delay=1.7)
    down.end(signal.SIGKILL)
    rules = f"handle_path /b/* {{\n reverse_proxy {LOOPBACK}:{other.port}\n }}"
    caddy = start(Caddy, down.port, rules=rules)
    other_page: Table = {"url": f"http://{LOOPBACK}:{caddy.port}/b/echo", "sockjs_transport": "xhr-polling"}
    watch = await refused(
        {"page": sockjs(caddy.port, "auto")}, after=1.4, before=1.2, other=other_page | {"do": says(0.9, 5)}
    )
    assert 502 in {line["status"] for line in watch.of("http", "page", dir="in")}
    recorder.keep("lamp-caddy-sockjs-info-502", watch)

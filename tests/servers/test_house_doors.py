"""Openings that a proxy, a server or the way between them does not let through, next to others that pass."""

import pytest

from tests.probing import ask, seen
from tests.servers.between import Table, answer, refused, says, sockjs, staged, web_stomp, wss
from tests.servers.frozen import frozen
from tests.servers.haproxy import HaProxy
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.python_apps import SockJsTornado
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.traefik import Traefik
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

UPGRADE = (
    "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;"
)
"""nginx's lines for a location that passes an upgrade."""


def spring_page(port: int, certificate: Certificate, transport: str, path: str = "/sockjs", **options: object) -> Table:
    """STOMP over SockJS with a Spring application behind something that speaks TLS."""
    url = f"stomp+https://localhost:{port}{path}"
    return {"url": url, "sockjs_transport": transport, "cacert": str(certificate.ca)} | options


async def test_spring_has_it_off_behind_stunnel(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """The endpoint was made with ``setWebSocketEnabled(false)``; a stream of the same endpoint is well."""
    spring = start(Spring, heart_beat="1900,1900")
    stunnel = start(Stunnel, spring.port, certificate)
    table = spring_page(stunnel.port, certificate, "websocket", "/sockjs-xhr", open_timeout=5.5)
    stream = spring_page(stunnel.port, certificate, "xhr-streaming", "/sockjs-xhr", heart_beat="1900,1900")
    watch = await refused({"page": table}, after=0.7, before=1.2, stream=stream)
    recorder.keep("house-stunnel-spring-websocket-off", watch)


async def test_rabbitmq_answers_nginx_no_more(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """It stands still; nginx waits 2.6 s for its answer. What is at /live is another server's."""
    broker, live = start(RabbitMq, certificate), start(NodeWs)
    rules = f"location /live {{ proxy_pass http://{LOOPBACK}:{live.port}; {UPGRADE} }}"
    nginx = start(Nginx, broker.port, 2.6, certificate, rules=rules)
    there = f"localhost:{nginx.port}"
    table = web_stomp(0, "1700,1700", url=f"stomp+wss://{there}/ws", cacert=str(certificate.ca))
    talks = wss(nginx.port, certificate, do=says(0.9, 4)) | {"url": f"wss://{there}/live"}
    with frozen(broker.pid):
        watch = await refused({"till": table}, after=0.4, before=0.5, live=talks)
    assert answer(watch, "till") == 504
    recorder.keep("house-nginx-rabbitmq-504", watch)


async def test_haproxy_finds_no_broker(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Nobody has started the broker behind /ws; the application at /live of the same HAProxy runs."""
    live = start(NodeWs)
    haproxy = start(
        HaProxy,
        *free_ports(1),
        certificate=certificate,
        options=f"retries 1\nbackend live\n    server 1 {LOOPBACK}:{live.port}",
        rules="use_backend live if { path /live }",
    )
    there = f"localhost:{haproxy.port}"
    table = web_stomp(0, "2300,2300", url=f"stomp+wss://{there}/ws", cacert=str(certificate.ca))
    talks = wss(haproxy.port, certificate, do=says(1.1, 4)) | {"url": f"wss://{there}/live"}
    watch = await refused({"till": table}, after=0.5, before=0.8, live=talks)
    assert answer(watch, "till") == 503
    recorder.keep("house-haproxy-no-broker-503", watch)


async def test_spring_is_shut_behind_haproxy(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """The application's own 503, to one who polls, alone; HAProxy has its server and passes the answer on."""
    spring = start(Spring, door=503)
    haproxy = start(HaProxy, spring.port, certificate=certificate)
    watch = await refused({"page": spring_page(haproxy.port, certificate, "xhr-polling")})
    assert 503 in [line["status"] for line in watch.of("http", "page", dir="in")]
    recorder.keep("house-haproxy-spring-polling-503", watch)


async def test_nginx_sends_who_has_no_cookie_to_the_login(
    start: Starter, certificate: Certificate, recorder: Recorder
) -> None:
    """302 to a page for people; who comes with the cookie of the login is let in."""
    server = start(NodeWs)
    rules = "if ($cookie_sid = '') { return 302 /login?next=$request_uri; }"
    nginx = start(Nginx, server.port, certificate=certificate, rules=rules)
    url = f"wss://localhost:{nginx.port}/live"
    known = wss(nginx.port, certificate, do=says(0.8, 3), header=["Cookie: sid=c0ffee"]) | {"url": url}
    watch = await refused({"stranger": wss(nginx.port, certificate) | {"url": url}}, after=1.1, before=0.6, known=known)
    assert answer(watch, "stranger") == 302
    recorder.keep("house-nginx-302-login", watch)


async def test_the_inner_of_two_nginx_passes_no_upgrade(
    start: Starter, certificate: Certificate, recorder: Recorder
) -> None:
    """The outer one, with TLS, does; its other location goes to the application without the inner one."""
    server = start(NodeWs)
    inner = start(Nginx, server.port, upgrades=False)
    rules = f"location /direct {{ proxy_pass http://{LOOPBACK}:{server.port}; {UPGRADE} }}"
    outer = start(Nginx, inner.port, certificate=certificate, rules=rules)
    direct = wss(outer.port, certificate, ping_interval=1.3) | {"url": f"wss://localhost:{outer.port}/direct"}
    watch = await refused({"chat": wss(outer.port, certificate)}, after=0.3, before=1.4, direct=direct)
    assert answer(watch, "chat") == 426
    recorder.keep("house-nginx-inner-one-no-upgrade", watch)


async def test_nginx_holds_tornados_stream_back(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """As it does unless told otherwise, over TLS; a WebSocket through the same nginx talks."""
    server = start(SockJsTornado, heartbeat_delay=1.4)
    nginx = start(Nginx, server.port, certificate=certificate)
    over: Table = {"url": f"https://localhost:{nginx.port}/echo", "cacert": str(certificate.ca)}
    tables = {"stream": sockjs(0, "xhr-streaming", open_timeout=4.7) | over}
    watch = await refused(tables, after=0.6, socket=sockjs(0, "websocket", do=says(1.2, 5)) | over)
    recorder.keep("house-nginx-tornado-stream-held", watch)


async def test_traefik_deals_a_stream_out(start: Starter, recorder: Recorder) -> None:
    """Two replicas without a sticky cookie: what the stream's client says reaches the other one."""
    one, two = (start(SockJsNode, heartbeat_delay=1700) for _ in range(2))
    servers = [{"url": f"http://{LOOPBACK}:{server.port}"} for server in (one, two)]
    traefik = start(Traefik, one.port, service={"servers": servers})

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "socket", kind="a", dir="in", count=2)
        for words in ("send hello", "send hello again", "send and again"):
            if not watch.of("close", "stream"):
                await ask(watch, words, "stream")

    tables = {
        "socket": sockjs(traefik.port, "websocket", do=says(0.7, 3.6)),
        "stream": sockjs(traefik.port, "xhr-streaming", open_timeout=6),
    }
    watch = await staged(tables, "stream", strike=strike)
    recorder.keep("house-traefik-replicas-not-sticky", watch)

"""What stands in the way of a session at proxies and servers set up for something else, and what passes beside it."""

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from tests.probing import ask, seen
from tests.servers.apache import Apache
from tests.servers.asgi_hosts import Gunicorn
from tests.servers.between import (
    Table,
    answer,
    refused,
    says,
    sockjs,
    staged,
    web_stomp,
    ws,
    wss,
)
from tests.servers.caddy import Caddy
from tests.servers.haproxy import HaProxy
from tests.servers.lesser import Lighttpd, Varnish
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeEndings, NodeWs, SockJsNode
from tests.servers.node_apps import Rules
from tests.servers.ports import LOOPBACK
from tests.servers.python_apps import SockJsTornado
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter, starting
from tests.servers.uvicorn import Uvicorn
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

UPGRADE = (
    "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;"
)
"""nginx's lines for a location that passes an upgrade."""
WHOLE = "} sub vcl_backend_response { set beresp.do_stream = false; } sub vcl_recv {"
"""Has Varnish wait for the whole of a response before it passes on its first byte."""


@pytest.fixture(scope="module")
def springs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Spring, Spring]]:
    """Two applications that nobody ends."""
    with starting(tmp_path_factory.mktemp("springs")) as start:
        yield start(Spring, heart_beat="2700,2700"), start(Spring, heart_beat="2700,2700")


def stomp_sockjs(port: int, transport: str, prefix: str = "/sockjs", **options: object) -> Table:
    """STOMP over SockJS with Spring, wherever it is reached."""
    url = f"stomp+http://{LOOPBACK}:{port}{prefix}"
    return {"url": url, "sockjs_transport": transport, "heart_beat": "2700,2700"} | options


def secure(table: Table, certificate: Certificate) -> Table:
    """The same session over TLS."""
    url = table["url"].replace("http://", "https://").replace(LOOPBACK, "localhost")
    return table | {"url": url, "cacert": str(certificate.ca)}


async def test_an_asgi_server_behind_nginx_sees_no_upgrade(
    start: Starter, certificate: Certificate, recorder: Recorder
) -> None:
    """To a plain GET it says 404, as if the path were wrong; straight to it the path is right."""
    server = start(Uvicorn)
    nginx = start(Nginx, server.port, certificate=certificate, upgrades=False)
    through = wss(nginx.port, certificate) | {"url": f"wss://localhost:{nginx.port}/live"}
    watch = await refused({"through": through}, straight=ws(server.port, "/live", do=says(0.6, 2)))
    assert answer(watch, "through") == 404
    recorder.keep("life-nginx-uvicorn-upgrade-lost", watch)


async def test_apache_passes_no_upgrade_for_sockjs(
    springs: tuple[Spring, Spring], start: Starter, recorder: Recorder
) -> None:
    """Who polls through it is well."""
    apache = start(Apache, springs[0].port, upgrades=False)
    tables = {"socket": stomp_sockjs(apache.port, "websocket", open_timeout=6)}
    watch = await refused(tables, polls=stomp_sockjs(apache.port, "xhr-polling"))
    recorder.keep("life-apache-spring-upgrade-lost", watch)


async def test_lighttpd_holds_a_stream_back(start: Starter, recorder: Recorder) -> None:
    """As it does unless told otherwise. The client is alone."""
    server = start(SockJsTornado, heartbeat_delay=1.2)
    lighttpd = start(Lighttpd, server.port)
    tables = {"stream": sockjs(lighttpd.port, "xhr-streaming", open_timeout=4.3)}
    watch = await refused(tables)
    recorder.keep("life-lighttpd-sockjs-stream-held", watch)


async def test_varnish_holds_a_stream_back(start: Starter, recorder: Recorder) -> None:
    """Its ``do_stream`` is off; who polls is well."""
    server = start(SockJsNode, heartbeat_delay=1600)
    varnish = start(Varnish, server.port, rules=WHOLE)
    tables = {"stream": sockjs(varnish.port, "xhr-streaming", open_timeout=3.6)}
    watch = await refused(tables, polls=sockjs(varnish.port, "xhr-polling"))
    recorder.keep("life-varnish-sockjs-stream-held", watch)


async def test_nginx_spreads_polls_over_two_springs(
    springs: tuple[Spring, Spring], start: Starter, certificate: Certificate, recorder: Recorder
) -> None:
    """One who polls, alone, over TLS."""
    pool = "".join(f"server {LOOPBACK}:{spring.port}; " for spring in springs)
    rules = "location /sockjs { proxy_pass http://pool; proxy_http_version 1.1; }"
    nginx = start(Nginx, springs[0].port, certificate=certificate, http=f"upstream pool {{ {pool}}}", rules=rules)
    watch = await refused({"A": secure(stomp_sockjs(nginx.port, "xhr-polling", open_timeout=7), certificate)})
    recorder.keep("life-nginx-springs-not-sticky", watch)


async def test_haproxy_spreads_a_stream_over_two_tornados(start: Starter, recorder: Recorder) -> None:
    """What the client says goes where nobody knows its session; a WebSocket through the same is well."""
    servers = [start(SockJsTornado, heartbeat_delay=1.5) for _ in range(2)]
    haproxy = start(HaProxy, *(server.port for server in servers))

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "socket", kind="a", dir="in", count=2)
        await ask(watch, "send hello", "stream")
        if not watch.of("close", "stream"):
            await ask(watch, "send hello again", "stream")

    tables = {
        "socket": sockjs(haproxy.port, "websocket", do=says(0.8, 4)),
        "stream": sockjs(haproxy.port, "xhr-streaming"),
    }
    watch = await staged(tables, "stream", strike=strike)
    recorder.keep("life-haproxy-tornados-not-sticky", watch)


async def test_sockjs_node_has_its_websocket_off_behind_haproxy(
    start: Starter, certificate: Certificate, recorder: Recorder
) -> None:
    server = start(SockJsNode, websocket=False, heartbeat_delay=1700)
    haproxy = start(HaProxy, server.port, certificate=certificate)
    tables = {"socket": secure(sockjs(haproxy.port, "websocket", open_timeout=6), certificate)}
    watch = await refused(tables)
    recorder.keep("life-haproxy-sockjs-websocket-off", watch)


async def test_one_endpoint_of_spring_has_its_websocket_off(
    springs: tuple[Spring, Spring], start: Starter, recorder: Recorder
) -> None:
    """The application's other endpoint has it on, behind the same nginx."""
    nginx = start(Nginx, springs[0].port)
    tables = {"old": stomp_sockjs(nginx.port, "websocket", "/sockjs-xhr", open_timeout=6)}
    watch = await refused(tables, new=stomp_sockjs(nginx.port, "websocket"))
    recorder.keep("life-nginx-spring-websocket-off", watch)


async def test_haproxy_counts_polls(start: Starter, recorder: Recorder) -> None:
    """429 in the middle of a busy session; a WebSocket is one request, however much it says."""
    server = start(SockJsNode, heartbeat_delay=25000)
    rules = """stick-table type ip size 100 expire 30s store http_req_rate(2s)
    http-request track-sc0 src
    http-request deny deny_status 429 if { sc_http_req_rate(0) gt 14 }"""
    haproxy = start(HaProxy, server.port, rules=rules)
    busy = [f"{1.9 + n / 9:.2f} send more" for n in range(18)]
    tables = {
        "socket": sockjs(haproxy.port, "websocket", do=says(0.3, 4)),
        "polls": sockjs(haproxy.port, "xhr-polling", do=[*says(0.5, 1.6), *busy]),
    }
    watch = await staged(tables, "polls")
    assert 429 in [line["status"] for line in watch.of("http", "polls", dir="in")]
    recorder.keep("life-haproxy-polls-429", watch)


async def test_an_application_counts_messages(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Its own code, behind HAProxy with TLS, for one alone."""
    server = start(Rules, rate={"most": 6, "end": [4029, "rate limit exceeded: at most 6 messages a second"]})
    haproxy = start(HaProxy, server.port, certificate=certificate)
    burst = [f"{2.3 + n / 25:.2f} send tick {n}" for n in range(9)]
    tables = {
        "eager": wss(haproxy.port, certificate, do=[*says(0.6, 2), *burst]),
    }
    watch = await staged(tables, "eager")
    assert watch.the("close", "eager")["code"] == 4029
    recorder.keep("life-haproxy-wss-rate-4029", watch)


async def test_a_slash_is_missing(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """nginx has the broker at ``/stomp/`` and sends ``/stomp`` there, by a 301 that no WebSocket follows by itself."""
    there = f"location /stomp/ {{ proxy_pass http://{LOOPBACK}:{broker.port}/ws; {UPGRADE} }}"
    nginx = start(Nginx, broker.port, rules=there)
    at = f"stomp+ws://{LOOPBACK}:{nginx.port}/stomp"
    tables = {"without": web_stomp(nginx.port, "2200,2200", url=at)}
    watch = await refused(tables, with_it=web_stomp(nginx.port, "2200,2200", url=f"{at}/"))
    assert answer(watch, "without") == 301
    recorder.keep("life-nginx-slash-missing-301", watch)


async def test_caddy_sends_to_https(start: Starter, recorder: Recorder) -> None:
    """By 308, as it does by itself with a public name; one alone, raw."""
    server = start(NodeWs)
    caddy = start(Caddy, server.port, rules="redir /live https://{host}{uri} 308")
    watch = await refused({"A": ws(caddy.port, "/live")})
    assert answer(watch, "A") == 308
    recorder.keep("life-caddy-308-https", watch)


async def test_an_export_is_cut_off(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """The program ends the connection while most of a large message is still its own; another client's goes on."""
    server = start(NodeEndings, cert=str(certificate.chain), key=str(certificate.key))
    tables = {
        "export": wss(server.port, certificate, do=[*says(0.8, 2), "2.4 send flood 12000000", "2.4 send terminate"]),
        "chat": wss(server.port, certificate, do=says(0.65, 5)),
    }
    watch = await staged(tables, "export")
    assert watch.the("close", "export")["transport"]["undecoded"] > 0
    recorder.keep("life-node-wss-export-cut", watch)


async def test_a_worker_dies_in_the_middle_of_a_message(start: Starter, recorder: Recorder) -> None:
    """gunicorn starts another at once. The client, alone, was busy with something else for a while."""
    server = start(Gunicorn, "uvicorn.workers.UvicornWorker")

    async def strike(watch: Watch) -> None:
        await ask(watch, "send-repeat x 9000000", "A")
        await ask(watch, "freeze 2.6", "A")
        await asyncio.sleep(1.4)  # its answer has begun: the rest waits until we read
        os.kill(server.workers[0], signal.SIGKILL)

    tables = {"A": ws(server.port, "/live", no_compression=True, do=says(0.5, 1))}
    watch = await staged(tables, "A", strike=strike)
    assert watch.the("close", "A")["transport"]["undecoded"] > 0
    recorder.keep("life-gunicorn-worker-dies-mid-message", watch)

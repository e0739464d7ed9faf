"""Handshakes that fail: nobody answers, an answer is spoilt on its way, headers are too long, a page, another port."""

from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import NegotiationError
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from tests.probing import seen
from tests.servers.between import Table, answer, refused, says, sockjs, stomp, stomps, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.child import Daemon, installed
from tests.servers.frozen import frozen
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.joined import CREW
from tests.servers.nats import Nats
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.node_apps import Rules
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.python_apps import CoilMq
from tests.servers.recordings import Recorder
from tests.servers.scripted import Connection, ScriptedServer, switching
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.traefik import Traefik

pytestmark = [pytest.mark.real, pytest.mark.extra]

WELCOME = "<html><head><title>Welcome to nginx!</title></head><body><h1>Welcome to nginx!</h1></body></html>"
TO_COILMQ = CREW | {"stomp_version": "1.0,1.1"}
"""Who speaks STOMP 1.2 to it must name its machine as the host."""
TOKEN = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9"
WAMP = "wamp.2.json"


class Redis(Daemon):
    """A Redis that keeps nothing."""

    def __init__(self, home: Path) -> None:
        (port,) = free_ports(1)
        words = [installed("redis-server", "redis-server"), "--port", str(port), "--bind", LOOPBACK, "--save", ""]
        super().__init__(port, [*words, "--dir", str(home)], log=home / "redis.log")


async def test_a_report_blocks_the_door(start: Starter, recorder: Recorder) -> None:
    """Node computes a report for five seconds; who comes meanwhile is let in by its kernel only. Then all is well."""
    app = start(Rules)
    board = ws(app.port, "/?user=board", do=["0.4 send hello", "0.9 send spin 5200", "1.1 send are you there"])
    watch = await refused({"kiosk": ws(app.port, "/?user=kiosk", open_timeout=3)}, after=1.4, before=2.6, board=board)
    assert watch.the("end", "kiosk")["phase"] == "http"
    await seen(watch, "frame", "board", dir="in", text="are you there")
    recorder.keep("gate-node-report-blocks-the-door", watch)


async def test_a_login_nobody_answers(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """CoilMQ stands still; stunnel goes on taking connections for it. Another shop has its own broker."""
    ours, theirs = start(CoilMq), start(CoilMq)
    stunnel = start(Stunnel, ours.port, certificate)
    well = stomp(theirs.port, "0,0", TO_COILMQ, do=says(1.2, 5, "stomp-send /queue/sales 9.90"))
    with frozen(ours.pid):
        watch = await refused(
            {"till2": stomps(stunnel.port, "0,0", certificate, TO_COILMQ, open_timeout=3.5)},
            after=0.9,
            before=1.3,
            till7=well,
        )
    assert not watch.of("stomp", "till2", dir="in")
    recorder.keep("gate-stunnel-coilmq-connect-unanswered", watch)


async def test_nginx_hides_a_header(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A list of headers that shall not leave the house has Sec-WebSocket-Accept on it; past nginx one is in."""
    app = start(NodeWs)
    rules = "proxy_hide_header X-Powered-By; proxy_hide_header Sec-WebSocket-Accept;"
    nginx = start(Nginx, app.port, 30, certificate, rules=rules)
    watch = await refused(
        {"through": wss(nginx.port, certificate)}, after=1.7, before=1.6, past=ws(app.port, do=says(1.0, 4))
    )
    assert answer(watch, "through") == 101
    recorder.keep("gate-nginx-hides-the-accept", watch)


def keeps_alive(connection: Connection) -> None:
    """A device whose web server puts its own Connection into every answer."""
    said = switching(connection.read_request()).replace("Connection: Upgrade", "Connection: keep-alive")
    connection.send(f"{said}Server: mtr-httpd/0.9\r\n\r\n".encode())
    connection.read_to_end()


async def test_a_meter_keeps_alive(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Its 101 says ``Connection: keep-alive``; the gateway beside it is of another maker. By stunnel both."""
    gateway = start(Stunnel, start(NodeWs).port, certificate)
    with ScriptedServer(keeps_alive) as meter:
        stunnel = start(Stunnel, meter.port, certificate)
        watch = await refused(
            {"meter": wss(stunnel.port, certificate)},
            after=0.8,
            before=2.3,
            gateway=wss(gateway.port, certificate, do=says(0.9, 4)),
        )
    assert answer(watch, "meter") == 101
    recorder.keep("gate-stunnel-meter-keeps-alive", watch)


async def test_cookies_fill_haproxys_buffer(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Every experiment of the shop's left one; HAProxy has sixteen kilobytes for a request, and says 400."""
    app = start(NodeWs)
    haproxy = start(HaProxy, app.port, certificate=certificate)
    table = wss(haproxy.port, certificate)
    watch = await refused(
        {"old": table | {"cookie": ["sid=4711", *(f"ab_{n:02}={'v' * 640}" for n in range(27))]}},
        after=1.1,
        before=1.7,
        new=table | {"cookie": ["sid=4712"], "do": says(0.8, 3)},
    )
    assert answer(watch, "old") == 400
    recorder.keep("gate-haproxy-cookies-over-its-buffer", watch)


async def test_a_token_with_every_role(start: Starter, recorder: Recorder) -> None:
    """Caddy lets the request pass, Node does not read headers of more than sixteen kilobytes."""
    app = start(NodeWs)
    caddy = start(Caddy, app.port)
    many = ws(caddy.port, header=[f"Authorization: Bearer {TOKEN}.{'R' * 17_000}.c2ln"])
    few = ws(caddy.port, header=[f"Authorization: Bearer {TOKEN}.{'R' * 300}.c2ln"], do=says(1.05, 4))
    watch = await refused({"many": many}, after=2.0, before=1.5, few=few)
    assert answer(watch, "many") == 431
    recorder.keep("gate-caddy-node-token-431", watch)


async def test_the_default_site(start: Starter, recorder: Recorder) -> None:
    """The new name has its DNS entry but no site yet: nginx shows what it was installed with. The old one is served."""
    app = start(NodeWs)
    rules = f"default_type text/html; if ($host = beta.shop.example) {{ return 200 '{WELCOME}'; }}"
    nginx = start(Nginx, app.port, rules=rules)
    there: Table = {"connect_to": f"{LOOPBACK}:{nginx.port}"}
    watch = await refused(
        {"beta": there | {"url": f"ws://beta.shop.example:{nginx.port}/live"}},
        after=0.9,
        before=2.0,
        live=there | {"url": f"ws://live.shop.example:{nginx.port}/live", "do": says(0.85, 4)},
    )
    assert answer(watch, "beta") == 200
    recorder.keep("gate-nginx-default-site", watch)


def build_info(client: ServerConnection, request: Request) -> Response:
    """What Spring Boot's actuator says at ``/actuator/info``; it has nothing else there."""
    if request.path != "/actuator/info":
        return client.respond(HTTPStatus.NOT_FOUND, '{"status":404,"error":"Not Found"}')
    body = '{"build":{"artifact":"shop","name":"shop","time":"2026-11-02T08:14:11Z","version":"3.4.1"}}'
    response = client.respond(HTTPStatus.OK, body)
    del response.headers["Content-Type"]
    response.headers["Content-Type"] = "application/vnd.spring-boot.actuator.v3+json"
    return response


async def test_an_info_of_something_else(start: Starter, recorder: Recorder) -> None:
    """A SockJS client was given the actuator's address; the ``/info`` there is of the build. Behind nginx."""
    server = start(SockJsNode, heartbeat_delay=2400)
    well = start(Nginx, server.port)
    async with house(process_request=build_info) as app:
        nginx = start(Nginx, app.port)
        lost: Table = {"url": f"http://{LOOPBACK}:{nginx.port}/actuator", "sockjs_transport": "auto", "open_timeout": 6}
        watch = await refused(
            {"ops": lost}, after=1.3, before=1.9, page=sockjs(well.port, "websocket", do=says(1.1, 4))
        )
    assert watch.of("http", "ops", dir="in")[0]["status"] == 200
    recorder.keep("gate-nginx-sockjs-to-actuator-info", watch)


def wamp_only(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol:
    """A router that speaks WAMP in JSON and nothing else."""
    if WAMP not in offered:
        raise NegotiationError(f"no common subprotocol: this router speaks {WAMP}")
    return Subprotocol(WAMP)


async def test_a_serializer_that_is_not_spoken(start: Starter, recorder: Recorder) -> None:
    """An old client offers WAMP in MessagePack only; the router behind Traefik has JSON."""
    async with house(select_subprotocol=wamp_only) as app:
        traefik = start(Traefik, app.port)
        watch = await refused(
            {"old": ws(traefik.port, "/?user=old", subprotocol=["wamp.2.msgpack"])},
            after=1.8,
            before=1.2,
            new=ws(traefik.port, "/?user=new", subprotocol=[WAMP, "wamp.2.msgpack"], do=says(0.95, 4, "send [48,1]")),
        )
    assert answer(watch, "old") == 400
    recorder.keep("gate-traefik-wamp-subprotocol", watch)


async def test_the_port_of_redis(start: Starter, recorder: Recorder) -> None:
    """Two variables of a deployment were exchanged, and the feed's URL has the cache's port."""
    redis, app = start(Redis), start(NodeWs)
    watch = await refused(
        {"slip": ws(redis.port, "/feed", open_timeout=5)}, after=1.0, before=1.8, right=ws(app.port, do=says(0.9, 3))
    )
    recorder.keep("gate-ws-to-redis", watch)


async def test_the_port_of_nats(start: Starter, recorder: Recorder) -> None:
    """A client of STOMP is sent to the other broker of the house, which greets it in words of its own."""
    nats, broker = start(Nats), start(CoilMq)
    watch = await refused(
        {"slip": stomp(nats.tcp_port, "0,0", CREW, open_timeout=5)},
        after=0.6,
        before=2.2,
        right=stomp(broker.port, "0,0", TO_COILMQ, do=says(0.8, 3, "stomp-send /queue/jobs 17")),
    )
    recorder.keep("gate-stomp-to-nats", watch)

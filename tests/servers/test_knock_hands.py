"""Handshakes that come to nothing: a spoilt 101, headers that are too long, pages, and subprotocols nobody shares."""

import base64
import hashlib
from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from tests.servers.between import Edited, answer, refused, says, sockjs, web_stomp, ws, wss
from tests.servers.frameworks import Aiohttp
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.jvm import Jetty
from tests.servers.nginx import Certificate
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.scripted import Connection, ScriptedServer
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel

pytestmark = [pytest.mark.real, pytest.mark.extra]

PAGE = "<!doctype html><html><head><title>Shop</title></head><body><div id=app></div></body></html>"


def forgets_the_guid(connection: Connection) -> None:
    """A device whose maker hashed the key alone (RFC 6455 §4.2.2 has a GUID behind it)."""
    key = connection.read_request()["sec-websocket-key"]
    accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
    connection.send(
        b"HTTP/1.1 101 Switching Protocols\r\nServer: meter-fw/2.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
    )
    connection.read_to_end()


async def test_a_device_hashes_the_key_alone(start: Starter, recorder: Recorder) -> None:
    other = start(NodeWs)
    with ScriptedServer(forgets_the_guid) as meter:
        watch = await refused(
            {"meter": ws(meter.port, "/live")}, after=0.6, before=2.7, shop=ws(other.port, do=says(0.9, 4))
        )
    assert answer(watch, "meter") == 101
    recorder.keep("knock-device-hashes-the-key-alone", watch)


async def test_haproxy_answers_with_another_accept(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """A header that was copied from an example into its configuration; who goes past it is let in."""
    rules = "http-response set-header Sec-WebSocket-Accept s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    haproxy = start(HaProxy, broker.port, rules=rules)
    watch = await refused(
        {"through": web_stomp(haproxy.port, "3300,3300")},
        after=1.8,
        before=2.1,
        past=web_stomp(broker.port, "1400,1400"),
    )
    assert answer(watch, "through") == 101
    recorder.keep("knock-haproxy-rabbitmq-accept-of-an-example", watch)


async def test_aiohttp_takes_no_cookie_so_long(start: Starter, recorder: Recorder) -> None:
    """The cookies of a single sign-on; a browser that was not there yet is let in."""
    app = start(Aiohttp)
    long = ws(app.port, cookie=["theme=dark", f"sso={'eyJ' + 9100 * 'x'}"])
    watch = await refused({"long": long}, before=1.9, short=ws(app.port, cookie=["theme=dark"], do=says(0.65, 3)))
    assert answer(watch, "long") == 400
    recorder.keep("knock-aiohttp-cookie-too-long", watch)


async def test_jetty_takes_no_token_so_long(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A token that names each of a hundred groups, over TLS, alone."""
    app = start(Jetty)
    stunnel = start(Stunnel, app.port, certificate)
    table = wss(stunnel.port, certificate, header=[f"Authorization: Bearer eyJhbGciOiJSUzI1NiJ9.{9300 * 'Q'}.sig"])
    watch = await refused({"A": table | {"url": f"wss://localhost:{stunnel.port}/live"}})
    assert answer(watch, "A") == 431
    recorder.keep("knock-jetty-token-too-long", watch)


async def test_nginx_has_a_page_for_everything(start: Starter, recorder: Recorder) -> None:
    """An application of one page: what nginx has no file for is that page, SockJS's ``/info`` too."""
    server = start(SockJsNode, heartbeat_delay=2100)
    nginx = start(Edited, server.port, rules="proxy_buffering off;")
    root = nginx.file("index.html", PAGE).parent
    nginx.edit(("location / {", f"location /sockjs {{ root {root}; try_files $uri /index.html; }} location / {{"))
    nginx.edit(("location / {", f"location = /index.html {{ root {root}; }} location / {{"))
    lost = sockjs(nginx.port, "xhr-streaming", open_timeout=6) | {"url": f"http://{LOOPBACK}:{nginx.port}/sockjs"}
    watch = await refused(
        {"lost": lost}, after=2.4, before=1.2, well=sockjs(nginx.port, "xhr-streaming", do=says(1.2, 4))
    )
    assert watch.of("http", "lost", dir="in")[0]["status"] == 200
    recorder.keep("knock-nginx-one-page-for-sockjs-info", watch)


def health(client: ServerConnection, request: Request) -> Response | None:
    """The application's state, for whoever asks."""
    if not request.path.startswith("/api/health"):
        return None
    response = client.respond(HTTPStatus.OK, '{"status":"UP","components":{"db":{"status":"UP"}}}')
    response.headers["Cache-Control"] = "no-store"
    del response.headers["Content-Type"]
    response.headers["Content-Type"] = "application/json"
    return response


async def test_an_address_of_its_rest_interface(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """It answers with its state, whatever Upgrade says; the feed beside it is a WebSocket, by the same HAProxy."""
    async with house(process_request=health) as app:
        haproxy = start(HaProxy, app.port, certificate=certificate)
        there = f"wss://localhost:{haproxy.port}"
        well = wss(haproxy.port, certificate, do=says(0.55, 3)) | {"url": f"{there}/feed?user=anna"}
        watch = await refused({"health": well | {"url": f"{there}/api/health"}}, after=1.0, before=1.4, feed=well)
    assert answer(watch, "health") == 200
    recorder.keep("knock-haproxy-rest-interface-200", watch)


async def test_haproxy_drops_the_subprotocol(start: Starter, recorder: Recorder) -> None:
    """A rule that lets through only headers it knows; the server misses what the client has offered."""
    async with house(subprotocols=["chat.v4", "chat.v3"]) as app:
        haproxy = start(HaProxy, app.port, rules="http-request del-header Sec-WebSocket-Protocol")
        table = ws(app.port, "/?user=anna", subprotocol=["chat.v4"])
        through = table | {"url": f"ws://{LOOPBACK}:{haproxy.port}/?user=bert"}
        watch = await refused({"through": through}, after=0.9, before=2.2, past=table | {"do": says(1.15, 4)})
    assert answer(watch, "through") == 400
    recorder.keep("knock-haproxy-drops-the-subprotocol", watch)


async def test_stomp_for_an_endpoint_of_graphql(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """python-websockets tells which header it missed."""
    async with house(subprotocols=["graphql-transport-ws"]) as app:
        stunnel = start(Stunnel, app.port, certificate)
        there = f"//localhost:{stunnel.port}/graphql?user=anna"
        stomp = {"url": f"stomp+wss:{there}", "cacert": str(certificate.ca)}
        well = wss(stunnel.port, certificate, subprotocol=["graphql-transport-ws"], do=says(0.8, 3))
        watch = await refused({"stomp": stomp}, after=1.7, graphql=well | {"url": f"wss:{there}"})
    assert answer(watch, "stomp") == 400
    recorder.keep("knock-stunnel-stomp-to-graphql", watch)

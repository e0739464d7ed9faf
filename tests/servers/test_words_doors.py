"""Doors that are shut for one of two in daily work: a token, an address, a cookie, a path, a page, an origin."""

import json
from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from tests.servers.between import Table, answer, refused, says, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.jvm import Tomcat
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.node_apps import Rules
from tests.servers.ports import LOOPBACK
from tests.servers.python import PythonEndings
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel

pytestmark = [pytest.mark.real, pytest.mark.extra]

GOOD = "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJwYWdlIn0.c2lnbmVk"
FORGED = GOOD[:-4] + "ZmFr"
BAD_SIGNATURE = 'Bearer error="invalid_token", error_description="signature verification failed"'
ORDERS = "stomp-send /topic/orders one more"
GONE = json.dumps({"error": "gone", "message": "API v1 was switched off, use /v2/feed"})


def token_service(client: ServerConnection, request: Request) -> Response:
    """What nginx asks about each request."""
    if request.headers.get("Authorization") == GOOD:
        return client.respond(HTTPStatus.OK, "")
    response = client.respond(HTTPStatus.UNAUTHORIZED, "")
    response.headers["WWW-Authenticate"] = BAD_SIGNATURE
    return response


async def test_a_token_with_another_signature(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """nginx asks a service of tokens (``auth_request``); the bot's was made with the key of another environment."""
    app = start(NodeWs)
    async with house(process_request=token_service) as tokens:
        rules = (
            f"auth_request /auth; location = /auth {{ internal; proxy_pass http://{LOOPBACK}:{tokens.port};"
            ' proxy_http_version 1.1; proxy_pass_request_body off; proxy_set_header Content-Length ""; }'
        )
        nginx = start(Nginx, app.port, 30, certificate, rules=rules)
        page = wss(nginx.port, certificate, header=[f"Authorization: {GOOD}"], do=says(0.85, 4))
        bot = wss(nginx.port, certificate, header=[f"Authorization: {FORGED}"])
        watch = await refused({"bot": bot}, after=1.3, before=1.9, page=page)
    assert answer(watch, "bot") == 401
    recorder.keep("words-nginx-auth-request-401", watch)


async def test_the_office_alone(start: Starter, recorder: Recorder) -> None:
    """Caddy lets the operators' feed be reached from the office's network only; the shop's is everybody's."""
    app = start(NodeWs)
    rules = """@outside {
        path /ops*
        not remote_ip 10.20.0.0/16
    }
    respond @outside "Access denied" 403"""
    caddy = start(Caddy, app.port, rules=rules)
    watch = await refused(
        {"ops": ws(caddy.port, "/ops/feed")}, after=0.7, before=2.4, shop=ws(caddy.port, "/shop/feed", do=says(0.95, 3))
    )
    assert answer(watch, "ops") == 403
    recorder.keep("words-caddy-office-only-403", watch)


async def test_cookies_of_years(start: Starter, recorder: Recorder) -> None:
    """nginx was told to take them, Spring's Tomcat takes eight kilobytes; a new browser is let in."""
    shop = start(Spring, heart_beat="3700,3700")
    nginx = start(Nginx, shop.port, rules="large_client_header_buffers 4 32k;")
    table: Table = {"url": f"stomp+http://{LOOPBACK}:{nginx.port}/sockjs", "sockjs_transport": "websocket"}
    table |= {"heart_beat": "3700,3700"}
    old = table | {"cookie": ["lang=de", *(f"exp{n}={'q' * 900}" for n in range(11))], "open_timeout": 6}
    new = table | {"cookie": ["lang=de"], "subscribe": ["/topic/orders"], "do": says(0.8, 3, ORDERS)}
    watch = await refused({"old": old}, after=1.6, before=1.5, new=new)
    assert watch.of("http", "old", dir="in")[0]["status"] == 400
    recorder.keep("words-nginx-spring-cookies-of-years", watch)


async def test_a_capital_letter_in_a_path(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Tomcat's endpoint is ``/live``, one client asks for ``/Live``; behind HAProxy with TLS."""
    server = start(Tomcat)
    haproxy = start(HaProxy, server.port, certificate=certificate)
    table = wss(haproxy.port, certificate)
    there = f"wss://localhost:{haproxy.port}"
    right = table | {"url": f"{there}/live?user=anna", "do": says(1.4, 5)}
    watch = await refused({"wrong": table | {"url": f"{there}/Live?user=bert"}}, after=2.2, before=1.7, right=right)
    assert answer(watch, "wrong") == 404
    recorder.keep("words-haproxy-tomcat-capital-404", watch)


async def test_a_bare_websocket_to_the_base_of_sockjs(
    certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """A new client takes the address the pages have, and is welcomed to SockJS; a page goes on."""
    server = start(SockJsNode, heartbeat_delay=2300)
    nginx = start(Nginx, server.port, 30, certificate, rules="proxy_buffering off;")
    trust: Table = {"cacert": str(certificate.ca)}
    there = f"//localhost:{nginx.port}/echo"
    page = trust | {"url": f"https:{there}", "sockjs_transport": "xhr-streaming", "do": says(1.3, 4)}
    watch = await refused({"tool": trust | {"url": f"wss:{there}"}}, after=1.9, before=1.4, page=page)
    assert answer(watch, "tool") == 200
    recorder.keep("words-nginx-welcome-to-sockjs", watch)


async def test_a_page_without_https(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Somebody came by a bookmark of old, ``http:``; the same page over ``https:`` is on the list."""
    app = start(PythonEndings, origins=["https://shop.example"])
    haproxy = start(HaProxy, app.port, certificate=certificate)
    table = wss(haproxy.port, certificate)
    watch = await refused(
        {"bookmark": table | {"origin": "http://shop.example"}},
        after=0.5,
        before=2.8,
        page=table | {"origin": "https://shop.example", "do": says(1.05, 3)},
    )
    assert answer(watch, "bookmark") == 403
    recorder.keep("words-haproxy-python-origin-http", watch)


async def test_an_interface_that_was_switched_off(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A program of years ago asks for the first version, over TLS by stunnel, alone."""
    gone = {"status": "410 Gone", "body": GONE, "headers": {"Content-Type": "application/json"}}
    app = start(Rules, only={"/v1/feed": gone})
    stunnel = start(Stunnel, app.port, certificate)
    table = wss(stunnel.port, certificate) | {"url": f"wss://localhost:{stunnel.port}/v1/feed"}
    watch = await refused({"A": table})
    assert answer(watch, "A") == 410
    recorder.keep("words-stunnel-410-version-gone", watch)

"""Doors that stay shut for one of two: a header, a header's size, a path, a page, an address of a page, an agent."""

import json
from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from tests.servers.asgi_hosts import Hypercorn
from tests.servers.between import Table, answer, refused, says, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.scripted import Connection, ScriptedServer
from tests.servers.spring import Spring
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel

pytestmark = [pytest.mark.real, pytest.mark.extra]

ORDERS = "stomp-send /topic/orders one more"
NO_TENANT = json.dumps({"error": "bad_request", "message": "header X-Tenant is required"})
APP = "<!doctype html><html><head><title>Shop</title></head><body><div id=root></div></body></html>"


def asks_for_a_tenant(client: ServerConnection, request: Request) -> Response | None:
    """An application that lets nobody in who does not say for whom he comes."""
    if "X-Tenant" in request.headers:
        return None
    response = client.respond(HTTPStatus.BAD_REQUEST, NO_TENANT)
    del response.headers["Content-Type"]
    response.headers["Content-Type"] = "application/json"
    return response


async def test_a_header_of_its_own_is_missing(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """400 and what is missing, behind HAProxy with TLS; who says it is let in the same way."""
    async with house(process_request=asks_for_a_tenant) as app:
        haproxy = start(HaProxy, app.port, certificate=certificate)
        table = wss(haproxy.port, certificate)
        there = f"wss://localhost:{haproxy.port}"
        watch = await refused(
            {"cron": table | {"url": f"{there}/?user=cron"}},
            after=1.25,
            before=1.85,
            page=table | {"url": f"{there}/?user=page", "header": ["X-Tenant: blue"], "do": says(0.85, 4)},
        )
    assert answer(watch, "cron") == 400
    recorder.keep("speech-haproxy-tenant-header-400", watch)


async def test_haproxys_buffer_is_too_small(start: Starter, recorder: Recorder) -> None:
    """A dozen cookies of a sign-on are more than sixteen kilobytes; HAProxy does not say what is wrong. Alone."""
    app = start(NodeWs)
    haproxy = start(HaProxy, app.port)
    long = ws(haproxy.port, "/live", cookie=["lang=en", *(f"sso{n}={'k' * 1500}" for n in range(12))])
    watch = await refused({"A": long})
    assert answer(watch, "A") in (400, 431)
    recorder.keep("speech-haproxy-buffer-of-cookies", watch)


async def test_a_sockjs_prefix_of_a_release_before(
    certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """The application moved from ``/chat`` to the root; one who polls asks where it was. Over TLS by stunnel."""
    shop = start(Spring, heart_beat="4600,4600", inbound_threads=1)
    stunnel = start(Stunnel, shop.port, certificate)
    there = f"stomp+https://localhost:{stunnel.port}"
    table: Table = {"cacert": str(certificate.ca), "heart_beat": "4600,4600"}
    watch = await refused(
        {"old": table | {"url": f"{there}/chat/sockjs", "sockjs_transport": "xhr-polling", "open_timeout": 5.5}},
        after=0.9,
        before=2.2,
        new=table | {"url": f"{there}/sockjs", "sockjs_transport": "xhr-streaming", "do": says(0.95, 4, ORDERS)},
    )
    assert watch.of("http", "old", dir="in")[0]["status"] == 404
    recorder.keep("speech-stunnel-spring-prefix-of-before", watch)


async def test_every_path_is_the_page(start: Starter, recorder: Recorder) -> None:
    """Caddy answers any path that is not the endpoint's with the single page; one client has the endpoint wrong."""
    shop = start(Spring, heart_beat="3300,3300")
    rules = f"""@page not path /ws /ws/*
    handle @page {{
        header Content-Type "text/html; charset=utf-8"
        respond `{APP}` 200
    }}"""
    caddy = start(Caddy, shop.port, rules=rules)
    table: Table = {"heart_beat": "3300,3300"}
    there = f"stomp+ws://{LOOPBACK}:{caddy.port}"
    watch = await refused(
        {"wrong": table | {"url": f"{there}/websocket", "open_timeout": 4.5}},
        after=1.15,
        before=1.75,
        right=table | {"url": f"{there}/ws", "subscribe": ["/topic/orders"], "do": says(0.9, 3, ORDERS)},
    )
    assert answer(watch, "wrong") == 200
    recorder.keep("speech-caddy-single-page-200", watch)


async def test_localhost_is_not_127_0_0_1(start: Starter, recorder: Recorder) -> None:
    """Spring's list has the development server by its name, and somebody opened it by its address; through ssh."""
    shop = start(Spring, heart_beat="2700,2700", origins="http://localhost:4200")
    tunnel = start(SshTunnel, shop.port)
    table: Table = {"url": f"stomp+ws://{LOOPBACK}:{tunnel.port}/ws", "heart_beat": "2700,2700"}
    watch = await refused(
        {"address": table | {"origin": f"http://{LOOPBACK}:4200", "open_timeout": 4.5}},
        after=0.65,
        before=2.45,
        name=table | {"origin": "http://localhost:4200", "do": says(1.1, 3, ORDERS)},
    )
    assert answer(watch, "address") == 403
    recorder.keep("speech-ssh-spring-origin-by-address", watch)


async def test_no_robots(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """nginx turns programs away by what they call themselves; this one is alone."""
    app = start(Hypercorn)
    rules = 'if ($http_user_agent ~* "(curl|python|bot)") { return 403; }'
    nginx = start(Nginx, app.port, 30, certificate, rules=rules)
    agent = ["User-Agent: python-websocket-client/1.8"]
    watch = await refused({"A": wss(nginx.port, certificate, header=agent)})
    assert answer(watch, "A") == 403
    recorder.keep("speech-nginx-user-agent-403", watch)


def copied_from_the_rfc(connection: Connection) -> None:
    """A controller whose author took the answer of RFC 6455's example for a constant."""
    connection.read_request()
    connection.send(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nServer: boiler/0.9\r\n\r\n"
    )
    connection.read_to_end()


async def test_a_key_that_is_a_constant(start: Starter, recorder: Recorder) -> None:
    """A boiler's controller answers everybody alike; by ssh into the house, alone."""
    with ScriptedServer(copied_from_the_rfc) as boiler:
        tunnel = start(SshTunnel, boiler.port)
        watch = await refused({"A": ws(tunnel.port, "/status")})
    assert answer(watch, "A") == 101
    recorder.keep("speech-ssh-accept-of-the-rfc", watch)

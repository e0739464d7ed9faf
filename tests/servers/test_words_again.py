"""More doors that are shut for one of two: a filter, headers, a portal, an origin, a room, a version, a tenant."""

import json

import pytest

from tests.probing import open_session, probing, seen
from tests.servers.between import (
    TCP,
    Table,
    answer,
    opened,
    refused,
    says,
    stomps,
    ws,
    wss,
)
from tests.servers.caddy import Caddy
from tests.servers.haproxy import HaProxy
from tests.servers.joined import GUEST, beaten
from tests.servers.jvm import Vertx
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.node_apps import Fastify, Rules
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.uvicorn import Uvicorn
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]

BLOCKED = "<html><head><title>Request blocked</title></head><body>Rule 942100 matched.</body></html>"
PORTAL = "<html><head><title>Guest Wi-Fi</title></head><body>Please accept our terms of use.</body></html>"
NOT_YET = json.dumps({"error": "conflict", "message": "the meeting has not begun yet"})
ORDERS = "stomp-send /topic/orders one more"


async def test_a_filter_reads_an_innocent_question(
    certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """HAProxy has a rule against SQL in addresses, and somebody looks for a committee; uvicorn never hears of it."""
    app = start(Uvicorn)
    rule = (
        f"http-request return status 403 content-type text/html string '{BLOCKED}'"
        ' if { url,url_dec -m sub -i "union select" }'
    )
    haproxy = start(HaProxy, app.port, rules=rule, certificate=certificate)
    table = wss(haproxy.port, certificate)
    there = f"wss://localhost:{haproxy.port}/search"
    watch = await refused(
        {"boss": table | {"url": f"{there}?q=union%20select%20committee"}},
        after=1.15,
        before=2.05,
        clerk=table | {"url": f"{there}?q=works%20council", "do": says(0.9, 4)},
    )
    assert answer(watch, "boss") == 403
    recorder.keep("words-haproxy-filter-403", watch)


async def test_nginx_hides_a_header_too_many(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """``Sec-WebSocket-Accept`` is on a list of headers to hide; who polls is well."""
    server = start(SockJsNode, heartbeat_delay=2900)
    nginx = start(Nginx, server.port, 30, certificate, rules="proxy_hide_header Sec-WebSocket-Accept;")
    table: Table = {"url": f"https://localhost:{nginx.port}/echo", "cacert": str(certificate.ca)}
    poll = table | {"sockjs_transport": "xhr-polling", "do": says(1.35, 4)}
    socket = table | {"sockjs_transport": "websocket", "open_timeout": 6}
    watch = await refused({"socket": socket}, after=1.7, before=1.6, poll=poll)
    assert answer_of_upgrade(watch.of("http", "socket", dir="in")) == 101
    recorder.keep("words-nginx-hides-the-accept", watch)


def answer_of_upgrade(answers: list[dict[str, object]]) -> object:
    """The status of the last answer."""
    return answers[-1]["status"]


async def test_a_cookie_of_the_whole_company(start: Starter, recorder: Recorder) -> None:
    """Nine kilobytes for every host of the domain, Vert.x's too; by ssh, as a program without cookies."""
    app = start(Vertx)
    tunnel = start(SshTunnel, app.port)
    table = ws(tunnel.port, "/live?user=anna")
    long = table | {"cookie": ["theme=dark", f"sso={9200 * 'k'}"]}
    watch = await refused({"browser": long}, after=0.9, before=2.1, service=table | {"do": says(1.1, 3)})
    assert answer(watch, "browser") in (400, 431)
    recorder.keep("words-ssh-vertx-cookie-of-the-company", watch)


async def test_a_path_of_another_release(start: Starter, recorder: Recorder) -> None:
    """The new client asks Fastify for ``/ws/v2``, which is not rolled out yet; behind Caddy."""
    app = start(Fastify)
    caddy = start(Caddy, app.port)
    watch = await refused(
        {"new": ws(caddy.port, "/ws/v2")}, after=1.4, before=1.3, old=ws(caddy.port, "/ws", do=says(0.8, 3))
    )
    assert answer(watch, "new") == 404
    recorder.keep("words-caddy-fastify-path-of-v2", watch)


async def test_a_portal_of_a_hotel(start: Starter, recorder: Recorder) -> None:
    """Its gateway answers everything that is not encrypted with its own page; the telephone has a way of its own."""
    app = start(NodeWs)
    portal = start(HaProxy, app.port, rules=f"http-request return status 200 content-type text/html string '{PORTAL}'")
    hotel = ws(portal.port, "/live")
    watch = await refused({"laptop": hotel}, after=0.6, before=2.7, telephone=ws(app.port, "/live", do=says(1.05, 3)))
    assert answer(watch, "laptop") == 200
    recorder.keep("words-portal-of-a-hotel-200", watch)


async def test_a_preview_of_a_page(start: Starter, recorder: Recorder) -> None:
    """A branch's preview has a host of its own, which Vert.x does not know; Caddy in front."""
    server = start(Vertx, origin="https://shop.example")
    caddy = start(Caddy, server.port)
    url = ws(caddy.port, "/live?user=anna")
    watch = await refused(
        {"preview": url | {"origin": "https://pr-812.preview.shop.example"}},
        after=1.25,
        before=1.75,
        page=url | {"origin": "https://shop.example", "do": says(0.7, 4)},
    )
    assert answer(watch, "preview") == 403
    recorder.keep("words-caddy-vertx-origin-of-preview", watch)


async def test_a_meeting_that_has_not_begun(start: Starter, recorder: Recorder) -> None:
    """409 for one room, another one is open; behind nginx, and the first one tries again by hand."""
    closed = {"status": "409 Conflict", "body": NOT_YET, "headers": {"Content-Type": "application/json"}}
    app = start(Rules, only={"/rooms/42": closed})
    nginx = start(Nginx, app.port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, early=ws(nginx.port, "/rooms/41", do=says(0.95, 5)))
        for name in ("try1", "try2"):
            await open_session(watch, name=name, url=f"ws://{LOOPBACK}:{nginx.port}/rooms/42")
            await looked(watch, name)
            await seen(watch, "frame", "early", dir="in", opcode=1, count=1 + int(name[-1]))
        assert await watch.finish() == 3
    assert answer(watch, "try1") == answer(watch, "try2") == 409
    recorder.keep("words-nginx-meeting-not-begun-409", watch)


async def test_haproxy_asks_for_an_old_version(start: Starter, recorder: Recorder) -> None:
    """A line for browsers of 2011; Spring answers which version it speaks, and who goes past HAProxy is let in."""
    shop = start(Spring, heart_beat="2800,2800")
    haproxy = start(HaProxy, shop.port, rules="http-request set-header Sec-WebSocket-Version 8")
    past: Table = {"url": shop.ws_url, "heart_beat": "2800,2800", "subscribe": ["/topic/orders"]}
    past |= {"do": says(0.85, 3, ORDERS)}
    through = past | {"url": f"stomp+ws://{LOOPBACK}:{haproxy.port}/ws"}
    watch = await refused({"through": through}, after=0.8, before=1.9, past=past)
    assert answer(watch, "through") in (400, 426)
    recorder.keep("words-haproxy-spring-websocket-version-8", watch)


async def test_a_tenant_who_is_not_there_yet(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """His vhost has been ordered; HAProxy ends TLS for all of them."""
    haproxy = start(HaProxy, broker.stomp_port, options=TCP, certificate=certificate)
    tenant = stomps(haproxy.port, "2600,2600", certificate, GUEST, vhost="/tenant-17", open_timeout=5.2)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, main=stomps(haproxy.port, "1550,1550", certificate, GUEST, do=says(0.9, 5, ORDERS)))
        await seen(watch, "stomp", "main", command="SEND", count=2)
        await open_session(watch, name="tenant", **tenant)
        await looked(watch, "tenant")
        await beaten(watch, "main", 1)
        assert await watch.finish() == 3
    assert watch.the("close", "tenant")["error"] == "Bad CONNECT"
    recorder.keep("words-haproxy-stomps-tenant-without-vhost", watch)

"""Doors that stay shut in daily work: an answer of the application itself, a wrong path, a 403 of some kind."""

import json
from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from tests.probing import probing, seen
from tests.servers.between import Edited, Table, answer, refused, says, sockjs, ws, wss
from tests.servers.frameworks import Tornado
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.looks import every, watched
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import SockJsNode
from tests.servers.node_apps import Rules
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring, sessions
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel

pytestmark = [pytest.mark.real, pytest.mark.extra]

SHOP = "https://shop.example"
MISSING = json.dumps({"detail": [{"type": "missing", "loc": ["query", "room"], "msg": "Field required"}]})
NO_ROLE = json.dumps({"error": "forbidden", "message": "role 'admin' is required for /admin/feed"})


def said(status: str, body: str, kind: str = "application/json") -> dict[str, object]:
    """An answer of the application's own."""
    return {"status": status, "body": body, "headers": {"Content-Type": kind}}


async def test_a_parameter_is_missing(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """The application answers 422 to who names no room; who names one is let in, over TLS both."""
    app = start(Rules, only={"/rooms": said("422 Unprocessable Entity", MISSING)})
    stunnel = start(Stunnel, app.port, certificate)
    well = wss(stunnel.port, certificate, do=says(0.7, 3.5))
    nameless = well | {"url": f"wss://localhost:{stunnel.port}/rooms"}
    watch = await refused(
        {"nameless": nameless}, after=1.2, before=1.6, blue=well | {"url": f"wss://localhost:{stunnel.port}/rooms/blue"}
    )
    assert answer(watch, "nameless") == 422
    recorder.keep("knock-stunnel-422-room-missing", watch)


async def test_an_account_is_locked(start: Starter, recorder: Recorder) -> None:
    """The application answers 423 to whatever is asked of SockJS, over and over."""
    shop = start(Spring, door="423", heart_beat="4000,4000")
    words = [*sessions(shop.port, "xhr-polling", "desk"), "--reconnect", "--no-postmortem", "--stdin"]
    async with probing(*words) as watch:
        await seen(watch, "http", "desk", dir="in", status=423, count=3)
        await watch.command("quit")
        await watch.finish()
    assert not watch.of("sockjs", "desk", kind="o")
    recorder.keep("knock-spring-423-again-and-again", watch)


async def test_a_slash_too_many(start: Starter, recorder: Recorder) -> None:
    """Spring 6 does not take ``/ws/`` for ``/ws``."""
    shop = start(Spring, heart_beat="3100,3100")
    right = sessions(shop.port, "ws", "right")
    words = [*right, f"slash=stomp+ws://{LOOPBACK}:{shop.port}/ws/", "--subscribe", "/topic/orders"]
    words += every(0.8, "stomp-send /topic/orders one more", 3.6, "right")
    watch = await watched(words, ("slash",), status=3)
    assert answer(watch, "slash") == 404
    recorder.keep("knock-spring-trailing-slash", watch)


async def test_nginx_publishes_it_under_another_prefix(start: Starter, recorder: Recorder) -> None:
    """nginx passes ``/shop/sockjs`` on as it is, the application knows ``/sockjs`` alone; who goes past nginx is in."""
    shop = start(Spring, heart_beat="2600,2600")
    nginx = start(Nginx, shop.port)
    past: Table = {"url": shop.sockjs_url, "sockjs_transport": "xhr-streaming", "heart_beat": "2600,2600"}
    past |= {"subscribe": ["/topic/orders"], "do": says(0.9, 4, "stomp-send /topic/orders one more")}
    through = past | {"url": f"stomp+http://{LOOPBACK}:{nginx.port}/shop/sockjs", "sockjs_transport": "auto"}
    watch = await refused({"through": through}, after=0.4, before=2.3, past=past)
    assert watch.of("http", "through", dir="in", status=404)
    recorder.keep("knock-nginx-spring-prefix", watch)


async def test_nginx_lets_nothing_be_posted(start: Starter, recorder: Recorder) -> None:
    """``limit_except GET``: a WebSocket needs no more; who polls is told 403."""
    server = start(SockJsNode, heartbeat_delay=2300)
    nginx = start(Edited, server.port)
    nginx.edit(("location / {", "location / { limit_except GET { deny all; }"))
    well = sockjs(nginx.port, "websocket", do=says(1.1, 4))
    watch = await refused(
        {"polls": sockjs(nginx.port, "xhr-polling", open_timeout=7)}, after=2.6, before=0.3, socket=well
    )
    assert watch.of("http", "polls", dir="in", status=403)
    recorder.keep("knock-nginx-post-forbidden", watch)


def staff_only(client: ServerConnection, request: Request) -> Response | None:
    """What the application asks of who comes to its administrators' feed."""
    return client.respond(HTTPStatus.FORBIDDEN, NO_ROLE) if request.path.startswith("/admin") else None


async def test_a_page_for_administrators(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """The same Origin is welcome elsewhere; the application says what is missing here."""
    async with house(process_request=staff_only) as app:
        haproxy = start(HaProxy, app.port, certificate=certificate)
        well = wss(haproxy.port, certificate, origin=SHOP, do=says(0.6, 3))
        there = f"wss://localhost:{haproxy.port}"
        admin = well | {"url": f"{there}/admin/feed?user=anna", "cookie": ["sid=4711"]}
        watch = await refused({"admin": admin}, before=3.1, shop=well | {"url": f"{there}/shop/feed?user=anna"})
    assert answer(watch, "admin") == 403
    recorder.keep("knock-haproxy-role-missing-403", watch)


async def test_haproxy_minds_the_origin(start: Starter, recorder: Recorder) -> None:
    """A page from the staging host is refused; a program without an Origin, and the shop's page, are let in."""
    app = start(Rules)
    rule = f"http-request deny if {{ hdr(origin) -m found }} !{{ hdr(origin) {SHOP} }}"
    haproxy = start(HaProxy, app.port, rules=rule)
    url = ws(haproxy.port, "/feed", do=says(0.85, 3))
    watch = await refused(
        {"staging": url | {"origin": "https://staging.shop.example"}},
        after=1.9,
        before=1.7,
        page=url | {"origin": SHOP},
        tool=url,
    )
    assert answer(watch, "staging") == 403
    recorder.keep("knock-haproxy-origin-of-staging", watch)


async def test_nginx_does_not_pass_the_host_on(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Tornado holds the Origin against a Host that nginx made up; past nginx the two are the same."""
    app = start(Tornado)
    nginx = start(Nginx, app.port, 20, certificate)
    table = wss(nginx.port, certificate, origin=f"https://localhost:{nginx.port}")
    past = ws(app.port, origin=f"http://{LOOPBACK}:{app.port}", do=says(0.75, 3))
    watch = await refused({"through": table}, after=0.7, before=1.3, past=past)
    assert answer(watch, "through") == 403
    recorder.keep("knock-nginx-tornado-host-not-passed", watch)

"""Doors that answer and stay shut: prefixes, referers, origins, rates, other hosts, large headers, pages, windows."""

from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from tests.probing import open_session, probing, seen
from tests.servers.apache import Apache
from tests.servers.asgi_hosts import Daphne
from tests.servers.between import Table, answer, refused, says, sockjs, ws
from tests.servers.caddy import Caddy
from tests.servers.envoy import Envoy
from tests.servers.frameworks import Sanic, Tornado
from tests.servers.goapps import Gobwas
from tests.servers.haproxy import HaProxy
from tests.servers.house import echo, house
from tests.servers.lesser import Nghttpx
from tests.servers.lines import leave
from tests.servers.nginx import Nginx
from tests.servers.node import NodeWs
from tests.servers.node_apps import StompBroker
from tests.servers.ports import LOOPBACK
from tests.servers.python_apps import SockJsTornado
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.test_kite_more import at_the_door
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]

ORDER = "stomp-send /queue/orders one"


async def test_an_application_fails_at_the_door(start: Starter, recorder: Recorder) -> None:
    """The import's table is locked and the application raises before it answers; another feature is well. By Caddy."""

    def door(_: ServerConnection, request: Request) -> Response | None:
        if "user=import" in request.path:
            message = "could not obtain lock on relation"
            raise RuntimeError(message)
        return None

    async with house(echo, process_request=door, ping_interval=None) as app:
        caddy = start(Caddy, app.port)
        watch = await refused(
            {"import": ws(caddy.port, "/?user=import")},
            after=1.1,
            before=0.8,
            chat=ws(caddy.port, "/?user=chat", do=says(1.2, 4)),
        )
    assert answer(watch, "import") == 500
    recorder.keep("dove-caddy-import-fails-at-the-door-500", watch)


async def test_a_prefix_is_not_taken_off(start: Starter, recorder: Recorder) -> None:
    """A page says ``/chat/ws`` and HAProxy hands the path on as it is; gobwas knows ``/ws`` alone. An app says that."""
    server = start(Gobwas)
    haproxy = start(HaProxy, server.port)
    watch = await refused(
        {"page": ws(haproxy.port, "/chat/ws")}, after=0.9, before=0.9, app=ws(haproxy.port, "/ws", do=says(1.0, 4))
    )
    assert answer(watch, "page") == 404
    recorder.keep("dove-haproxy-gobwas-prefix-not-taken-off-404", watch)


async def test_a_prefix_was_copied_from_the_docs(start: Starter, recorder: Recorder) -> None:
    """A page has ``/sockjs`` from an example, sockjs-tornado is at ``/echo``; its older copy polls there. By Envoy."""
    server = start(SockJsTornado, heartbeat_delay=1.6)
    envoy = start(Envoy, server.port)
    page: Table = {"url": f"http://{LOOPBACK}:{envoy.port}/sockjs", "sockjs_transport": "xhr-streaming"}
    watch = await refused(
        {"page": page}, after=1.3, before=0.6, older=sockjs(envoy.port, "xhr-polling", do=says(1.4, 4))
    )
    assert {line["status"] for line in watch.of("http", "page", dir="in")} == {404}
    recorder.keep("dove-envoy-sockjs-tornado-prefix-of-the-docs-404", watch)


async def test_nginx_looks_at_the_referer(start: Starter, recorder: Recorder) -> None:
    """``valid_referers`` against hot links: a page of the new campaign's site is told 403, the shop's own is let in."""
    server = start(NodeWs)
    rules = "valid_referers none shop.example *.shop.example; if ($invalid_referer) { return 403; }"
    nginx = start(Nginx, server.port, rules=rules)
    watch = await refused(
        {"page": ws(nginx.port, "/stock", header=["Referer: https://summer-sale.example/"])},
        after=0.7,
        before=1.1,
        shop=ws(nginx.port, "/stock", header=["Referer: https://www.shop.example/"], do=says(0.9, 4)),
    )
    assert answer(watch, "page") == 403
    recorder.keep("dove-nginx-referer-of-another-site-403", watch)


async def test_an_application_closes_before_it_accepts(start: Starter, recorder: Recorder) -> None:
    """What an ASGI application does with whom it does not want: an intern is told 403 without a word. By nginx."""
    server = start(Daphne)
    nginx = start(Nginx, server.port)
    watch = await refused(
        {"intern": ws(nginx.port, "/refuse")}, after=1.0, before=0.8, staff=ws(nginx.port, "/", do=says(1.1, 4))
    )
    assert answer(watch, "intern") == 403
    recorder.keep("dove-nginx-daphne-closes-before-accept-403", watch)


async def test_a_page_comes_from_a_development_server(start: Starter, recorder: Recorder) -> None:
    """A developer's page is at ``localhost:5173`` and goes to the socket of staging; Tornado looks at the origin."""
    server = start(Tornado)
    haproxy = start(HaProxy, server.port)
    watch = await refused(
        {"page": ws(haproxy.port, origin="http://localhost:5173")},
        after=0.9,
        before=0.9,
        staging=ws(haproxy.port, origin=f"http://{LOOPBACK}:{haproxy.port}", do=says(1.2, 4)),
    )
    assert answer(watch, "page") == 403
    recorder.keep("dove-haproxy-tornado-origin-of-a-dev-server-403", watch)


async def test_a_key_has_used_up_its_quota(start: Starter, recorder: Recorder) -> None:
    """The gateway's plugin counts by API key; a job tries again and again. By nghttpx, alone."""
    words = '{\n  "message":"API rate limit exceeded",\n  "request_id":"1f0b2a6f"\n}\n'
    limits = {"Retry_After": "37", "RateLimit_Limit": "60", "RateLimit_Remaining": "0", "RateLimit_Reset": "37"}
    door = at_the_door("job", HTTPStatus.TOO_MANY_REQUESTS, words, **limits)
    async with house(echo, process_request=door, ping_interval=None) as app:
        nghttpx = start(Nghttpx, app.port)
        async with probing("--stdin", "--reconnect", **POSTMORTEM) as watch:
            await open_session(watch, name="A", **ws(nghttpx.port, "/v1/stream?user=job", header=["apikey: 77b0"]))
            await seen(watch, "close", "A", count=2)
            await leave(watch)
    assert {line["status"] for line in watch.of("http", "A", dir="in")} == {429}
    recorder.keep("dove-nghttpx-api-gateway-429-alone", watch)


async def test_everybody_is_sent_to_the_name_with_www(start: Starter, recorder: Recorder) -> None:
    """HAProxy has one canonical host since the relaunch; a till's STOMP goes to the bare one."""
    broker = start(StompBroker)
    rules = "http-request redirect prefix https://www.shop.example code 301 if { hdr(host) -i shop.example }"
    haproxy = start(HaProxy, broker.port, rules=rules)
    base: Table = {"connect_to": f"{LOOPBACK}:{haproxy.port}", "heart_beat": "0,0"}
    watch = await refused(
        {"till": base | {"url": "stomp+ws://shop.example/stomp"}},
        after=1.2,
        before=0.7,
        desk=base | {"url": "stomp+ws://www.shop.example/stomp", "do": says(1.3, 4, ORDER)},
    )
    assert answer(watch, "till") == 301
    recorder.keep("dove-haproxy-stomp-canonical-host-301", watch)


async def test_a_bearer_names_every_group(start: Starter, recorder: Recorder) -> None:
    """An administrator's token holds all her groups, 9 kB; Apache's ``LimitRequestFieldSize`` is what it always is."""
    server = start(Sanic)
    apache = start(Apache, server.port)
    watch = await refused(
        {"admin": ws(apache.port, header=[f"Authorization: Bearer eyJhbGciOi{'JSUzI1Ni' * 1120}"])},
        after=0.8,
        before=1.0,
        user=ws(apache.port, header=["Authorization: Bearer eyJhbGciOiJSUzI1Ni"], do=says(1.0, 4)),
    )
    assert answer(watch, "admin") in (400, 431)
    recorder.keep("dove-apache-bearer-of-nine-kilobytes-400", watch)


async def test_a_header_is_larger_than_haproxys_buffer(start: Starter, recorder: Recorder) -> None:
    """``tune.bufsize`` is 16 kB, a job sends its whole baggage of tracing; another sends none. STOMP over WebSocket."""
    broker = start(StompBroker)
    haproxy = start(HaProxy, broker.port)
    base: Table = {"url": f"stomp+ws://{LOOPBACK}:{haproxy.port}/stomp", "heart_beat": "0,0"}
    baggage = ",".join(f"tenant.attribute.{n}={'c4d1' * 20}" for n in range(180))
    watch = await refused(
        {"job": base | {"header": [f"baggage: {baggage}"]}},
        after=1.0,
        before=0.7,
        other=base | {"do": says(0.8, 3, ORDER)},
    )
    assert answer(watch, "job") == 400
    recorder.keep("dove-haproxy-stomp-header-over-its-buffer-400", watch)


async def test_a_page_for_every_path(start: Starter, recorder: Recorder) -> None:
    """Caddy answers whatever it does not know by the application's page; the socket moved to ``/live``."""
    server = start(NodeWs)
    page = '<!doctype html><html lang=\\"en\\"><head><title>Stock</title></head><body><div id=\\"root\\"></div></body>'
    rules = f'header /socket Content-Type "text/html; charset=utf-8"\n    respond /socket "{page}" 200'
    caddy = start(Caddy, server.port, rules=rules)
    watch = await refused(
        {"app": ws(caddy.port, "/socket")}, after=0.9, before=0.8, new=ws(caddy.port, "/live", do=says(1.1, 4))
    )
    assert answer(watch, "app") == 200
    recorder.keep("dove-caddy-single-page-application-200", watch)


async def test_a_machine_was_made_anew(start: Starter, recorder: Recorder) -> None:
    """nginx shows the page it is delivered with, its site was not put in; two meet it, who goes past it is well."""
    server = start(Tornado)
    first = "<!DOCTYPE html><html><head><title>Welcome to nginx!</title></head><body><h1>Welcome to nginx!</h1></body>"
    nginx = start(Nginx, server.port, rules=f"location = / {{ default_type text/html; return 200 '{first}'; }}")
    two = {"anna": ws(nginx.port), "bert": ws(nginx.port)}
    watch = await refused(two, after=1.1, before=0.7, carl=ws(server.port, do=says(0.9, 4)))
    assert answer(watch, "anna") == answer(watch, "bert") == 200
    recorder.keep("dove-nginx-welcome-page-200-two", watch)

"""Doors of an ordinary week that stay shut: slashes, prefixes, tokens, origins, limits, maintenance, edges."""

import asyncio
from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from tests.probing import ask, open_session, seen
from tests.servers.apache import Apache
from tests.servers.between import Edited, Table, answer, opened, says, sockjs, ws
from tests.servers.caddy import Caddy
from tests.servers.goapps import Melody
from tests.servers.haproxy import HaProxy
from tests.servers.house import echo, house
from tests.servers.lines import leave
from tests.servers.nginx import Nginx
from tests.servers.node import GraphqlWs, NodeWs, SockJsNode
from tests.servers.node_apps import StompBroker
from tests.servers.pond import refusals, run, settled
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.scripted import Connection, ScriptedServer, switching
from tests.servers.starting import Starter
from tests.servers.test_kite_more import at_the_door
from tests.watching import POSTMORTEM, Watch, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

ORDER = "stomp-send /queue/orders one"


async def test_a_slash_is_missing(start: Starter, recorder: Recorder) -> None:
    """``location /stream/`` with its own ``proxy_pass``: who leaves the slash out is sent there by nginx."""
    server = start(NodeWs)
    head = 'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";'
    nginx = start(
        Nginx, server.port, rules=f"location /stream/ {{ proxy_pass http://{LOOPBACK}:{server.port}; {head} }}"
    )
    watch = await refusals(
        {"widget": ws(nginx.port, "/stream")}, after=1.2, before=0.6, app=ws(nginx.port, "/stream/", do=says(0.9, 5))
    )
    assert answer(watch, "widget") == 301
    recorder.keep("bass-nginx-slash-left-out-301", watch)


async def test_everything_is_https_now(start: Starter, recorder: Recorder) -> None:
    """The load balancer speaks no plain HTTP since the audit: 308 for a till that says ``stomp+ws``, alone, again."""
    broker = start(StompBroker)
    haproxy = start(HaProxy, broker.port, rules="http-request redirect scheme https code 308")
    async with watching("--stdin", "--reconnect", **POSTMORTEM) as watch:
        till: Table = {"url": f"stomp+ws://{LOOPBACK}:{haproxy.port}/stomp", "heart_beat": "4000,4000"}
        await open_session(watch, name="till", **till)
        await seen(watch, "close", "till", count=3)
        await settled(watch, "till")
        await leave(watch)
    assert {line["status"] for line in watch.of("http", "till", dir="in")} == {308}
    recorder.keep("bass-haproxy-scheme-https-308-stomp-alone", watch)


async def test_the_login_page_of_the_gate(recorder: Recorder) -> None:
    """oauth2-proxy in front of the dashboard: the cookie of the night is old, 302 to its page; another's is new."""

    def gate(client: ServerConnection, request: Request) -> Response | None:
        if "fresh" in request.headers.get("Cookie", ""):
            return None
        sent = client.respond(HTTPStatus.FOUND, '<a href="/oauth2/start?rd=%2Fapi%2Flive">Found</a>.\n')
        sent.headers["Location"] = "/oauth2/start?rd=%2Fapi%2Flive%3Fuser%3Ddash"
        sent.headers["Set-Cookie"] = "_oauth2_proxy=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure"
        return sent

    async with house(echo, process_request=gate, ping_interval=None) as app:
        url = ws(app.port, "/api/live?user=dash")
        watch = await refusals(
            {"wall": url | {"cookie": ["_oauth2_proxy=djIuX29hdXRo|1764200000"]}},
            after=0.8,
            before=1.1,
            desk=url | {"cookie": ["_oauth2_proxy=fresh"], "do": says(1.1, 5)},
        )
    assert answer(watch, "wall") == 302
    recorder.keep("bass-oauth2-proxy-302-to-its-login", watch)


async def test_a_token_was_kept_overnight(start: Starter, recorder: Recorder) -> None:
    """A tab woke with yesterday's token; the API says 401 and why. Caddy is between, and another tab is well."""

    def door(client: ServerConnection, request: Request) -> Response | None:
        if "token=old" not in request.path:
            return None
        sent = client.respond(HTTPStatus.UNAUTHORIZED, '{"error":"invalid_token","message":"jwt expired"}\n')
        sent.headers["WWW-Authenticate"] = 'Bearer error="invalid_token", error_description="The token has expired"'
        return sent

    async with house(echo, process_request=door, ping_interval=None) as app:
        caddy = start(Caddy, app.port)
        watch = await refusals(
            {"tab": ws(caddy.port, "/?user=tab&token=old")},
            after=1.0,
            before=0.9,
            other=ws(caddy.port, "/?user=other&token=new", do=says(1.3, 5)),
        )
    assert answer(watch, "tab") == 401
    recorder.keep("bass-caddy-jwt-expired-401", watch)


async def test_a_domain_was_renamed(start: Starter, recorder: Recorder) -> None:
    """nginx knows the old front-end's origin by a ``map``; the renamed one is told 403 by SockJS's own /info."""
    server = start(SockJsNode, heartbeat_delay=1700)
    rules = "if ($unknown_origin) { return 403; }"
    http = 'map $http_origin $unknown_origin { default 1; "" 0; "https://app.depot.example" 0; }'
    nginx = start(Nginx, server.port, rules=rules, http=http)
    watch = await refusals(
        {"renamed": sockjs(nginx.port, "websocket", origin="https://portal.depot.example")},
        after=0.9,
        before=0.9,
        old=sockjs(nginx.port, "websocket", origin="https://app.depot.example", do=says(1.2, 5)),
    )
    recorder.keep("bass-nginx-origin-of-renamed-frontend-sockjs", watch)


async def test_the_admins_socket_is_for_the_office(start: Starter, recorder: Recorder) -> None:
    """``http-request deny`` for ``/admin`` of whoever is not in the office's net; the public socket is well."""
    server = start(NodeWs)
    haproxy = start(HaProxy, server.port, rules="http-request deny if { path_beg /admin } !{ src 10.20.0.0/16 }")
    watch = await refusals(
        {"admin": ws(haproxy.port, "/admin/live", user="root:toor")},
        after=1.1,
        before=0.7,
        public=ws(haproxy.port, "/live", do=says(0.8, 4)),
    )
    assert answer(watch, "admin") == 403
    recorder.keep("bass-haproxy-deny-admin-path-403", watch)


async def test_tabs_are_opened_too_fast(start: Starter, recorder: Recorder) -> None:
    """A stick table: three requests in ten seconds from one address, the fourth tab is told 429."""
    server = start(Melody)
    rules = (
        "stick-table type ip size 10k expire 20s store http_req_rate(10s)\n    http-request track-sc0 src\n    "
        "http-request deny deny_status 429 if { sc_http_req_rate(0) gt 3 }"
    )
    haproxy = start(HaProxy, server.port, rules=rules)
    tab = ws(haproxy.port, "/ws", do=says(1.3, 5))
    watch = await refusals({"tab4": tab}, after=0.5, before=1.3, tab1=tab, tab2=tab, tab3=tab)
    assert answer(watch, "tab4") == 429
    recorder.keep("bass-haproxy-stick-table-429-fourth-tab", watch)


async def test_nginx_counts_connections(start: Starter, recorder: Recorder) -> None:
    """``limit_conn perip 2``, whose status is 503 unless told otherwise: a third till of one shop is refused."""
    broker = start(StompBroker)
    http = "limit_conn_zone $binary_remote_addr zone=perip:1m;"
    nginx = start(Nginx, broker.port, rules="limit_conn perip 2;", http=http)
    till: Table = {"url": f"stomp+ws://{LOOPBACK}:{nginx.port}/stomp", "heart_beat": "0,0", "do": says(1.1, 5, ORDER)}
    watch = await refusals({"till3": till}, after=0.8, before=1.0, till1=till, till2=till)
    assert answer(watch, "till3") == 503
    recorder.keep("bass-nginx-limit-conn-503-third-till", watch)


async def test_the_old_version_of_the_api_is_gone(start: Starter, recorder: Recorder) -> None:
    """``/v1/events`` was switched off: 410 with words; an app of this year asks for ``/v2``. nginx is between."""

    def door(client: ServerConnection, request: Request) -> Response | None:
        if not request.path.startswith("/v1"):
            return None
        words = '{"title":"Gone","detail":"v1 of the event stream was retired on 2026-09-30, use /v2/events"}'
        return client.respond(HTTPStatus.GONE, words)

    async with house(echo, process_request=door, ping_interval=None) as app:
        nginx = start(Nginx, app.port)
        watch = await refusals(
            {"old": ws(nginx.port, "/v1/events?user=old")},
            after=0.7,
            before=0.8,
            new=ws(nginx.port, "/v2/events?user=new", do=says(0.9, 4)),
        )
    assert answer(watch, "old") == 410
    recorder.keep("bass-nginx-api-version-retired-410", watch)


async def test_djangos_allowed_hosts(recorder: Recorder) -> None:
    """A new name was put in DNS and not in ``ALLOWED_HOSTS``: Bad Request. By the old name it goes."""

    def door(client: ServerConnection, request: Request) -> Response | None:
        if request.headers["Host"].startswith("new."):
            words = "<!doctype html><html><head><title>Bad Request (400)</title></head><body><h1>Bad Request (400)</h1>"
            return client.respond(HTTPStatus.BAD_REQUEST, f"{words}</body></html>\n")
        return None

    async with house(echo, process_request=door, ping_interval=None) as app:
        to: Table = {"connect_to": f"{LOOPBACK}:{app.port}"}
        watch = await refusals(
            {"new": to | {"url": "ws://new.depot.example/ws?user=a"}},
            after=1.0,
            before=0.7,
            old=to | {"url": "ws://depot.example/ws?user=b", "do": says(1.0, 4)},
        )
    assert answer(watch, "new") == 400
    recorder.keep("bass-django-allowed-hosts-400", watch)


async def test_the_edge_finds_no_server(recorder: Recorder) -> None:
    """A content network's 521 for a site whose machine is switched off: two pages, and they try again."""

    def script(client: Connection) -> None:
        client.read_request()
        body = "error code: 521"
        client.send(
            "HTTP/1.1 521 <none>\r\nDate: Sat, 28 Nov 2026 06:00:00 GMT\r\nContent-Type: text/plain; charset=UTF-8\r\n"
            f"Content-Length: {len(body)}\r\nCF-RAY: 8c1f3a9b2d4e-FRA\r\nServer: cloudflare\r\n\r\n{body}".encode()
        )

    with ScriptedServer(script) as edge:
        async with watching("--stdin", "--reconnect", **POSTMORTEM) as watch:
            for name in ("page1", "page2"):
                await open_session(watch, name=name, url=edge.url, origin="https://shop.example")
            for name in ("page1", "page2"):
                await seen(watch, "close", name, count=3)
            await settled(watch, "page1", "page2")
            await leave(watch)
    recorder.keep("bass-edge-521-two-pages-again", watch)


async def test_the_balancer_has_no_targets(recorder: Recorder) -> None:
    """A cloud's balancer whose target group is empty after a failed rollout: 503 for the app of a courier."""

    def script(client: Connection) -> None:
        asked = client.read_request()
        if "/v1" in asked[""]:
            client.send(
                b"HTTP/1.1 503 Service Temporarily Unavailable\r\nServer: awselb/2.0\r\nContent-Type: text/html\r\n"
                b"Content-Length: 162\r\nConnection: keep-alive\r\n\r\n<html>\r\n<head><title>503 Service Temporarily "
                b"Unavailable</title></head>\r\n<body>\r\n<center><h1>503 Service Temporarily Unavailable</h1>"
                b"</center>\r\n</body>\r\n</html>\r\n"
            )
            client.read_to_end()

    with ScriptedServer(script) as edge:
        watch = await refusals({"courier": {"url": f"{edge.url}v1/track", "header": ["X-Api-Key: 1"]}}, before=1.5)
    assert answer(watch, "courier") == 503
    recorder.keep("bass-balancer-without-targets-503-alone", watch)


async def test_a_gateway_knows_no_such_route(recorder: Recorder) -> None:
    """A cloud's API gateway says "Missing Authentication Token" to whatever is no route of it: a stage was left out."""

    def script(client: Connection) -> None:
        asked = client.read_request()
        if "/prod" in asked[""]:
            client.send((switching(asked) + "\r\n").encode())
            client.receive_close()
            client.close(1000)
            return
        body = '{"message":"Missing Authentication Token"}'
        client.send(
            "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nx-amzn-ErrorType: MissingAuthenticationToken"
            f"Exception\r\nx-amzn-RequestId: 5f1c\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        )

    with ScriptedServer(script) as gateway:
        watch = await refusals({"job": {"url": f"{gateway.url}"}}, before=0.9, other={"url": f"{gateway.url}prod"})
    assert answer(watch, "job") == 403
    recorder.keep("bass-api-gateway-stage-left-out-403", watch)


async def test_an_old_graphql_client(start: Starter, recorder: Recorder) -> None:
    """The front-end's library of 2019 offers ``graphql-ws``; the server moved on to ``graphql-transport-ws``."""
    server = start(GraphqlWs, connectionInitWaitTimeout=20000)
    nginx = start(Nginx, server.port)
    init = ['0.3 send {"type":"connection_init"}']
    tables: dict[str, Table] = {"new": ws(nginx.port, "/graphql", subprotocol=["graphql-transport-ws"], do=init)}
    old = {"old": ws(nginx.port, "/graphql", subprotocol=["graphql-ws"], do=init)}

    async def strike(watch: Watch) -> None:
        await asyncio.sleep(1.6)  # the old tab comes later

    watch = await run(tables, "old", strike=strike, late=old)
    recorder.keep("bass-graphql-old-subprotocol", watch)


async def test_an_application_raises_in_its_upgrade(start: Starter, recorder: Recorder) -> None:
    """Node's process dies of an exception at each upgrade of a tenant; a supervisor has it back. nginx says 502."""

    def script(client: Connection) -> None:
        asked = client.read_request()
        if "tenant=7" in asked[""]:
            client.reset()
            return
        client.send((switching(asked) + "\r\n").encode())
        client.receive_close()
        client.close(1000)

    with ScriptedServer(script) as app:
        nginx = start(Nginx, app.port)
        watch = await refusals(
            {"seven": ws(nginx.port, "/?tenant=7")}, after=0.8, before=1.1, eight=ws(nginx.port, "/?tenant=8")
        )
    assert answer(watch, "seven") == 502
    recorder.keep("bass-nginx-upstream-resets-at-upgrade-502", watch)


async def test_the_database_is_slow_at_login(start: Starter, recorder: Recorder) -> None:
    """The broker's gateway asks a database before it answers, which is locked; nginx waits 2.4 s: 504. Past is well."""

    async def door(_: ServerConnection, request: Request) -> Response | None:
        if "user=pos" in request.path:
            await asyncio.sleep(20)
        return None

    async with house(echo, process_request=door, ping_interval=None) as app:
        nginx = start(Nginx, app.port, 2.4)
        watch = await refusals(
            {"pos": ws(nginx.port, "/?user=pos")},
            after=1.0,
            before=0.6,
            bo=ws(nginx.port, "/?user=bo", do=says(0.9, 7)),
        )
    assert answer(watch, "pos") == 504
    recorder.keep("bass-nginx-login-waits-for-database-504", watch)


async def test_a_pool_is_drained(start: Starter, recorder: Recorder) -> None:
    """An operator takes the only server out (``disable server``); who is in stays, who comes is told 503."""
    server = start(SockJsNode, heartbeat_delay=1400)
    haproxy = start(HaProxy, server.port)

    async with watching("--stdin", **POSTMORTEM) as watch:
        await opened(watch, desk=sockjs(haproxy.port, "websocket", do=says(0.9, 6)))
        await seen(watch, "sockjs", "desk", kind="a", dir="in", count=2)
        await asyncio.to_thread(haproxy.say, "set server back/1 state maint")
        await open_session(watch, name="phone", **sockjs(haproxy.port, "xhr-streaming"))
        await seen(watch, "close", "phone")
        await settled(watch, "phone")
        await seen(watch, "sockjs", "desk", kind="a", dir="in", count=4)
        await leave(watch, "desk")
    assert {line["status"] for line in watch.of("http", "phone", dir="in")} == {503}
    recorder.keep("bass-haproxy-server-in-maintenance-503", watch)


async def test_a_server_is_back_on_the_third_try(start: Starter, recorder: Recorder) -> None:
    """A deployment behind Apache: 503 once and twice, then the application is up; the session is left well."""
    server = start(NodeWs)
    apache = start(Apache, server.port, timeout=20)
    await asyncio.to_thread(server.end)
    async with watching("--stdin", "--reconnect", **POSTMORTEM) as watch:
        await open_session(watch, name="A", **ws(apache.port, do=says(0.8, 2)))
        await seen(watch, "close", "A")
        await settled(watch, "A")
        await asyncio.to_thread(server.begin)
        await seen(watch, "open", "A")
        await ask(watch, "send hello", "A")
        await seen(watch, "frame", "A", dir="in", opcode=1)
        await leave(watch)
    recorder.keep("bass-apache-deployment-503-then-in", watch)


async def test_an_app_says_it_drains(start: Starter, recorder: Recorder) -> None:
    """A pod that is told to go refuses newcomers with 503 and words of its own; its old client lives on."""
    door = at_the_door(
        "late", HTTPStatus.SERVICE_UNAVAILABLE, '{"status":"draining","pod":"live-6f7c"}\n', Retry_After="5"
    )
    async with house(echo, process_request=door, ping_interval=None) as app:
        watch = await refusals(
            {"late": ws(app.port, "/?user=late")},
            after=1.3,
            before=0.6,
            early=ws(app.port, "/?user=early", do=says(1.0, 5)),
        )
    assert answer(watch, "late") == 503
    recorder.keep("bass-pod-drains-503", watch)


async def test_headers_are_set_in_another_location(start: Starter, recorder: Recorder) -> None:
    """``location /`` has its upgrade, ``location /push`` was added without, and HTTP/1.0 it is then."""
    server = start(NodeWs)
    rules = f"location /push {{ proxy_pass http://{LOOPBACK}:{server.port}; }}"
    nginx = start(Edited, server.port)
    nginx.edit(("        location / {", f"        {rules}\n        location / {{"))
    watch = await refusals(
        {"push": ws(nginx.port, "/push")}, after=0.9, before=0.7, live=ws(nginx.port, "/live", do=says(1.1, 5))
    )
    assert answer(watch, "push") != 101
    recorder.keep("bass-nginx-new-location-without-upgrade", watch)

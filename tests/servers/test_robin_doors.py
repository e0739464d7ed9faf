"""Doors that answer in HTTP and stay shut: paths, devices, origins, rates, other addresses, cookies, lost upgrades."""

from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from tests.servers.apache import Apache
from tests.servers.between import Table, answer, refused, says, sockjs, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.envoy import Envoy
from tests.servers.golang import Gorilla
from tests.servers.haproxy import HaProxy
from tests.servers.house import echo, house
from tests.servers.jupyter import TOKEN, Jupyter
from tests.servers.jvm import Tomcat
from tests.servers.lesser import Nghttpx, Rinetd, Varnish
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.python_apps import SockJsTornado
from tests.servers.recordings import Recorder
from tests.servers.rustapps import Axum
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.test_kite_more import at_the_door

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_path_was_left_out(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """axum routes ``/ws`` behind stunnel; somebody copied the address without it, and has no other session."""
    server = start(Axum)
    stunnel = start(Stunnel, server.port, certificate)
    watch = await refused({"A": wss(stunnel.port, certificate)})
    assert answer(watch, "A") == 404
    recorder.keep("robin-stunnel-axum-path-left-out-404", watch)


async def test_a_board_was_deleted(start: Starter, recorder: Recorder) -> None:
    """A link of spring leads to a board that its owner deleted; another board is there. By Apache."""
    words = '{"error":"board_deleted","deleted_at":"2026-04-02T08:11:40Z"}\n'
    door = at_the_door("spring", HTTPStatus.GONE, words)
    async with house(echo, process_request=door, ping_interval=None) as app:
        apache = start(Apache, app.port)
        watch = await refused(
            {"board": ws(apache.port, "/boards/?user=spring")},
            after=1.2,
            before=0.7,
            other=ws(apache.port, "/boards/?user=autumn", do=says(1.0, 4)),
        )
    assert answer(watch, "board") == 410
    recorder.keep("robin-apache-board-was-deleted-410", watch)


async def test_a_lost_till_was_blocked(start: Starter, recorder: Recorder) -> None:
    """A till was reported as stolen and is found again; nobody took it off the list. The next one is well."""
    words = "device is blocked, ask the administrator of your branch\n"
    async with house(echo, process_request=at_the_door("till-7", HTTPStatus.FORBIDDEN, words)) as app:
        varnish = start(Varnish, app.port)
        watch = await refused(
            {"till": ws(varnish.port, "/?user=till-7")},
            after=0.8,
            before=0.9,
            next=ws(varnish.port, "/?user=till-8", do=says(1.3, 4)),
        )
    assert answer(watch, "till") == 403
    recorder.keep("robin-varnish-device-is-blocked-403", watch)


async def test_apache_does_not_pass_the_host(start: Starter, recorder: Recorder) -> None:
    """``ProxyPreserveHost`` is off, so gorilla compares the page's origin with its own port; a script says none."""
    server = start(Gorilla)
    apache = start(Apache, server.port)
    watch = await refused(
        {"page": ws(apache.port, "/ws", origin=f"http://{LOOPBACK}:{apache.port}")},
        after=1.0,
        before=0.8,
        script=ws(apache.port, "/ws", do=says(0.9, 4)),
    )
    assert answer(watch, "page") == 403
    recorder.keep("robin-apache-gorilla-host-is-not-preserved-403", watch)


async def test_a_phone_app_has_an_origin_of_its_own(start: Starter, recorder: Recorder) -> None:
    """The shop's page was wrapped into an app, whose web view says ``capacitor://localhost``; by nghttpx."""
    origins = ["https://shop.example", "https://www.shop.example"]
    async with house(origins=origins, ping_interval=None) as app:
        nghttpx = start(Nghttpx, app.port)
        watch = await refused(
            {"phone": ws(nghttpx.port, "/?user=anna", origin="capacitor://localhost")},
            after=1.3,
            before=0.6,
            page=ws(nghttpx.port, "/?user=anna", origin=origins[1], do=says(0.8, 4)),
        )
    assert answer(watch, "phone") == 403
    recorder.keep("robin-nghttpx-python-origin-of-a-phone-app", watch)


async def test_a_kiosk_reconnects_like_mad(start: Starter, recorder: Recorder) -> None:
    """A kiosk's page reconnects in a loop; the application lets an address open three a minute for it. By rinetd."""
    words = '{"message":"Too many connection attempts","limit":3,"window":60}\n'
    door = at_the_door("kiosk", HTTPStatus.TOO_MANY_REQUESTS, words, Retry_After="60", X_RateLimit_Remaining="0")
    async with house(echo, process_request=door, ping_interval=None) as app:
        rinetd = start(Rinetd, app.port)
        kiosk = ws(rinetd.port, "/?user=kiosk")
        watch = await refused({"kiosk": kiosk}, after=0.9, desk=ws(rinetd.port, "/?user=desk", do=says(1.1, 4)))
    assert answer(watch, "kiosk") == 429
    recorder.keep("robin-rinetd-python-429-of-a-reconnect-storm", watch)


async def test_caddy_sends_a_page_to_https(start: Starter, recorder: Recorder) -> None:
    """What Caddy does with plain requests of a site: 308. SockJS does not follow. Who goes past it polls well."""
    server = start(SockJsNode, heartbeat_delay=1600)
    caddy = start(Caddy, server.port, rules="redir https://support.shop.example{uri} 308")
    watch = await refused(
        {"page": sockjs(caddy.port, "xhr-streaming")},
        after=1.1,
        before=0.9,
        past=sockjs(server.port, "xhr-polling", do=says(1.4, 4)),
    )
    assert {line["status"] for line in watch.of("http", "page", dir="in")} == {308}
    recorder.keep("robin-caddy-sockjs-plain-sent-to-https-308", watch)


async def test_the_api_has_a_new_name(start: Starter, recorder: Recorder) -> None:
    """Envoy sends whoever names the old host to the new one; an app of last year names the old one."""
    server = start(NodeWs)
    match = {"prefix": "/", "headers": [{"name": ":authority", "string_match": {"prefix": "api-v1.fleet"}}]}
    hosts = [
        {"match": match, "redirect": {"host_redirect": "live.fleet.example", "https_redirect": True}},
        {"match": {"prefix": "/"}, "route": {"cluster": "back"}},
    ]
    table = {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": hosts}]}
    envoy = start(Envoy, server.port, manager={"route_config": table})
    way: Table = {"connect_to": f"{LOOPBACK}:{envoy.port}"}
    watch = await refused(
        {"app": {"url": "ws://api-v1.fleet.example/positions"} | way},
        after=0.7,
        before=1.0,
        new={"url": "ws://live.fleet.example/positions", "do": says(0.9, 4)} | way,
    )
    assert answer(watch, "app") == 301
    recorder.keep("robin-envoy-new-name-of-the-api-301", watch)


async def test_tomcat_has_eight_kilobytes(start: Starter, recorder: Recorder) -> None:
    """Tomcat's own ``maxHttpHeaderSize``: a browser with the cookies of years is told 400; a fresh one is let in."""
    server = start(Tomcat)
    haproxy = start(HaProxy, server.port)
    cookie = "; ".join(f"ab_test_{n}={'b91c-' * 44}" for n in range(45))
    watch = await refused(
        {"old": ws(haproxy.port, "/live", cookie=[cookie])},
        after=1.0,
        before=0.8,
        fresh=ws(haproxy.port, "/live", cookie=["ab_test_1=b91c"], do=says(1.2, 4)),
    )
    assert answer(watch, "old") == 400
    recorder.keep("robin-haproxy-tomcat-cookies-400", watch)


async def test_an_answer_brings_a_large_cookie(start: Starter, recorder: Recorder) -> None:
    """The application sets a cookie of all of anna's rights, more than nginx's ``proxy_buffer_size``; bert has few."""

    def rights(_: ServerConnection, request: Request, response: Response) -> Response:
        response.headers["Set-Cookie"] = f"rights={'r' * (9000 if 'user=anna' in request.path else 40)}; HttpOnly"
        return response

    async with house(process_response=rights, ping_interval=None) as app:
        nginx = start(Nginx, app.port)
        watch = await refused(
            {"anna": ws(nginx.port, "/?user=anna")},
            after=1.4,
            before=0.5,
            bert=ws(nginx.port, "/?user=bert", do=says(0.8, 4)),
        )
    assert answer(watch, "anna") == 502
    assert "too big header" in nginx.log
    recorder.keep("robin-nginx-cookie-of-the-answer-502", watch)


async def test_a_page_of_an_api_is_taken_for_the_socket(start: Starter, recorder: Recorder) -> None:
    """A notebook's client opens the list of kernels, where Jupyter answers JSON; a terminal is well."""
    jupyter = start(Jupyter)
    watch = await refused(
        {"lab": ws(jupyter.port, f"/api/kernels?token={TOKEN}")},
        after=0.9,
        before=1.0,
        terminal={"url": jupyter.of_terminal(jupyter.terminal())},
    )
    assert answer(watch, "lab") == 200
    recorder.keep("robin-jupyter-api-answers-json-200", watch)


async def test_an_api_takes_post_alone(start: Starter, recorder: Recorder) -> None:
    """HAProxy lets nothing but POST to ``/api``, and somebody moved the socket under it; the old path is left."""
    server = start(NodeWs)
    rules = "http-request deny deny_status 405 hdr Allow POST if { path_beg /api/ } !METH_POST"
    haproxy = start(HaProxy, server.port, rules=rules)
    watch = await refused(
        {"app": ws(haproxy.port, "/api/events")}, after=1.1, before=0.7, old=ws(haproxy.port, "/ws", do=says(0.7, 3))
    )
    assert answer(watch, "app") == 405
    recorder.keep("robin-haproxy-api-takes-post-alone-405", watch)


async def test_only_half_of_an_upgrade_is_passed(start: Starter, recorder: Recorder) -> None:
    """An administrator copied the line with ``Upgrade`` and not the one with ``Connection``; axum says what lacks."""
    server = start(Axum)
    half = f"location /half/ {{ proxy_pass http://{LOOPBACK}:{server.port}/; proxy_http_version 1.1; "
    nginx = start(Nginx, server.port, rules=half + "proxy_set_header Upgrade $http_upgrade; }")
    watch = await refused(
        {"through": ws(nginx.port, "/half/ws")}, after=0.8, before=0.9, whole=ws(nginx.port, "/ws", do=says(1.0, 4))
    )
    assert answer(watch, "through") == 400
    recorder.keep("robin-nginx-axum-upgrade-without-connection", watch)


async def test_caddy_takes_the_upgrade_out(start: Starter, recorder: Recorder) -> None:
    """Somebody hardened Caddy by ``request_header -Upgrade``; sockjs-tornado is asked for its socket in vain."""
    server = start(SockJsTornado, heartbeat_delay=1.5)
    caddy = start(Caddy, server.port, rules="request_header -Upgrade")
    watch = await refused(
        {"page": sockjs(caddy.port, "websocket")},
        after=1.2,
        before=0.8,
        other=sockjs(caddy.port, "xhr-polling", do=says(1.1, 4)),
    )
    recorder.keep("robin-caddy-sockjs-tornado-upgrade-taken-out", watch)


async def test_a_page_wants_the_socket_that_is_off(start: Starter, recorder: Recorder) -> None:
    """sockjs-tornado has ``disabled_transports=["websocket"]``; behind Envoy one page insists, another streams."""
    server = start(SockJsTornado, disabled_transports=["websocket"], heartbeat_delay=1.7)
    envoy = start(Envoy, server.port)
    watch = await refused(
        {"page": sockjs(envoy.port, "websocket")},
        after=0.9,
        before=0.9,
        other=sockjs(envoy.port, "xhr-streaming", do=says(1.3, 4)),
    )
    recorder.keep("robin-envoy-sockjs-tornado-websocket-off", watch)

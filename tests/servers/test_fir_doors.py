"""Doors that are shut: old paths, missing words, pages for people, and applications that let nobody in just now."""

import asyncio
from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response
from websockets.typing import Origin, Subprotocol

from tests.servers.apache import Apache
from tests.servers.between import answer, refused, says, ws, wss
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.lesser import Lighttpd
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def gate(client: ServerConnection, request: Request) -> Response | None:
    """An application that minds its paths before it lets anybody in."""
    path = request.path.partition("?")[0]
    if path == "/v1/feed":
        return client.respond(HTTPStatus.NOT_FOUND, "no such feed\n")
    if path == "/devices" and "device=" not in request.path:
        return client.respond(HTTPStatus.BAD_REQUEST, '{"error":"missing query parameter: device"}\n')
    if path == "/search":
        response = client.respond(HTTPStatus.SERVICE_UNAVAILABLE, "loading the model, come back in 30 seconds\n")
        response.headers["Retry-After"] = "30"
        return response
    if path == "/reports":
        await asyncio.sleep(9)
    return None


async def test_version_one_is_gone(start: Starter, recorder: Recorder) -> None:
    """Who still asks for the feed of version one behind HAProxy gets 404; version two ticks."""
    async with house(process_request=gate) as app:
        haproxy = start(HaProxy, app.port)
        watch = await refused(
            {"old": ws(haproxy.port, "/v1/feed?user=old")},
            after=1.0,
            before=1.5,
            new=ws(haproxy.port, "/v2/feed?user=new", do=says(0.9, 3)),
        )
    assert answer(watch, "old") == 404
    recorder.keep("fir-haproxy-feed-of-version-one-404", watch)


async def test_what_is_internal(start: Starter, recorder: Recorder) -> None:
    """Lighttpd denies everybody what is under ``/internal``; the rest is passed on."""
    app = start(NodeWs)
    rules = '$HTTP["url"] =~ "^/internal" { url.access-deny = ( "" ) }'
    lighttpd = start(Lighttpd, app.port, upgrades=True, rules=rules)
    watch = await refused(
        {"crawler": ws(lighttpd.port, "/internal/metrics")},
        after=1.2,
        before=1.1,
        visitor=ws(lighttpd.port, "/metrics", do=says(1.0, 3)),
    )
    assert answer(watch, "crawler") == 403
    recorder.keep("fir-lighttpd-internal-denied-403", watch)


async def test_an_origin_with_a_port(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """The staging page has a port in its origin, which python-websockets behind nginx does not know."""
    async with house(origins=[Origin("https://shop.example")]) as app:
        nginx = start(Nginx, app.port, certificate=certificate)
        url, base = f"wss://localhost:{nginx.port}/?user=", wss(nginx.port, certificate)
        watch = await refused(
            {"staging": base | {"url": url + "staging", "origin": "https://shop.example:8443"}},
            after=0.9,
            before=1.4,
            shop=base | {"url": url + "shop", "origin": "https://shop.example", "do": says(1.1, 3)},
        )
    assert answer(watch, "staging") == 403
    recorder.keep("fir-nginx-python-origin-with-a-port", watch)


async def test_everybody_to_the_status_page(start: Starter, recorder: Recorder) -> None:
    """At night nginx sends all there is to the status page; a session that goes round it is well."""
    app = start(NodeWs)
    nginx = start(Nginx, app.port, rules="rewrite ^ https://status.example/maintenance redirect;")
    watch = await refused(
        {"client": ws(nginx.port, "/live")}, after=1.1, before=1.2, inside=ws(app.port, "/live", do=says(0.8, 3))
    )
    assert answer(watch, "client") == 302
    recorder.keep("fir-nginx-all-to-the-status-page-302", watch)


async def test_a_device_without_a_name(start: Starter, recorder: Recorder) -> None:
    """A thermostat forgets to say which one it is: 400 with a word about it; a boiler says so."""
    async with house(process_request=gate) as app:
        haproxy = start(HaProxy, app.port)
        watch = await refused(
            {"thermostat": ws(haproxy.port, "/devices?user=thermostat")},
            after=0.8,
            before=1.6,
            boiler=ws(haproxy.port, "/devices?user=boiler&device=b17", do=says(1.2, 4)),
        )
    assert answer(watch, "thermostat") == 400
    recorder.keep("fir-haproxy-device-left-out-400", watch)


async def test_a_cookie_grew(start: Starter, recorder: Recorder) -> None:
    """Nginx takes lines of 2 KiB, and an old user's cookies are longer; a new user has hardly any."""
    app = start(NodeWs)
    nginx = start(Nginx, app.port, http="client_header_buffer_size 1k; large_client_header_buffers 2 2k;")
    watch = await refused(
        {"veteran": ws(nginx.port, "/live", header=["Cookie: seen=" + "a1b2c3d4." * 340])},
        after=1.0,
        before=1.3,
        novice=ws(nginx.port, "/live", header=["Cookie: seen=a1b2c3d4"], do=says(0.9, 3)),
    )
    assert answer(watch, "veteran") == 400
    recorder.keep("fir-nginx-cookie-of-three-kilobytes-400", watch)


async def test_a_report_takes_for_ever(recorder: Recorder) -> None:
    """The application asks its database before it answers for ``/reports``, and does not hear; others are served."""
    async with house(process_request=gate) as app:
        watch = await refused(
            {"report": ws(app.port, "/reports?user=report", open_timeout=3)},
            after=0.7,
            before=0.5,
            dashboard=ws(app.port, "/dashboard?user=dashboard", do=says(1.0, 4)),
        )
    assert not watch.of("http", "report", dir="in")
    recorder.keep("fir-python-report-never-answered", watch)


async def test_nginx_waits_for_a_report(start: Starter, recorder: Recorder) -> None:
    """The same with nginx in front, which has patience for two seconds there and then says 504."""
    async with house(process_request=gate) as app:
        place = f"location /reports {{ proxy_pass http://{LOOPBACK}:{app.port}; proxy_http_version 1.1; "
        place += "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; proxy_read_timeout 2s; }"
        nginx = start(Nginx, app.port, rules=place)
        watch = await refused(
            {"report": ws(nginx.port, "/reports?user=report")},
            after=0.9,
            before=1.0,
            dashboard=ws(nginx.port, "/dashboard?user=dashboard", do=says(1.1, 4)),
        )
    assert answer(watch, "report") == 504
    recorder.keep("fir-nginx-python-report-504", watch)


async def test_the_model_is_loading(recorder: Recorder) -> None:
    """The application itself says 503 and when to come back for its search; its chat is open."""
    async with house(process_request=gate) as app:
        watch = await refused(
            {"early": ws(app.port, "/search?user=early")},
            after=1.2,
            before=1.4,
            chat=ws(app.port, "/chat?user=chat", do=says(1.0, 3)),
        )
    assert answer(watch, "early") == 503
    recorder.keep("fir-python-warming-up-503", watch)


async def test_apache_was_not_told(start: Starter, recorder: Recorder) -> None:
    """A plain ``ProxyPass`` of Apache loses the upgrade, and python-websockets says 426; going round it is well."""
    async with house() as app:
        apache = start(Apache, app.port, upgrades=False)
        watch = await refused(
            {"through": ws(apache.port, "/?user=through")},
            after=1.0,
            before=1.2,
            around=ws(app.port, "/?user=around", do=says(0.9, 3)),
        )
    assert answer(watch, "through") == 426
    recorder.keep("fir-apache-python-no-upgrade-426", watch)


async def test_billing_is_down(start: Starter, recorder: Recorder) -> None:
    """Behind nginx nobody listens where billing should; the shop's other service is well."""
    app = start(NodeWs)
    (nobody,) = free_ports(1)
    nginx = start(Nginx, app.port, rules=f"location /billing {{ proxy_pass http://{LOOPBACK}:{nobody}; }}")
    watch = await refused(
        {"billing": ws(nginx.port, "/billing/events")},
        after=1.3,
        before=1.1,
        orders=ws(nginx.port, "/orders/events", do=says(1.1, 3)),
    )
    assert answer(watch, "billing") == 502
    recorder.keep("fir-nginx-billing-is-down-502", watch)


async def test_the_address_of_the_health_check(start: Starter, recorder: Recorder) -> None:
    """Somebody copied the wrong line: nginx answers ``/health`` with a word of JSON, to whomever."""
    app = start(NodeWs)
    page = """location = /health { default_type application/json; return 200 '{"status":"UP"}'; }"""
    nginx = start(Nginx, app.port, rules=page)
    watch = await refused(
        {"health": ws(nginx.port, "/health")}, after=0.9, before=1.5, live=ws(nginx.port, "/live", do=says(1.2, 3))
    )
    assert answer(watch, "health") == 200
    recorder.keep("fir-nginx-health-page-200", watch)


async def test_an_old_meter(recorder: Recorder) -> None:
    """The application speaks ``mqtt``, and an old meter's library knows only ``mqttv3.1``."""
    async with house(subprotocols=[Subprotocol("mqtt")]) as app:
        watch = await refused(
            {"meter": ws(app.port, "/?user=meter", subprotocol=["mqttv3.1"])},
            after=1.1,
            before=1.0,
            gateway=ws(app.port, "/?user=gateway", subprotocol=["mqtt"], do=says(1.0, 3)),
        )
    assert answer(watch, "meter") == 400
    recorder.keep("fir-python-old-mqtt-subprotocol", watch)

"""Doors that HTTP keeps shut for one, while others are in: a crash at the door, a bill, a name of before, a filter."""

import json

import pytest

from tests.servers.apache import Apache
from tests.servers.between import Table, answer, refused, says, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.envoy import Envoy
from tests.servers.frameworks import Aiohttp
from tests.servers.golang import Coder
from tests.servers.haproxy import HaProxy
from tests.servers.lesser import Hitch, Lighttpd, Varnish
from tests.servers.nginx import Certificate
from tests.servers.node_apps import Fastify, Rules
from tests.servers.ports import LOOPBACK
from tests.servers.python import PythonWs
from tests.servers.python_apps import SockJsTornado
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.traefik import Traefik
from tests.servers.uvicorn import Uvicorn

pytestmark = [pytest.mark.real, pytest.mark.extra]

PAST_DUE = json.dumps({"error": "subscription_past_due", "message": "Invoice 2026-0417 is unpaid since 31 days"})
BOTS = "http-request deny if { hdr_sub(user-agent) -i python-requests curl scrapy wget }"


def named(host: str, port: int, path: str = "/", **options: object) -> Table:
    """A raw session that asks for a host by its name, at a loopback port."""
    return {"url": f"ws://{host}:{port}{path}", "connect_to": f"{LOOPBACK}:{port}"} | options


async def test_the_application_raises_at_the_door(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """One page's handler has no way to its database and raises before it accepts; uvicorn behind Envoy with TLS."""
    app = start(Uvicorn)
    envoy = start(Envoy, app.port, certificate=certificate)
    table = wss(envoy.port, certificate)
    detail = table | {"url": f"wss://localhost:{envoy.port}/raise"}
    watch = await refused({"detail": detail}, after=1.5, before=1.8, board=table | {"do": says(1.1, 4)})
    assert answer(watch, "detail") == 500
    recorder.keep("gate-envoy-uvicorn-raises-500", watch)


async def test_an_invoice_is_unpaid(start: Starter, recorder: Recorder) -> None:
    """The service answers 402 to a customer who has not paid; another one has. Behind Varnish."""
    said = {"status": "402 Payment Required", "body": PAST_DUE, "headers": {"Content-Type": "application/json"}}
    app = start(Rules, only={"/t/shop17/live": said})
    varnish = start(Varnish, app.port)
    watch = await refused(
        {"shop17": ws(varnish.port, "/t/shop17/live")},
        after=0.9,
        before=2.1,
        shop18=ws(varnish.port, "/t/shop18/live", do=says(0.8, 4)),
    )
    assert answer(watch, "shop17") == 402
    recorder.keep("gate-varnish-node-past-due-402", watch)


async def test_a_host_name_of_before(start: Starter, recorder: Recorder) -> None:
    """The ingress knows ``live.shop.example`` only; an old client still asks for ``feed.shop.example``."""
    app = start(PythonWs)
    traefik = start(Traefik, app.port, rule="Host(`live.shop.example`)")
    watch = await refused(
        {"old": named("feed.shop.example", traefik.port)},
        after=2.2,
        before=1.1,
        new=named("live.shop.example", traefik.port, do=says(1.3, 4)),
    )
    assert answer(watch, "old") == 404
    recorder.keep("gate-traefik-host-of-before-404", watch)


async def test_a_slip_in_the_prefix(start: Starter, recorder: Recorder) -> None:
    """``/eco`` for ``/echo``: Apache passes it on and Tornado has no such page; the other one polls."""
    server = start(SockJsTornado, heartbeat_delay=2)
    apache = start(Apache, server.port)
    right: Table = {"url": f"http://{LOOPBACK}:{apache.port}/echo", "sockjs_transport": "xhr-polling"}
    slip = {"url": f"http://{LOOPBACK}:{apache.port}/eco", "sockjs_transport": "auto", "open_timeout": 7}
    watch = await refused({"slip": slip}, after=1.0, before=1.2, right=right | {"do": says(1.4, 4)})
    assert watch.of("http", "slip", dir="in")[0]["status"] == 404
    recorder.keep("gate-apache-sockjs-tornado-slip-in-prefix", watch)


async def test_a_filter_of_bots(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """HAProxy lets nobody in whose program names itself as scrapers do; the same address is welcome otherwise."""
    app = start(Coder)
    haproxy = start(HaProxy, app.port, certificate=certificate, rules=BOTS)
    table = wss(haproxy.port, certificate) | {"url": f"wss://localhost:{haproxy.port}/ws"}
    watch = await refused(
        {"scraper": table | {"header": ["User-Agent: python-requests/2.32.3"]}},
        after=0.7,
        before=2.6,
        page=table | {"header": ["User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:144.0)"], "do": says(0.9, 3)},
    )
    assert answer(watch, "scraper") == 403
    recorder.keep("gate-haproxy-bot-filter-403", watch)


async def test_an_app_made_of_a_page(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """The page in its shell on a telephone has ``capacitor://localhost`` for an Origin; in a browser all is well."""
    app = start(Coder)
    caddy = start(Caddy, app.port, tls=f"{certificate.chain} {certificate.key}")
    table = wss(caddy.port, certificate) | {"url": f"wss://localhost:{caddy.port}/ws"}
    watch = await refused(
        {"app": table | {"origin": "capacitor://localhost"}},
        after=1.6,
        before=1.9,
        page=table | {"origin": f"https://localhost:{caddy.port}", "do": says(0.85, 3)},
    )
    assert answer(watch, "app") == 403
    recorder.keep("gate-caddy-coder-origin-of-an-app", watch)


async def test_it_came_too_often(start: Starter, recorder: Recorder) -> None:
    """Fastify's hook has counted; who is in already stays. Behind lighttpd."""
    app = start(Fastify)
    lighttpd = start(Lighttpd, app.port)
    watch = await refused(
        {"eager": ws(lighttpd.port, "/throttled")},
        after=1.2,
        before=1.4,
        calm=ws(lighttpd.port, "/ws", do=says(0.95, 4)),
    )
    assert answer(watch, "eager") == 429
    recorder.keep("gate-lighttpd-fastify-throttled-429", watch)


async def test_the_site_has_www_in_front(start: Starter, recorder: Recorder) -> None:
    """Whoever forgets the www is sent there, and a WebSocket does not go along; Traefik's ``redirectRegex``."""
    app = start(PythonWs)
    rule = {"regex": "^http://shop\\.example(.*)", "replacement": "http://www.shop.example${1}", "permanent": True}
    traefik = start(Traefik, app.port, middleware={"redirectRegex": rule})
    watch = await refused(
        {"apex": named("shop.example", traefik.port)},
        after=0.6,
        before=2.2,
        www=named("www.shop.example", traefik.port, do=says(0.75, 3)),
    )
    assert answer(watch, "apex") in (301, 308)
    recorder.keep("gate-traefik-apex-to-www", watch)


async def test_reports_are_down_for_maintenance(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """The application says so itself, of one of its pages; its other one is served. Behind hitch."""
    app = start(Aiohttp)
    hitch = start(Hitch, app.port, certificate)
    table = wss(hitch.port, certificate)
    reports = table | {"url": f"wss://localhost:{hitch.port}/busy"}
    watch = await refused({"reports": reports}, after=2.4, before=0.8, orders=table | {"do": says(1.2, 4)})
    assert answer(watch, "reports") == 503
    recorder.keep("gate-hitch-aiohttp-maintenance-503", watch)

"""Hands that are not shaken: windows, lost upgrades, transports that are off, versions, logins at the door."""

from http import HTTPStatus

import pytest
from websockets.asyncio.server import basic_auth

from tests.probing import open_session, probing, seen
from tests.servers.apache import Apache
from tests.servers.between import Table, answer, refused, says, sockjs, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.frameworks import Aiohttp, Sanic
from tests.servers.golang import Centrifuge
from tests.servers.haproxy import HaProxy
from tests.servers.house import echo, house
from tests.servers.jvm import Netty
from tests.servers.lines import leave
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import SockJsNode
from tests.servers.node_apps import StompBroker
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.test_kite_more import at_the_door
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]

ORDER = "stomp-send /queue/orders one"
LIVE_PANEL = "$2a$14$8ICWZlAsM.Qs1Q1r1T.B/OnaLkzQXhiYui1d29nBhgFP2ACTVzzAq"
"""A password as Caddy has it."""


async def test_the_nightly_window(start: Starter, recorder: Recorder) -> None:
    """HAProxy shows a page of maintenance for the shop's path; the path of the staff stays in."""
    server = start(SockJsNode, heartbeat_delay=1700)
    page = '"<html><body><h1>We will be back at 04:00</h1><p>Scheduled maintenance.</p></body></html>"'
    says_so = f"status 503 hdr Retry-After 5400 content-type text/html string {page}"
    rules = f"http-request return {says_so} unless {{ req.hdr(X-Staff) -m found }}"
    haproxy = start(HaProxy, server.port, rules=rules)
    watch = await refused(
        {"page": sockjs(haproxy.port, "xhr-polling")},
        after=1.0,
        before=0.8,
        staff=sockjs(haproxy.port, "xhr-streaming", header=["X-Staff: 1"], do=says(1.3, 4)),
    )
    assert {line["status"] for line in watch.of("http", "page", dir="in")} == {503}
    recorder.keep("dove-haproxy-nightly-window-503", watch)


async def test_a_warehouse_is_counted(start: Starter, recorder: Recorder) -> None:
    """While the stock is counted the application takes no scanner and says so; an office is let in. By nginx."""
    words = '{"status":503,"title":"Service Unavailable","detail":"Stocktaking in progress, try again after 18:00"}\n'
    door = at_the_door("scanner", HTTPStatus.SERVICE_UNAVAILABLE, words, Retry_After="7200")
    async with house(echo, process_request=door, ping_interval=None) as app:
        nginx = start(Nginx, app.port)
        watch = await refused(
            {"scanner": ws(nginx.port, "/?user=scanner")},
            after=0.8,
            before=1.0,
            office=ws(nginx.port, "/?user=office", do=says(1.0, 4)),
        )
    assert answer(watch, "scanner") == 503
    recorder.keep("dove-nginx-python-warehouse-read-only-503", watch)


async def test_haproxy_takes_the_upgrade_out(start: Starter, recorder: Recorder) -> None:
    """A rule of the security team: ``del-header Upgrade`` outside ``/ws``; aiohttp says what lacks. A path is left."""
    server = start(Aiohttp)
    rules = "http-request del-header Upgrade if { path_beg /api }\n    "
    haproxy = start(HaProxy, server.port, rules=f"{rules}http-request set-path /")
    watch = await refused(
        {"through": ws(haproxy.port, "/api/live")}, after=0.9, before=0.9, old=ws(haproxy.port, "/ws", do=says(1.1, 4))
    )
    assert answer(watch, "through") != 101
    recorder.keep("dove-haproxy-aiohttp-upgrade-taken-out", watch)


async def test_a_plain_proxy_pass(start: Starter, recorder: Recorder) -> None:
    """``proxy_pass`` and nothing else, as in most first configurations; Sanic past it is well."""
    server = start(Sanic)
    nginx = start(Nginx, server.port, upgrades=False)
    watch = await refused({"through": ws(nginx.port)}, after=1.2, before=0.6, past=ws(server.port, do=says(0.9, 4)))
    assert answer(watch, "through") != 101
    recorder.keep("dove-nginx-sanic-plain-proxy-pass", watch)


async def test_the_socket_of_sockjs_is_off(start: Starter, recorder: Recorder) -> None:
    """``websocket: false`` was set for the old Apache; a new page insists on it, an old one polls."""
    server = start(SockJsNode, websocket=False, heartbeat_delay=1500)
    apache = start(Apache, server.port)
    watch = await refused(
        {"page": sockjs(apache.port, "websocket")},
        after=0.8,
        before=1.0,
        old=sockjs(apache.port, "xhr-polling", do=says(1.2, 4)),
    )
    recorder.keep("dove-apache-sockjs-node-websocket-off", watch)


async def test_a_job_meets_a_listener_of_mqtt(start: Starter, recorder: Recorder) -> None:
    """The two listeners of the messages' gateway were mixed up: the one that speaks ``mqtt`` alone says no to STOMP."""
    broker = start(StompBroker)
    base: Table = {"heart_beat": "0,0"}
    async with house(echo, subprotocols=["mqtt"], ping_interval=None) as app:
        job = base | {"url": f"stomp+ws://{LOOPBACK}:{app.port}/?user=job"}
        watch = await refused(
            {"job": job}, after=1.0, before=0.8, right=base | {"url": broker.url, "do": says(1.2, 4, ORDER)}
        )
    assert answer(watch, "job") == 400
    recorder.keep("dove-stomp-to-a-listener-of-mqtt-400", watch)


async def test_a_panel_speaks_version_6(start: Starter, recorder: Recorder) -> None:
    """A panel's firmware of 2011 says ``Sec-WebSocket-Version: 6``; Netty says 13. By HAProxy, the new panel is in."""
    server = start(Netty)
    haproxy = start(HaProxy, server.port)
    watch = await refused(
        {"old": ws(haproxy.port, "/live", header=["Sec-WebSocket-Version: 6"])},
        after=1.1,
        before=0.7,
        new=ws(haproxy.port, "/live", do=says(1.0, 4)),
    )
    assert answer(watch, "old") in (400, 426)
    recorder.keep("dove-haproxy-netty-version-6-426", watch)


async def test_a_panel_has_the_login_of_staging(start: Starter, recorder: Recorder) -> None:
    """Caddy's ``basic_auth`` is in front of the news; a panel was given staging's password. A page past it is in."""
    server = start(Centrifuge)
    caddy = start(Caddy, server.port, rules=f"basic_auth {{\n        panel {LIVE_PANEL}\n    }}")
    news = ['0.5 send {"id":1,"connect":{"token":"anna"}}']
    watch = await refused(
        {"panel": ws(caddy.port, "/ws", header=["Authorization: Basic cGFuZWw6c3RhZ2luZw=="])},
        after=0.9,
        before=0.8,
        past=ws(server.port, "/ws", do=news),
    )
    assert answer(watch, "panel") == 401
    recorder.keep("dove-caddy-basic-auth-of-staging-401", watch)


async def test_a_login_was_left_out(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """python-websockets' ``basic_auth`` behind stunnel; a job sends no login. One session, alone."""
    door = basic_auth(realm="Telemetry", credentials=("depot", "crew"))
    async with house(echo, process_request=door, ping_interval=None) as app:
        stunnel = start(Stunnel, app.port, certificate)
        async with probing("--stdin", "--reconnect", **POSTMORTEM) as watch:
            job = wss(stunnel.port, certificate) | {"url": f"wss://localhost:{stunnel.port}/?user=job"}
            await open_session(watch, name="A", **job)
            await seen(watch, "close", "A")
            await leave(watch)
    assert {line["status"] for line in watch.of("http", "A", dir="in")} == {401}
    recorder.keep("dove-stunnel-basic-auth-left-out-401-alone", watch)

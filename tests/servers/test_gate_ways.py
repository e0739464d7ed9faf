"""Proxies at which an opening ends: a login, headers that are lost, backends that are away; and who is well beside."""

import asyncio
import os
import signal

import pytest

from tests.probing import open_session, probing, seen
from tests.servers.apache import Apache
from tests.servers.between import Table, answer, opened, refused, says, sockjs, ws, wss
from tests.servers.forward import Connect, Login
from tests.servers.frozen import frozen
from tests.servers.golang import Coder, Gorilla
from tests.servers.haproxy import HaProxy
from tests.servers.lesser import Lighttpd, Nghttpx
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.node_apps import Fastify, Rules, StompBroker
from tests.servers.ports import LOOPBACK
from tests.servers.python_apps import SockJsTornado
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.traefik import Traefik

pytestmark = [pytest.mark.real, pytest.mark.extra]

TICK = "stomp-send /topic/jobs tick"


def broker_js(port: int, **options: object) -> Table:
    """A session with stomp-broker-js, wherever it is reached."""
    return {"url": f"stomp+ws://{LOOPBACK}:{port}/stomp", "heart_beat": "2500,2500"} | options


async def test_a_new_laptop_has_no_login(start: Starter, recorder: Recorder) -> None:
    """tinyproxy wants one, and its settings came without; its neighbour's has been there for years."""
    broker, proxy = start(StompBroker), start(Connect, Login("anna", "crew"))
    way = f"{LOOPBACK}:{proxy.port}"
    watch = await refused(
        {"fresh": broker_js(broker.port, proxy=f"http://{way}")},
        after=1.4,
        before=2.7,
        old=broker_js(broker.port, proxy=f"http://anna:crew@{way}", do=says(1.2, 5, TICK)),
    )
    assert watch.the("proxy", "fresh")["status"] == 407
    recorder.keep("gate-tinyproxy-stomp-broker-js-no-login", watch)


async def test_apache_passes_no_upgrade_to_fastify(start: Starter, recorder: Recorder) -> None:
    """A plain ProxyPass: Fastify has nothing at that path for those who want no WebSocket. Past Apache one is in."""
    app = start(Fastify)
    apache = start(Apache, app.port, upgrades=False)
    watch = await refused(
        {"through": ws(apache.port, "/ws")}, after=0.9, before=1.8, past=ws(app.port, "/ws", do=says(0.85, 4))
    )
    assert answer(watch, "through") == 404
    recorder.keep("gate-apache-fastify-upgrade-not-passed", watch)


async def test_lighttpd_passes_no_upgrade_to_gorilla(start: Starter, recorder: Recorder) -> None:
    """``proxy.header`` was not told to; gorilla says which token it misses."""
    app = start(Gorilla)
    lighttpd = start(Lighttpd, app.port, upgrades=False)
    watch = await refused(
        {"through": ws(lighttpd.port, "/ws")}, after=1.6, before=1.2, past=ws(app.port, "/ws", do=says(1.15, 4))
    )
    assert answer(watch, "through") in (400, 426)
    recorder.keep("gate-lighttpd-gorilla-upgrade-not-passed", watch)


async def test_its_operators_switched_websockets_off(
    certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """sockjs-tornado has it off since the last incident; a client insists on it, another one streams."""
    server = start(SockJsTornado, heartbeat_delay=2, disabled_transports=["websocket"])
    haproxy = start(HaProxy, server.port, certificate=certificate)
    table: Table = {"url": f"https://localhost:{haproxy.port}/echo", "cacert": str(certificate.ca), "open_timeout": 6}
    watch = await refused(
        {"socket": table | {"sockjs_transport": "websocket"}},
        after=1.1,
        before=2.2,
        stream=table | {"sockjs_transport": "xhr-streaming", "do": says(1.3, 4)},
    )
    assert '"websocket": false' in watch.of("http", "socket", dir="in")[0]["body"].replace('":false', '": false')
    recorder.keep("gate-haproxy-sockjs-tornado-websocket-off", watch)


async def test_the_alerts_stay_down(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """One of two applications behind nginx is killed and not started again; its page comes back for a 502 each time."""
    shop, alerts = start(NodeWs), start(NodeWs)
    rules = (
        f"location /alerts {{ proxy_pass http://{LOOPBACK}:{alerts.port}; proxy_http_version 1.1;"
        " proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; }"
    )
    nginx = start(Nginx, shop.port, 30, certificate, rules=rules)
    table = wss(nginx.port, certificate)
    page = table | {"url": f"wss://localhost:{nginx.port}/alerts", "reconnect": True}
    async with probing("--stdin") as watch:
        await opened(watch, orders=table | {"do": says(1.3, 6)}, alerts=page)
        await asyncio.sleep(1.1)
        os.kill(alerts.pid, signal.SIGKILL)
        await seen(watch, "http", "alerts", dir="in", status=502, count=2)
        await seen(watch, "close", "alerts", count=3)
        await watch.command("quit")
        await watch.finish()
    assert watch.the("close", "orders")["clean"]
    recorder.keep("gate-nginx-alerts-down-again-and-again", watch)


async def test_quotes_that_stand_still(start: Starter, recorder: Recorder) -> None:
    """lighttpd waits two seconds for a program that does not run; another one beside it does."""
    quotes, orders = start(Coder), start(Coder)
    lighttpd = start(Lighttpd, quotes.port, idle=2)
    well = ws(orders.port, "/ws", do=says(1.1, 5))
    with frozen(quotes.pid):
        watch = await refused({"quotes": ws(lighttpd.port, "/ws", open_timeout=8)}, after=0.6, before=0.9, orders=well)
    assert answer(watch, "quotes") == 504
    recorder.keep("gate-lighttpd-go-frozen-504", watch)


async def test_a_broker_that_stands_still(start: Starter, recorder: Recorder) -> None:
    """Traefik waits a second and a half for the broker of the jobs; who is at the other broker beats on."""
    jobs, mails = start(StompBroker, heartbeat=[2000, 2000]), start(StompBroker, heartbeat=[2000, 2000])
    traefik = start(Traefik, jobs.port, transport={"forwardingTimeouts": {"responseHeaderTimeout": "1500ms"}})
    well = broker_js(mails.port, do=says(1.4, 5, TICK))
    with frozen(jobs.pid):
        watch = await refused({"jobs": broker_js(traefik.port, open_timeout=7)}, after=2.3, before=2.1, mails=well)
    assert answer(watch, "jobs") == 504
    recorder.keep("gate-traefik-stomp-broker-js-504", watch)


async def test_one_polls_well_beside_three(start: Starter, recorder: Recorder) -> None:
    """A path with a slip, a crawler that comes too often, a page that was sent to the login: and a page that polls."""
    server = start(SockJsNode, heartbeat_delay=2600)
    rules = "http-request redirect location https://login.shop.example/ code 302 if { path_beg /intranet }\n"
    rules += "    http-request deny deny_status 429 if { hdr_sub(user-agent) -i crawl }\n"
    rules += "    http-request return status 404 if !{ path_beg /echo }"
    haproxy = start(HaProxy, server.port, rules=rules)
    base: Table = {"open_timeout": 7}
    refusals: dict[str, Table] = {
        "typo": ws(haproxy.port, "/ecko/websocket", **base),
        "crawler": ws(haproxy.port, "/echo/websocket", header=["User-Agent: crawl/1.2"], **base),
        "intranet": ws(haproxy.port, "/intranet/feed", **base),
    }
    page = sockjs(haproxy.port, "xhr-polling", do=says(1.7, 5))
    watch = await refused(refusals, after=1.2, before=2.9, page=page)
    assert [watch.of("http", name, dir="in")[0]["status"] for name in refusals] == [404, 429, 302]
    recorder.keep("gate-one-polls-well-beside-three", watch)


async def test_words_of_refusals_in_a_log(start: Starter, recorder: Recorder) -> None:
    """A page shows the log of a gateway, which speaks of nothing but refusals; somebody else is refused indeed."""
    said = {"status": "403 Forbidden", "body": "this log is for operators\n", "headers": {"Content-Type": "text/plain"}}
    app = start(Rules, only={"/log/today": said})
    nghttpx = start(Nghttpx, app.port)
    lines = [
        "0.5 send 12:01:07 GET /live 502 Bad Gateway (connection refused by 10.4.0.7)",
        "1.4 send 12:01:09 GET /live 429 Too Many Requests, Retry-After: 30",
        "2.6 send 12:01:12 close 1008 policy violation: token expired",
        "3.4 send 12:01:15 ERROR message:Bad CONNECT; Access refused for user 'guest'",
    ]
    async with probing("--stdin") as watch:
        await opened(watch, operator=ws(nghttpx.port, "/log?user=operator", do=lines))
        await seen(watch, "frame", "operator", dir="in", opcode=1, count=2)
        await open_session(watch, name="guest", **ws(nghttpx.port, "/log/today"))
        await seen(watch, "close", "guest")
        await seen(watch, "frame", "operator", dir="in", opcode=1, count=4)
        await asyncio.sleep(0.8)
        assert await watch.finish() == 3
    assert answer(watch, "guest") == 403
    recorder.keep("gate-words-of-refusals-in-a-log", watch)

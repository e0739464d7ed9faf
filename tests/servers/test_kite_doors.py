"""Doors that answer in HTTP and do not open: paths, roles, origins, rates, redirects, lost upgrades, subprotocols."""

import pytest

from tests.probing import open_session, probing
from tests.servers.apache import Apache
from tests.servers.between import Table, answer, opened, refused, says, sockjs, ws
from tests.servers.envoy import Envoy
from tests.servers.frameworks import Aiohttp
from tests.servers.goapps import Gobwas
from tests.servers.golang import Centrifuge, Coder
from tests.servers.haproxy import HaProxy
from tests.servers.lesser import Hitch, Lighttpd, Redir, Varnish
from tests.servers.lines import leave, over
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.node_apps import StompBroker
from tests.servers.ports import LOOPBACK
from tests.servers.python import PythonWs
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]

ORDER = "stomp-send /queue/orders one"
RBAC = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC"
OPERATORS = {
    "permissions": [{"any": True}],
    "principals": [{"header": {"name": "x-role", "string_match": {"exact": "operator"}}}],
}


async def test_a_path_of_the_old_gateway(start: Starter, recorder: Recorder) -> None:
    """Since the gateway was rewritten with gobwas its socket is at ``/ws``; an app of last year says ``/socket``."""
    server = start(Gobwas)
    nginx = start(Nginx, server.port)
    watch = await refused(
        {"old": ws(nginx.port, "/socket")}, after=1.1, before=0.7, new=ws(nginx.port, "/ws", do=says(0.8, 3))
    )
    assert answer(watch, "old") == 404
    recorder.keep("kite-nginx-gobwas-path-of-the-old-gateway-404", watch)


async def test_envoy_wants_a_role(start: Starter, recorder: Recorder) -> None:
    """Envoy's RBAC lets operators in; a guest of the control room is not one."""
    server = start(Aiohttp)
    rules = {"action": "ALLOW", "policies": {"operators": OPERATORS}}
    envoy = start(Envoy, server.port, filters=({"name": "rbac", "typed_config": {"@type": RBAC, "rules": rules}},))
    watch = await refused(
        {"guest": ws(envoy.port, header=["X-Role: guest"])},
        after=1.3,
        before=0.6,
        operator=ws(envoy.port, header=["X-Role: operator"], do=says(0.9, 4)),
    )
    assert answer(watch, "guest") == 403
    recorder.keep("kite-envoy-rbac-role-missing-403", watch)


async def test_news_in_the_frame_of_a_partner(start: Starter, recorder: Recorder) -> None:
    """centrifuge takes pages of its own host alone; a partner shows the news in a frame."""
    server = start(Centrifuge)
    redir = start(Redir, server.port)
    watch = await refused(
        {"partner": ws(redir.port, "/ws", origin="https://partner.example")},
        after=0.8,
        before=1.2,
        own=ws(
            redir.port,
            "/ws",
            origin=f"http://{LOOPBACK}:{redir.port}",
            do=['0.5 send {"id":1,"connect":{"token":"anna"}}'],
        ),
    )
    assert answer(watch, "partner") == 403
    recorder.keep("kite-redir-centrifuge-origin-of-a-partner", watch)


async def test_a_script_is_kept_waiting_and_turned_away(start: Starter, recorder: Recorder) -> None:
    """HAProxy's tarpit: who opened more than four connections in a minute waits 2.6 s for a 429. The page stays in."""
    server = start(PythonWs, ping_interval=None)
    rules = (
        "stick-table type string len 20 size 1k expire 1m store http_req_rate(1m)\n"
        "    http-request track-sc0 hdr(X-Client)\n"
        "    timeout tarpit 2600ms\n"
        "    http-request tarpit deny_status 429 if { sc_http_req_rate(0) gt 4 }"
    )
    haproxy = start(HaProxy, server.port, rules=rules)
    script = ws(haproxy.port, header=["X-Client: nightly-sync"])
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, page=ws(haproxy.port, header=["X-Client: browser"], do=says(1.2, 6)))
        for n in range(1, 5):
            await opened(watch, **{f"run{n}": script})
        await open_session(watch, name="script", **script)
        await over(watch, "script")
        await leave(watch, "page", "run1", "run4", status=3)
    assert answer(watch, "script") == 429
    recorder.keep("kite-haproxy-tarpit-429", watch)


async def test_everybody_is_sent_to_https(start: Starter, recorder: Recorder) -> None:
    """A VCL answers 301 to whoever is not from the TLS in front of it; a till goes by the plain port."""
    broker = start(StompBroker)
    rules = (
        'if (req.http.X-Forwarded-Proto != "https") { return (synth(750)); }\n}\n'
        "sub vcl_synth { if (resp.status == 750) { set resp.status = 301; set resp.reason = "
        '"Moved Permanently"; set resp.http.Location = "https://mq.shop.example" + req.url; return (deliver); } }\n'
        "sub vcl_recv {"
    )
    varnish = start(Varnish, broker.port, rules=rules)
    base: Table = {"url": f"stomp+ws://{LOOPBACK}:{varnish.port}/stomp", "heart_beat": "0,0"}
    watch = await refused(
        {"till": base},
        after=1.0,
        before=0.8,
        desk=base | {"header": ["X-Forwarded-Proto: https"], "do": says(1.1, 4, ORDER)},
    )
    assert answer(watch, "till") == 301
    recorder.keep("kite-varnish-stomp-http-to-https-301", watch)


async def test_a_stream_is_not_for_this_country(start: Starter, recorder: Recorder) -> None:
    """Varnish says 451 to a stream of matches that is not licensed where the viewer is; another one is."""
    server = start(NodeWs)
    rule = 'if (req.url ~ "^/match/cup" && req.http.X-Country == "CH") { return (synth(451)); }'
    varnish = start(Varnish, server.port, rules=rule)
    viewer: Table = {"header": ["X-Country: CH"]}
    watch = await refused(
        {"stream": ws(varnish.port, "/match/cup/71", **viewer)},
        after=1.2,
        before=0.5,
        league=ws(varnish.port, "/match/league/8", do=says(0.7, 3), **viewer),
    )
    assert answer(watch, "stream") == 451
    recorder.keep("kite-varnish-legal-reasons-451", watch)


async def test_lighttpd_was_never_told_of_upgrades(start: Starter, recorder: Recorder) -> None:
    """Its default: ``proxy.header`` without ``upgrade``; coder/websocket answers 426. Who goes past it is let in."""
    server = start(Coder)
    lighttpd = start(Lighttpd, server.port, upgrades=False)
    watch = await refused(
        {"through": ws(lighttpd.port, "/ws")}, after=0.9, before=0.8, past=ws(server.port, "/ws", do=says(1.1, 4))
    )
    assert answer(watch, "through") == 426
    recorder.keep("kite-lighttpd-coder-upgrade-off-426", watch)


async def test_sockjs_without_its_socket(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """``websocket: false`` since the balancer of before could not; a page asks for it by hitch, another streams."""
    server = start(SockJsNode, websocket=False, heartbeat_delay=1300)
    hitch = start(Hitch, server.port, certificate)
    base: Table = {"url": f"https://localhost:{hitch.port}/echo", "cacert": str(certificate.ca)}
    watch = await refused(
        {"page": base | {"sockjs_transport": "websocket"}},
        after=1.0,
        before=0.9,
        old=base | {"sockjs_transport": "xhr-streaming", "do": says(1.2, 4)},
    )
    recorder.keep("kite-hitch-sockjs-node-websocket-off", watch)


async def test_envoy_was_never_told_of_upgrades(start: Starter, recorder: Recorder) -> None:
    """No ``upgrade_configs``: Envoy answers 403 itself; the Envoy of the other region has them."""
    server = start(NodeWs)
    old, new = start(Envoy, server.port, upgrades=False), start(Envoy, server.port)
    watch = await refused({"feed": ws(old.port)}, after=0.7, before=1.0, other=ws(new.port, do=says(0.8, 3)))
    assert answer(watch, "feed") == 403
    recorder.keep("kite-envoy-knows-no-upgrade-403", watch)


async def test_cookies_of_years_at_lighttpd(start: Starter, recorder: Recorder) -> None:
    """``server.max-request-field-size`` is 8192; an old browser has 12 kB of cookies, a private window none."""
    server = start(SockJsNode, heartbeat_delay=1400)
    lighttpd = start(Lighttpd, server.port)
    cookie = "; ".join(f"_pk_id.{n}.1fff={'7d0e2c.' * 36}" for n in range(47))
    watch = await refused(
        {"old": sockjs(lighttpd.port, "xhr-polling", cookie=[cookie])},
        after=1.1,
        before=0.8,
        private=sockjs(lighttpd.port, "websocket", do=says(0.9, 3)),
    )
    assert {line["status"] for line in watch.of("http", "old", dir="in")} == {431}
    recorder.keep("kite-lighttpd-cookies-over-8k-431", watch)


async def test_apache_asks_for_a_version_of_the_future(start: Starter, recorder: Recorder) -> None:
    """A line of a template sets the version; aiohttp says that it does not know 14. Who goes past it is let in."""
    server = start(Aiohttp)
    apache = start(Apache, server.port, modules=("headers",), rules="RequestHeader set Sec-WebSocket-Version 14")
    watch = await refused({"through": ws(apache.port)}, after=1.4, before=0.5, past=ws(server.port, do=says(1.0, 4)))
    assert answer(watch, "through") in (400, 426)
    recorder.keep("kite-apache-aiohttp-version-14", watch)

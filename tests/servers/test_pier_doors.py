"""Doors that are shut: a filter, a page that moved, a page for everything, a plain port, a port where nobody is."""

from pathlib import Path

import pytest

from tests.probing import ask, open_session, probing, seen
from tests.servers.apache import Apache
from tests.servers.asgi_hosts import Hypercorn
from tests.servers.between import Table, answer, opened, refused, says, sockjs, stomp, stomps, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.certificates import hostile
from tests.servers.envoy import Envoy
from tests.servers.haproxy import HaProxy
from tests.servers.joined import ANNA, GUEST
from tests.servers.jvm import Artemis, Undertow
from tests.servers.lesser import Lighttpd
from tests.servers.lines import leave
from tests.servers.looks import looked
from tests.servers.nginx import Certificate
from tests.servers.node import NodeStomp, NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.python_apps import SockJsTornado
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]

PAGE = "<!doctype html><html><head><title>Orders</title></head><body><app-root></app-root></body></html>"


class Site(Lighttpd):
    """lighttpd that has a page of its own."""

    def __init__(self, home: Path, backend: int, rules: str) -> None:
        (home / "index.html").write_text(PAGE)
        super().__init__(home, backend, rules=rules)


async def test_only_the_office_may(start: Starter, recorder: Recorder) -> None:
    """Apache lets into the operators' page who comes from the office's addresses; the public one is for everybody."""
    app = start(NodeWs)
    rules = "<Location /ops>\nRequire ip 10.20.0.0/16\n</Location>"
    apache = start(Apache, app.port, modules=("authz_host",), rules=rules)
    watch = await refused(
        {"ops": ws(apache.port, "/ops/live")}, after=1.4, before=1.3, public=ws(apache.port, "/live", do=says(0.9, 3))
    )
    assert answer(watch, "ops") == 403
    recorder.keep("pier-apache-require-ip-403", watch)


async def test_not_from_this_country(start: Starter, recorder: Recorder) -> None:
    """Caddy has no service for a country its edge named; SockJS asks for ``/info`` and goes no further."""
    server = start(SockJsNode, heartbeat_delay=1800)
    rules = '@out header CF-IPCountry XK\n    respond @out "Not available in your region." 403'
    caddy = start(Caddy, server.port, rules=rules)
    watch = await refused(
        {"abroad": sockjs(caddy.port, "auto", header=["CF-IPCountry: XK"], open_timeout=6)},
        after=0.8,
        before=2.0,
        home=sockjs(caddy.port, "websocket", header=["CF-IPCountry: DE"], do=says(1.2, 3)),
    )
    assert watch.of("http", "abroad", dir="in")[0]["status"] == 403
    recorder.keep("pier-caddy-sockjs-country-403", watch)


async def test_the_broker_has_moved(start: Starter, recorder: Recorder) -> None:
    """Apache sends ``/stomp`` to ``/broker/v2/stomp`` for now; who knows the new path is in and beats."""
    server = start(NodeStomp, beatEvery=1300, beats=1000)
    rules = 'RewriteEngine on\nRewriteRule "^/stomp$" "/broker/v2/stomp" [R=307,L]'
    apache = start(Apache, server.port, modules=("rewrite",), rules=rules)
    base = f"stomp+ws://{LOOPBACK}:{apache.port}"
    watch = await refused(
        {"old": {"url": f"{base}/stomp", "heart_beat": "1300,1300"}},
        after=1.1,
        before=1.6,
        new={"url": f"{base}/broker/v2/stomp", "heart_beat": "1300,1300"},
    )
    assert answer(watch, "old") == 307
    recorder.keep("pier-apache-stomp-moved-307", watch)


async def test_every_path_is_the_application(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """What Caddy does not know is the single page's own affair, ``/live`` as well; ``/api/live`` is passed on."""
    app = start(NodeWs)
    rules = f"@page not path /api/*\n    header @page Content-Type text/html\n    respond @page `{PAGE}` 200"
    caddy = start(Caddy, app.port, rules=rules, tls=f"{certificate.chain} {certificate.key}")
    table = wss(caddy.port, certificate)
    watch = await refused(
        {"live": table | {"url": f"wss://localhost:{caddy.port}/live"}},
        after=0.7,
        before=1.9,
        api=table | {"url": f"wss://localhost:{caddy.port}/api/live", "do": says(1.0, 3)},
    )
    assert answer(watch, "live") == 200
    recorder.keep("pier-caddy-spa-fallback-200", watch)


async def test_info_is_a_page(start: Starter, recorder: Recorder) -> None:
    """The client's base is the site's and not the API's: lighttpd shows the page for ``/info``, as for all of it."""
    server = start(SockJsTornado, heartbeat_delay=1.6)
    rules = (
        'server.modules += ( "mod_rewrite", "mod_staticfile" )\nmimetype.assign = ( ".html" => "text/html" )\n'
        '$HTTP["url"] =~ "^/(shop/|index)" { url.rewrite-once = ( "" => "/index.html" )\nproxy.server = () }'
    )
    lighttpd = start(Site, server.port, rules)
    watch = await refused(
        {"chat": {"url": f"http://{LOOPBACK}:{lighttpd.port}/shop/chat", "open_timeout": 6}},
        after=1.0,
        before=1.0,
        feed=sockjs(lighttpd.port, "websocket", do=says(0.9, 3)),
    )
    assert watch.of("http", "chat", dir="in")[0]["status"] == 200
    recorder.keep("pier-lighttpd-sockjs-info-page", watch)


async def test_tls_to_haproxys_plain_port(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """The page was moved to https, its socket to ``wss:``, and the port is still the plain one."""
    app = start(NodeWs)
    haproxy = start(HaProxy, app.port)
    watch = await refused(
        {"secure": wss(haproxy.port, certificate)}, after=1.2, before=1.2, plain=ws(haproxy.port, do=says(0.8, 4))
    )
    recorder.keep("pier-wss-to-plain-haproxy", watch)


async def test_tls_to_artemis_plain_port(artemis: Artemis, certificate: Certificate, recorder: Recorder) -> None:
    """A till is to encrypt from now on; the broker's acceptor does not know yet. Another till is not to."""
    till = stomp(artemis.port, "1600,1600", ANNA)
    watch = await refused(
        {"till9": stomps(artemis.port, "1600,1600", certificate, ANNA, open_timeout=4)},
        after=0.9,
        before=1.4,
        till3=till | {"do": says(1.0, 3, "stomp-send jms.queue.sales 4.20")},
    )
    recorder.keep("pier-stomps-to-plain-artemis", watch)


async def test_an_authority_of_ones_own(broker: RabbitMq, certificate: Certificate, recorder: Recorder) -> None:
    """RabbitMQ's certificate is of the company's own authority, and a new container has not got that one."""
    known: Table = {"url": broker.tls_url, "heart_beat": "1700,1700"} | GUEST
    watch = await refused(
        {"fresh": known},
        after=1.9,
        before=1.2,
        built=known | {"cacert": str(certificate.ca), "do": says(1.3, 4, "stomp-send /topic/builds 17")},
    )
    recorder.keep("pier-rabbitmq-tls-own-authority", watch)


async def test_nobody_signed_envoys(start: Starter, recorder: Recorder, tmp_path: Path) -> None:
    """It has one it made for itself; a colleague's client was told so, a laptop's was not. SockJS over https."""
    made = hostile(tmp_path, "localhost")
    server = start(SockJsNode, heartbeat_delay=1500)
    envoy = start(Envoy, server.port, certificate=made)
    base: Table = {"url": f"https://localhost:{envoy.port}/echo", "sockjs_transport": "websocket"}
    watch = await refused({"laptop": base}, after=1.1, before=1.8, desk=base | {"insecure": True, "do": says(1.1, 3)})
    recorder.keep("pier-envoy-sockjs-https-self-signed", watch)


async def test_it_was_there_before_lunch(start: Starter, recorder: Recorder) -> None:
    """A first client came and left in order; then Hypercorn was stopped and not started. One elsewhere is well."""
    app, other = start(Hypercorn), start(NodeWs)
    async with probing("--stdin", **POSTMORTEM) as watch:
        there = {"url": app.url + "/"}
        await opened(watch, first=there | {"do": ["0.4 send hello"]}, elsewhere=ws(other.port, do=says(1.1, 4)))
        await seen(watch, "frame", "first", dir="in", text="hello")
        await ask(watch, "close 1000 done", "first")
        await seen(watch, "close", "first")
        app.end()
        await open_session(watch, name="late", **there)
        await looked(watch, "late")
        await leave(watch, "elsewhere")
    assert not watch.of("open", "late")
    recorder.keep("pier-hypercorn-down-after-lunch-refused", watch)


async def test_the_port_of_another_broker(broker: RabbitMq, recorder: Recorder) -> None:
    """Where ActiveMQ's page says it is, nobody is; RabbitMQ has its own port, and whoever knows it is in."""
    (nobody,) = free_ports(1)
    watch = await refused(
        {"slip": stomp(nobody, "1500,1500")},
        after=1.3,
        before=1.5,
        right=stomp(broker.stomp_port, "1500,1500"),
    )
    recorder.keep("pier-stomp-port-of-the-other-broker-refused", watch)


async def test_a_ticket_that_is_none(start: Starter, recorder: Recorder) -> None:
    """Undertow behind Apache wants a ticket in the query; one gate has another one than it was given."""
    app = start(Undertow, ticket="7f3a91")
    apache = start(Apache, app.port)
    watch = await refused(
        {"gate2": ws(apache.port, "/live?user=gate2&ticket=7f3a19")},
        after=1.0,
        before=1.7,
        gate1=ws(apache.port, "/live?user=gate1&ticket=7f3a91", do=says(1.2, 4)),
    )
    assert answer(watch, "gate2") == 401
    recorder.keep("pier-apache-undertow-ticket-401", watch)

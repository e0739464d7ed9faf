"""Doors, hands and TLS that do not let one of two in: real servers and proxies, here and on another host."""

import datetime
from pathlib import Path

import pytest

from tests.probing import open_session, probing, seen
from tests.servers import certificates
from tests.servers.abroad import kept_out, seen_off
from tests.servers.apache import Apache
from tests.servers.asgi_hosts import Hypercorn
from tests.servers.ashore import doors
from tests.servers.between import Table, answer, opened, refused, says, sockjs, staged, ws
from tests.servers.caddy import Caddy
from tests.servers.frameworks import Sanic, Tornado
from tests.servers.golang import Coder, Gorilla
from tests.servers.haproxy import HaProxy
from tests.servers.lesser import Lighttpd, Varnish
from tests.servers.lines import leave
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeEndings, NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.rustapps import Axum
from tests.servers.starting import Starter
from tests.servers.uvicorn import Uvicorn
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]


def at(**ago: float) -> datetime.datetime:
    """A time so long ago."""
    return datetime.datetime.now(datetime.UTC) - datetime.timedelta(**ago)


async def test_payment(start: Starter, recorder: Recorder) -> None:
    """The plan of one customer has run out: 402 by the application on uvicorn, by Caddy. Another is served."""
    server = start(Uvicorn)
    caddy = start(Caddy, server.port)
    watch = await refused(
        {"acme": ws(caddy.port, "/deny")}, after=1.1, before=0.6, other=ws(caddy.port, do=says(0.9, 4))
    )
    assert answer(watch, "acme") == 402
    recorder.keep("carp-caddy-uvicorn-402", watch)


async def test_hypercorn_fails(start: Starter, recorder: Recorder) -> None:
    """The application on Hypercorn raises before it accepts, again and again, behind HAProxy. Another path is well."""
    server = start(Hypercorn)
    haproxy = start(HaProxy, server.port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, other=ws(haproxy.port, do=says(1.2, 6)))
        await open_session(watch, name="job", **ws(haproxy.port, "/raise", reconnect=True))
        await seen(watch, "close", "job", count=2)
        await leave(watch, "other", status=3)
    assert {line["status"] for line in watch.of("http", "job", dir="in")} == {500}
    recorder.keep("carp-haproxy-hypercorn-raises-500", watch)


async def test_gone(start: Starter, recorder: Recorder) -> None:
    """``Redirect gone`` for the first version of the API; a page polls there. The second is served."""
    server = start(SockJsNode, heartbeat_delay=1700)
    apache = start(Apache, server.port, modules=("alias",), rules="Redirect gone /v1\nProxyPass /v1 !")
    old: Table = {"url": f"http://{LOOPBACK}:{apache.port}/v1/echo", "sockjs_transport": "xhr-polling"}
    watch = await refused(
        {"old": old}, after=0.8, before=0.9, new=sockjs(apache.port, "xhr-streaming", do=says(1.2, 4))
    )
    assert {line["status"] for line in watch.of("http", "old", dir="in")} == {410}
    recorder.keep("carp-apache-sockjs-v1-gone-410", watch)


async def test_varnish_host(start: Starter, recorder: Recorder) -> None:
    """Varnish knows no such host and makes up a 404; who says the right one is let in."""
    server = start(Coder)
    rules = 'if (req.http.host !~ "^live[.]shop[.]example") { return (synth(404, "Unknown host")); }'
    varnish = start(Varnish, server.port, rules=rules)
    base: Table = {"connect_to": f"{LOOPBACK}:{varnish.port}"}
    watch = await refused(
        {"page": base | {"url": "ws://live.shop.test/ws"}}, after=0.7, before=1.0,
        right=base | {"url": "ws://live.shop.example/ws", "do": says(0.8, 4)},
    )  # fmt: skip
    assert answer(watch, "page") == 404
    recorder.keep("carp-varnish-coder-unknown-host-404", watch)


async def test_haproxy_429(start: Starter, recorder: Recorder) -> None:
    """HAProxy on another host counts requests by address; the third one in ten seconds is told 429."""
    with routed() as hosts:
        with hosts.server.inside():
            server = start(Sanic)
            rules = "stick-table type ip size 10k expire 10s store http_req_rate(10s)\n    http-request track-sc0 src\n"
            rules += "    http-request deny deny_status 429 if { sc_http_req_rate(0) gt 2 }"
            haproxy = start(HaProxy, server.port, rules=rules)
        doors(hosts, haproxy)
        url = f"ws://{SERVER}:{haproxy.port}/"
        watch = await kept_out(
            hosts, {"third": {"url": url}}, one={"url": url, "do": says(1.0, 5)}, two={"url": url, "ping_interval": 1.3}
        )
    assert answer(watch, "third") == 429
    recorder.keep("carp-far-haproxy-sanic-429", watch)


async def test_lighttpd_upgrade(start: Starter, recorder: Recorder) -> None:
    """lighttpd in front of coder/websocket was not told of upgrades; past it all is well."""
    server = start(Coder)
    lighttpd = start(Lighttpd, server.port, upgrades=False)
    watch = await refused(
        {"app": ws(lighttpd.port, "/ws")}, after=1.0, before=0.6, past=ws(server.port, "/ws", do=says(0.9, 4))
    )
    assert answer(watch, "app") in (400, 426)
    recorder.keep("carp-lighttpd-coder-upgrade-lost", watch)


async def test_apache_down(start: Starter, recorder: Recorder) -> None:
    """The program behind Apache on another host was killed; who comes is told 503. Another program is well."""
    with routed() as hosts:
        with hosts.server.inside():
            server, other = start(NodeWs), start(NodeWs)
            apache = start(Apache, server.port)
        doors(hosts, apache, other)
        server.end()
        watch = await kept_out(
            hosts,
            {"page": {"url": f"ws://{SERVER}:{apache.port}/"}},
            other={"url": f"ws://{SERVER}:{other.port}/", "do": says(0.9, 5)},
        )
    assert answer(watch, "page") == 503
    recorder.keep("carp-far-apache-503", watch)


async def test_expired(tmp_path: Path, certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """nginx on another host shows a certificate that ran out 50 minutes ago; its new neighbour is well."""
    old = certificates.issue(tmp_path, not_before=at(days=90), not_after=at(minutes=50))
    with routed() as hosts:
        with hosts.server.inside():
            server = start(NodeWs)
            stale, fresh = start(Nginx, server.port, 60, old), start(Nginx, server.port, 60, certificate)
        doors(hosts, stale, fresh)
        base: Table = {"servername": "localhost"}
        watch = await kept_out(
            hosts,
            {"app": base | {"url": f"wss://{SERVER}:{stale.port}/", "cacert": str(old.ca)}},
            new=base | {"url": f"wss://{SERVER}:{fresh.port}/", "cacert": str(certificate.ca), "do": says(0.8, 5)},
        )
    assert watch.of("tls", "app")[0]["ok"] is False
    recorder.keep("carp-far-nginx-cert-expired-50-minutes", watch)


async def test_go_tls(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """gorilla speaks TLS itself on another host; one still says ``ws:``, the other ``wss:``."""
    with routed() as hosts:
        with hosts.server.inside():
            server = start(Gorilla, Cert=str(certificate.chain), Key=str(certificate.key))
        doors(hosts, server)
        where = f"{SERVER}:{server.port}/ws"
        well: Table = {
            "url": f"wss://{where}",
            "servername": "localhost",
            "cacert": str(certificate.ca),
            "do": says(1.0, 5),
        }
        watch = await kept_out(hosts, {"old": {"url": f"ws://{where}"}}, new=well)
    recorder.keep("carp-far-gorilla-plain-to-tls", watch)


async def test_node_client_cert(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Node on another host asks for a certificate of the company's; a new device has none. The plain one is well."""
    with routed() as hosts:
        with hosts.server.inside():
            files = {"cert": str(certificate.chain), "key": str(certificate.key)}
            server, other = start(NodeEndings, ca=str(certificate.ca), **files), start(NodeWs)
        doors(hosts, server, other)
        device: Table = {
            "url": f"wss://{SERVER}:{server.port}/",
            "servername": "localhost",
            "cacert": str(certificate.ca),
        }
        watch = await kept_out(
            hosts, {"device": device}, other={"url": f"ws://{SERVER}:{other.port}/", "do": says(0.9, 5)}
        )
    recorder.keep("carp-far-node-client-cert-missing", watch)


async def test_tornado_too_big(start: Starter, recorder: Recorder) -> None:
    """A message of 9 kB for a Tornado on another host that takes four; another user's are short."""
    with routed() as hosts:
        with hosts.server.inside():
            server = start(Tornado, websocket_max_message_size=4096)
        doors(hosts, server)
        url = f"ws://{SERVER}:{server.port}/"
        tables: dict[str, Table] = {
            "short": {"url": url, "do": says(1.0, 6)},
            "long": {"url": url, "no_compression": True, "do": ["0.9 send hi", "2.2 send-repeat x 9000"]},
        }
        watch = await seen_off(hosts, tables, "long")
    recorder.keep("carp-far-tornado-message-too-big", watch)


async def test_axum_frame(start: Starter, recorder: Recorder) -> None:
    """A client's frame has the opcode 3, which is nobody's; axum behind nginx. Another client is well."""
    nginx = start(Nginx, start(Axum).port)
    tables = {
        "other": ws(nginx.port, "/ws", do=says(1.1, 6)),
        "odd": ws(nginx.port, "/ws", do=["0.8 send hi", "2.0 raw-frame 838200000000" + b"hi".hex()]),
    }
    watch = await staged(tables, "odd")
    recorder.keep("carp-nginx-axum-opcode-3", watch)


async def test_well(start: Starter, recorder: Recorder) -> None:
    """Four in different ways on another host, one leaves by its own wish and comes again; nothing is wrong."""
    with routed() as hosts:
        with hosts.server.inside():
            server, page = start(NodeWs), start(SockJsNode, heartbeat_delay=1900)
        doors(hosts, server, page)
        from tests.watching import watching

        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                busy={"url": f"ws://{SERVER}:{server.port}/", "do": says(0.6, 5, "send 401 Unauthorized")},
                quiet={"url": f"ws://{SERVER}:{server.port}/", "ping_interval": 1.9},
                poll={"url": f"http://{SERVER}:{page.port}/echo", "sockjs_transport": "xhr-polling"},
            )
            await seen(watch, "sockjs", "poll", kind="h", count=3)
            await leave(watch, "busy", "quiet", "poll", status=0)
    recorder.keep("carp-none-far-four-ways", watch)

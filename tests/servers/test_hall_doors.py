"""Doors that do not open: wrong paths, foreign origins, long headers, TLS, certificates, names; streams held back."""

import asyncio
import datetime
from pathlib import Path

import pytest

from tests.probing import ask, open_session, probing, seen
from tests.servers import certificates
from tests.servers.apache import Apache
from tests.servers.ashore import begun, doors
from tests.servers.between import (
    Table,
    answer,
    opened,
    refused,
    says,
    sockjs,
    staged,
    stomp,
    stomps,
    web_stomp,
    ws,
    wss,
)
from tests.servers.caddy import Caddy
from tests.servers.envoy import Envoy
from tests.servers.golang import Coder, Gorilla
from tests.servers.haproxy import HaProxy
from tests.servers.joined import CREW
from tests.servers.jupyter import Jupyter
from tests.servers.jvm import Undertow
from tests.servers.lesser import Hitch, Lighttpd, Rinetd
from tests.servers.lines import echoed, leave, over
from tests.servers.nginx import Certificate
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.node_apps import StompBroker
from tests.servers.ports import LOOPBACK
from tests.servers.python import PythonWs
from tests.servers.python_apps import CoilMq
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.test_wire_doors import names
from tests.watching import POSTMORTEM, Watch, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

DAY = datetime.timedelta(days=1)
ORDER = "stomp-send /queue/orders one"


def now() -> datetime.datetime:
    """The time of day."""
    return datetime.datetime.now(datetime.UTC)


async def test_a_kernel_of_yesterday(start: Starter, recorder: Recorder) -> None:
    """A notebook comes back to a kernel that was culled over night: 404; another's kernel is there. By HAProxy."""
    server = start(Jupyter)
    haproxy = start(HaProxy, server.port)
    gone, there = server.kernel(), server.kernel()
    server.ask("DELETE", f"kernels/{gone}")

    def at(kernel: str) -> Table:
        return {"url": server.of_kernel(kernel).replace(f":{server.port}/", f":{haproxy.port}/")}

    watch = await refused({"old": at(gone)}, new=at(there), after=1.2, before=0.8)
    assert answer(watch, "old") == 404
    recorder.keep("hall-haproxy-jupyter-kernel-gone-404", watch)


async def test_a_path_of_another_cluster(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """``/stomp`` instead of ``/ws`` at RabbitMQ's web_stomp behind Caddy; the twin has it right."""
    caddy = start(Caddy, broker.port)
    right = web_stomp(caddy.port, "3200,3200")
    wrong = right | {"url": f"stomp+ws://{LOOPBACK}:{caddy.port}/stomp"}
    watch = await refused({"wrong": wrong}, right=right, after=1.6, before=1.1)
    assert answer(watch, "wrong") == 404
    recorder.keep("hall-caddy-rabbitmq-path-of-stomp-404", watch)


async def test_a_shop_on_its_new_domain(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """gorilla's Upgrader takes its own host alone; hitch passes the Host on. The page of the host itself is let in."""
    server = start(Gorilla)
    hitch = start(Hitch, server.port, certificate)
    table = wss(hitch.port, certificate) | {"url": f"wss://localhost:{hitch.port}/ws"}
    watch = await refused(
        {"shop": table | {"origin": "https://shop.example"}},
        own=table | {"origin": f"https://localhost:{hitch.port}", "do": says(0.9, 4)},
        after=1.3,
        before=0.7,
    )
    assert answer(watch, "shop") == 403
    recorder.keep("hall-hitch-gorilla-origin-of-a-shop", watch)


async def test_a_preview_of_a_page(start: Starter, recorder: Recorder) -> None:
    """Undertow behind lighttpd lets in one origin; a preview has a host of its own."""
    server = start(Undertow, origin="https://app.ground.example")
    lighttpd = start(Lighttpd, server.port)
    table = ws(lighttpd.port, "/live?user=anna")
    watch = await refused(
        {"preview": table | {"origin": "https://pr-1187.preview.ground.example"}},
        app=table | {"origin": "https://app.ground.example", "do": says(1.1, 4)},
        after=1.5,
    )
    assert answer(watch, "preview") == 403
    recorder.keep("hall-lighttpd-undertow-origin-of-preview", watch)


async def test_cookies_of_many_pages(start: Starter, recorder: Recorder) -> None:
    """Apache's ``LimitRequestFieldSize`` is 8190: one browser has 9 kB of cookies for the domain, another has few."""
    server = start(SockJsNode)
    apache = start(Apache, server.port)
    cookies = "; ".join(f"experiment_{n:02}={'variant-b.' * 21}" for n in range(40))
    table = sockjs(apache.port, "websocket")
    watch = await refused({"old": table | {"cookie": [cookies]}}, new=table | {"do": says(1.0, 4)}, after=1.2)
    assert {line["status"] for line in watch.of("http", "old", dir="in")} <= {400, 431}
    recorder.keep("hall-apache-cookie-of-nine-kilobytes", watch)


async def test_a_token_with_all_groups_of_a_partner(start: Starter, recorder: Recorder) -> None:
    """python-websockets takes header lines of 8 kB; the token of one user names hundreds of groups. Behind rinetd."""
    server = start(PythonWs, ping_interval=None)
    rinetd = start(Rinetd, server.port)

    def user(length: int, *do: str) -> Table:
        return ws(rinetd.port, header=[f"Authorization: Bearer eyJhbGciOiJSUzI1NiJ9.{'Q' * length}"], do=list(do))

    watch = await refused({"partner": user(9400)}, anna=user(640, *says(0.8, 4)), after=1.4, before=0.6)
    assert not watch.of("open", "partner")
    recorder.keep("hall-rinetd-python-token-too-long", watch)


async def test_mod_ssl_is_spoken_to_plainly(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A till was left at ``stomp+ws:`` when Apache's port began to speak TLS; another was changed."""
    broker = start(StompBroker)
    rules = f"SSLEngine on\nSSLCertificateFile {certificate.chain}\nSSLCertificateKeyFile {certificate.key}"
    apache = start(Apache, broker.port, modules=("ssl",), rules=rules)
    base: Table = {"heart_beat": "0,0", "login": "anna", "passcode": "crew"}
    changed = base | {"url": f"stomp+wss://localhost:{apache.port}/stomp", "cacert": str(certificate.ca)}
    watch = await refused(
        {"till": base | {"url": f"stomp+ws://localhost:{apache.port}/stomp"}},
        changed=changed | {"do": says(0.9, 4, ORDER)},
        after=1.1,
        before=0.9,
    )
    assert answer(watch, "till") == 400
    recorder.keep("hall-apache-mod-ssl-spoken-to-plainly", watch)


async def test_stomp_is_said_plainly_to_envoy(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """``stomp:`` to the TLS that Envoy puts in front of CoilMQ; two others know."""
    broker = start(CoilMq)
    envoy = start(Envoy, broker.port, tcp={}, certificate=certificate)
    crew: Table = CREW | {"stomp_version": "1.0,1.1", "do": says(1.2, 4, ORDER)}
    watch = await refused(
        {"plain": stomp(envoy.port, "0,0", CREW)},
        sealed=stomps(envoy.port, "0,0", certificate, crew),
        straight=stomp(broker.port, "0,0", crew),
        after=1.7,
    )
    recorder.keep("hall-envoy-stomp-plain-to-its-tls", watch)


async def test_a_certificate_runs_out_unnoticed(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """Who is in stays in; then stunnel is restarted, and the till that comes back is shown an expired one."""
    ends = now() + datetime.timedelta(seconds=9)
    short = certificates.issue(tmp_path, not_before=ends - 90 * DAY, not_after=ends)
    broker = start(CoilMq)
    stunnel = start(Stunnel, broker.port, short)

    async def strike(watch: Watch) -> None:
        await asyncio.sleep((ends - now()).total_seconds() + 1.5)
        await seen(watch, "stomp", "till", command="SEND", dir="out", count=3)
        await asyncio.to_thread(stunnel.end)
        await asyncio.to_thread(stunnel.begin)
        await seen(watch, "tls", "till", ok=False)

    crew: Table = CREW | {"stomp_version": "1.0,1.1"}
    tables = {
        "straight": stomp(broker.port, "0,0", crew, do=says(2.1, 14, ORDER)),
        "till": stomps(stunnel.port, "0,0", short, crew, reconnect=True, do=says(1.6, 8, ORDER)),
    }
    watch = await staged(tables, "till", strike=strike, stage="tls")
    recorder.keep("hall-stunnel-restarted-certificate-ran-out", watch)


async def test_a_certificate_of_last_night(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """The one of a service in Go ran out five hours ago, and nobody else is there."""
    old = certificates.issue(tmp_path, not_before=now() - 365 * DAY, not_after=now() - datetime.timedelta(hours=5))
    server = start(Coder, Cert=str(old.chain), Key=str(old.key))
    watch = await refused({"A": wss(server.port, old, ping_interval=4.0) | {"url": server.tls_url}})
    assert watch.of("tls", "A")[0]["ok"] is False
    recorder.keep("hall-coder-certificate-of-last-night-alone", watch)


async def test_a_resolver_dies_under_a_feed(start: Starter, recorder: Recorder) -> None:
    """The feed connects anew after the office's resolver has died; who is in, by an address, stays in."""
    with routed() as hosts:
        server = await begun(hosts.server, start, NodeWs)
        doors(hosts, server)
        names(hosts, "timeout:1 attempts:1", live__ground__example=SERVER)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                address={"url": f"ws://{SERVER}:{server.port}/", "do": says(1.7, 14)},
                feed={"url": f"ws://live.ground.example:{server.port}/", "do": says(1.1, 4)},
            )
            await echoed(watch, 2, "feed")
            hosts.router.wall("udp dport 53 drop", name="resolver")
            await ask(watch, "reconnect", "feed")
            await seen(watch, "close", "feed", count=2)
            await over(watch, "feed")
            await echoed(watch, 1, "address")
            await leave(watch, "address")
    assert len(watch.of("open", "feed")) == 1
    recorder.keep("hall-dns-resolver-dies-before-a-reconnect", watch)


async def test_a_name_of_the_cluster(start: Starter, recorder: Recorder) -> None:
    """A configuration was copied from a pod: nobody outside knows ``mq.prod.svc.cluster.local``. Its public name is."""
    with routed() as hosts:
        broker = await begun(hosts.server, start, CoilMq)
        doors(hosts, broker)
        names(hosts, "timeout:2 attempts:1", mq__ground__example=SERVER)
        base: Table = CREW | {"heart_beat": "0,0", "stomp_version": "1.0,1.1", "vhost": "localhost"}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            public = base | {"url": f"stomp://mq.ground.example:{broker.port}", "do": says(1.1, 12, ORDER)}
            await opened(watch, public=public)
            inner = base | {"url": f"stomp://mq.prod.svc.cluster.local:{broker.port}"}
            await open_session(watch, name="inner", **inner)
            await over(watch, "inner")
            await seen(watch, "stomp", "public", command="SEND", dir="out", count=2)
            await leave(watch, "public", status=3)
    recorder.keep("hall-dns-cluster-name-from-a-laptop", watch)


async def test_caddy_holds_a_stream_back(start: Starter, recorder: Recorder) -> None:
    """``response_buffers`` for SockJS's streams, and a socket goes by the same way."""
    server = start(SockJsNode, heartbeat_delay=1100)
    held = f"reverse_proxy /echo/*/*/xhr_streaming {LOOPBACK}:{server.port} {{\n response_buffers 64KiB\n }}"
    caddy = start(Caddy, server.port, rules=held)
    watch = await refused(
        {"stream": sockjs(caddy.port, "xhr-streaming", open_timeout=5.1)},
        socket=sockjs(caddy.port, "websocket", do=says(1.2, 6)),
    )
    recorder.keep("hall-caddy-holds-a-stream-of-node", watch)


async def test_a_certificate_has_minutes_left(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """It is good for eleven more minutes: three are let in by Envoy and hitch and talk as long as they like."""
    ends = now() + datetime.timedelta(minutes=11)
    last = certificates.issue(tmp_path, not_before=ends - 90 * DAY, not_after=ends)
    server, broker = start(NodeWs), start(CoilMq)
    envoy, hitch = start(Envoy, server.port, certificate=last), start(Hitch, broker.port, last)
    crew: Table = CREW | {"stomp_version": "1.0,1.1", "do": says(1.3, 8, ORDER)}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            page=wss(envoy.port, last, do=says(1.1, 8)),
            quiet=wss(envoy.port, last, ping_interval=2.2),
            till=stomps(hitch.port, "0,0", last, crew),
        )
        await echoed(watch, 5, "page")
        await leave(watch, "page", "quiet", "till", status=0)
    recorder.keep("hall-certificate-of-its-last-minutes-and-well", watch)

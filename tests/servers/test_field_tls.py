"""TLS that is not agreed on in the field: hitch, stunnel, Caddy and gunicorn, and boxes that come in between."""

import asyncio
import datetime
from pathlib import Path

import pytest

from tests.probing import open_session, seen
from tests.servers import certificates
from tests.servers.asgi_hosts import Gunicorn
from tests.servers.between import opened, refused, says, sockjs, stomp, stomps, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.frameworks import Sanic
from tests.servers.joined import CREW
from tests.servers.lesser import Hitch
from tests.servers.lines import echoed, leave, open_doors, over
from tests.servers.nginx import Certificate
from tests.servers.ports import LOOPBACK
from tests.servers.python_apps import CoilMq, SockJsTornado
from tests.servers.recordings import Recorder
from tests.servers.routed import INSIDE, SERVER, routed
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.test_wire_doors import names, trusts
from tests.servers.test_wire_tls import assert_not_trusted, place
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)
QUEUE = "stomp-send /queue/orders one"


def sealed(start: Starter, certificate: Certificate, *options: str) -> Gunicorn:
    """gunicorn that speaks TLS itself."""
    files = ("--certfile", str(certificate.chain), "--keyfile", str(certificate.key))
    return start(Gunicorn, "uvicorn.workers.UvicornWorker", *files, *options)


async def test_stomp_is_said_to_hitch(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """``stomp:`` instead of ``stomps:`` to the TLS in front of CoilMQ; the twin has it right."""
    broker = start(CoilMq)
    hitch = start(Hitch, broker.port, certificate)
    watch = await refused(
        {"plain": stomp(hitch.port, "0,0", CREW)},
        sealed=stomps(hitch.port, "0,0", certificate, CREW, do=[f"0.7 {QUEUE}"]),
        after=1.4,
    )
    recorder.keep("field-tls-expected-hitch-coilmq", watch)


async def test_the_load_test_forgot_the_s(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Two sessions with ``ws:`` to gunicorn's TLS, and the one that was there before says ``wss:``."""
    server = await asyncio.to_thread(sealed, start, certificate)
    plain = ws(server.port, "/live")
    watch = await refused(
        {"one": plain, "two": plain}, browser=wss(server.port, certificate, do=says(0.8, 2.6, "send tick")), after=1.9
    )
    recorder.keep("field-tls-expected-gunicorn-two", watch)


async def test_coilmq_has_no_tls(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """``stomps:`` to a broker that was never told of certificates; a plain one is let in."""
    broker = start(CoilMq)
    watch = await refused(
        {"sealed": stomps(broker.port, "0,0", certificate, CREW, open_timeout=4.6)},
        plain=stomp(broker.port, "0,0", CREW, vhost="localhost", do=[f"0.9 {QUEUE}"]),
        before=0.4,
    )
    assert watch.the("end", "sealed")["phase"] == "tls"
    recorder.keep("field-tls-not-spoken-coilmq", watch)


async def test_sockjs_tornado_has_no_tls(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """``https:`` to the port of the development server, streaming; nobody else is there."""
    server = start(SockJsTornado)
    url = f"https://localhost:{server.port}/echo"
    watch = await refused({"A": {"url": url, "sockjs_transport": "xhr-streaming", "cacert": str(certificate.ca)}})
    assert watch.the("end", "A")["phase"] == "tls"
    recorder.keep("field-tls-not-spoken-sockjs-tornado-alone", watch)


async def test_nobody_renewed_hitchs(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """Forty minutes ago it ran out, over night; one session that beats nothing, alone."""
    old = certificates.issue(tmp_path, not_before=NOW - 90 * DAY, not_after=NOW - DAY / 36)
    broker = start(CoilMq)
    hitch = start(Hitch, broker.port, old)
    watch = await refused({"A": stomps(hitch.port, "0,0", old, CREW)})
    assert_not_trusted(watch, "A")
    recorder.keep("field-cert-expired-hitch-coilmq-alone", watch)


async def test_gunicorns_ran_out_last_year(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """Two clients look, one does not (``--insecure``) and talks all the while."""
    old = certificates.issue(tmp_path, not_before=NOW - 700 * DAY, not_after=NOW - 335 * DAY)
    server = await asyncio.to_thread(sealed, start, old)
    look = wss(server.port, old)
    blind = {"url": f"wss://localhost:{server.port}/", "insecure": True, "do": says(0.9, 3, "send tick")}
    watch = await refused({"phone": look, "tablet": look | {"ping_interval": 3.0}}, kiosk=blind, after=1.3)
    assert_not_trusted(watch, "phone", "tablet")
    recorder.keep("field-cert-expired-gunicorn-two", watch)


async def test_the_new_one_is_for_monday(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """SockJS over https by hitch, whose new certificate begins in three days; a stream goes past hitch."""
    early = certificates.issue(tmp_path, not_before=NOW + 3 * DAY, not_after=NOW + 93 * DAY)
    server = start(SockJsTornado)
    hitch = start(Hitch, server.port, early)
    table = {"url": f"https://localhost:{hitch.port}/echo", "sockjs_transport": "xhr-polling", "cacert": str(early.ca)}
    past = sockjs(server.port, "xhr-streaming", do=says(0.8, 2.5, "send tick"))
    watch = await refused({"sealed": table}, past=past, after=1.1)
    assert watch.of("tls", "sealed")[0]["ok"] is False
    recorder.keep("field-cert-not-yet-hitch-sockjs-tornado", watch)


async def test_a_virus_scanner_reads_along(
    tmp_path: Path, start: Starter, certificate: Certificate, recorder: Recorder
) -> None:
    """A box on the way begins to answer in gunicorn's place, with a certificate of its own; who is in stays in."""
    theirs = certificates.issue(place(tmp_path, "theirs"))
    with routed() as hosts:
        with hosts.server.inside():
            server = sealed(start, certificate)
        with hosts.router.inside():
            box = start(Hitch, server.port, theirs)
        hosts.router.set(net__ipv4__conf__all__route_localnet=1)
        open_doors(hosts.server, server.port)
        table = {"url": f"wss://{SERVER}:{server.port}/live"} | trusts(certificate)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, early=table | {"do": says(1.2, 14, "send tick")})
            await echoed(watch, 1, "early")
            rule = f"iifname lan tcp dport {server.port} tcp flags & (syn | ack) == syn dnat ip to 127.0.0.1:{box.port}"
            hosts.router.wall(rule, "prerouting", "nat", name="box")
            await open_session(watch, name="late", **table)
            await over(watch, "late")
            await echoed(watch, 1, "early")
            await leave(watch, "early", status=3)
    assert_not_trusted(watch, "late")
    recorder.keep("field-cert-untrusted-box-gunicorn", watch)


async def test_a_short_name(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """In the office ``live`` leads there too, but the certificate has the long name alone: who says that is let in."""
    named = certificates.issue(tmp_path, "live.ground.example")
    with routed() as hosts:
        with hosts.server.inside():
            server = start(Sanic)
            hitch = start(Hitch, server.port, named)
        open_doors(hosts.server, hitch.port)
        names(hosts, "timeout:2 attempts:2", live=SERVER, live__ground__example=SERVER)
        ca = {"cacert": str(named.ca)}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            long = {"url": f"wss://live.ground.example:{hitch.port}/", "do": says(1.3, 12, "send tick")}
            await opened(watch, long=long | ca)
            await open_session(watch, name="short", url=f"wss://live:{hitch.port}/", **ca)
            await over(watch, "short")
            await echoed(watch, 1, "long")
            await leave(watch, "long", status=3)
    assert_not_trusted(watch, "short")
    recorder.keep("field-cert-name-short-hitch-sanic", watch)


async def test_the_partner_must_show_who_it_is(
    certificate: Certificate, tmp_path: Path, start: Starter, recorder: Recorder
) -> None:
    """stunnel with ``verifyChain`` in front of CoilMQ: one partner has its certificate, two come without."""
    ours = certificates.issue_client(tmp_path)
    broker = start(CoilMq)
    stunnel = start(Stunnel, broker.port, certificate, client_ca=ours.ca)
    table = stomps(stunnel.port, "0,0", certificate, CREW)
    watch = await refused(
        {"bare": table, "bare-too": table},
        shown=table | {"cert": str(ours.chain), "key": str(ours.key), "do": [f"0.6 {QUEUE}"]},
        after=0.9,
    )
    recorder.keep("field-client-cert-stunnel-coilmq", watch)


async def test_gunicorn_asks_who_comes(
    certificate: Certificate, tmp_path: Path, start: Starter, recorder: Recorder
) -> None:
    """``--cert-reqs 2``, switched on in a new release; one session alone."""
    ours = certificates.issue_client(tmp_path)
    server = await asyncio.to_thread(sealed, start, certificate, "--cert-reqs", "2", "--ca-certs", str(ours.ca))
    watch = await refused({"A": wss(server.port, certificate, ping_interval=5.0)})
    recorder.keep("field-client-cert-gunicorn-alone", watch)


async def test_caddy_has_nothing_for_an_address(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """It has a certificate for its site's name alone: who goes there by 127.0.0.1 gets an alert."""
    named = certificates.issue(tmp_path, "localhost")
    server = start(Sanic)
    caddy = start(Caddy, server.port, tls=f"{named.chain} {named.key}")
    watch = await refused(
        {"address": {"url": f"wss://{LOOPBACK}:{caddy.port}/", "cacert": str(named.ca)}},
        name=wss(caddy.port, named, do=says(0.7, 2.2, "send tick")),
        after=1.0,
    )
    assert watch.the("end", "address")["phase"] == "tls"
    recorder.keep("field-tls-caddy-by-address", watch)


async def test_a_box_has_something_against_a_name(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Whoever says ``chat.example`` in the first words of TLS gets a RST; other names of the host are let pass."""
    with routed() as hosts:
        with hosts.server.inside():
            server = sealed(start, certificate)
        open_doors(hosts.server, server.port)
        hosts.weather(word="chat.example")
        url = f"wss://{SERVER}:{server.port}/live"
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, news={"url": url, "do": says(1.4, 13, "send tick")} | trusts(certificate))
            await open_session(watch, name="chat", url=url, cacert=str(certificate.ca), servername="chat.example")
            await seen(watch, "close", "chat")
            await over(watch, "chat")
            await echoed(watch, 1, "news")
            await leave(watch, "news", status=3)
    end = watch.the("end", "chat")
    assert (end["how"], end["phase"]) == ("reset", "tls")
    assert INSIDE not in str(watch.of("resolved", "chat"))
    recorder.keep("field-reset-name-filter-gunicorn", watch)

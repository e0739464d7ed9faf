"""TLS that is not agreed on: who speaks none, who expects it, and certificates nobody can believe."""

import asyncio
from pathlib import Path

import pytest

from tests.probing import open_session, probing, seen
from tests.servers import certificates
from tests.servers.asgi_hosts import Gunicorn
from tests.servers.between import direct, opened, refused, says, wss
from tests.servers.caddy import Caddy
from tests.servers.frameworks import Tornado
from tests.servers.joined import GUEST
from tests.servers.jvm import Artemis
from tests.servers.lines import leave, open_doors, over
from tests.servers.nginx import Certificate
from tests.servers.node import NodeEndings, SockJsNode
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.routed import OTHER, SERVER, routed
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.test_ways_tls import DAY, NOW, pem
from tests.servers.test_wire_doors import TALK
from tests.servers.test_wire_tls import assert_not_trusted
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_artemis_speaks_no_tls(artemis: Artemis, certificate: Certificate, recorder: Recorder) -> None:
    """``stomps:`` was copied from the live system; the acceptor of the test system is plain. The twin knows."""
    table = {"heart_beat": "3700,2900", "login": "anna", "passcode": "crew"}
    sealed = {"url": f"stomps://localhost:{artemis.port}", "cacert": str(certificate.ca), "open_timeout": 5.3}
    watch = await refused({"sealed": sealed | table}, plain={"url": artemis.tcp_url, "do": says(1.1, 4, TALK)} | table)
    assert watch.the("end", "sealed")["phase"] == "tls"
    recorder.keep("road-tls-not-spoken-artemis", watch)


async def test_caddy_expects_tls(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """``http:`` to the port of ``https:``, from a page that polls; who says ``https:`` polls well."""
    server = start(SockJsNode, heartbeat_delay=2700)
    caddy = start(Caddy, server.port, tls=f"{certificate.chain} {certificate.key}")
    polls = {"sockjs_transport": "xhr-polling", "open_timeout": 6.6}
    sealed = {"url": f"https://localhost:{caddy.port}/echo", "cacert": str(certificate.ca)}
    watch = await refused(
        {"plain": {"url": f"http://localhost:{caddy.port}/echo"} | polls},
        sealed=sealed | polls | {"do": says(1.4, 5, "send tick")},
    )
    recorder.keep("road-tls-expected-caddy-polls", watch)


async def test_the_second_address_is_not_in_it(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """A certificate for an address: the host has got another one since, and stunnel shows the same there."""
    numbered = certificates.issue(tmp_path, SERVER)
    with routed() as hosts:
        with hosts.server.inside():
            server = start(SockJsNode, heartbeat_delay=2300)
            stunnel = start(Stunnel, server.port, numbered)
        open_doors(hosts.server, stunnel.port)
        table = {"cacert": str(numbered.ca), "sockjs_transport": "xhr-streaming"}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            old = {"url": f"https://{SERVER}:{stunnel.port}/echo", "do": says(1.3, 9, "send tick")}
            await opened(watch, old=old | table)
            await open_session(watch, name="new", url=f"https://{OTHER}:{stunnel.port}/echo", **table)
            await over(watch, "new")
            await leave(watch, "old", status=3)
    assert watch.of("tls", "new")[0]["ok"] is False
    recorder.keep("road-cert-name-stunnel-second-address", watch)


async def test_spring_was_hardened_long_ago(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """TLS 1.2 and one cipher of those days, by ``server.ssl.ciphers``; one session alone, over an XHR stream."""
    own = certificates.issue(tmp_path)
    old = ("--server.ssl.enabled-protocols=TLSv1.2", "--server.ssl.ciphers=TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA")
    spring = await asyncio.to_thread(start, Spring, (*pem(own), *old), heart_beat="2700,2700")
    url = {"url": f"stomp+https://localhost:{spring.port}/sockjs", "cacert": str(own.ca)}
    watch = await refused({"A": url | {"sockjs_transport": "xhr-streaming", "heart_beat": "5400,5400"}})
    assert watch.of("tls", "A")[0]["ok"] is False
    recorder.keep("road-tls-no-cipher-spring-alone", watch)


async def test_gunicorn_wants_to_know_who_comes(
    certificate: Certificate, tmp_path: Path, start: Starter, recorder: Recorder
) -> None:
    """``--cert-reqs 2``: one device has its certificate, the new one was delivered without."""
    ours = certificates.issue_client(tmp_path)
    files = (f"--certfile={certificate.chain}", f"--keyfile={certificate.key}", f"--ca-certs={ours.ca}")
    server = await asyncio.to_thread(
        lambda: start(Gunicorn, "uvicorn.workers.UvicornWorker", *files, "--cert-reqs=2", "--timeout=40")
    )
    table = {"url": f"{server.tls_url}/live", "cacert": str(certificate.ca), "open_timeout": 6.1}
    watch = await refused(
        {"new": table},
        old=table | {"cert": str(ours.chain), "key": str(ours.key), "do": says(0.8, 3, "send tick")},
        before=0.9,
    )
    recorder.keep("road-client-cert-gunicorn", watch)


async def test_caddy_certifies_itself(start: Starter, recorder: Recorder) -> None:
    """``tls internal`` and nobody who took its root: a developer's session alone."""
    server = start(Tornado)
    caddy = start(Caddy, server.port, tls="internal")
    watch = await refused({"A": {"url": f"wss://localhost:{caddy.port}/live", "ping_interval": 6.5}})
    assert_not_trusted(watch, "A")
    recorder.keep("road-cert-untrusted-caddy-internal-alone", watch)


async def test_the_broker_got_next_months(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """RabbitMQ's certificate is from in nine days on; who comes to its plain port is let in, and publishes."""
    early = certificates.issue(tmp_path, not_before=NOW + 9 * DAY, not_after=NOW + 99 * DAY)
    broker = await asyncio.to_thread(start, RabbitMq, early)
    table = {"url": broker.tls_url, "heart_beat": "4600,3800", "cacert": str(early.ca)} | GUEST
    watch = await refused({"sealed": table}, plain=direct(broker, "2300,1900") | {"do": says(1.2, 3, TALK)})
    assert_not_trusted(watch, "sealed")
    recorder.keep("road-cert-not-yet-rabbitmq", watch)


async def test_nobody_renewed_it(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """Node's own TLS, over for eleven days; one session, whose user wants no look after it."""
    old = certificates.issue(tmp_path, not_before=NOW - 101 * DAY, not_after=NOW - 11 * DAY)
    server = await asyncio.to_thread(start, NodeEndings, cert=str(old.chain), key=str(old.key))
    async with probing("--stdin") as watch:
        await open_session(watch, name="A", **wss(server.port, old, open_timeout=7.4))
        await seen(watch, "close", "A")
        assert await watch.finish() == 3
    assert_not_trusted(watch, "A")
    recorder.keep("road-cert-expired-node-alone", watch)

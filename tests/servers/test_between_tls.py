"""TLS that HAProxy or stunnel ends, with certificates that do not hold, and words of the wrong kind at a port."""

import datetime
from pathlib import Path

import pytest

from tests.servers import certificates
from tests.servers.activemq import ActiveMq
from tests.servers.between import TCP, direct, refused, stomp, stomps, web_stomp, ws, wss
from tests.servers.haproxy import HaProxy
from tests.servers.joined import CREW
from tests.servers.nginx import Certificate
from tests.servers.node import NodeWs
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel

pytestmark = [pytest.mark.real, pytest.mark.extra]

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


async def test_nobody_trusts_haproxys_certificate(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """Of the company's own authority: who was told of it is let in."""
    haproxy = start(HaProxy, broker.port, certificate=certificate)
    url = {"url": f"stomp+wss://localhost:{haproxy.port}/ws"}
    watch = await refused(
        {"strict": web_stomp(0, "3000,3000") | url},
        told=web_stomp(0, "3000,3000", cacert=str(certificate.ca)) | url,
    )
    assert watch.the("tls", "strict")["ok"] is False
    recorder.keep("between-haproxy-certificate-untrusted", watch)


async def test_haproxys_certificate_has_expired(
    activemq: ActiveMq, tmp_path: Path, start: Starter, recorder: Recorder
) -> None:
    """In front of ActiveMQ; who goes past it, and who does not look, are let in."""
    old = certificates.issue(tmp_path, not_before=NOW - 91 * DAY, not_after=NOW - DAY)
    haproxy = start(HaProxy, activemq.port, certificate=old, options=TCP)
    watch = await refused(
        {"looks": stomps(haproxy.port, "2000,2000", old, CREW)},
        past=direct(activemq, "2000,2000"),
        blind=stomps(haproxy.port, "2000,2000", old, CREW, insecure=True),
    )
    assert watch.the("tls", "looks")["ok"] is False
    recorder.keep("between-haproxy-certificate-expired", watch)


async def test_stunnels_certificate_is_for_another(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """It names the public host; who asks for that by name is let in."""
    server = start(NodeWs)
    public = certificates.issue(tmp_path, "live.ground.example")
    stunnel = start(Stunnel, server.port, public)
    watch = await refused(
        {"A": wss(stunnel.port, public), "B": wss(stunnel.port, public)},
        named=wss(stunnel.port, public, servername="live.ground.example"),
    )
    assert watch.the("tls", "A")["ok"] is False
    recorder.keep("between-stunnel-certificate-for-another", watch)


@pytest.mark.parametrize("kind", ["haproxy-ws", "stunnel-stomp"])
async def test_plain_words_to_its_tls_port(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder, kind: str
) -> None:
    if kind == "haproxy-ws":
        server = start(NodeWs)
        port = start(HaProxy, server.port, certificate=certificate).port
        watch = await refused({"plain": ws(port)}, tls=wss(port, certificate))
    else:
        port = start(Stunnel, broker.stomp_port, certificate).port
        plain = stomp(port, "1000,1000", open_timeout=4)
        watch = await refused({"plain": plain}, tls=stomps(port, "1000,1000", certificate))
    recorder.keep(f"between-{kind}-plain-to-tls", watch)


@pytest.mark.parametrize("kind", ["haproxy-wss", "ssh-stomps"])
async def test_tls_to_its_plain_port(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder, kind: str
) -> None:
    if kind == "haproxy-wss":
        server = start(NodeWs)
        port = start(HaProxy, server.port).port
        watch = await refused({"tls": wss(port, certificate)}, plain=ws(port))
    else:
        port = start(SshTunnel, broker.stomp_port).port
        tls = stomps(port, "1000,1000", certificate, open_timeout=3)
        watch = await refused({"tls": tls}, plain=stomp(port, "1000,1000"))
    recorder.keep(f"between-{kind}-tls-to-plain", watch)

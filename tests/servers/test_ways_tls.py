"""Certificates that do not hold, or that we have none of, and TLS too old for us, at servers' own doors."""

import asyncio
import datetime
from pathlib import Path

import pytest

from tests.servers import certificates
from tests.servers.asgi_hosts import Hypercorn
from tests.servers.between import refused, says, ws, wss
from tests.servers.haproxy import HaProxy
from tests.servers.joined import GUEST
from tests.servers.nginx import Certificate, Nginx
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.test_wire_doors import TALK
from tests.servers.test_wire_tls import assert_not_trusted, place
from tests.servers.uvicorn import Uvicorn

pytestmark = [pytest.mark.real, pytest.mark.extra]

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


def pem(certificate: Certificate) -> tuple[str, ...]:
    """The options that have Spring Boot speak TLS itself."""
    return (
        f"--server.ssl.certificate=file:{certificate.chain}",
        f"--server.ssl.certificate-private-key=file:{certificate.key}",
    )


async def test_springs_own_has_expired(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """Three days ago, while nginx in front of the same application has a new one."""
    old = certificates.issue(place(tmp_path, "old"), not_before=NOW - 93 * DAY, not_after=NOW - 3 * DAY)
    new = certificates.issue(place(tmp_path, "new"))
    beats = {"heart_beat": "2900,2900"}
    spring = await asyncio.to_thread(start, Spring, pem(old), heart_beat="2900,2900")
    backend = await asyncio.to_thread(start, Spring, heart_beat="2900,2900")
    nginx = start(Nginx, backend.port, certificate=new)
    watch = await refused(
        {
            "past": {
                "url": f"stomp+https://localhost:{spring.port}/sockjs",
                "cacert": str(old.ca),
                "sockjs_transport": "websocket",
            }
            | beats
        },
        through={"url": f"stomp+wss://localhost:{nginx.port}/ws", "cacert": str(new.ca), "do": [f"0.5 {TALK}"]} | beats,
    )
    assert watch.of("tls", "past")[0]["ok"] is False
    recorder.keep("ways-cert-expired-spring-boot", watch)


async def test_the_new_one_starts_at_midnight(
    echo_port: int, tmp_path: Path, start: Starter, recorder: Recorder
) -> None:
    """HAProxy in front of python-websockets, and one session alone."""
    early = certificates.issue(tmp_path, not_before=NOW + DAY / 60, not_after=NOW + 90 * DAY)
    haproxy = start(HaProxy, echo_port, certificate=early)
    watch = await refused({"A": wss(haproxy.port, early, ping_interval=4.5)})
    assert_not_trusted(watch, "A")
    recorder.keep("ways-cert-not-yet-haproxy-alone", watch)


async def test_nobody_told_us_of_the_authority(broker: RabbitMq, certificate: Certificate, recorder: Recorder) -> None:
    """RabbitMQ's certificate is of the company's own: one session was given that, the other goes by the system's."""
    table = {"url": broker.tls_url, "heart_beat": "2400,1900"} | GUEST
    watch = await refused({"new": table}, told=table | {"cacert": str(certificate.ca), "do": [f"0.6 {TALK}"]})
    assert_not_trusted(watch, "new")
    recorder.keep("ways-cert-untrusted-rabbitmq-own-authority", watch)


async def test_it_names_no_address(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """Hypercorn's certificate is for ``localhost``: who says 127.0.0.1 is not content with it."""
    named = certificates.issue(tmp_path, "localhost")
    files: dict[str, str] = {"certfile": str(named.chain), "keyfile": str(named.key)}
    server = start(Hypercorn, **files)  # type: ignore[arg-type]
    watch = await refused(
        {"address": {"url": f"wss://{LOOPBACK}:{server.port}/live", "cacert": str(named.ca)}},
        name=wss(server.port, named, do=says(0.7, 2.2, "send tick")),
    )
    assert_not_trusted(watch, "address")
    recorder.keep("ways-cert-name-hypercorn-by-address", watch)


async def test_rabbitmq_wants_to_know_who_comes(
    certificate: Certificate, tmp_path: Path, start: Starter, recorder: Recorder
) -> None:
    """``fail_if_no_peer_cert``: one shows its certificate, the other has none."""
    ours = certificates.issue_client(tmp_path)
    both = Certificate(certificate.chain, certificate.key, tmp_path / "both.pem")
    both.ca.write_text(certificate.ca.read_text() + ours.ca.read_text())
    conf = ("ssl_options.verify = verify_peer", "ssl_options.fail_if_no_peer_cert = true")
    broker = await asyncio.to_thread(start, RabbitMq, both, conf=conf)
    table = {"url": broker.tls_url, "heart_beat": "2600,2200", "cacert": str(certificate.ca)} | GUEST
    watch = await refused(
        {"bare": table}, shown=table | {"cert": str(ours.chain), "key": str(ours.key), "do": [f"0.8 {TALK}"]}
    )
    recorder.keep("ways-client-cert-rabbitmq", watch)


async def test_nginx_knows_old_ciphers_alone(
    certificate: Certificate, tmp_path: Path, start: Starter, recorder: Recorder
) -> None:
    """Configured ten years ago: no cipher in common. The plain port of the same application is used meanwhile."""
    server = start(Uvicorn)
    rules = "ssl_protocols TLSv1.2; ssl_ciphers AES128-SHA:@SECLEVEL=0;"
    nginx = start(Nginx, server.port, certificate=certificate, rules=rules)
    watch = await refused(
        {"sealed": wss(nginx.port, certificate)}, plain=ws(server.port, "/live", do=says(0.9, 2, "send tick"))
    )
    assert_not_trusted(watch, "sealed")
    recorder.keep("ways-tls-no-cipher-nginx", watch)

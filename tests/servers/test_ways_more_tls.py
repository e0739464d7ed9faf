"""More certificates that do not hold: at brokers, at proxies and at applications that speak TLS themselves."""

import asyncio
import datetime
from pathlib import Path

import pytest

from tests.probing import open_session, probing, seen
from tests.servers import certificates
from tests.servers.activemq import ActiveMq
from tests.servers.between import direct, refused, stomps, web_stomp, wss
from tests.servers.haproxy import HaProxy
from tests.servers.joined import CREW
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import SockJsNode
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.test_ways_tls import DAY, NOW, pem
from tests.servers.test_wire_doors import TALK
from tests.servers.test_wire_tls import assert_not_trusted
from tests.servers.uvicorn import Uvicorn

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_stunnels_has_expired(activemq: ActiveMq, tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """A year's certificate, over for two hours, in front of ActiveMQ; the terminal next to it goes past stunnel."""
    old = certificates.issue(tmp_path, not_before=NOW - 365 * DAY, not_after=NOW - DAY / 12)
    stunnel = start(Stunnel, activemq.port, old)
    watch = await refused(
        {"till": stomps(stunnel.port, "6000,2500", old, CREW)}, past=direct(activemq, "1700,2300"), before=0.7
    )
    assert_not_trusted(watch, "till")
    recorder.keep("ways-cert-expired-stunnel-activemq", watch)


async def test_the_servers_clock_is_ahead(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """uvicorn's certificate was made on a machine whose clock is a quarter of an hour ahead. No look is wanted."""
    fresh = certificates.issue(tmp_path, not_before=NOW + datetime.timedelta(minutes=14), not_after=NOW + 30 * DAY)
    server = await asyncio.to_thread(start, Uvicorn, ssl_certfile=fresh.chain, ssl_keyfile=fresh.key)
    async with probing("--stdin") as watch:
        await open_session(watch, name="A", **wss(server.port, fresh))
        await seen(watch, "close", "A")
        assert await watch.finish() == 3
    assert_not_trusted(watch, "A")
    recorder.keep("ways-cert-not-yet-uvicorn-alone", watch)


async def test_spring_signed_its_own(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """A test system with a certificate of its own making; one session was told of it."""
    own = certificates.hostile(tmp_path, "localhost")
    spring = await asyncio.to_thread(start, Spring, pem(own), heart_beat="2500,2500")
    table = {"url": f"stomp+https://localhost:{spring.port}/sockjs", "heart_beat": "2500,2500"}
    watch = await refused(
        {"new": table | {"sockjs_transport": "xhr-streaming"}},
        told=table | {"cacert": str(own.ca), "sockjs_transport": "websocket", "do": [f"0.5 {TALK}"]},
    )
    assert watch.of("tls", "new")[0]["ok"] is False
    recorder.keep("ways-cert-untrusted-spring-own", watch)


async def test_the_new_host_has_the_old_certificate(
    broker: RabbitMq, tmp_path: Path, start: Starter, recorder: Recorder
) -> None:
    """nginx shows ``www``'s to who asks for ``orders``: nobody has made one for the new name yet."""
    www = certificates.issue(tmp_path, "www.ground.example", "ground.example")
    nginx = start(Nginx, broker.port, certificate=www)
    way = {"connect_to": f"{LOOPBACK}:{nginx.port}", "cacert": str(www.ca)}
    watch = await refused(
        {"orders": web_stomp(0, "4200,3600") | way | {"url": "stomp+wss://orders.ground.example/ws"}},
        www=web_stomp(0, "2100,1600") | way | {"url": "stomp+wss://www.ground.example/ws"},
    )
    assert_not_trusted(watch, "orders")
    recorder.keep("ways-cert-name-nginx-new-host", watch)


async def test_spring_wants_to_know_who_comes(
    certificate: Certificate, tmp_path: Path, start: Starter, recorder: Recorder
) -> None:
    """``server.ssl.client-auth=need``: one session alone, that polls and has nothing to show."""
    ours = certificates.issue_client(tmp_path)
    options = (*pem(certificate), "--server.ssl.client-auth=need", f"--server.ssl.trust-certificate=file:{ours.ca}")
    spring = await asyncio.to_thread(start, Spring, options, heart_beat="3000,3000")
    url = {"url": f"stomp+https://localhost:{spring.port}/sockjs", "cacert": str(certificate.ca)}
    watch = await refused({"A": url | {"sockjs_transport": "xhr-polling", "heart_beat": "3000,3000"}})
    recorder.keep("ways-client-cert-spring-alone", watch)


async def test_no_curve_in_common(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """HAProxy as an authority's guideline has it: brainpool's curves alone. The intranet's door takes all."""
    server = await asyncio.to_thread(start, SockJsNode, heartbeat_delay=1900)
    pair = start(HaProxy, server.port, certificate=certificate)
    (port,) = free_ports(1)
    bundle = certificate.chain.with_name("bundle.pem")
    bundle.write_text(certificate.chain.read_text() + certificate.key.read_text())
    start(HaProxy, server.port, rules=f"bind {LOOPBACK}:{port} ssl crt {bundle} curves brainpoolP384r1")
    table = {"cacert": str(certificate.ca), "sockjs_transport": "xhr-streaming"}
    watch = await refused(
        {"outer": {"url": f"https://localhost:{port}/echo"} | table},
        inner={"url": f"https://localhost:{pair.port}/echo", "do": ["0.6 send tick"]} | table,
    )
    assert watch.of("tls", "outer")[0]["ok"] is False
    recorder.keep("ways-tls-no-curve-haproxy-sockjs", watch)

"""Certificates that do not hold and TLS that is not agreed on, at the doors of servers people run every day."""

import asyncio
import datetime
from pathlib import Path

import pytest
import trustme

from tests.probing import open_session, probing, seen
from tests.servers import certificates
from tests.servers.activemq import ActiveMq
from tests.servers.between import direct, opened, refused, says, stomp, stomps, web_stomp, wss
from tests.servers.haproxy import HaProxy
from tests.servers.joined import CREW
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeEndings, SockJsNode
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.uvicorn import Uvicorn
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

NOW = datetime.datetime.now(datetime.UTC)
HOUR = datetime.timedelta(hours=1)


def secured(start: Starter, certificate: Certificate, **options: object) -> Uvicorn:
    """uvicorn that speaks TLS itself."""
    return start(Uvicorn, ssl_certfile=certificate.chain, ssl_keyfile=certificate.key, **options)


def place(tmp_path: Path, name: str) -> Path:
    """A directory for one more set of certificates."""
    directory = tmp_path / name
    directory.mkdir()
    return directory


def assert_not_trusted(watch: Watch, *sessions: str) -> None:
    """TLS was tried and not agreed on."""
    for session in sessions:
        assert watch.the("tls", session)["ok"] is False
        assert watch.the("end", session)["phase"] == "tls"


async def test_it_expires_under_those_who_are_in(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """uvicorn's certificate runs out: who came before stays and talks, who comes after is not content with it."""
    ends = datetime.datetime.now(datetime.UTC).replace(microsecond=0) + datetime.timedelta(seconds=9)
    short = certificates.issue(tmp_path, not_before=NOW - 2160 * HOUR, not_after=ends)
    server = await asyncio.to_thread(secured, start, short)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, early=wss(server.port, short, do=says(1.9, 20, "send tick")))
        await asyncio.sleep((ends - datetime.datetime.now(datetime.UTC)).total_seconds() + 1.2)
        await open_session(watch, name="late", **wss(server.port, short))
        await looked(watch, "late")
        echoes = len(watch.of("frame", "early", opcode=1, dir="in"))
        await seen(watch, "frame", "early", opcode=1, dir="in", count=echoes + 1)
        assert not watch.of("close", "early")
        assert await watch.finish() == 3
    assert_not_trusted(watch, "late")
    recorder.keep("wire-cert-expired-between-two", watch)


async def test_the_brokers_own_has_expired(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """RabbitMQ's, minutes ago, and one session alone that wants nothing but that."""
    old = certificates.issue(tmp_path, not_before=NOW - 24 * HOUR, not_after=NOW - HOUR / 20)
    broker = await asyncio.to_thread(start, RabbitMq, old)
    table = {"url": broker.tls_url, "heart_beat": "7000,7000", "login": "guest", "passcode": "guest", "vhost": "/"}
    watch = await refused({"orders": table | {"cacert": str(old.ca)}})
    assert_not_trusted(watch, "orders")
    recorder.keep("wire-cert-expired-rabbitmq-alone", watch)


async def test_it_is_of_tomorrow(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """SockJS over https, nginx in front: the new certificate is in its place a day early; the old name still works."""
    server = await asyncio.to_thread(start, SockJsNode, heartbeat_delay=4000)
    new = certificates.issue(place(tmp_path, "new"), not_before=NOW + 19 * HOUR, not_after=NOW + 900 * HOUR)
    good = certificates.issue(place(tmp_path, "good"))
    early = start(Nginx, server.port, certificate=new)
    right = start(Nginx, server.port, certificate=good)
    trusts = str(new.ca)
    watch = await refused(
        {"new": {"url": f"https://localhost:{early.port}/echo", "sockjs_transport": "xhr-streaming", "cacert": trusts}},
        old={
            "url": f"https://localhost:{right.port}/echo",
            "sockjs_transport": "xhr-polling",
            "cacert": str(good.ca),
            "do": ["0.3 send tick"],
        },
    )
    assert watch.of("tls", "new")[0]["ok"] is False
    recorder.keep("wire-cert-not-yet-sockjs-https", watch)


async def test_its_clock_was_in_another_zone(
    activemq: ActiveMq, tmp_path: Path, start: Starter, recorder: Recorder
) -> None:
    """stunnel in front of ActiveMQ, its certificate made for two hours from now; who goes past it is let in."""
    ahead = certificates.issue(tmp_path, not_before=NOW + 2 * HOUR, not_after=NOW + 8760 * HOUR)
    stunnel = start(Stunnel, activemq.port, ahead)
    watch = await refused(
        {"feed": stomps(stunnel.port, "3400,2700", ahead, CREW, subscribe=["/topic/feed"])},
        past=direct(activemq, "2100,2100"),
    )
    assert_not_trusted(watch, "feed")
    recorder.keep("wire-cert-not-yet-stunnel-activemq", watch)


async def test_it_signed_itself(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """A Node server on somebody's desk with a certificate of its own making, and nobody who looks away."""
    own = certificates.hostile(tmp_path, "localhost")
    server = start(NodeEndings, cert=str(own.chain), key=str(own.key))
    watch = await refused({"A": {"url": server.tls_url}})
    assert_not_trusted(watch, "A")
    recorder.keep("wire-cert-self-signed-node-alone", watch)


async def test_the_one_in_between_is_missing(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """nginx sends its own certificate and not the intermediate's: who has that from elsewhere is let in."""
    root = trustme.CA()
    middle = root.create_child_ca()
    leaf = middle.issue_cert("localhost", LOOPBACK)
    files = Certificate(tmp_path / "leaf.pem", tmp_path / "key.pem", tmp_path / "root.pem")
    leaf.cert_chain_pems[0].write_to_path(str(files.chain))
    leaf.private_key_pem.write_to_path(str(files.key))
    root.cert_pem.write_to_path(str(files.ca))
    both = tmp_path / "both.pem"
    both.write_bytes(root.cert_pem.bytes() + middle.cert_pem.bytes())
    spring = await asyncio.to_thread(start, Spring, heart_beat="2600,2600")
    nginx = start(Nginx, spring.port, certificate=files)
    url = {"url": f"stomp+wss://localhost:{nginx.port}/ws", "heart_beat": "2600,2600"}
    watch = await refused(
        {"browser": url | {"cacert": str(files.ca)}},
        desktop=url | {"cacert": str(both), "do": ["0.4 stomp-send /topic/a one"]},
    )
    assert_not_trusted(watch, "browser")
    recorder.keep("wire-cert-no-intermediate-nginx-spring", watch)


async def test_a_star_stands_for_one_word_only(
    broker: RabbitMq, tmp_path: Path, start: Starter, recorder: Recorder
) -> None:
    """HAProxy's certificate is for ``*.ground.example``: live.ground.example is one of those, eu.live… is not."""
    star = certificates.issue(tmp_path, "*.ground.example")
    haproxy = start(HaProxy, broker.port, certificate=star)
    way = {"connect_to": f"{LOOPBACK}:{haproxy.port}", "cacert": str(star.ca)}
    watch = await refused(
        {"eu": web_stomp(0, "5100,4300") | way | {"url": "stomp+wss://eu.live.ground.example/ws"}},
        live=web_stomp(0, "1800,1800") | way | {"url": "stomp+wss://live.ground.example/ws"},
    )
    assert_not_trusted(watch, "eu")
    recorder.keep("wire-cert-star-haproxy-rabbitmq", watch)


async def test_the_live_system_by_a_tunnel(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """``ssh -L`` to the live system: its certificate does not name ``localhost``; who says its name is let in."""
    server = await asyncio.to_thread(start, SockJsNode, heartbeat_delay=3000)
    live = certificates.issue(tmp_path, "chat.ground.example")
    nginx = start(Nginx, server.port, certificate=live, rules="proxy_buffering off;")
    tunnel = await asyncio.to_thread(start, SshTunnel, nginx.port)
    url = {"url": f"https://localhost:{tunnel.port}/echo", "cacert": str(live.ca)}
    watch = await refused(
        {"desk": url | {"sockjs_transport": "websocket"}},
        told=url | {"sockjs_transport": "xhr-streaming", "servername": "chat.ground.example"},
    )
    assert watch.of("tls", "desk")[0]["ok"] is False
    recorder.keep("wire-cert-other-name-ssh-sockjs", watch)


async def test_haproxy_wants_to_know_who_comes(
    certificate: Certificate, tmp_path: Path, start: Starter, recorder: Recorder
) -> None:
    """``verify required`` and TLS 1.2: the alert says no more than that the handshake failed; a twin shows its own."""
    server = start(Uvicorn, ws_ping_interval=5, ws_ping_timeout=5)
    ours = certificates.issue_client(place(tmp_path, "ours"))
    pem = tmp_path / "front.pem"
    pem.write_text(certificate.chain.read_text() + certificate.key.read_text())
    (port,) = free_ports(1)
    bind = f"bind {LOOPBACK}:{port} ssl crt {pem} ca-file {ours.ca} verify required ssl-max-ver TLSv1.2"
    start(HaProxy, server.port, rules=bind)
    watch = await refused(
        {"bare": wss(port, certificate)},
        shown=wss(port, certificate, cert=str(ours.chain), key=str(ours.key), do=["0.7 send tick"]),
    )
    recorder.keep("wire-client-cert-haproxy-tls12", watch)


async def test_uvicorn_wants_to_know_who_comes(
    certificate: Certificate, tmp_path: Path, start: Starter, recorder: Recorder
) -> None:
    """``--ssl-cert-reqs 2``: with TLS 1.3 we think the handshake done before it says no."""
    ours = certificates.issue_client(place(tmp_path, "ours"))
    server = secured(start, certificate, ssl_ca_certs=ours.ca, ssl_cert_reqs=2)
    watch = await refused({"A": wss(server.port, certificate)})
    recorder.keep("wire-client-cert-uvicorn-alone", watch)


async def test_haproxy_knows_no_such_name(
    certificate: Certificate, start: Starter, tmp_path: Path, recorder: Recorder
) -> None:
    """``strict-sni``: it has a certificate for its customers' names alone, and ``localhost`` is none of them."""
    spring = await asyncio.to_thread(start, Spring, heart_beat="3300,3300")
    customer = certificates.issue(place(tmp_path, "customer"), "acme.ground.example")
    pem = tmp_path / "customer.pem"
    pem.write_text(customer.chain.read_text() + customer.key.read_text())
    (port,) = free_ports(1)
    start(HaProxy, spring.port, rules=f"bind {LOOPBACK}:{port} ssl crt {pem} strict-sni")
    url = {"url": f"stomp+https://localhost:{port}/sockjs", "cacert": str(customer.ca), "heart_beat": "3300,3300"}
    watch = await refused(
        {"unnamed": url | {"sockjs_transport": "websocket"}},
        acme=url | {"sockjs_transport": "xhr-streaming", "servername": "acme.ground.example"},
    )
    assert watch.of("tls", "unnamed")[0]["ok"] is False
    recorder.keep("wire-tls-strict-sni-haproxy-spring", watch)


async def test_an_old_broker_speaks_old_tls(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """RabbitMQ told to speak TLS 1.1 alone; STOMP without TLS is let in."""
    conf = ("ssl_options.versions.1 = tlsv1.1",)
    broker = await asyncio.to_thread(start, RabbitMq, certificate, conf=conf)
    table = {"url": broker.tls_url, "heart_beat": "2300,2300", "login": "guest", "passcode": "guest", "vhost": "/"}
    watch = await refused(
        {"sealed": table | {"cacert": str(certificate.ca)}}, plain=stomp(broker.stomp_port, "1700,1900")
    )
    assert_not_trusted(watch, "sealed")
    recorder.keep("wire-tls-old-version-rabbitmq", watch)

"""Doors that stay shut at night: bills, failing starts, wrong ports, queues, clerks who do not answer, clocks."""

import asyncio
import datetime
from pathlib import Path

import pytest

from tests.probing import open_session, probing, seen
from tests.servers import certificates
from tests.servers.activemq import ActiveMq
from tests.servers.apache import Apache
from tests.servers.asgi_hosts import Daphne
from tests.servers.between import Table, answer, opened, refused, says, staged, ws
from tests.servers.envoy import Envoy
from tests.servers.haproxy import HaProxy
from tests.servers.joined import GUEST
from tests.servers.jvm import Vertx
from tests.servers.lines import leave
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeEndings, NodeWs
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.scripted import Connection, ScriptedServer
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.uvicorn import Uvicorn
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_bill_is_not_paid(start: Starter, recorder: Recorder) -> None:
    """uvicorn answers 402 to one path, behind Apache; another path of the same site is served."""
    server = start(Uvicorn)
    apache = start(Apache, server.port)
    watch = await refused(
        {"archive": ws(apache.port, "/deny")}, after=0.8, before=0.7, live=ws(apache.port, "/", do=says(0.7, 3))
    )
    assert answer(watch, "archive") == 402
    recorder.keep("tide-apache-uvicorn-payment-required", watch)


async def test_an_application_fails_at_the_door(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Daphne answers 500 because its application fails before it accepts; another path is well. By nginx, TLS."""
    server = start(Daphne)
    nginx = start(Nginx, server.port, certificate=certificate)
    table: Table = {"cacert": str(certificate.ca)}
    watch = await refused(
        {"orders": {"url": f"wss://localhost:{nginx.port}/raise"} | table},
        after=0.9,
        before=0.6,
        chat={"url": f"wss://localhost:{nginx.port}/chat", "do": says(0.8, 3)} | table,
    )
    assert answer(watch, "orders") == 500
    recorder.keep("tide-nginx-daphne-fails-500", watch)


async def test_the_port_that_speaks_amqp(broker: RabbitMq, certificate: Certificate, recorder: Recorder) -> None:
    """A page was given 5672 and TLS for RabbitMQ's WebSocket; a daemon speaks STOMP at its TLS port and is well."""
    trust: Table = {"cacert": str(certificate.ca), "heart_beat": "1800,1800"} | GUEST
    wrong = {"url": f"stomp+wss://localhost:{broker.amqp_port}/ws", "open_timeout": 6} | trust
    watch = await refused({"page": wrong}, after=0.8, before=0.9, daemon={"url": broker.tls_url} | trust)
    assert watch.the("end", "page")["phase"] == "tls"
    recorder.keep("tide-web-stomp-tls-to-amqp-port", watch)


async def test_the_port_of_the_other_stomp(activemq: ActiveMq, start: Starter, recorder: Recorder) -> None:
    """STOMP over WebSocket is tried at 61613, where ActiveMQ speaks STOMP plainly; a daemon does it right."""
    wrong: Table = {"url": f"stomp+ws://{LOOPBACK}:{activemq.port}/ws", "open_timeout": 5, "login": "ground"}
    right: Table = {"url": activemq.url, "heart_beat": "1700,1700", "login": "ground", "passcode": "crew"}
    watch = await refused({"page": wrong | {"passcode": "crew"}}, after=0.9, before=0.9, daemon=right)
    recorder.keep("tide-web-stomp-to-stomp-port", watch)


async def test_all_seats_are_taken(start: Starter, recorder: Recorder) -> None:
    """HAProxy lets one connection at a time through to the server; who is second waits in its queue for ever."""
    server = start(NodeWs)
    haproxy = start(HaProxy, server.port, options="default-server maxconn 1\n    timeout queue 60s")
    watch = await refused(
        {"second": ws(haproxy.port, open_timeout=4.5)}, after=0.7, before=0.3, first=ws(haproxy.port, do=says(1.1, 7))
    )
    assert not watch.of("http", "second", dir="in")
    recorder.keep("tide-haproxy-queue-full", watch)


async def test_the_clerk_of_logins_does_not_answer(
    certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """RabbitMQ asks a web service who bert is, and that never answers; guest is known to the broker itself."""

    def clerk(connection: Connection) -> None:
        connection.read_request()
        connection.hold()

    with ScriptedServer(clerk) as service:
        asks = [f"auth_http.{what}_path = http://{LOOPBACK}:{service.port}/{what}" for what in ("user", "vhost")]
        conf = ("auth_backends.1 = internal", "auth_backends.2 = http", *asks)
        broker = start(RabbitMq, certificate, plugins=("rabbitmq_auth_backend_http",), conf=conf)
        bert: Table = {"login": "bert", "passcode": "crew", "vhost": "/", "heart_beat": "2000,2000", "open_timeout": 6}
        async with probing("--stdin", **POSTMORTEM) as watch:
            await opened(watch, guest={"url": broker.url, "heart_beat": "1600,1600"} | GUEST)
            await open_session(watch, name="bert", url=broker.url, **bert)
            await looked(watch, "bert")
            await leave(watch, "guest", status=3)
    assert watch.of("http", "bert", dir="in", status=101) and not watch.of("stomp", "bert", dir="in")
    recorder.keep("tide-rabbitmq-login-never-answered", watch)


def _tomorrow(directory: Path) -> Certificate:
    directory.mkdir()
    now = datetime.datetime.now(datetime.UTC)
    return certificates.issue(
        directory, not_before=now + datetime.timedelta(hours=9), not_after=now + datetime.timedelta(days=90)
    )


async def test_a_new_certificate_is_put_in_too_early(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """Envoy shows it before it is good; a page inside the building goes to Spring directly and is well."""
    early = _tomorrow(tmp_path / "early")
    spring = await asyncio.to_thread(start, Spring, heart_beat="1900,1900")
    envoy = start(Envoy, spring.port, certificate=early)
    outside: Table = {"url": f"stomp+wss://localhost:{envoy.port}/ws", "cacert": str(early.ca)}
    inside: Table = {"url": f"stomp+ws://{LOOPBACK}:{spring.port}/ws", "heart_beat": "1900,1900"}
    watch = await refused({"outside": outside}, after=1.0, before=1.2, inside=inside)
    recorder.keep("tide-cert-not-yet-envoy-spring", watch)


async def test_a_colleague_does_not_look_at_it(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """Node's own TLS, its certificate good from tomorrow on: who does not check is well, who checks is not."""
    early = _tomorrow(tmp_path / "early")
    server = start(NodeEndings, cert=str(early.chain), key=str(early.key))
    careless: Table = {"url": server.tls_url, "insecure": True, "do": says(0.8, 4)}
    careful: Table = {"url": server.tls_url, "cacert": str(early.ca), "do": says(0.8, 4)}
    watch = await refused({"careful": careful}, after=1.1, before=0.8, careless=careless)
    recorder.keep("tide-cert-not-yet-node-one-careless", watch)


async def test_envoy_deals_polls_out(start: Starter, recorder: Recorder) -> None:
    """Vert.x twice behind Envoy's round robin, and nothing that keeps a poll with its session."""
    one, two = start(Vertx), start(Vertx)
    places = [
        {"endpoint": {"address": {"socket_address": {"address": LOOPBACK, "port_value": server.port}}}}
        for server in (one, two)
    ]
    assignment = {"cluster_name": "back", "endpoints": [{"lb_endpoints": places}]}
    envoy = start(Envoy, one.port, cluster={"load_assignment": assignment, "lb_policy": "ROUND_ROBIN"})
    base = f"http://{LOOPBACK}:{envoy.port}/echo"

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "socket", dir="in", opcode=1, count=2)

    tables: dict[str, Table] = {
        "socket": {"url": base, "sockjs_transport": "websocket", "do": says(0.9, 6)},
        "polls": {"url": base, "sockjs_transport": "xhr-polling", "do": says(0.6, 4, "send turn")},
    }
    watch = await staged(tables, "polls", strike=strike)
    recorder.keep("tide-envoy-vertx-polls-not-sticky", watch)

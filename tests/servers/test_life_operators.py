"""Operators that close connections, brokers that an application has lost, and servers that are in maintenance."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.probing import open_session, probing, seen
from tests.servers.activemq import ActiveMq
from tests.servers.between import Table, opened, refused, says, staged, stomp, stomps, web_stomp, ws, wss
from tests.servers.haproxy import HaProxy
from tests.servers.joined import beaten
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs
from tests.servers.node_apps import Rules
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.socat import Socat
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

CLOSE = '[amqp_direct_connection:server_close(One, 320, <<"{why}">>) || One <- {those}].'
"""What "Force Close" of RabbitMQ's management says for those of its STOMP connections."""
OLDEST = "lists:sublist(lists:sort(rabbit_direct:list()), 1)"
ALL_BUT_THE_LAST = "lists:droplast(lists:sort(rabbit_direct:list()))"


@pytest.fixture(scope="module")
def rabbit(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate) -> Iterator[RabbitMq]:
    """The broker of this module; nobody ends it, but its connections are closed."""
    broker = RabbitMq(tmp_path_factory.mktemp("rabbit"), certificate)
    yield broker
    broker.stop()


def over(spring: Spring, transport: str, beats: str = "0,0", **options: object) -> Table:
    """STOMP with a Spring application."""
    url = spring.ws_url if transport == "ws" else spring.sockjs_url
    table: Table = {"url": url, "heart_beat": beats} | options
    return table if transport == "ws" else table | {"sockjs_transport": transport}


async def test_an_operator_closes_one_of_two_behind_haproxy(
    rabbit: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """Both beat every 2.1 s over TLS; the one that talks is closed."""
    haproxy = start(HaProxy, rabbit.port, certificate=certificate)
    through = web_stomp(0, "2100,2100", url=f"stomp+wss://localhost:{haproxy.port}/ws", cacert=str(certificate.ca))

    async def strike(watch: Watch) -> None:
        await beaten(watch, "board", 2)
        order = CLOSE.format(why="Closed via management plugin", those=OLDEST)
        await asyncio.to_thread(rabbit.ctl, "eval", order)

    tables = {"seller": through | {"do": says(0.7, 5, "stomp-send /topic/life sold")}, "board": through}
    watch = await staged(tables, "seller", strike=strike)
    recorder.keep("life-rabbitmq-wss-operator-closes-one", watch)


async def test_an_operator_closes_all_of_a_user(rabbit: RabbitMq, certificate: Certificate, recorder: Recorder) -> None:
    """Two sessions of a user over TCP and TLS; another user's stays."""
    for order in (("add_user", "clerk", "clerk"), ("set_permissions", "clerk", ".*", ".*", ".*")):
        await asyncio.to_thread(rabbit.ctl, *order)
    clerk = {"login": "clerk", "passcode": "clerk", "vhost": "/"}
    tls_port = int(rabbit.tls_url.rpartition(":")[2])

    async def strike(watch: Watch) -> None:
        await beaten(watch, "desk", 3)
        order = CLOSE.format(why="leaves the company today", those=ALL_BUT_THE_LAST)
        await asyncio.to_thread(rabbit.ctl, "eval", order)

    tables = {
        "desk": stomps(tls_port, "1300,1300", certificate, clerk),
        "till": stomp(rabbit.stomp_port, "0,0", clerk),
        "boss": stomp(rabbit.stomp_port, "1300,1300"),
    }
    watch = await staged(tables, "desk", "till", strike=strike)
    recorder.keep("life-rabbitmq-operator-closes-a-user", watch)


async def test_springs_way_to_its_broker_is_cut(rabbit: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """The forwarder between the two ends; the broker itself is well, as one who goes straight to it sees."""
    way = start(Socat, rabbit.stomp_port)
    spring = start(Spring, relay=way.port, inbound_threads=1)

    async def strike(watch: Watch) -> None:
        await beaten(watch, "desk", 2)
        await asyncio.to_thread(way.end)

    tables = {
        "desk": over(spring, "ws", "1800,1800", do=says(0.9, 5, "stomp-send /topic/life one")),
        "phone": over(spring, "xhr-streaming", "1800,1800"),
        "straight": stomp(rabbit.stomp_port, "1800,1800"),
    }
    watch = await staged(tables, "desk", "phone", strike=strike)
    recorder.keep("life-spring-relay-way-cut", watch)


async def test_springs_activemq_is_gone(own_activemq: ActiveMq, start: Starter, recorder: Recorder) -> None:
    """It is stopped under one session; a second that comes afterwards is told. Another server is well."""
    ground = "ground:crew"
    spring = start(Spring, relay=own_activemq.port, relay_system=ground, relay_client=ground)
    other = start(NodeWs)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, other=ws(other.port), early=over(spring, "websocket", "2500,2500"))
        await beaten(watch, "early", 1)
        own_activemq.sigkill()
        await seen(watch, "close", "early")
        await open_session(watch, name="late", **over(spring, "ws", "2500,2500"))
        await looked(watch, "early", "late")
        assert await watch.finish() == 1
    recorder.keep("life-spring-relay-activemq-gone", watch)


async def test_spring_is_in_maintenance(start: Starter, recorder: Recorder) -> None:
    """It says 503 to SockJS and to WebSocket; Tomcat makes the page. Another of its kind is well."""
    closed, well = start(Spring, door=503), start(Spring, heart_beat="1500,1500")
    tables = {"phone": over(closed, "websocket"), "desk": over(closed, "ws")}
    watch = await refused(tables, well=over(well, "websocket", "1500,1500"))
    recorder.keep("life-spring-503", watch)


async def test_one_path_is_in_maintenance(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """The application's own 503 passes nginx, with a word about when to come back; another path of it is well."""
    body = '{"status":"maintenance","message":"Trading is closed until 18:00 UTC"}'
    headers = {"Retry-After": "7200", "Content-Type": "application/json"}
    only = {"/trade": {"status": "503 Service Unavailable", "headers": headers, "body": body}}
    server = start(Rules, only=only)
    nginx = start(Nginx, server.port, certificate=certificate)
    there = f"wss://localhost:{nginx.port}"
    watch = await refused(
        {"trade": wss(nginx.port, certificate) | {"url": f"{there}/trade"}},
        news=wss(nginx.port, certificate, do=says(0.9, 3)) | {"url": f"{there}/news"},
    )
    recorder.keep("life-node-503-behind-nginx", watch)

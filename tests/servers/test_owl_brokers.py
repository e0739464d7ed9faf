"""One RabbitMQ that its operators look after: a queue, a virtual host, its stop for maintenance; and one Artemis."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.probing import probing, seen
from tests.servers.apache import Apache
from tests.servers.between import Table, direct, opened, says, sockjs, staged, stomp, web_stomp, ws
from tests.servers.joined import ANNA, GUEST, beaten
from tests.servers.jvm import Artemis
from tests.servers.lesser import Rinetd
from tests.servers.lines import leave
from tests.servers.nginx import Certificate
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

PICK = "stomp-send /queue/picks 17"


@pytest.fixture(scope="module")
def rabbit(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate) -> Iterator[RabbitMq]:
    """The broker of this module."""
    broker = RabbitMq(tmp_path_factory.mktemp("rabbit"), certificate)
    yield broker
    broker.stop()


async def test_a_queue_is_deleted(rabbit: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """An operator deletes a queue that two read, one by Apache; they are told and hear no more, and another's stays."""
    apache = start(Apache, rabbit.port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            other=web_stomp(apache.port, "3300,3300", subscribe=["/queue/stock"], do=says(0.8, 3, PICK)),
            reader=web_stomp(apache.port, "3300,3300", subscribe=["/queue/picks"]),
            robot=stomp(rabbit.stomp_port, "3300,3300", GUEST, subscribe=["/queue/picks"]),
        )
        for name in ("reader", "robot"):
            await seen(watch, "stomp", name, command="MESSAGE")
        await asyncio.to_thread(rabbit.ctl, "delete_queue", "picks")
        for name in ("reader", "robot"):
            await seen(watch, "stomp", name, dir="in", command="ERROR")
        await beaten(watch, "reader", 1)
        await leave(watch, "other", "reader", "robot")
    recorder.keep("owl-apache-rabbitmq-queue-of-two-deleted", watch)


async def test_a_virtual_host_is_deleted(rabbit: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """The virtual host of a customer who left is deleted under two sessions of his; another customer's stays."""
    way = start(Rinetd, rabbit.stomp_port)
    await asyncio.to_thread(rabbit.ctl, "add_vhost", "acme")
    await asyncio.to_thread(rabbit.ctl, "set_permissions", "-p", "acme", "guest", ".*", ".*", ".*")
    acme = GUEST | {"vhost": "acme"}

    async def strike(watch: Watch) -> None:
        await beaten(watch, "feed", 2)
        await asyncio.to_thread(rabbit.ctl, "delete_vhost", "acme")

    tables = {
        "globex": stomp(way.port, "1900,1900", do=says(1.1, 7, PICK)),
        "feed": stomp(way.port, "1900,1900", acme, do=says(0.7, 6, PICK)),
        "board": web_stomp(rabbit.port, "1900,1900") | acme,
    }
    watch = await staged(tables, "feed", "board", strike=strike)
    recorder.keep("owl-rinetd-rabbitmq-customer-s-vhost-deleted", watch)


async def test_the_relay_has_no_broker(rabbit: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """``rabbitmqctl stop_app`` under a Spring relay: its socket and its stream are told; who is elsewhere stays."""
    page = start(SockJsNode, heartbeat_delay=1700)
    relay = await asyncio.to_thread(start, Spring, relay=rabbit.stomp_port, heart_beat="2000,2000")
    beats: Table = {"heart_beat": "2000,2000"}

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "socket", command="SEND", dir="out", count=3)
        await asyncio.to_thread(rabbit.ctl, "stop_app")

    tables = {
        "elsewhere": sockjs(page.port, "websocket"),
        "socket": {"url": relay.ws_url, "do": says(0.8, 6, "stomp-send /topic/a b")} | beats,
        "stream": {"url": relay.sockjs_url, "sockjs_transport": "xhr-streaming"} | beats,
    }
    try:
        watch = await staged(tables, "socket", "stream", strike=strike)
    finally:
        await asyncio.to_thread(rabbit.ctl, "start_app")
    recorder.keep("owl-spring-relay-rabbitmq-in-maintenance", watch)


async def test_maintenance(rabbit: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """``stop_app`` and, when it has stopped, ``start_app``: two clients come back. Another server is well."""
    other = start(NodeWs)

    async def strike(watch: Watch) -> None:
        await beaten(watch, "tcp", 2)
        await asyncio.to_thread(rabbit.ctl, "stop_app")
        await asyncio.to_thread(rabbit.ctl, "start_app")
        for name in ("tcp", "web"):
            await seen(watch, "stomp", name, command="CONNECTED", count=2)
        await asyncio.sleep(0.7)

    tables = {
        "elsewhere": ws(other.port, do=says(2.1, 16)),
        "tcp": direct(rabbit, "2500,2500") | {"reconnect": True},
        "web": web_stomp(rabbit.port, "2500,2500", do=says(0.9, 3, PICK), reconnect=True),
    }
    watch = await staged(tables, "tcp", "web", strike=strike)
    recorder.keep("owl-rabbitmq-maintenance-and-back", watch)


async def test_an_operator_closes_a_user_s(artemis: Artemis, start: Starter, recorder: Recorder) -> None:
    """``closeConnectionsForUser`` of Artemis while one sells and one only listens; another user's goes on."""
    way = start(Rinetd, artemis.port)
    bert = ANNA | {"login": "bert"}

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "till", command="SEND", dir="out", count=3)
        await asyncio.to_thread(artemis.manage, "user bert")

    tables = {
        "anna": stomp(way.port, "1800,1800", ANNA, do=says(1.2, 6, "stomp-send /topic/turns on")),
        "till": stomp(way.port, "1800,1800", bert, do=says(0.7, 6, "stomp-send /topic/turns on")),
        "board": {"url": artemis.ws_url, "heart_beat": "1800,1800"} | bert,
    }
    watch = await staged(tables, "till", "board", strike=strike)
    recorder.keep("owl-rinetd-artemis-operator-closes-bert", watch)

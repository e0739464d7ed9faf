"""A Spring application whose broker is RabbitMQ, by its relay: the broker goes, the client does, a queue does."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.probing import seen
from tests.servers.between import Table, opened, stomp
from tests.servers.frozen import frozen
from tests.servers.lines import beaten
from tests.servers.nginx import Certificate
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import starting
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


@pytest.fixture(scope="module")
def rabbit(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate) -> Iterator[RabbitMq]:
    """The broker behind; the last tests of this module end it."""
    broker = RabbitMq(tmp_path_factory.mktemp("rabbit"), certificate)
    yield broker
    broker.stop()


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, rabbit: RabbitMq) -> Iterator[Spring]:
    """The application."""
    with starting(tmp_path_factory.mktemp("fleet")) as start:
        yield start(Spring, relay=rabbit.stomp_port, inbound_threads=1, sockjs_heart_beat=2400)


def at(port: int, beats: str, **options: object) -> Table:
    """STOMP over a plain WebSocket."""
    return {"url": f"stomp+ws://{LOOPBACK}:{port}/ws", "heart_beat": beats} | options


def page(port: int, transport: str, beats: str = "4000,4000", **options: object) -> Table:
    """STOMP over SockJS."""
    url = f"stomp+http://{LOOPBACK}:{port}/sockjs"
    return {"url": url, "sockjs_transport": transport, "heart_beat": beats} | options


async def test_the_broker_stands_still(rabbit: RabbitMq, fleet: Spring, recorder: Recorder) -> None:
    """No beats of the broker come through, while Spring itself answers pings; they are left while it lasts."""
    async with watching("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            desk=at(fleet.port, "1300,1300", ping_interval=1.6, subscribe=["/topic/trips"]),
            board=page(fleet.port, "websocket", "1300,1300"),
            straight=stomp(rabbit.stomp_port, "0,1300", close_timeout=1.0),
        )
        await beaten(watch, 2, "desk", "board", "straight")
        with frozen(rabbit.pid):
            pongs = len(watch.of("frame", "desk", opcode=10, dir="in"))
            await seen(watch, "frame", "desk", opcode=10, dir="in", count=pongs + 3)
            await watch.command("quit")
            await watch.finish(40)
    recorder.keep("bleak-relay-broker-stands-still", watch)
    await asyncio.sleep(1)

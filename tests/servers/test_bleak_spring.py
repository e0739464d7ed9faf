"""A Spring shop with its own simple broker: what its tabs, terminals and administrators write tickets about."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.probing import ask
from tests.servers.between import Table, opened, says
from tests.servers.lines import beaten, leave
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import starting
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

CART = "stomp-send /topic/carts 1"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spring]:
    """The application of this module; its last tests end it."""
    with starting(tmp_path_factory.mktemp("shop")) as start:
        yield start(
            Spring,
            options=("--server.shutdown=immediate",),
            heart_beat="1300,1300",
            sockjs_heart_beat=2100,
            sockjs_disconnect_delay=1800,
            message_size_limit=6000,
            inbound_threads=1,
            send_time_limit=1200,
            send_buffer_limit=18000,
            kernel_buffer=8192,
            first_message=3000,
            origins="https://shop.example",
            one_session="4010/You were signed in from another browser",
        )


def at(port: int, beats: str = "0,0", **options: object) -> Table:
    """STOMP over a plain WebSocket."""
    return {"url": f"stomp+ws://{LOOPBACK}:{port}/ws", "heart_beat": beats} | options


def page(port: int, transport: str, beats: str = "0,0", **options: object) -> Table:
    """STOMP over SockJS."""
    url = f"stomp+http://{LOOPBACK}:{port}/sockjs"
    return {"url": url, "sockjs_transport": transport, "heart_beat": beats} | options


async def test_its_scheduler_is_busy(shop: Spring, recorder: Recorder) -> None:
    """One thread beats for all and is busy with a report for 8 s; what is said is heard at once all the same."""
    async with watching("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            talks=at(shop.port, "0,1300", subscribe=["/topic/carts"], do=says(0.9, 8, CART)),
            hears=at(shop.port, "0,1300"),
            stream=page(shop.port, "xhr-streaming"),
        )
        await beaten(watch, 2, "hears")
        await ask(watch, "stomp-send /app/block/9000 x", "talks")
        beats = len(watch.of("stomp", "hears", dir="in", command="beat"))
        await asyncio.sleep(5.6)
        assert len(watch.of("stomp", "hears", dir="in", command="beat")) <= beats + 1
        await leave(watch, "talks", "hears", "stream")
    recorder.keep("bleak-spring-scheduler-busy", watch)
    await asyncio.sleep(4)

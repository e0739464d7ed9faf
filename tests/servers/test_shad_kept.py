"""A vhost that RabbitMQ's operator deletes under its clients, and a Spring whose one thread for beats is taken."""

import asyncio

import pytest

from tests.probing import ask, seen
from tests.servers.between import web_stomp
from tests.servers.pond import run
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.roost import spring_sockjs
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_vhost_is_deleted(broker: RabbitMq, recorder: Recorder) -> None:
    """``rabbitmqctl delete_vhost``: two who are in it are closed, one in another stays."""
    await asyncio.to_thread(broker.ctl, "add_vhost", "/old-ws")
    await asyncio.to_thread(broker.ctl, "set_permissions", "-p", "/old-ws", "guest", ".*", ".*", ".*")
    tables = {
        "old1": web_stomp(broker.port, "4000,4000", vhost="/old-ws", subscribe=["/topic/a"]),
        "old2": web_stomp(broker.port, "5000,0", vhost="/old-ws"),
        "stays": web_stomp(broker.port, "2000,2000"),
    }

    async def strike(watch: Watch) -> None:
        await asyncio.sleep(2.5)
        await asyncio.to_thread(broker.ctl, "delete_vhost", "/old-ws")

    recorder.keep("shad-rabbitmq-vhost-deleted-ws", await run(tables, "old1", "old2", strike=strike))


async def test_the_scheduler_is_taken(start: Starter, recorder: Recorder) -> None:
    """One thread beats for all and is taken for 30 s: two miss its beats, one wanted none."""
    app = start(Spring, heart_beat="1500,1500", inbound_threads=1)
    tables = {
        "desk": {"url": app.ws_url, "heart_beat": "1500,1500"},
        "board": spring_sockjs(app.port, "websocket", "2500,1500"),
        "legacy": {"url": app.ws_url, "heart_beat": "0,0"},
    }

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "board", command="beat", dir="in", count=2)
        await ask(watch, "stomp-send /app/block/30000 x", "legacy")
        for name in ("desk", "board"):
            await seen(watch, "heartbeat", name, layer="stomp-in", state="missed")
        await asyncio.sleep(1.2)

    recorder.keep("shad-spring-scheduler-blocked", await run(tables, strike=strike))

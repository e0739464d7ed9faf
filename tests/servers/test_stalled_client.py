"""A client's machine that sleeps, or gives this process no time: the probe itself is stopped by a signal."""

import asyncio

import pytest

from tests.probing import probing, seen
from tests.servers.brokers import broker_named
from tests.servers.frozen import frozen
from tests.servers.node import NodeWs
from tests.servers.python import PythonWs
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.takes import Take
from tests.servers.together import together
from tests.watching import Watch

pytestmark = pytest.mark.real


async def sleep(watch: Watch, seconds: float) -> None:
    """The probe stands still for so long."""
    with frozen(watch.process.pid):
        await asyncio.sleep(seconds)
    await seen(watch, "stall")


async def longer_than_the_broker_waits(request: pytest.FixtureRequest, take: Take, recorder: Recorder) -> None:
    """Both sessions of the client find their end when it wakes."""

    brokers = {name: broker_named(name, request) for name in ("rabbitmq", "activemq", "spring")}

    async def sleeps(name: str, seconds: float) -> None:
        broker = brokers[name]
        words = (*broker.options, "--heart-beat", "1000,1000", "--stdin")
        async with probing(broker.url, "-n", "2", *words) as watch:
            for session in ("A1", "A2"):
                await seen(watch, "stomp", session, command="beat", dir="out")
            await sleep(watch, seconds)
            await seen(watch, "close", count=2)
            assert await watch.finish() == 1
        for close in watch.of("close"):
            assert close["initiator"] == "remote" and close["transport"]["how"] in ("fin", "reset")
        recorder.keep(take.of(f"{name}-client-asleep"), watch)

    await together(sleeps(name, take.between(4, 5)) for name in brokers)


async def longer_than_a_server_waits_for_pongs(start: Starter, take: Take, recorder: Recorder) -> None:
    """A session whose server does not ask lives on."""
    patient = start(NodeWs)
    python = start(PythonWs, ping_interval=0.5, ping_timeout=take.between(0.5, 1))
    node = start(NodeWs, pingEvery=take.one_of(400, 600))

    async def sleeps(name: str, url: str, seconds: float) -> None:
        async with probing(f"asked={url}", f"not={patient.url}", "--stdin") as watch:
            await seen(watch, "frame", "asked", opcode=10, dir="out")
            await seen(watch, "open", "not")
            await sleep(watch, seconds)
            await seen(watch, "close", "asked")
            await watch.command("quit")
            assert await watch.finish() == 1
        assert watch.the("close", "asked")["initiator"] == "remote"
        assert watch.the("close", "not")["asked"] is True
        recorder.keep(take.of(f"{name}-client-asleep"), watch)

    seconds = take.between(2.5, 4)
    await together((sleeps("python-ws", python.url, seconds), sleeps("node-ws", node.url, seconds)))


async def shorter_than_the_broker_waits(request: pytest.FixtureRequest, take: Take, recorder: Recorder) -> None:
    """It is forgiven: the session lives on."""
    seconds = take.between(1, 1.4)
    broker = broker_named("rabbitmq", request)
    async with probing(broker.url, *broker.options, "--heart-beat", "1000,1000", "--stdin") as watch:
        await seen(watch, "stomp", command="beat", dir="out")
        await sleep(watch, seconds)
        await seen(watch, "stomp", command="beat", dir="out", count=4)
        await watch.command("quit")
        assert await watch.finish() == 0
    recorder.keep(take.of("rabbitmq-client-asleep-for-a-moment"), watch)


@pytest.mark.extra
async def test_all_at_once(request: pytest.FixtureRequest, start: Starter, take: Take, recorder: Recorder) -> None:
    await together(
        (
            longer_than_the_broker_waits(request, take, recorder),
            longer_than_a_server_waits_for_pongs(start, take, recorder),
            shorter_than_the_broker_waits(request, take, recorder),
        )
    )

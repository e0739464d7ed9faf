"""Sessions that look ill for a while and are not."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.probing import ask, probing, run, seen
from tests.servers.frozen import frozen
from tests.servers.node import NodeWs
from tests.servers.ports import LOOPBACK
from tests.servers.python import PythonWs
from tests.servers.rabbitmq import LOGIN, RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.takes import Take
from tests.servers.together import together

pytestmark = pytest.mark.real


@contextmanager
def load(broker: RabbitMq) -> Iterator[None]:
    """Somebody else publishes as fast as the broker takes it."""
    over = threading.Event()

    def publish() -> None:
        with socket.create_connection((LOOPBACK, broker.stomp_port), 5) as plain:
            plain.sendall(b"CONNECT\naccept-version:1.2\nhost:/\nlogin:guest\npasscode:guest\n\n\0")
            assert plain.recv(4096).startswith(b"CONNECTED")
            while not over.is_set():
                plain.sendall(b"SEND\ndestination:/topic/elsewhere\n\nload\0" * 200)

    publisher = threading.Thread(target=publish)
    publisher.start()
    try:
        yield
    finally:
        over.set()
        publisher.join()


async def a_broker_under_load(broker: RabbitMq, take: Take, recorder: Recorder) -> None:
    """Beats and messages of two others come all the same."""
    beats = take.one_of(3, 4, 5)
    words = (*LOGIN, "--heart-beat", "1000,1000", "--subscribe", "/topic/x", "--stdin")
    async with probing(broker.url, "-n", "2", *words) as watch:
        for session in ("A1", "A2"):
            await seen(watch, "stomp", session, command="CONNECTED")
        with load(broker):
            for session in ("A1", "A2"):
                await seen(watch, "stomp", session, command="beat", dir="in", count=beats)
            await ask(watch, "stomp-send /topic/x hello", "A1")
            await seen(watch, "stomp", command="MESSAGE", count=2)
            await watch.command("quit")
            assert await watch.finish() == 0
    recorder.keep(take.of("rabbitmq-under-load"), watch)


async def servers_with_nothing_to_say_or_not_yet(start: Starter, take: Take, recorder: Recorder) -> None:
    quiet, slow = start(NodeWs), start(PythonWs, ping_interval=None)

    async def silence(seconds: float) -> None:
        """Nobody says anything, and nobody has to."""
        watch, status = await run(quiet.url, "-n", "2", "--duration", str(seconds))
        assert status == 0
        recorder.keep(take.of("node-ws-silence"), watch)

    async def a_slow_answer(patience: float) -> None:
        """A program that stands still for less than we wait answers all when it is back."""
        pings = ("--ping-interval", "0.5", "--ping-timeout", "8", "--stdin")
        async with probing(slow.url, *pings) as watch:
            await seen(watch, "frame", opcode=10, dir="in", count=2)
            with frozen(slow.pid):
                await ask(watch, "send are you there")
                pings_sent = len(watch.of("frame", opcode=9, dir="out"))
                await seen(watch, "frame", opcode=9, dir="out", count=pings_sent + round(patience * 2))
            await seen(watch, "frame", dir="in", text="are you there")
            pongs = len(watch.of("frame", opcode=9, dir="out"))
            await seen(watch, "frame", opcode=10, dir="in", count=pongs + 1)
            await watch.command("quit")
            assert await watch.finish() == 0
        recorder.keep(take.of("python-ws-slow-answer"), watch)

    await together((silence(take.between(4, 5)), a_slow_answer(take.between(1, 2))))


@pytest.mark.extra
async def test_all_at_once(broker: RabbitMq, start: Starter, take: Take, recorder: Recorder) -> None:
    await together(
        (a_broker_under_load(broker, take, recorder), servers_with_nothing_to_say_or_not_yet(start, take, recorder))
    )

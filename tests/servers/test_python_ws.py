"""What python-websockets does to its clients, and what ``watch`` says of it."""

import os
import signal

import pytest

from tests.probing import ask, probing, run, seen
from tests.servers.python import PythonWs
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM

pytestmark = pytest.mark.real


async def test_a_client_that_does_not_answer_pings(start: Starter, recorder: Recorder) -> None:
    server = start(PythonWs, ping_interval=0.4, ping_timeout=0.6)
    watch, status = await run(server.url, "--do", "0 hold-pongs")
    assert status == 1
    close = watch.the("close")
    assert (close["code"], close["reason"], close["initiator"]) == (1011, "keepalive ping timeout", "remote")
    assert watch.of("frame", opcode=9, dir="in") and not watch.of("frame", opcode=10)
    recorder.keep("python-ws-no-pong", watch)


async def test_a_message_over_its_limit(start: Starter, recorder: Recorder) -> None:
    server = start(PythonWs, max_size=1000)
    watch, status = await run(server.url, "--do", "0.1 send-repeat x 1001")
    assert status == 1
    close = watch.the("close")
    assert (close["code"], close["initiator"]) == (1009, "remote")
    recorder.keep("python-ws-too-large", watch)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL"])
async def test_the_server_ends(start: Starter, recorder: Recorder, name: str) -> None:
    server = start(PythonWs)
    async with probing(server.url, "--stdin", **POSTMORTEM) as watch:
        await seen(watch, "open")
        await ask(watch, "send hello")
        await seen(watch, "frame", dir="in", text="hello")
        os.kill(server.pid, signal.Signals[name])
        await seen(watch, "postmortem")
        assert await watch.finish() == 1
    close = watch.the("close")
    assert (close["code"], close["transport"]["how"], close["initiator"]) == (1006, "fin", "remote")
    recorder.keep(f"python-ws-{name.lower()}", watch)

"""What Node's ws does to its clients, and what ``watch`` says of it."""

import pytest

from tests.probing import run
from tests.servers.node import NodeWs
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter

pytestmark = pytest.mark.real

PING_MS = 400


async def test_a_client_that_does_not_answer_pings_is_cut_off(start: Starter, recorder: Recorder) -> None:
    server = start(NodeWs, pingEvery=PING_MS)
    watch, status = await run(server.url, "--do", "0 hold-pongs")
    assert status == 1
    close = watch.the("close")
    assert (close["code"], close["synthetic"], close["initiator"]) == (1006, True, "remote")
    assert close["transport"]["how"] == "fin"
    assert close["idle_rx"] == pytest.approx(PING_MS / 1000, abs=0.15)
    pings = watch.of("frame", opcode=9, dir="in")
    assert pings and not watch.of("frame", opcode=10)
    recorder.keep("node-ws-no-pong", watch)


async def test_a_message_over_its_limit(start: Starter, recorder: Recorder) -> None:
    server = start(NodeWs, maxPayload=1000)
    watch, status = await run(server.url, "--do", "0.1 send-repeat x 1001")
    assert status == 1
    close = watch.the("close")
    assert (close["code"], close["reason"], close["initiator"]) == (1009, "", "remote")
    recorder.keep("node-ws-too-large", watch)


async def test_it_says_why_it_closes(start: Starter, recorder: Recorder) -> None:
    server = start(NodeWs)
    watch, status = await run(server.url, "--do", "0.1 send close 4001 logged in elsewhere")
    assert status == 1
    close = watch.the("close")
    assert (close["code"], close["reason"], close["clean"]) == (4001, "logged in elsewhere", True)
    recorder.keep("node-ws-4001", watch)

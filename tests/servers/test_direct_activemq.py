"""ActiveMQ Classic met directly: 5.17 over TCP, and 5.18 with its WebSocket connector."""

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from tests.probing import ask, open_session, probing, seen
from tests.servers.activemq import LOGIN, ActiveMq
from tests.servers.classic import ActiveMqWs
from tests.servers.frozen import freeze, frozen
from tests.servers.joined import CREW, beaten, join, subscribe
from tests.servers.looks import looked
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter, starting
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


@pytest.fixture(scope="module")
def classic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ActiveMqWs]:
    """The broker on WebSocket that tests of this module share; none of them ends it."""
    with starting(tmp_path_factory.mktemp("classic")) as start:
        yield start(ActiveMqWs)


async def leave(watch: Watch, status: int) -> None:
    """Ends the run from our side."""
    await watch.command("quit")
    assert await watch.finish() == status


async def test_it_is_killed_before_it_read_everything(own_activemq: ActiveMq, recorder: Recorder) -> None:
    """Over TCP: what it had not read turns one end of two into a reset."""
    words = (f"busy={own_activemq.url}", f"quiet={own_activemq.url}", *LOGIN, "--heart-beat", "0,0", "--stdin")
    async with probing(*words, **POSTMORTEM) as watch:
        for name in ("busy", "quiet"):
            await seen(watch, "stomp", name, command="CONNECTED")
            await subscribe(watch, name, f"/queue/{name}")
        freeze(own_activemq.pid)
        for n in range(3):
            await ask(watch, f"stomp-send /queue/quiet {n}", "busy")
        own_activemq.sigkill()
        await looked(watch, "busy", "quiet", ok=False)
        assert await watch.finish() == 1
    assert watch.the("close", "busy")["transport"]["how"] == "reset"
    assert watch.the("close", "quiet")["transport"]["how"] == "fin"
    recorder.keep("direct-activemq-killed-with-unread-data", watch)


async def test_its_beats_stay_away_for_a_while(activemq: ActiveMq, recorder: Recorder) -> None:
    """A long pause of its collector: two sessions miss beats, and all is well again."""
    words = (f"chat={activemq.url}", f"news={activemq.url}", *LOGIN, "--heart-beat", "5000,700", "--stdin")
    async with probing(*words, **POSTMORTEM) as watch:
        for name in ("chat", "news"):
            await seen(watch, "stomp", name, command="CONNECTED")
            await subscribe(watch, name, "/topic/chat")
            await beaten(watch, name, 2)
        with frozen(activemq.pid):
            await ask(watch, "stomp-send /topic/chat hello", "chat")
            for name in ("chat", "news"):
                await seen(watch, "heartbeat", name, layer="stomp-in", state="missed")
        for name in ("chat", "news"):
            await seen(watch, "stomp", name, command="MESSAGE")
            await beaten(watch, name, 3)
        await leave(watch, 0)
    recorder.keep("direct-activemq-late-beats-survived", watch)


async def test_a_hidden_tab(classic: ActiveMqWs, recorder: Recorder) -> None:
    """One of two beats once a minute."""
    words = (f"tab={classic.url}", f"well={classic.url}", *LOGIN, "--heart-beat", "1500,1500", "--stdin")
    async with probing(*words, "--do", "1 tab: throttle-beats 60000", **POSTMORTEM) as watch:
        await looked(watch, "tab")
        await beaten(watch, "well", 1)
        await leave(watch, 1)
    assert watch.the("close", "tab")["initiator"] == "remote"
    recorder.keep("direct-activemq-ws-one-misses-its-beats", watch)


async def test_a_client_id_that_is_taken(classic: ActiveMqWs, recorder: Recorder) -> None:
    """Two tills were given the same configuration."""
    async with probing("--stdin", **POSTMORTEM) as watch:
        header = {"connect_header": ["client-id: till-3"]}
        await join(watch, "first", classic.url, CREW, "2000,2000", **header)
        opened = await open_session(
            watch, name="second", url=classic.url, heart_beat="2000,2000", open_timeout=5, **CREW, **header
        )
        assert opened["ok"] is True
        await looked(watch, "second")
        await beaten(watch, "first", 1)
        await leave(watch, 3)
    assert "till-3 already connected" in watch.the("close", "second")["error"]
    recorder.keep("direct-activemq-ws-client-id-in-use", watch)


async def test_an_operator_stops_one_connection(classic: ActiveMqWs, recorder: Recorder) -> None:
    """As his console does it, by the client-id; the other one beats on."""
    async with probing("--stdin", **POSTMORTEM) as watch:
        for name in ("till", "desk"):
            await join(watch, name, classic.url, CREW, "1000,1000", connect_header=[f"client-id: {name}-9"])
            await subscribe(watch, name, "/queue/orders")
        await beaten(watch, "till", 2)
        await asyncio.to_thread(classic.stop_connection, "till-9")
        await looked(watch, "till")
        await beaten(watch, "desk", 2)
        await leave(watch, 1)
    assert watch.the("close", "till")["initiator"] == "remote"
    recorder.keep("direct-activemq-ws-operator-stops-one", watch)


async def test_the_administrator_stops_it(start: Starter, recorder: Recorder) -> None:
    """One is busy, one is idle."""
    broker = start(ActiveMqWs)
    words = (f"anna={broker.url}", f"bert={broker.url}", *LOGIN, "--heart-beat", "2000,2000", "--stdin")
    async with probing(*words, **POSTMORTEM) as watch:
        for name in ("anna", "bert"):
            await seen(watch, "stomp", name, command="CONNECTED")
            await subscribe(watch, name, f"/topic/{name}")
        for n in range(4):
            await ask(watch, f"stomp-send /topic/anna {n}", "anna")
        await seen(watch, "stomp", "anna", command="MESSAGE", count=4)
        os.kill(broker.pid, signal.SIGTERM)
        await looked(watch, "anna", "bert", ok=False)
        assert await watch.finish() == 1
    for name in ("anna", "bert"):
        assert watch.the("close", name)["initiator"] == "remote"
    recorder.keep("direct-activemq-ws-sigterm", watch)


async def test_a_passcode_with_a_slip(classic: ActiveMqWs, recorder: Recorder) -> None:
    words = (f"wrong={classic.url}", "--login", "ground", "--passcode", "crwe", "--open-timeout", "4", "--stdin")
    async with probing(*words, **POSTMORTEM) as watch:
        await join(watch, "right", classic.url, CREW, "2000,2000")
        await looked(watch, "wrong")
        await beaten(watch, "right", 1)
        await leave(watch, 3)
    assert watch.the("close", "wrong")["error"]
    recorder.keep("direct-activemq-ws-wrong-passcode", watch)

"""A virtual address that moves from a server to its standby, which knows none of the first one's connections."""

import asyncio
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.probing import seen
from tests.servers.recordings import Recorder
from tests.servers.standby import STANDBY, VIRTUAL, Pair, pair
from tests.servers.takes import Take
from tests.servers.test_nat import BEATS, leave, talk
from tests.servers.test_ways import answered
from tests.servers.together import together
from tests.watching import POSTMORTEM, Watch, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

NODE, STOMP = f"ws://{VIRTUAL}:8080/", f"stomp+ws://{VIRTUAL}:8082/"


def assert_reset(watch: Watch, *sessions: str) -> None:
    """A RST met what they said."""
    for session in sessions:
        close = watch.of("close", session)[0]
        assert (close["transport"]["how"], close["initiator"], close["code"]) == ("reset", "remote", 1006)


async def it_crashes(two: Pair, take: Take, recorder: Recorder) -> None:
    """A second of silence, then a RST; the session with the standby's own address lives."""
    two.hosts.be_patient(8)
    names = (f"ws={NODE}", f"stomp={STOMP}", f"standby=ws://{STANDBY}:8080/")
    words = (*BEATS, *talk(take.one_of(0.4, 0.6), 12, "ws"), *talk(1.1, 6, "standby"), "--stdin")
    async with watching(*names, *words, on=two.hosts.client.words, **POSTMORTEM) as watch:
        await answered(watch, take, "ws", "stomp", "standby")
        two.crash()
        await seen(watch, "close", "ws")
        await seen(watch, "close", "stomp")
        await seen(watch, "postmortem", count=2)
        assert not watch.of("close", "standby")
        assert await leave(watch) == 1
    assert_reset(watch, "ws", "stomp")
    recorder.keep(take.of("standby-takes-over"), watch)


async def it_is_moved(two: Pair, take: Take, recorder: Recorder) -> None:
    """By its administrator: the first one's programs run on, and nothing reaches them any more."""
    words = ("-n", "2", "--ping-interval", str(take.between(0.5, 1)))
    async with watching(NODE, *words, on=two.hosts.client.words, **POSTMORTEM) as watch:
        await answered(watch, take, "A1", "A2")
        await asyncio.to_thread(two.move)
        await seen(watch, "close", count=2)
        assert await watch.finish(60) == 1
    assert_reset(watch, "A1", "A2")
    recorder.keep(take.of("standby-address-moved"), watch)


async def it_is_moved_and_we_come_back(two: Pair, take: Take, recorder: Recorder) -> None:
    """The same under beats, with ``--reconnect``."""
    words = (*BEATS, "--reconnect", "--stdin")
    async with watching(STOMP, *words, on=two.hosts.client.words) as watch:
        await answered(watch, take, "A")
        await asyncio.to_thread(two.move)
        await seen(watch, "open", count=2)
        await seen(watch, "stomp", command="CONNECTED", count=2)
        await leave(watch)
    assert_reset(watch, "A")
    recorder.keep(take.of("standby-address-moved-reconnect"), watch)


async def it_is_away_and_back(two: Pair, take: Take, recorder: Recorder) -> None:
    """The session says nothing while the address is elsewhere, and lives."""
    words = (*talk(0.4, take.one_of(2, 3)), "--stdin")
    async with watching(NODE, *words, on=two.hosts.client.words, **POSTMORTEM) as watch:
        await seen(watch, "frame", opcode=1, dir="in", count=2)
        await seen(watch, "tcp_info", when="silent")
        await asyncio.to_thread(two.move)
        await asyncio.to_thread(two.come_back)
        await seen(watch, "tcp_info", when="silent", count=3)
        await watch.command("send here again")
        await seen(watch, "frame", opcode=1, dir="in", text="here again")
        assert await leave(watch) == 0
    recorder.keep(take.of("standby-away-and-back"), watch)


RUNS = (it_crashes, it_is_moved, it_is_moved_and_we_come_back, it_is_away_and_back)


async def test_all_at_once(tmp_path: Path, take: Take, recorder: Recorder) -> None:
    async def run(number: int) -> None:
        home = tmp_path / str(number)
        home.mkdir()
        with ExitStack() as stack:
            two = await asyncio.to_thread(stack.enter_context, pair(home))
            await RUNS[number](two, take, recorder)

    await together(run(number) for number in range(len(RUNS)))

"""How sockjs-tornado, a SockJS server that is not the reference, ends sessions over each of its transports."""

import asyncio
import os
import signal

import pytest

from tests.probing import ask, probing, run, seen
from tests.servers.python_apps import SockJsTornado
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.takes import Take
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]


def by(transport: str) -> tuple[str, ...]:
    """The options of a session over it."""
    return ("--sockjs-transport", transport, "--stdin")


@pytest.mark.parametrize("transport", ["websocket", "xhr-streaming"])
async def test_it_kicks_one_of_two(start: Starter, recorder: Recorder, take: Take, transport: str) -> None:
    server = start(SockJsTornado, heartbeat_delay=take.one_of(1, 25), disconnect_delay=2)
    async with probing(f"anna={server.url}", f"bert={server.url}", *by(transport), **POSTMORTEM) as watch:
        for session in ("anna", "bert"):
            await seen(watch, "sockjs", session, kind="o")
        await asyncio.sleep(take.between(0.3, 1.5))
        await ask(watch, "send close " + take.one_of("4003 Kicked by a moderator", "3010 removed by admin"), "anna")
        await seen(watch, "close", "anna")
        await ask(watch, "send hello", "bert")
        await seen(watch, "sockjs", "bert", kind="a", dir="in")
        assert await watch.finish() == 1
    recorder.keep(take.of(f"sockjs-tornado-kick-{transport}"), watch)


@pytest.mark.parametrize("transport", ["websocket", "xhr-polling"])
async def test_its_program_goes_away(start: Starter, recorder: Recorder, take: Take, transport: str) -> None:
    """``close()``: 3000 "Go away!"."""
    server = start(SockJsTornado)
    async with probing(server.url, *by(transport), **POSTMORTEM) as watch:
        await seen(watch, "sockjs", kind="o")
        await asyncio.sleep(take.between(0.3, 1.5))
        await ask(watch, "send close")
        await seen(watch, "close")
        assert await watch.finish() == 1
    recorder.keep(take.of(f"sockjs-tornado-go-away-{transport}"), watch)


async def test_it_is_stopped(start: Starter, recorder: Recorder, take: Take) -> None:
    """Its process ends in order, and no session is told."""
    server = start(SockJsTornado, heartbeat_delay=take.one_of(1, 25))
    targets = (f"anna={server.url}", f"bert={server.url}")
    async with probing(*targets, *by(take.one_of("websocket", "xhr-streaming")), **POSTMORTEM) as watch:
        for session in ("anna", "bert"):
            await seen(watch, "sockjs", session, kind="o")
        await asyncio.sleep(take.between(0.3, 1.5))
        os.kill(server.pid, signal.SIGTERM)
        for session in ("anna", "bert"):
            await seen(watch, "close", session)
            await seen(watch, "postmortem", session)
        assert await watch.finish() == 1
    recorder.keep(take.of("sockjs-tornado-stopped"), watch)


async def test_it_has_no_websocket(start: Starter, recorder: Recorder, take: Take) -> None:
    server = start(SockJsTornado, disabled_transports=["websocket"])
    watch, status = await run(server.url, "--sockjs-transport", "websocket", **POSTMORTEM)
    assert status == 3
    recorder.keep(take.of("sockjs-tornado-no-websocket"), watch)

"""How two small STOMP brokers end sessions: CoilMQ (Python, TCP) and stomp-broker-js (Node, WebSocket)."""

import asyncio
import os
import signal

import pytest

from tests.probing import ask, probing, run, seen
from tests.servers.node_apps import StompBroker
from tests.servers.python_apps import CoilMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.takes import Take
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]

CREW = ("--login", "ground", "--passcode", "crew", "--stomp-version", "1.0,1.1")
"""The options that log a client in at CoilMQ. Who speaks STOMP 1.2 must name its machine as the host."""


@pytest.mark.parametrize(("sign", "name"), [(signal.SIGTERM, "stopped-reconnect"), (signal.SIGKILL, "sigkill")])
async def test_coilmq_ends(start: Starter, recorder: Recorder, take: Take, sign: signal.Signals, name: str) -> None:
    server, again = start(CoilMq), sign == signal.SIGTERM
    options = (*CREW, "--heart-beat", take.one_of("0,0", "1000,1000"), *(("--reconnect",) if again else ()))
    async with probing(f"anna={server.url}", f"bert={server.url}", *options, "--stdin", **POSTMORTEM) as watch:
        for session in ("anna", "bert"):
            await seen(watch, "stomp", session, command="CONNECTED")
        await asyncio.sleep(take.between(0.3, 1.5))
        os.kill(server.pid, sign)
        for session in ("anna", "bert"):
            await seen(watch, "close", session)
        if again:
            server.end()
            server.begin()
            for session in ("anna", "bert"):
                await seen(watch, "stomp", session, command="CONNECTED", count=2)
        else:
            for session in ("anna", "bert"):
                await seen(watch, "postmortem", session)
        await watch.command("quit")
        assert await watch.finish() == 1
    recorder.keep(take.of(f"coilmq-{name}"), watch)


async def test_coilmq_does_not_know_the_passcode(start: Starter, recorder: Recorder, take: Take) -> None:
    server = start(CoilMq)
    words = (*CREW, "--passcode", take.one_of("guess", "ground"), "--open-timeout", "3")
    watch, status = await run(server.url, *words, **POSTMORTEM)
    assert status == 3
    recorder.keep(take.of("coilmq-wrong-passcode"), watch)


@pytest.mark.parametrize("sessions", [("late",), ("late", "well")])
async def test_stomp_broker_js_misses_beats(
    start: Starter, recorder: Recorder, take: Take, sessions: tuple[str, ...]
) -> None:
    server = start(StompBroker, heartbeat=[1000, 1000], heartbeatErrorMargin=take.one_of(300, 600))
    options = ("--heart-beat", "1000,1000", "--stdin")
    async with probing(*(f"{name}={server.url}" for name in sessions), *options, **POSTMORTEM) as watch:
        for session in sessions:
            await seen(watch, "stomp", session, command="CONNECTED")
        await asyncio.sleep(take.between(1.2, 2.5))
        await ask(watch, "hold-beats", "late")
        await seen(watch, "close", "late")
        await watch.command("quit")
        assert await watch.finish() == 1
    assert watch.the("close", "late")["initiator"] == "remote"
    recorder.keep(take.of(f"stomp-broker-js-held-beats-{len(sessions)}"), watch)


async def test_stomp_broker_js_is_killed(start: Starter, recorder: Recorder, take: Take) -> None:
    """Of two brokers one dies."""
    server, other = start(StompBroker), start(StompBroker)
    async with probing(
        f"gone={server.url}", f"here={other.url}", "--heart-beat", "2000,2000", "--stdin", **POSTMORTEM
    ) as watch:
        for session in ("gone", "here"):
            await seen(watch, "stomp", session, command="CONNECTED")
        await asyncio.sleep(take.between(0.3, 2))
        os.kill(server.pid, signal.SIGKILL)
        await seen(watch, "close", "gone")
        await seen(watch, "postmortem", "gone")
        await watch.command("quit")
        assert await watch.finish() == 1
    recorder.keep(take.of("stomp-broker-js-sigkill"), watch)


async def test_stomp_broker_js_serves_two(start: Starter, recorder: Recorder, take: Take) -> None:
    server = start(StompBroker, heartbeat=[1000, 1000])
    async with probing(
        f"anna={server.url}", f"bert={server.url}", "--heart-beat", "1000,1000", "--stdin", **POSTMORTEM
    ) as watch:
        for session in ("anna", "bert"):
            await seen(watch, "stomp", session, command="CONNECTED")
            await ask(watch, "subscribe /topic/news", session)
        for n in range(4):
            await ask(watch, f"stomp-send /topic/news {n}", "anna")
            await seen(watch, "stomp", "bert", command="MESSAGE", count=n + 1)
            await asyncio.sleep(take.between(0.5, 1.1))
        await watch.command("quit")
        assert await watch.finish() == 0
    recorder.keep(take.of("stomp-broker-js-well"), watch)

"""How Socket.IO 4 (Engine.IO 4 under it) ends raw WebSocket sessions: beats, kicks, limits, its own end, refusals.

Engine.IO's server pings with the message ``2`` and ends who does not say ``3`` in time; ``0…`` opens, ``40`` joins
the namespace ``/``, ``41`` leaves it, ``1`` closes.
"""

import asyncio
import os
import signal

import pytest

from tests.probing import ask, probing, run, seen
from tests.servers.again import back
from tests.servers.node_apps import SocketIo
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.takes import Take
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def join(watch: Watch, session: str) -> None:
    """The namespace ``/``."""
    await seen(watch, "frame", session, dir="in")
    await ask(watch, "send 40", session)
    await watch.until(
        lambda line: line["type"] == "frame" and line["s"] == session and line.get("text", "").startswith("40{")
    )


async def answer(watch: Watch, session: str, seconds: float) -> None:
    """Says ``3`` to every ``2`` that comes within ``seconds``."""
    end, count = asyncio.get_running_loop().time() + seconds, 0
    while (now := asyncio.get_running_loop().time()) < end:
        count += 1
        await watch.until(
            lambda line: line["type"] == "frame" and line["s"] == session and line.get("text") == "2",
            end - now + 5,
            count=count,
        )
        await ask(watch, "send 3", session)


@pytest.mark.parametrize("answers", [False, True])
async def test_no_answer_to_its_pings(start: Starter, recorder: Recorder, take: Take, answers: bool) -> None:
    """A client that never says ``3`` alone, or beside one of the same server that does."""
    every, patience = take.one_of(1000, 1500), take.one_of(800, 1200)
    server = start(SocketIo, pingInterval=every, pingTimeout=patience)
    names = ("mute", "well") if answers else ("mute",)
    async with probing(*(f"{name}={server.url}" for name in names), "--stdin", **POSTMORTEM) as watch:
        for name in names:
            await join(watch, name)
        if answers:
            await answer(watch, "well", (every + patience) / 1000 + 1)
        await seen(watch, "close", "mute")
        await seen(watch, "postmortem", "mute")
        assert await watch.finish() == 1
    close = watch.the("close", "mute")
    assert close["initiator"] == "remote"
    assert (every + patience) / 1000 - 0.5 < close["age"] < (every + patience) / 1000 + 3
    recorder.keep(take.of(f"socketio-no-pong-{len(names)}"), watch)


async def test_it_kicks_one_of_two(start: Starter, recorder: Recorder, take: Take) -> None:
    """``disconnect(true)`` says 41 and ends the transport; ``disconnect()`` would leave the transport open."""
    server = start(SocketIo, pingInterval=60_000)
    async with probing(f"anna={server.url}", f"bert={server.url}", "--stdin", **POSTMORTEM) as watch:
        for session in ("anna", "bert"):
            await join(watch, session)
        await asyncio.sleep(take.between(0.3, 1.5))
        await ask(watch, 'send 42["kick-hard"]', "anna")
        await seen(watch, "frame", "anna", dir="in", text="41")
        await seen(watch, "close", "anna")
        assert await watch.finish() == 1
    assert watch.the("close", "anna")["initiator"] == "remote"
    recorder.keep(take.of("socketio-kick-hard"), watch)


async def test_nobody_joins(start: Starter, recorder: Recorder, take: Take) -> None:
    """No namespace joined within ``connectTimeout``: the transport is closed."""
    server = start(SocketIo, connectTimeout=take.one_of(1000, 1800))
    watch, status = await run(server.url, **POSTMORTEM)
    assert status == 1
    assert watch.the("close")["initiator"] == "remote"
    recorder.keep(take.of("socketio-nobody-joins"), watch)


async def test_a_message_over_its_limit(start: Starter, recorder: Recorder, take: Take) -> None:
    most = take.one_of(2000, 10_000, 50_000)
    server = start(SocketIo, maxHttpBufferSize=most)
    async with probing(f"large={server.url}", f"small={server.url}", "--stdin", **POSTMORTEM) as watch:
        for session in ("large", "small"):
            await join(watch, session)
        await ask(watch, f"send-repeat x {most + 100}", "large")
        await seen(watch, "close", "large")
        assert await watch.finish() == 1
    assert watch.the("close", "large")["code"] == 1009
    recorder.keep(take.of("socketio-too-large"), watch)


async def test_what_is_no_packet(start: Starter, recorder: Recorder, take: Take) -> None:
    """A message that is none of Engine.IO's or Socket.IO's."""
    server = start(SocketIo)
    async with probing(f"odd={server.url}", f"fair={server.url}", "--stdin", **POSTMORTEM) as watch:
        for session in ("odd", "fair"):
            await join(watch, session)
        await ask(watch, "send " + take.one_of("hello", "4hello"), "odd")
        await seen(watch, "close", "odd")
        assert await watch.finish() == 1
    assert watch.the("close", "odd")["initiator"] == "remote"
    recorder.keep(take.of("socketio-no-packet"), watch)


@pytest.mark.parametrize(("sign", "name"), [(signal.SIGTERM, "io-close-reconnect"), (signal.SIGKILL, "sigkill")])
async def test_it_ends(start: Starter, recorder: Recorder, take: Take, sign: signal.Signals, name: str) -> None:
    """``io.close()`` and a new process; or its death."""
    server = start(SocketIo, pingInterval=take.one_of(700, 25_000))
    again = sign == signal.SIGTERM
    options = ("--reconnect",) if again else ()
    async with probing(f"anna={server.url}", f"bert={server.url}", "--stdin", *options, **POSTMORTEM) as watch:
        for session in ("anna", "bert"):
            await join(watch, session)
        await asyncio.sleep(take.between(0.3, 1))
        os.kill(server.pid, sign)
        for session in ("anna", "bert"):
            await seen(watch, "close", session)
        if again:
            server.end()
            server.begin()
            for session in ("anna", "bert"):
                await back(watch, session)
        else:
            for session in ("anna", "bert"):
                await seen(watch, "postmortem", session)
        assert await watch.finish() == 1
    for session in ("anna", "bert"):
        assert watch.of("close", session)[0]["initiator"] == "remote"
    recorder.keep(take.of(f"socketio-{name}"), watch)


@pytest.mark.parametrize(
    ("name", "tail"),
    [
        ("unknown-transport", "/socket.io/?EIO=4&transport=carrier"),
        ("unknown-session", "/socket.io/?EIO=4&transport=websocket&sid=AAAAAAAAAAAAAAAAAAAA"),
    ],
)
async def test_it_lets_nobody_in(start: Starter, recorder: Recorder, take: Take, name: str, tail: str) -> None:
    server = start(SocketIo)
    watch, status = await run(f"ws://127.0.0.1:{server.port}{tail}", **POSTMORTEM)
    assert status == 3
    assert watch.the("http", dir="in")["status"] == 400
    recorder.keep(take.of(f"socketio-{name}"), watch)


async def test_an_older_client(start: Starter, recorder: Recorder, take: Take) -> None:
    """Who speaks Engine.IO 3 is let in and closed at once."""
    server = start(SocketIo)
    watch, status = await run(f"ws://127.0.0.1:{server.port}/socket.io/?EIO=3&transport=websocket", **POSTMORTEM)
    assert status == 1
    assert watch.the("close")["initiator"] == "remote"
    recorder.keep(take.of("socketio-older-version"), watch)


async def test_a_token_it_does_not_know(start: Starter, recorder: Recorder, take: Take) -> None:
    """``44`` says so; nobody has joined, so the transport goes at ``connectTimeout``."""
    server = start(SocketIo, token="crew", connectTimeout=take.one_of(1200, 2000))
    async with probing(server.url, "--stdin", **POSTMORTEM) as watch:
        await seen(watch, "frame", "A", dir="in")
        await ask(watch, "send 40" + take.one_of("", '{"token":"guess"}'), "A")
        await seen(watch, "frame", "A", dir="in", text='44{"message":"not authorized"}')
        await seen(watch, "close", "A")
        assert await watch.finish() == 1
    assert watch.the("close")["initiator"] == "remote"
    recorder.keep(take.of("socketio-not-authorized"), watch)


async def test_two_that_are_well(start: Starter, recorder: Recorder, take: Take) -> None:
    server = start(SocketIo, pingInterval=take.one_of(700, 1000), pingTimeout=1500)
    async with probing(f"anna={server.url}", f"bert={server.url}", "--stdin", **POSTMORTEM) as watch:
        for session in ("anna", "bert"):
            await join(watch, session)
        await asyncio.gather(answer(watch, "anna", 5), answer(watch, "bert", 5))
        assert await watch.finish() == 0
    recorder.keep(take.of("socketio-well"), watch)

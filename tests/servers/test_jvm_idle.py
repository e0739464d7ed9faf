"""What servers on the JVM do to clients that say nothing, or do not answer: each has a rule of its own."""

import os
import signal

import pytest

from tests.probing import ask, probing, run, seen
from tests.servers.jvm import JavaWebSocket, Jetty, Jvm, Netty, Tomcat, Undertow, Vertx
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.takes import Take
from tests.servers.test_idle_proxies import chatter
from tests.waiting import eventually
from tests.watching import POSTMORTEM, Line

pytestmark = [pytest.mark.real, pytest.mark.extra]

LATE = 1.5
"""How long after its timeout a loaded machine may be seen to act."""


def assert_said(close: Line, code: int, reason: str) -> None:
    """The server's Close said so."""
    assert (close["received"], close["code"]) == ({"code": code, "reason": reason}, code)
    assert (close["initiator"], close["transport"]["how"]) == ("remote", "fin")


def assert_cut(close: Line) -> None:
    """It was cut, and nobody said why."""
    assert (close["code"], close["received"], close["initiator"]) == (1006, None, "remote")
    assert close["transport"]["how"] == "fin"


@pytest.mark.parametrize("talks", ["nobody", "client", "server"])
async def test_jetty_is_idle(start: Starter, recorder: Recorder, take: Take, talks: str) -> None:
    """``idleTimeout`` runs from the last frame in either direction, and its Close says so."""
    timeout = take.between(1.2, 2.4)
    server = start(Jetty, idle=round(timeout * 1000))
    does = {
        "nobody": (),
        "client": chatter(take.one_of(0.3, 0.5, 0.8), take.between(1.7, 3)),
        "server": ("--do", f"0.2 send clock {take.one_of(400, 700)} {take.one_of(3, 5)}"),
    }[talks]
    watch, status = await run(server.url, *does, **POSTMORTEM)
    assert status == 1
    close = watch.the("close")
    assert_said(close, 1001, "Connection Idle Timeout")
    assert timeout - 0.3 <= close["idle_any"] <= timeout + LATE
    recorder.keep(take.of(f"jetty-idle-{talks}-talks"), watch)


async def test_jetty_ends_the_quiet_one(start: Starter, recorder: Recorder, take: Take) -> None:
    timeout = take.between(1.5, 2.5)
    server = start(Jetty, idle=round(timeout * 1000))
    talk = chatter(0.6, timeout + 2, "busy")
    async with probing(f"busy={server.url}", f"quiet={server.url}", "--reconnect", "--stdin", *talk) as watch:
        await seen(watch, "close", "quiet")
        await seen(watch, "open", "quiet", count=2)
        assert await watch.finish() == 1
    assert_said(watch.of("close", "quiet")[0], 1001, "Connection Idle Timeout")
    assert watch.the("close", "busy")["asked"] is True
    recorder.keep(take.of("jetty-idle-one-of-two"), watch)


async def test_jetty_is_kept_awake(start: Starter, recorder: Recorder, take: Take) -> None:
    """A ping of the client's counts, and so does what the server says."""
    timeout = take.between(1.3, 2)
    server = start(Jetty, idle=round(timeout * 1000))
    targets = (server.of("told"), f"pings={server.url}")
    tick = ("--do", f"0 told: send clock 700 {round(timeout * 3 / 0.7) + 8}")
    async with probing(*targets, "--ping-interval", "0.6", "--stdin", *tick) as watch:
        await seen(watch, "frame", "told", dir="in", text="tick", count=round(timeout * 2 / 0.7))
        assert await watch.finish() == 0
    recorder.keep(take.of("jetty-kept-awake"), watch)


@pytest.mark.parametrize("names", [("A",), ("A", "B")])
async def test_tomcat_is_idle(start: Starter, recorder: Recorder, take: Take, names: tuple[str, ...]) -> None:
    """It looks every ten seconds, for all sessions at once: ``maxIdleTimeout`` is passed by up to that."""
    timeout = take.between(1.5, 4)
    server = start(Tomcat, idle=round(timeout * 1000))
    does = chatter(0.7, take.between(0.8, 1.5), "A") if len(names) > 1 else ()
    async with probing(*map(server.of, names), *does, **POSTMORTEM) as watch:
        assert await watch.finish(30) == 1
    for name in names:
        close = watch.the("close", name)
        assert (close["code"], close["initiator"]) == (1001, "remote")
        assert timeout - 0.3 <= close["idle_any"] <= timeout + 10 + LATE
    recorder.keep(take.of(f"tomcat-idle-{len(names)}"), watch)


async def test_undertow_is_idle(start: Starter, recorder: Recorder, take: Take) -> None:
    """A Close 1001 without a word."""
    timeout = take.between(1.2, 2.4)
    server = start(Undertow, idle=round(timeout * 1000))
    watch, status = await run(server.url, *chatter(0.5, take.between(0.6, 1.7)), **POSTMORTEM)
    assert status == 1
    close = watch.the("close")
    assert_said(close, 1001, "")
    assert timeout - 0.3 <= close["idle_any"] <= timeout + LATE
    recorder.keep(take.of("undertow-idle"), watch)


async def test_netty_hears_nothing(start: Starter, recorder: Recorder, take: Take) -> None:
    """``READER_IDLE`` though the server itself talks; the handler's ``close()`` says ``1000 Bye``, as Netty has it."""
    timeout = take.between(1.5, 2.8)
    server = start(Netty, reader=round(timeout * 1000))
    watch, status = await run(server.url, "--do", f"0.2 send clock {take.one_of(300, 500)} 30", **POSTMORTEM)
    assert status == 1
    close = watch.the("close")
    assert_said(close, 1000, "Bye")
    assert timeout - 0.3 <= close["idle_tx"] <= timeout + LATE
    assert close["idle_rx"] < 1.2
    recorder.keep(take.of("netty-reader-idle"), watch)


async def test_netty_is_idle_both_ways(start: Starter, recorder: Recorder, take: Take) -> None:
    """Two sessions, each on its own clock."""
    timeout = take.between(1.2, 2.2)
    server = start(Netty, all=round(timeout * 1000))
    talk = chatter(0.6, 1.2 + take.between(0.1, 1.2), "later")
    async with probing(f"sooner={server.url}", f"later={server.url}", *talk, **POSTMORTEM) as watch:
        assert await watch.finish() == 1
    for name in ("sooner", "later"):
        close = watch.the("close", name)
        assert_said(close, 1000, "Bye")
        assert timeout - 0.3 <= close["idle_any"] <= timeout + LATE
    recorder.keep(take.of("netty-all-idle"), watch)


async def test_netty_says_why_it_is_idle(start: Starter, recorder: Recorder, take: Take) -> None:
    """A gateway that wants the application's own heart-beats, and one client that stops to send them."""
    timeout = take.between(1.4, 2.2)
    code, reason = take.one_of((4008, "heartbeat timeout"), (4000, "no heartbeat from client"))
    server = start(Netty, reader=round(timeout * 1000), bye=f"{code} {reason}")
    beats = (*chatter(0.6, timeout + 3, "good"), *chatter(0.6, 1.3, "bad"))
    async with probing(f"good={server.url}", f"bad={server.url}", "--stdin", *beats) as watch:
        await seen(watch, "close", "bad")
        assert await watch.finish() == 1
    assert_said(watch.the("close", "bad"), code, reason)
    assert watch.the("close", "good")["asked"] is True
    recorder.keep(take.of("netty-heartbeat-timeout"), watch)


async def test_nobody_answers_nettys_pings(start: Starter, recorder: Recorder, take: Take) -> None:
    """It pings who has been told nothing and gives up on who says nothing; one answers, the other stops to."""
    timeout = take.between(1.6, 2.4)
    server = start(Netty, writer=round(timeout * 400), reader=round(timeout * 1000))
    holds = ("--do", f"{take.between(0.3, 1.2)} mute: hold-pongs")
    async with probing(f"mute={server.url}", f"well={server.url}", *holds, "--stdin", **POSTMORTEM) as watch:
        await seen(watch, "close", "mute")
        await seen(watch, "frame", "well", dir="in", opcode=9, count=6)
        assert await watch.finish() == 1
    assert_said(watch.the("close", "mute"), 1000, "Bye")
    assert watch.the("close", "well")["asked"] is True
    recorder.keep(take.of("netty-no-pong"), watch)


@pytest.mark.parametrize("kind", [JavaWebSocket, Netty])
async def test_the_client_sleeps(start: Starter, recorder: Recorder, take: Take, kind: type[Jvm]) -> None:
    """This process is stopped for longer than the server waits; it wakes up to what came meanwhile."""
    server = start(kind, lost=1) if kind is JavaWebSocket else start(kind, reader=2000, writer=700)
    name = "java-websocket" if kind is JavaWebSocket else "netty"
    async with probing(server.of("anna"), server.of("bert"), **POSTMORTEM) as watch:
        for session in ("anna", "bert"):
            await seen(watch, "frame", session, dir="in", opcode=9, count=take.one_of(1, 2))
        os.kill(watch.process.pid, signal.SIGSTOP)
        try:
            before = len(server.log)
            if kind is JavaWebSocket:
                eventually(lambda: server.log[before:].count("closed: ") == 2)
            else:
                eventually(lambda: server.log[before:].count("gone") == 2)
        finally:
            os.kill(watch.process.pid, signal.SIGCONT)
        assert await watch.finish() == 1
    for session in ("anna", "bert"):
        assert watch.the("close", session)["initiator"] == "remote"
    recorder.keep(take.of(f"{name}-client-asleep"), watch)


@pytest.mark.parametrize("pings", [False, True])
async def test_java_websocket_loses_the_connection(start: Starter, recorder: Recorder, take: Take, pings: bool) -> None:
    """``connectionLostTimeout`` 1 s: cut without a Close 1 to 2 s after the last pong. Nothing else that the client
    says counts but its pings."""
    server = start(JavaWebSocket, lost=1)
    talk = chatter(0.4, 5, "mute") if not pings else ()
    holds = ("--do", f"{take.between(0.2, 1.4)} mute: hold-pongs")
    async with probing(f"mute={server.url}", f"well={server.url}", *holds, *talk, "--stdin", **POSTMORTEM) as watch:
        await seen(watch, "close", "mute")
        await seen(watch, "frame", "well", dir="in", opcode=9, count=4)
        assert await watch.finish() == 1
    assert_cut(watch.the("close", "mute"))
    assert "did not respond with a pong in time" in server.log
    recorder.keep(take.of(f"java-websocket-no-pong{'' if pings else '-but-talk'}"), watch)


@pytest.mark.parametrize("looks", [False, True])
async def test_vertx_is_idle(start: Starter, recorder: Recorder, take: Take, looks: bool) -> None:
    """``HttpServerOptions.idleTimeout`` ends TCP below the WebSocket."""
    timeout = take.between(1.3, 2.6)
    server = start(Vertx, idle=round(timeout * 1000))
    targets = (f"A={server.url}",) if looks else (f"A={server.url}", f"B={server.url}")
    talk = chatter(0.4, timeout + LATE + 1, "B") if not looks else chatter(0.5, take.between(0.5, 1.5))
    async with probing(*targets, *talk, "--stdin", **(POSTMORTEM if looks else {})) as watch:
        await seen(watch, "close", "A")
        if not looks:
            await ask(watch, "send still here", "B")
            await seen(watch, "frame", "B", dir="in", text="still here")
        assert await watch.finish() == 1
    close = watch.the("close", "A")
    assert_cut(close)
    assert timeout - 0.3 <= close["idle_any"] <= timeout + LATE
    recorder.keep(take.of(f"vertx-idle-{'alone' if looks else 'one-of-two'}"), watch)


async def test_nobody_pings_the_event_bus(start: Starter, recorder: Recorder, take: Take) -> None:
    """The bridge wants ``{"type":"ping"}`` every ``pingTimeout``, whatever SockJS itself says."""
    timeout = take.between(1.5, 2.5)
    server = start(Vertx, ping=round(timeout * 1000), heartbeat=take.one_of(700, 1000))
    ping = [
        word
        for time in range(1, 13)
        for word in ("--do", f'{time / 2} well: send {{"type":"ping"}}')
    ]  # fmt: skip
    targets = (f"mute={server.sockjs('eventbus')}", f"well={server.sockjs('eventbus')}")
    async with probing(*targets, *ping, "--stdin", **POSTMORTEM) as watch:
        await seen(watch, "close", "mute")
        assert await watch.finish() == 1
    close = watch.the("close", "mute")
    assert close["initiator"] == "remote"
    assert timeout - 0.3 <= close["age"] <= timeout + LATE
    assert watch.the("close", "well")["asked"] is True
    recorder.keep(take.of("vertx-eventbus-no-ping"), watch)

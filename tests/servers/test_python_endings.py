"""Programs on python-websockets and uvicorn that end their clients, and what the probe sees of it."""

import os
import signal

import pytest

from tests.probing import ask, probing, run, seen
from tests.servers.python import PythonEndings
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.takes import Take, extra
from tests.servers.uvicorn import Uvicorn
from tests.watching import Line

pytestmark = [pytest.mark.real, pytest.mark.extra]

LOOK = {"WHOOPS_NO_POSTMORTEM": ""}
"""Has the probe look after a drop whether the server still answers."""


def assert_said(close: Line, code: int, reason: str = "") -> None:
    """The server's Close said so, and TCP ended in order."""
    assert (close["received"], close["code"]) == ({"code": code, "reason": reason}, code)
    assert (close["initiator"], close["clean"], close["transport"]["how"]) == ("remote", True, "fin")


@pytest.mark.parametrize(
    ("name", "word", "code", "reasons"),
    [
        ("handler-fails", "raise", 1011, ("",)),
        extra("handler-is-done", "return", 1000, ("",)),
        extra("unsupported", "close 1003", 1003, ("", "cannot accept binary")),
        extra("policy", "close 1008", 1008, ("", "policy")),
        extra("own-code", "close 4100", 4100, ("", "maintenance of shard 7", "see the docs")),
        extra("forbidden", "close 3003", 3003, ("Forbidden", "forbidden by the room's owner")),
        extra("unauthorized", "close 3000", 3000, ("Unauthorized", "unauthorized")),
        extra("going-away", "close 1001", 1001, ("", "moving to another node")),
    ],
)
async def test_python_says_why(
    python_endings: PythonEndings,
    recorder: Recorder,
    take: Take,
    name: str,
    word: str,
    code: int,
    reasons: tuple[str, ...],
) -> None:
    reason = take.one_of(*reasons)
    order = f"{take.between(0.1, 0.6)} send {word} {reason}".rstrip()
    watch, status = await run(python_endings.url, "--do", order)
    assert status == 1
    assert_said(watch.the("close"), code, reason)
    recorder.keep(take.of(f"python-{name}"), watch)


async def test_python_aborts_one_of_two(python_endings: PythonEndings, recorder: Recorder, take: Take) -> None:
    async with probing(f"anna={python_endings.url}", f"bert={python_endings.url}", "--stdin") as watch:
        for session in ("anna", "bert"):
            await seen(watch, "open", session)
            await ask(watch, f"send {'x' * take.one_of(1, 100, 1000)}", session)
            await seen(watch, "frame", session, dir="in")
        await ask(watch, "send abort", "anna")
        await seen(watch, "close", "anna")
        assert await watch.finish() == 1
    close = watch.the("close", "anna")
    assert (close["code"], close["transport"]["how"], close["initiator"]) == (1006, "fin", "remote")
    recorder.keep(take.of("python-aborts-one-of-two"), watch)


async def test_python_exits(start: Starter, recorder: Recorder, take: Take) -> None:
    server = start(PythonEndings)
    watch, status = await run(server.url, "--do", f"{take.between(0.1, 0.8)} send exit", **LOOK)
    assert status == 1
    close = watch.the("close")
    assert (close["code"], close["transport"]["how"], close["initiator"]) == (1006, "fin", "remote")
    recorder.keep(take.of("python-exits"), watch)


async def test_python_stops_in_order(start: Starter, recorder: Recorder, take: Take) -> None:
    server, other = start(PythonEndings), start(PythonEndings)
    targets = (f"anna={server.url}", f"bert={server.url}", f"else={other.url}")
    async with probing(*targets, "--stdin") as watch:
        for session in ("anna", "bert", "else"):
            await seen(watch, "open", session)
        await ask(watch, "send hello", take.one_of("anna", "bert"))
        await seen(watch, "frame", dir="in", text="hello")
        os.kill(server.pid, signal.SIGTERM)
        for session in ("anna", "bert"):
            await seen(watch, "close", session)
        await ask(watch, "send still here", "else")
        await seen(watch, "frame", "else", dir="in", text="still here")
        assert await watch.finish() == 1
    for session in ("anna", "bert"):
        assert_said(watch.the("close", session), 1001)
    recorder.keep(take.of("python-stops-in-order"), watch)


@pytest.mark.parametrize(
    ("name", "word", "code"),
    [
        ("fails", "raise", 1006),
        extra("is-done", "return", 1006),
        extra("says-1013", "close 1013 Try again later", 1013),
        extra("says-4001", "close 4001 token has expired", 4001),
    ],
)
async def test_an_asgi_application_ends_a_session(
    uvicorn: Uvicorn, recorder: Recorder, take: Take, name: str, word: str, code: int
) -> None:
    """Where the application fails or returns, uvicorn ends TCP without a Close."""
    watch, status = await run(uvicorn.url, "--do", f"{take.between(0.1, 0.6)} send {word}", **LOOK)
    assert status == 1
    close = watch.the("close")
    assert (close["code"], close["initiator"], close["transport"]["how"]) == (code, "remote", "fin")
    recorder.keep(take.of(f"uvicorn-{name}"), watch)


@pytest.mark.parametrize(("path", "answer"), [extra("refuse", 403), ("raise", 500), extra("deny", 402)])
async def test_an_asgi_application_lets_nobody_in(
    uvicorn: Uvicorn, recorder: Recorder, take: Take, path: str, answer: int
) -> None:
    watch, status = await run(f"{uvicorn.url}/{path}")
    assert status == 3
    assert watch.the("http", dir="in")["status"] == answer
    recorder.keep(take.of(f"uvicorn-{path}"), watch)


@pytest.mark.parametrize("sessions", [("anna", "bert"), extra(("anna",))])
async def test_uvicorn_restarts(start: Starter, recorder: Recorder, take: Take, sessions: tuple[str, ...]) -> None:
    server = start(Uvicorn)
    async with probing(*(f"{name}={server.url}" for name in sessions), "--stdin") as watch:
        for session in sessions:
            await seen(watch, "open", session)
        await ask(watch, "send hello", take.one_of(*sessions))
        await seen(watch, "frame", dir="in", text="hello")
        os.kill(server.pid, signal.SIGTERM)
        for session in sessions:
            await seen(watch, "close", session)
        assert await watch.finish() == 1
    for session in sessions:
        assert watch.the("close", session)["code"] == 1012
    recorder.keep(take.of(f"uvicorn-stops-{len(sessions)}"), watch)


async def test_no_pong_for_uvicorn(start: Starter, recorder: Recorder, take: Take) -> None:
    every, patience = take.between(0.4, 0.8), take.between(0.5, 1)
    server = start(Uvicorn, ws_ping_interval=every, ws_ping_timeout=patience)
    watch, status = await run(server.url, "--do", "0 hold-pongs")
    assert status == 1
    close = watch.the("close")
    assert close["initiator"] == "remote"
    recorder.keep(take.of("uvicorn-no-pong"), watch)


async def test_a_message_over_uvicorn_s_limit(start: Starter, recorder: Recorder, take: Take) -> None:
    most = take.one_of(1000, 5000, 20_000)
    server = start(Uvicorn, ws_max_size=most)
    watch, status = await run(server.url, "--do", f"{take.between(0.1, 0.6)} send-repeat x {2 * most}")
    assert status == 1
    close = watch.the("close")
    assert (close["code"], close["initiator"]) == (1009, "remote")
    recorder.keep(take.of("uvicorn-message-over-its-limit"), watch)

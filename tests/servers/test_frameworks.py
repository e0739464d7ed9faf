"""aiohttp, Tornado and Sanic: their heart-beats, limits and stops, and what a failing handler looks like."""

import os
import signal
from collections.abc import Callable

import pytest

from tests.probing import probing, seen
from tests.servers.frameworks import Aiohttp, Sanic, Tornado
from tests.servers.looks import every, looked, signalled, watched
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.together import together
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]

Framework = Aiohttp | Tornado | Sanic
Kind = Callable[..., Framework]


async def misses_pongs(
    start: Starter, recorder: Recorder, kind: Kind, held: float, chat: list[str], **options: float
) -> None:
    """It asks for a sign of life from a client that says nothing any more."""
    server = start(kind, **options)
    words = [f"mute={server.url}", f"well={server.url}", "--do", f"{held} mute: hold-pongs", *chat]
    recorder.keep(f"{kind.__name__.lower()}-pongs-withheld", await watched(words, ("mute",)))


async def handler_fails(start: Starter, recorder: Recorder, kind: Kind, when: float, chat: list[str]) -> None:
    """The message of one of two fails its handler."""
    server = start(kind)
    words = [f"A={server.url}", f"B={server.url}", *chat, "--do", f"{when} A: send raise"]
    recorder.keep(f"{kind.__name__.lower()}-handler-fails", await watched(words, ("A",)))


async def message_is_too_big(start: Starter, recorder: Recorder, kind: Kind, size: int, **options: int) -> None:
    server = start(kind, **options)
    words = [f"large={server.url}", f"small={server.url}", "--no-compression", "--do", "0.55 send hello"]
    words += ["--do", f"1.{size % 89:02} large: send-repeat x {size}"]
    recorder.keep(f"{kind.__name__.lower()}-message-too-big", await watched(words, ("large",)))


async def stops(
    start: Starter, recorder: Recorder, name: str, kind: Kind, chat: list[str], count: int, **options: object
) -> None:
    """SIGTERM to a server with a busy and an idle client."""
    server = start(kind, **options)
    words = [f"busy={server.url}", f"idle={server.url}", *chat]
    strike = signalled(server.pid, signal.SIGTERM, "busy", count)
    recorder.keep(name, await watched(words, ("busy", "idle"), ok=False, strike=strike))


async def test_heartbeats(start: Starter, recorder: Recorder) -> None:
    await together(
        (
            misses_pongs(start, recorder, Aiohttp, 2.35, every(1.95, "send hi", 6, "well"), heartbeat=1.7),
            misses_pongs(
                start, recorder, Tornado, 3.1, ["--do", "0.9 send hi"], websocket_ping_interval=2.2,
                websocket_ping_timeout=1.6,
            ),
            misses_pongs(
                start, recorder, Sanic, 0.5, every(0.88, "send yes", 6, "mute"), WEBSOCKET_PING_INTERVAL=1.25,
                WEBSOCKET_PING_TIMEOUT=2.85,
            ),
        )
    )  # fmt: skip


async def test_failing_handlers(start: Starter, recorder: Recorder) -> None:
    await together(
        (
            handler_fails(start, recorder, Aiohttp, 1.45, every(0.3, "send a", 1.3)),
            handler_fails(start, recorder, Tornado, 2.25, every(0.95, "ping", 2, "A")),
            handler_fails(start, recorder, Sanic, 1.05, every(0.44, "send b", 3, "B")),
        )
    )


async def test_limits(start: Starter, recorder: Recorder) -> None:
    await together(
        (
            message_is_too_big(start, recorder, Aiohttp, 70_001, max_msg_size=65_536),
            message_is_too_big(start, recorder, Tornado, 45_017, websocket_max_message_size=20_000),
            message_is_too_big(start, recorder, Sanic, 9_111, WEBSOCKET_MAX_SIZE=8_192),
        )
    )


async def test_stops(start: Starter, recorder: Recorder) -> None:
    await together(
        (
            stops(start, recorder, "aiohttp-stop", Aiohttp, every(0.36, "send tick", 4, "busy"), 4),
            stops(
                start, recorder, "aiohttp-says-bye-1001", Aiohttp, every(0.52, "send tick", 4, "busy"), 3,
                says_bye=[1001, "Server shutdown"],
            ),
            stops(
                start, recorder, "aiohttp-says-bye-4503", Aiohttp, every(0.28, "ping", 4, "busy"), 6,
                says_bye=[4503, "new version is being deployed"],
            ),
            stops(start, recorder, "tornado-stop", Tornado, every(0.64, "send tick", 4, "busy"), 2),
            stops(start, recorder, "sanic-stop", Sanic, every(0.57, "send tick", 4, "busy"), 5),
        )
    )  # fmt: skip


async def aiohttp_waits_for_a_message(start: Starter, recorder: Recorder) -> None:
    """``receive_timeout``: its handler fails when nothing has come for so long, and TCP ends without a Close."""
    server = start(Aiohttp, receive_timeout=3.4)
    words = [f"quiet={server.url}", f"silent={server.url}", f"well={server.url}"]
    words += ["--do", "1.6 quiet: send last words", *every(2.15, "send on", 9, "well")]
    recorder.keep("aiohttp-receive-timeout", await watched(words, ("silent", "quiet")))


async def aiohttp_cuts_one(start: Starter, recorder: Recorder) -> None:
    server = start(Aiohttp, heartbeat=1.3)
    words = [f"A={server.url}", f"B={server.url}", "--do", "0.8 send hi", "--do", "3.05 A: send cut"]
    recorder.keep("aiohttp-cuts-one", await watched(words, ("A",)))


async def aiohttp_lets_some_in(start: Starter, recorder: Recorder) -> None:
    """Who shows no login, who knows the old address, who comes too early, and one who is welcome."""
    server = start(Aiohttp)
    paths = {"guest": "/members", "old": "/old", "early": "/busy", "lost": "/ws", "well": "/"}
    words = [*(f"{name}={server.url}{path}" for name, path in paths.items()), *every(0.77, "send hi", 2.5, "well")]
    gone = ("guest", "old", "early", "lost")
    recorder.keep("aiohttp-doors", await watched(words, gone, status=3))


async def tornado_asks_where_from(start: Starter, recorder: Recorder) -> None:
    """Its ``check_origin`` lets in only pages of its own host."""
    server = start(Tornado)
    words = [f"A={server.url}", "--origin", "http://elsewhere.example"]
    recorder.keep("tornado-origin", await watched(words, ("A",), stage="http", status=3))


async def aiohttp_stands_still(start: Starter, recorder: Recorder) -> None:
    """A blocking call in a handler; a third client cannot even get in."""
    server = start(Aiohttp)
    words = [f"A={server.url}", f"B={server.url}", "--do", "1.1 A: send block 6.3", "--ping-interval", "0.95"]
    recorder.keep("aiohttp-blocked", await watched([*words, "--ping-timeout", "1.85"], ("A", "B")))


async def tornado_is_held_and_goes_on(start: Starter, recorder: Recorder) -> None:
    """SIGSTOP for a while, with no timeout of ours: what was said is answered late."""
    server = start(Tornado, websocket_ping_interval=1.4)
    words = [f"A={server.url}", f"B={server.url}", "--stdin", *every(0.67, "send tick", 4.5, "A")]
    async with probing(*words, **POSTMORTEM) as watch:
        await signalled(server.pid, signal.SIGSTOP, "A", 2)(watch)
        await seen(watch, "frame", "A", dir="out", opcode=1, count=6)
        os.kill(server.pid, signal.SIGCONT)
        await seen(watch, "frame", "A", dir="in", opcode=1, count=6)
        await seen(watch, "frame", "B", dir="in", opcode=9, count=2)
        assert await watch.finish() == 0
    recorder.keep("tornado-held-survived", watch)


async def sanic_is_killed(start: Starter, recorder: Recorder) -> None:
    """kill -9, with words of one client still unread."""
    server = start(Sanic)
    words = [f"A={server.url}", f"B={server.url}", "--stdin", *every(0.53, "send tick", 3, "A")]
    async with probing(*words, **POSTMORTEM) as watch:
        await signalled(server.pid, signal.SIGSTOP, "A", 2)(watch)
        await seen(watch, "frame", "A", dir="out", opcode=1, count=4)
        os.kill(server.pid, signal.SIGKILL)
        await looked(watch, "A", "B", ok=False)
        assert await watch.finish() == 1
    recorder.keep("sanic-killed-unread", watch)


async def test_one_by_one(start: Starter, recorder: Recorder) -> None:
    await together(
        (
            aiohttp_waits_for_a_message(start, recorder),
            aiohttp_cuts_one(start, recorder),
            aiohttp_lets_some_in(start, recorder),
            tornado_asks_where_from(start, recorder),
            tornado_is_held_and_goes_on(start, recorder),
            sanic_is_killed(start, recorder),
        )
    )


async def test_a_blocking_call(start: Starter, recorder: Recorder) -> None:
    await aiohttp_stands_still(start, recorder)

"""Hypercorn, Daphne and gunicorn: how they stop, recycle and lose their workers, and what ends a client of theirs."""

import os
import signal
from http.client import HTTPConnection

import pytest

from tests.probing import ask, probing, seen
from tests.servers.asgi_hosts import Daphne, Gunicorn, Hypercorn
from tests.servers.looks import every, looked, signalled, watched
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.together import together
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

UVICORN = "uvicorn.workers.UvicornWorker"


async def hypercorn_stops(start: Starter, recorder: Recorder) -> None:
    """It waits for its clients for a while and ends without a word to them."""
    server = start(Hypercorn, graceful_timeout=2)
    words = [f"busy={server.url}", f"idle={server.url}", *every(0.42, "send tick", 5, "busy")]
    strike = signalled(server.pid, signal.SIGTERM, "busy", 3)
    recorder.keep("hypercorn-stop", await watched(words, ("busy", "idle"), ok=False, strike=strike))


async def hypercorn_asks_and_does_not_mind(start: Starter, recorder: Recorder) -> None:
    """It pings and never looks for the pong."""
    server = start(Hypercorn, websocket_ping_interval=1)
    words = [f"mute={server.url}", f"well={server.url}", "--stdin", "--do", "1.5 mute: hold-pongs"]
    async with probing(*words, **POSTMORTEM) as watch:
        await seen(watch, "frame", "mute", dir="in", opcode=9, count=7)
        await ask(watch, "send still there", "mute")
        await seen(watch, "frame", "mute", dir="in", opcode=1)
        assert await watch.finish() == 0
    recorder.keep("hypercorn-pongs-withheld", watch)


async def hypercorn_takes_no_more(start: Starter, recorder: Recorder) -> None:
    server = start(Hypercorn, websocket_max_message_size=3100)
    words = [f"large={server.url}", f"small={server.url}", "--no-compression"]
    words += ["--do", "0.6 small: send-repeat x 3000", "--do", "1.05 large: send-repeat x 3200"]
    recorder.keep("hypercorn-message-too-big", await watched(words, ("large",)))


async def hypercorn_has_no_application_left(start: Starter, recorder: Recorder) -> None:
    """The callable returns without a close."""
    server = start(Hypercorn)
    words = [f"A={server.url}", *every(0.37, "send ping", 1.5), "--do", "1.75 send return"]
    recorder.keep("hypercorn-application-returns", await watched(words, ("A",), stage="http"))


async def daphne_misses_pongs(start: Starter, recorder: Recorder) -> None:
    server = start(Daphne, "--ping-interval", "3", "--ping-timeout", "2")
    words = [f"mute={server.url}", f"well={server.url}", "--do", "0.7 send hi", "--do", "1.4 mute: hold-pongs"]
    recorder.keep("daphne-pongs-withheld", await watched(words, ("mute",)))


async def daphne_lets_nobody_stay(start: Starter, recorder: Recorder) -> None:
    """It looks every two seconds who has been there for too long."""
    server = start(Daphne, "--websocket_timeout", "3")
    words = [f"A={server.url}", f"B={server.url}", "--stagger", "2.3", *every(0.62, "send here", 6)]
    recorder.keep("daphne-maximum-age", await watched(words, ("A", "B")))


async def daphne_stops(start: Starter, recorder: Recorder) -> None:
    server = start(Daphne)
    words = [f"A={server.url}", f"B={server.url}", *every(0.58, "send tack", 3, "A"), *every(0.33, "ping", 3, "B")]
    strike = signalled(server.pid, signal.SIGTERM, "A", 4)
    recorder.keep("daphne-stop", await watched(words, ("A", "B"), ok=False, strike=strike))


async def daphne_application_fails(start: Starter, recorder: Recorder) -> None:
    """It says 1011 and leaves the rest to the client."""
    server = start(Daphne)
    words = [f"A={server.url}", f"B={server.url}", "--close-timeout", "2.1", "--do", "1.3 A: send raise"]
    recorder.keep("daphne-application-fails", await watched(words, ("A",)))


async def test_hypercorn(start: Starter, recorder: Recorder) -> None:
    await together(
        (
            hypercorn_stops(start, recorder),
            hypercorn_asks_and_does_not_mind(start, recorder),
            hypercorn_takes_no_more(start, recorder),
            hypercorn_has_no_application_left(start, recorder),
        )
    )


async def test_daphne(start: Starter, recorder: Recorder) -> None:
    await together(
        (
            daphne_misses_pongs(start, recorder),
            daphne_lets_nobody_stay(start, recorder),
            daphne_stops(start, recorder),
            daphne_application_fails(start, recorder),
        )
    )


def requested(port: int) -> None:
    """Asks for a page, as anybody might."""
    connection = HTTPConnection(LOOPBACK, port, timeout=5)
    connection.request("GET", "/page")
    assert connection.getresponse().status == 404
    connection.close()


def served_by(watch: Watch, session: str) -> int:
    """The worker that said its process to that session."""
    return next(int(line["text"]) for line in watch.of("frame", session, dir="in") if line["text"].isdigit())


async def a_worker_is_found_stuck(start: Starter, recorder: Recorder) -> None:
    """gunicorn kills a worker that gives no sign of life; its clients go with it, and the next one is there."""
    server = start(Gunicorn, UVICORN, "--timeout", "2")
    words = [f"A={server.url}", f"B={server.url}", *every(0.7, "send hm", 1.5, "B"), "--do", "1.65 A: send block 9"]
    watch = await watched(words, ("A", "B"), stage="http")
    assert "WORKER TIMEOUT" in server.log
    recorder.keep("gunicorn-worker-timeout", watch)


async def its_own_worker_is_found_stuck(start: Starter, recorder: Recorder) -> None:
    """The one that was stuck had unread words of a client."""
    server = start(Gunicorn, "asgi", "--timeout", "3")
    words = [f"A={server.url}", f"B={server.url}", "--do", "1.2 A: send block 11", *every(0.9, "send more", 3, "A")]
    watch = await watched(words, ("A", "B"))
    assert "WORKER TIMEOUT" in server.log
    recorder.keep("gunicorn-asgi-worker-timeout", watch)


async def workers_are_replaced(start: Starter, recorder: Recorder) -> None:
    """SIGHUP: a deploy. Everybody is sent away and comes back at once."""
    server = start(Gunicorn, UVICORN, "-w", "2")
    words = [f"A={server.url}", f"B={server.url}", "--reconnect", "--stdin", *every(0.85, "send tick", 3, "A")]
    async with probing(*words, **POSTMORTEM) as watch:
        await signalled(server.pid, signal.SIGHUP, "A", 2)(watch)
        for session in ("A", "B"):
            await seen(watch, "open", session, count=2)
        assert await watch.finish() == 1
    recorder.keep("gunicorn-reload", watch)


async def a_worker_has_served_enough(start: Starter, recorder: Recorder) -> None:
    """``--max-requests``: others' requests are one too many, and the worker is recycled with all it served."""
    server = start(Gunicorn, UVICORN, "--max-requests", "3")
    words = [f"A={server.url}", f"B={server.url}", "--stagger", "1.3", "--reconnect", "--stdin"]
    async with probing(*words, *every(0.75, "send tock", 4, "A"), **POSTMORTEM) as watch:
        await seen(watch, "frame", "A", dir="in", count=3)
        for _ in range(3):
            requested(server.port)
        for session in ("A", "B"):
            await seen(watch, "open", session, count=2)
        assert await watch.finish() == 1
    recorder.keep("gunicorn-max-requests", watch)


async def one_worker_is_killed(start: Starter, recorder: Recorder) -> None:
    """SIGKILL for one of two, as by the kernel when memory is short; who is served by the other notices nothing."""
    server = start(Gunicorn, UVICORN, "-w", "2")
    names = tuple("ABCDEF")
    words = [*(f"{name}={server.url}" for name in names), "--stdin", "--do", "0.4 send pid"]
    async with probing(*words, **POSTMORTEM) as watch:
        for name in names:
            await seen(watch, "frame", name, dir="in")
        victim = served_by(watch, "A")
        gone = tuple(name for name in names if served_by(watch, name) == victim)
        os.kill(victim, signal.SIGKILL)
        await looked(watch, *gone)
        for name in set(names) - set(gone):
            await ask(watch, "send still here", name)
            await seen(watch, "frame", name, dir="in", count=2)
        assert {line["s"] for line in watch.of("close")} == set(gone)
        assert await watch.finish() == 1
    recorder.keep("gunicorn-worker-killed", watch)


async def its_own_worker_stops(start: Starter, recorder: Recorder) -> None:
    """SIGTERM, and a grace that runs out with clients still there."""
    server = start(Gunicorn, "asgi", "--graceful-timeout", "2")
    words = [f"A={server.url}", f"B={server.url}", *every(0.48, "send tick", 4, "A")]
    strike = signalled(server.pid, signal.SIGTERM, "A", 3)
    recorder.keep("gunicorn-asgi-stop", await watched(words, ("A", "B"), ok=False, strike=strike))


async def test_gunicorn_s_stuck_workers(start: Starter, recorder: Recorder) -> None:
    await together((a_worker_is_found_stuck(start, recorder), its_own_worker_is_found_stuck(start, recorder)))


async def test_gunicorn_s_workers(start: Starter, recorder: Recorder) -> None:
    await together(
        (
            workers_are_replaced(start, recorder),
            a_worker_has_served_enough(start, recorder),
            one_worker_is_killed(start, recorder),
            its_own_worker_stops(start, recorder),
        )
    )

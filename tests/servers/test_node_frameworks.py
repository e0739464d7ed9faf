"""Fastify, faye-websocket and hapi's nes: their doors, stops and heart-beats, and exceptions in their handlers."""

import signal

import pytest

from tests.probing import ask, probing, seen
from tests.servers.looks import every, signalled, watched
from tests.servers.node_apps import Fastify, Faye, Nes, Rules
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.together import together
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def fastify_stops(start: Starter, recorder: Recorder) -> None:
    """Its plugin closes everybody, with no code."""
    server = start(Fastify)
    words = [f"A={server.url}", f"B={server.url}", *every(0.71, "send hi", 3, "A")]
    strike = signalled(server.pid, signal.SIGTERM, "A", 2)
    recorder.keep("fastify-stop", await watched(words, ("A", "B"), ok=False, strike=strike))


async def fastify_throws(start: Starter, recorder: Recorder) -> None:
    """An exception in a listener is nobody's: it ends the process."""
    server = start(Fastify)
    words = [f"A={server.url}", f"B={server.url}", *every(0.49, "send hi", 1.6, "B"), "--do", "1.9 A: send throw"]
    recorder.keep("fastify-listener-throws", await watched(words, ("A", "B"), ok=False))


async def fastify_lets_some_in(start: Starter, recorder: Recorder) -> None:
    server = start(Fastify)
    paths = {"eager": "/throttled", "guest": "/members", "lost": "/wss", "well": "/ws"}
    words = [*(f"{name}={server.at(path)}" for name, path in paths.items()), *every(0.83, "send hi", 2.6, "well")]
    recorder.keep("fastify-doors", await watched(words, ("eager", "guest", "lost"), status=3))


async def fastify_has_only_a_page(start: Starter, recorder: Recorder) -> None:
    """A path without a WebSocket handler: the plugin shakes hands first, and closes at once."""
    server = start(Fastify)
    words = [f"page={server.at('/page')}", f"well={server.url}", *every(0.66, "send hi", 1.5, "well")]

    async def well_is_served(watch: Watch) -> None:
        await seen(watch, "frame", "well", dir="in", count=2)

    recorder.keep("fastify-page-opened-and-closed", await watched(words, ("page",), strike=well_is_served))


async def faye_asks_and_does_not_mind(start: Starter, recorder: Recorder) -> None:
    """Its ``ping`` keeps proxies awake; nobody waits for the pong."""
    server = start(Faye, ping=1)
    words = [f"mute={server.url}", f"well={server.url}", "--stdin", "--do", "1.25 mute: hold-pongs"]
    async with probing(*words, **POSTMORTEM) as watch:
        await seen(watch, "frame", "mute", dir="in", opcode=9, count=6)
        await ask(watch, "send still there", "mute")
        await seen(watch, "frame", "mute", dir="in", opcode=1)
        assert await watch.finish() == 0
    recorder.keep("faye-pongs-withheld", watch)


async def faye_takes_no_more(start: Starter, recorder: Recorder) -> None:
    server = start(Faye, maxLength=2100)
    words = [f"large={server.url}", f"small={server.url}", *every(0.59, "send hi", 2, "small")]
    words += ["--do", "1.5 large: send-repeat z 2300"]
    recorder.keep("faye-message-too-big", await watched(words, ("large",)))


async def faye_crashes(start: Starter, recorder: Recorder) -> None:
    server = start(Faye, ping=1.05)
    words = [f"A={server.url}", f"B={server.url}", "--do", "2.75 B: send crash"]
    recorder.keep("faye-crash", await watched(words, ("A", "B"), ok=False))


async def nes_wants_an_answer(start: Starter, recorder: Recorder) -> None:
    """Its pings are messages of its own; who does not know them is closed without a code, who answers stays."""
    server = start(Nes, heartbeat={"interval": 1950, "timeout": 900})
    words = [f"stranger={server.url}", f"friend={server.url}"]
    words += every(1.0, r'send {"id":1,"type":"ping"}', 12, "friend")
    recorder.keep("nes-heartbeat-unanswered", await watched(words, ("stranger",)))


async def nes_stops(start: Starter, recorder: Recorder) -> None:
    server = start(Nes, heartbeat={"interval": 1150, "timeout": 700})
    words = [f"A={server.url}", f"B={server.url}", *every(0.7, r'send {"id":1,"type":"ping"}', 6)]
    strike = signalled(server.pid, signal.SIGTERM, "A", 5)
    recorder.keep("nes-stop", await watched(words, ("A", "B"), ok=False, strike=strike))


async def client_breaks_the_rules(
    start: Starter, recorder: Recorder, name: str, frame: str, when: float, chat: list[str]
) -> None:
    """Our own frame is wrong, and ws says so."""
    server = start(Rules)
    words = [f"wrong={server.url}", f"well={server.url}", *chat, "--do", f"{when} wrong: raw-frame {frame}"]
    recorder.keep(name, await watched(words, ("wrong",)))


async def test_fastify(start: Starter, recorder: Recorder) -> None:
    await together(
        (
            fastify_stops(start, recorder),
            fastify_throws(start, recorder),
            fastify_lets_some_in(start, recorder),
            fastify_has_only_a_page(start, recorder),
        )
    )


async def test_faye_and_nes(start: Starter, recorder: Recorder) -> None:
    await together(
        (
            faye_asks_and_does_not_mind(start, recorder),
            faye_takes_no_more(start, recorder),
            faye_crashes(start, recorder),
            nes_wants_an_answer(start, recorder),
            nes_stops(start, recorder),
        )
    )


async def test_our_own_mistakes(start: Starter, recorder: Recorder) -> None:
    await together(
        (
            client_breaks_the_rules(start, recorder, "ws-our-text-not-utf8", "818300000000c3286f", 1.55, []),
            client_breaks_the_rules(
                start, recorder, "ws-our-frame-unmasked", "810568656c6c6f", 2.45, every(0.8, "ping", 2)
            ),
            client_breaks_the_rules(
                start, recorder, "ws-our-reserved-opcode", "838100000000aa", 0.65, every(0.9, "send hi", 4, "well")
            ),
        )
    )

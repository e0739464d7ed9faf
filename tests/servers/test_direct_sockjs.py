"""sockjs-node met directly, over several of its transports at once: stopped, killed, held, or let wait too long."""

import os
import signal

import pytest

from tests.probing import ask, open_session, probing, seen
from tests.servers.again import back
from tests.servers.frozen import frozen
from tests.servers.looks import every, looked, watched
from tests.servers.node import SockJsNode
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

TRANSPORTS = {"socket": "websocket", "stream": "xhr-streaming", "poll": "xhr-polling"}


async def join(watch: Watch, server: SockJsNode, name: str, transport: str, **table: object) -> None:
    """Opens a session over that transport."""
    opened = await open_session(watch, name=name, url=server.url, sockjs_transport=transport, **table)
    assert opened["ok"] is True
    await seen(watch, "sockjs", name, kind="o")


async def answered(watch: Watch, session: str, words: str = "hello") -> None:
    """It says something that comes back."""
    before = len(watch.of("sockjs", session, kind="a", dir="in"))
    await ask(watch, f"send {words}", session)
    await seen(watch, "sockjs", session, kind="a", dir="in", count=before + 1)


async def test_a_stream_whose_server_stands_still(start: Starter, recorder: Recorder) -> None:
    """Its ``h`` came every second and a half; what we post is taken by its kernel and not answered."""
    server, other = start(SockJsNode, heartbeat_delay=1500), start(SockJsNode, heartbeat_delay=1500)
    async with probing("--close-timeout", "0.5", "--stdin", **POSTMORTEM) as watch:
        await join(watch, server, "feed", "xhr-streaming", close_timeout=0.5)
        await join(watch, other, "well", "xhr-streaming")
        await answered(watch, "feed")
        await seen(watch, "sockjs", "feed", kind="h", dir="in", count=3)
        with frozen(server.pid):
            await ask(watch, "send are you there", "feed")
            beats = len(watch.of("sockjs", "well", kind="h"))
            await seen(watch, "sockjs", "well", kind="h", dir="in", count=beats + 5)
            await watch.command("quit")
            await watch.finish()
    assert watch.the("close", "feed")["initiator"] == "local"
    recorder.keep("direct-sockjs-stream-frozen", watch)


async def test_pongs_that_are_held_by_one_who_talks(start: Starter, recorder: Recorder) -> None:
    """sockjs-node waits ten seconds for a pong, whatever else comes."""
    server = start(SockJsNode, heartbeat_delay=1700)
    words = [f"mute={server.url}", f"well={server.url}", "--sockjs-transport", "websocket"]
    words += [*every(1.3, "send hello", 13, "mute"), "--do", "0.2 mute: hold-pongs", "--stdin"]
    async with probing(*words, **POSTMORTEM) as watch:
        await looked(watch, "mute")
        assert not watch.of("close", "well")
        assert await watch.finish() == 1
    assert watch.the("close", "mute")["sockjs"] == {"code": 3000, "reason": "No response from heartbeat"}
    recorder.keep("direct-sockjs-pongs-held-while-talking", watch)


async def test_a_poller_that_was_away(start: Starter, recorder: Recorder) -> None:
    """Its tab slept for longer than the server keeps a session; one that polls all the time goes on."""
    server = start(SockJsNode, heartbeat_delay=2000, disconnect_delay=2500)
    async with probing("--stdin", **POSTMORTEM) as watch:
        for name in ("away", "well"):
            await join(watch, server, name, "xhr-polling")
            await answered(watch, name)
        await ask(watch, "pause-polling 6", "away")
        await looked(watch, "away")
        await answered(watch, "well")
        assert await watch.finish() == 1
    assert watch.the("close", "away")["app_view"]["reason"] == "Server lost session"
    recorder.keep("direct-sockjs-poller-away", watch)


async def test_its_websocket_is_switched_off(start: Starter, recorder: Recorder) -> None:
    """A page that wants nothing else fails; one that takes what it gets is served."""
    server = start(SockJsNode, websocket=False, heartbeat_delay=1500)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await join(watch, server, "page", "auto")
        await answered(watch, "page")
        opened = await open_session(watch, name="modern", url=server.url, sockjs_transport="websocket", open_timeout=4)
        assert opened["ok"] is True
        await looked(watch, "modern")
        await answered(watch, "page")
        assert await watch.finish() == 3
    assert not watch.of("open", "modern")
    recorder.keep("direct-sockjs-websocket-off", watch)


@pytest.mark.parametrize("name", ["mixed-sigkill", "mixed-1012"])
async def test_all_transports_at_once(start: Starter, recorder: Recorder, name: str) -> None:
    """Killed, or sent away before a restart; each of the three hears of it in its own way."""
    server = start(SockJsNode, heartbeat_delay=2200)
    async with probing("--stdin", **POSTMORTEM) as watch:
        for session, transport in TRANSPORTS.items():
            await join(watch, server, session, transport)
        for session in TRANSPORTS:
            await answered(watch, session)
        if name == "mixed-sigkill":
            os.kill(server.pid, signal.SIGKILL)
        else:
            await ask(watch, "send close 1012 service restart", "socket")
            await ask(watch, "send close 1012 service restart", "stream")
            await ask(watch, "send close 1012 service restart", "poll")
        await looked(watch, *TRANSPORTS, ok=name != "mixed-sigkill")
        assert await watch.finish() == 1
    for session in TRANSPORTS:
        assert not watch.the("close", session).get("asked")
    recorder.keep(f"direct-sockjs-{name}", watch)


async def test_it_is_stopped_and_back(start: Starter, recorder: Recorder) -> None:
    """SIGTERM ends it without a word, as Node's programs do that listen to no signal; a supervisor starts it anew."""
    server = start(SockJsNode, heartbeat_delay=1900)
    async with probing("--stdin", **POSTMORTEM) as watch:
        for session in ("socket", "stream"):
            await join(watch, server, session, TRANSPORTS[session], reconnect=True)
            await answered(watch, session)
        server.end(signal.SIGTERM)
        for session in ("socket", "stream"):
            await seen(watch, "close", session)
        server.begin()
        for session in ("socket", "stream"):
            await back(watch, session, "sockjs")
        await watch.finish()
    recorder.keep("direct-sockjs-stop-and-back", watch)


async def test_an_internal_error_for_one_of_two(start: Starter, recorder: Recorder) -> None:
    """The application's own code for it, over polling."""
    server = start(SockJsNode, heartbeat_delay=2700)
    words = [f"orders={server.url}", f"chat={server.url}", "--sockjs-transport", "xhr-polling"]
    words += [*every(0.9, "send hello", 4, "chat"), "--do", "2.3 orders: send close 4500 Internal error"]
    watch = await watched(words, ("orders",))
    assert watch.the("close", "orders")["sockjs"] == {"code": 4500, "reason": "Internal error"}
    recorder.keep("direct-sockjs-internal-error-4500", watch)


async def test_its_responses_are_short(start: Starter, recorder: Recorder) -> None:
    """A stream's response ends after four kilobytes, on purpose, and the next request goes on: nobody was dropped."""
    server = start(SockJsNode, heartbeat_delay=2000, response_limit=4096)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await join(watch, server, "stream", "xhr-streaming")
        for n in range(5):
            await answered(watch, "stream", f"{n}{'x' * 1400}")
        await seen(watch, "sockjs", "stream", kind="h", dir="in")
        assert await watch.finish() == 0
    assert not watch.of("close", "stream", initiator="remote")
    recorder.keep("direct-sockjs-short-responses", watch)

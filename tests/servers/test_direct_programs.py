"""Programs on Node's ws and python-websockets that are stopped, die, stand still or lose patience, met directly."""

import asyncio
import os
import signal

import pytest

from tests.probing import ask, probing, seen
from tests.servers.again import back
from tests.servers.child import Daemon
from tests.servers.endings import assert_cut, assert_said, exchange
from tests.servers.frozen import freeze, frozen
from tests.servers.looks import every, looked, watched
from tests.servers.node import NodeEndings, NodeStomp, NodeWs
from tests.servers.node_apps import Rules
from tests.servers.python import PythonEndings
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def gone(server: Daemon) -> None:
    """Returns when its process has ended by itself."""
    await asyncio.to_thread(server._child.wait, 20)


async def test_a_deploy(start: Starter, recorder: Recorder) -> None:
    """The old process says 1001 to everybody, a supervisor starts the new one."""
    server = start(PythonEndings)
    words = (f"anna={server.url}/", f"bert={server.url}/", *every(0.7, "send hello", 3, "anna"))
    async with probing(*words, "--reconnect", "--stdin", **POSTMORTEM) as watch:
        await seen(watch, "open", "bert")
        await seen(watch, "frame", "anna", dir="in", count=3)
        os.kill(server.pid, signal.SIGTERM)
        await gone(server)
        server.begin()
        for session in ("anna", "bert"):
            await back(watch, session)
        await watch.finish()
    for session in ("anna", "bert"):
        assert_said(watch.of("close", session)[0], 1001)
    recorder.keep("direct-deploy-1001-reconnect", watch)


async def test_a_restart_that_is_announced(start: Starter, recorder: Recorder) -> None:
    """1012 for everybody, whoever talks; then the process ends, and is back."""
    server = start(NodeEndings)
    words = (f"anna={server.url}", f"bert={server.url}", "--stagger", "0.5", "--reconnect", "--stdin")
    async with probing(*words, **POSTMORTEM) as watch:
        for session in ("anna", "bert"):
            await exchange(watch, session)
        await ask(watch, "send everybody 1012 new version, please reconnect", "bert")
        for session in ("anna", "bert"):
            await seen(watch, "close", session)
        server.end(signal.SIGKILL)
        server.begin()
        for session in ("anna", "bert"):
            await back(watch, session)
        await watch.finish()
    for session in ("anna", "bert"):
        assert_said(watch.of("close", session)[0], 1012, "new version, please reconnect")
    recorder.keep("direct-1012-and-back", watch)


async def test_a_message_that_kills_it_again_and_again(start: Starter, recorder: Recorder) -> None:
    """One client says after each opening what the program cannot stand; a supervisor starts it anew."""
    server = start(NodeEndings)
    words = (f"poison={server.url}", f"other={server.url}", "--do", "1.2 poison: send throw", "--reconnect", "--stdin")
    async with probing(*words, **POSTMORTEM) as watch:
        for life in (1, 2):
            for session in ("poison", "other"):
                await seen(watch, "open", session, count=life)
            if life == 2:
                await ask(watch, "send throw", "poison")
            await gone(server)
            for session in ("poison", "other"):
                await seen(watch, "close", session, count=life)
            server.begin()
        for session in ("poison", "other"):
            await seen(watch, "open", session, count=3)
        await watch.finish()
    for session in ("poison", "other"):
        for close in watch.of("close", session)[:2]:
            assert_cut(close)
    recorder.keep("direct-crash-loop", watch)


async def test_a_client_that_talks_and_answers_no_pings(start: Starter, recorder: Recorder) -> None:
    """The recipe of ws's README looks at pongs alone."""
    server = start(NodeWs, pingEvery=2300)
    words = [f"mute={server.url}", f"well={server.url}", *every(0.6, "send hello", 9, "mute")]
    watch = await watched([*words, "--do", "1 mute: hold-pongs"], ("mute",))
    close = watch.the("close", "mute")
    assert_cut(close)
    assert close["idle_any"] < 1
    recorder.keep("direct-pongs-held-though-busy", watch)


async def test_a_client_that_does_not_read(start: Starter, recorder: Recorder) -> None:
    """A megabyte every few milliseconds; what the kernels take is not enough."""
    server = start(NodeWs, slow={"above": 3_000_000, "code": 1008, "reason": "client too slow"})
    words = [f"slow={server.url}", f"well={server.url}", "--no-compression"]
    words += ["--do", "1.1 slow: send flood 30 1000000", "--do", "1.1 slow: freeze 3.5"]
    watch = await watched([*words, *every(0.9, "send hello", 6, "well")], ("slow",))
    assert watch.the("close", "slow")["received"] == {"code": 1008, "reason": "client too slow"}
    recorder.keep("direct-too-slow-1008", watch)


async def test_three_that_grow_too_old(start: Starter, recorder: Recorder) -> None:
    """Each at the same age; one of them talks."""
    server = start(Rules, age={"after": 4200, "end": [1001, "maximum connection age"]})
    words = [server.url, "-n", "3", "--stagger", "1.1", *every(0.5, "send hello", 4, "A2")]
    watch = await watched(words, ("A1", "A2", "A3"))
    for close in watch.of("close"):
        assert (close["code"], close["reason"]) == (1001, "maximum connection age")
        assert 4 < close["age"] < 5
    recorder.keep("direct-age-1001-staggered", watch)


async def test_a_program_that_cuts_one_after_the_other(start: Starter, recorder: Recorder) -> None:
    """By ``terminate``, then by a reset; both talk and a third lives."""
    server = start(NodeEndings)
    words = [f"{name}={server.url}" for name in ("anna", "bert", "carl")]
    for n, name in enumerate(("anna", "bert", "carl")):
        words += every(0.6 + 0.1 * n, "send hello", 7, name)
    words += ["--do", "1.7 anna: send terminate", "--do", "4.9 bert: send reset"]
    watch = await watched(words, ("anna", "bert"))
    assert_cut(watch.the("close", "anna"), "fin")
    assert_cut(watch.the("close", "bert"), "reset")
    recorder.keep("direct-program-cuts-in-turn", watch)


async def test_a_stomp_server_that_stands_still(start: Starter, recorder: Recorder) -> None:
    """It promised a beat every 800 ms; its kernel takes ours. Another server is well."""
    server, other = start(NodeStomp, beatEvery=800, beats=1000), start(NodeWs)
    words = (f"feed={server.url}", f"chat={other.url}", "--heart-beat", "800,800", "--close-timeout", "0.5", "--stdin")
    async with probing(*words, *every(0.9, "send hello", 9, "chat"), **POSTMORTEM) as watch:
        await seen(watch, "stomp", "feed", command="beat", dir="in", count=3)
        with frozen(server.pid):
            await seen(watch, "heartbeat", "feed", layer="stomp-in", state="missed")
            await seen(watch, "tcp_info", "feed", when="silent", count=2)
            assert not watch.of("close")
            await watch.finish()
    assert watch.the("close", "feed")["initiator"] == "local"
    recorder.keep("direct-stomp-server-frozen", watch)


async def test_a_watchdog_kills_what_hangs(start: Starter, recorder: Recorder) -> None:
    """It answers no more; some seconds later it is killed, and nobody starts it again."""
    server = start(NodeEndings)
    words = (f"busy={server.url}", f"quiet={server.url}", "--stdin", *every(0.5, "send hello", 9, "busy"))

    async def answered(watch: Watch) -> None:
        await exchange(watch, "quiet")
        await seen(watch, "frame", "busy", dir="in", count=3)

    async with probing(*words, **POSTMORTEM) as watch:
        await answered(watch)
        freeze(server.pid)
        sent = len(watch.of("frame", "busy", dir="out"))
        await seen(watch, "frame", "busy", dir="out", count=sent + 7)
        os.kill(server.pid, signal.SIGKILL)
        await looked(watch, "busy", "quiet", ok=False)
        await watch.finish()
    assert_cut(watch.the("close", "busy"), "reset")
    assert_cut(watch.the("close", "quiet"), "fin")
    recorder.keep("direct-frozen-then-killed", watch)

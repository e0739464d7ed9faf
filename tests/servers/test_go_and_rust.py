"""melody, gobwas/ws, axum and tokio-tungstenite: libraries whose sockets often end without a word."""

import os
import signal

import pytest

from tests.probing import ask, probing, seen
from tests.servers import goapps
from tests.servers.goapps import Gobwas, Melody
from tests.servers.looks import every, looked, signalled, watched
from tests.servers.network import SERVER, network
from tests.servers.recordings import Recorder
from tests.servers.rustapps import Axum, OneByOne
from tests.servers.starting import Starter
from tests.servers.together import together
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

PLAIN = "--no-compression"


async def melody_wants_pongs(start: Starter, recorder: Recorder) -> None:
    """Only a pong puts its deadline off: who talks all the time and withholds them is cut all the same."""
    server = start(Melody, PongWait=2.65, PingPeriod=1.1)
    words = [f"talker={server.url}", f"well={server.url}", "--do", "1.9 talker: hold-pongs"]
    words += every(0.46, "send and so on", 7, "talker")
    recorder.keep("melody-pongs-withheld", await watched(words, ("talker",)))


async def melody_takes_no_more(start: Starter, recorder: Recorder) -> None:
    """512 bytes, unless it is told otherwise."""
    server = start(Melody)
    words = [f"large={server.url}", f"small={server.url}", PLAIN, "--do", "0.85 small: send-repeat x 500"]
    recorder.keep(
        "melody-message-too-big", await watched([*words, "--do", "1.75 large: send-repeat x 600"], ("large",))
    )


async def melody_stops(start: Starter, recorder: Recorder) -> None:
    server = start(Melody, Stop=[1012, "restarting"])
    words = [f"A={server.url}", f"B={server.url}", *every(0.61, "send hi", 3, "A"), *every(0.9, "ping", 3, "B")]
    strike = signalled(server.pid, signal.SIGTERM, "A", 3)
    recorder.keep("melody-stop-1012", await watched(words, ("A", "B"), ok=False, strike=strike))


async def melody_drops_messages(start: Starter, recorder: Recorder) -> None:
    """What a slow reader's queue does not hold is never sent; nobody is cut for it."""
    server = start(Melody, Buffer=4, Kernel=4096)
    words = [f"slow={server.url}", f"well={server.url}", PLAIN, "--stdin", "--do", "4.05 slow: send here again"]
    async with probing(*words, **POSTMORTEM) as watch:
        for session in ("slow", "well"):
            await seen(watch, "open", session)
        await ask(watch, "freeze 1.95", "slow")
        await ask(watch, "send flood 40 5000", "well")
        await seen(watch, "frame", "slow", dir="in", text="here again")
        assert await watch.finish() == 0
    recorder.keep("melody-slow-reader-spared", watch)


async def melody_gives_up_on_a_slow_reader(recorder: Recorder) -> None:
    """Its write takes longer than ``WriteWait``, and TCP is cut."""
    with network("gm") as hosts:
        hosts.keep_little()
        with hosts.serving(goapps.command("melody", SERVER, 8080, WriteWait=1.35, Kernel=4096)):
            url = f"ws://{SERVER}:8080/ws"
            async with watching(f"slow={url}", f"well={url}", PLAIN, "--stdin", on=hosts.client, **POSTMORTEM) as watch:
                for session in ("slow", "well"):
                    await seen(watch, "open", session)
                await ask(watch, "freeze 3.6", "slow")
                await ask(watch, "send flood 60 4000", "well")
                await looked(watch, "slow")
                assert not watch.of("close", "well")
                assert await watch.finish() == 1
    recorder.keep("melody-slow-reader-cut", watch)


async def gobwas_does_not_count_pings(start: Starter, recorder: Recorder) -> None:
    """A read deadline that only messages put off: it answers every ping, and cuts who says nothing else."""
    server = start(Gobwas, Idle=4.45)
    words = [f"pinger={server.url}", f"talker={server.url}", "--ping-interval", "1.2"]
    words += ["--do", "1.1 pinger: send hi", *every(2.35, "send well then", 10, "talker")]
    recorder.keep("gobwas-idle-despite-pings", await watched(words, ("pinger",)))


async def gobwas_panics(start: Starter, recorder: Recorder) -> None:
    """Nobody recovers: the whole process ends, and everybody's socket with it."""
    server = start(Gobwas)
    words = [f"A={server.url}", f"B={server.url}", *every(0.54, "ping", 2.5, "B"), "--do", "2.4 A: send panic"]
    recorder.keep("gobwas-panic", await watched(words, ("A", "B"), ok=False))


async def gobwas_leaves_words_unread(start: Starter, recorder: Recorder) -> None:
    """Its handler is done while words of the client wait in the kernel: the end is a reset."""
    server = start(Gobwas)
    words = [f"A={server.url}", f"B={server.url}", *every(0.8, "send hi", 2), "--do", "2.05 A: send leave 400"]
    words += every(0.1, "send but listen", 2.3, "A", 2.05)
    watch = await watched(words, ("A",))
    assert watch.the("close", "A")["transport"]["how"] == "reset"
    recorder.keep("gobwas-leaves-words-unread", watch)


async def gobwas_writes_nonsense(
    start: Starter, recorder: Recorder, name: str, what: str, chat: list[str], when: float
) -> None:
    """A frame that its program made itself, to one of two."""
    server = start(Gobwas)
    words = [f"A={server.url}", f"B={server.url}", *chat, "--close-timeout", "1.7", "--do", f"{when} A: send {what}"]
    recorder.keep(f"gobwas-{name}", await watched(words, ("A",)))


async def test_melody(start: Starter, recorder: Recorder) -> None:
    await together(
        (
            melody_wants_pongs(start, recorder),
            melody_takes_no_more(start, recorder),
            melody_stops(start, recorder),
            melody_drops_messages(start, recorder),
            melody_gives_up_on_a_slow_reader(recorder),
        )
    )


async def test_gobwas(start: Starter, recorder: Recorder) -> None:
    await together(
        (
            gobwas_does_not_count_pings(start, recorder),
            gobwas_panics(start, recorder),
            gobwas_leaves_words_unread(start, recorder),
            gobwas_writes_nonsense(start, recorder, "text-not-utf8", "raw 8104fffe6162", every(0.7, "ping", 2), 1.35),
            gobwas_writes_nonsense(start, recorder, "compressed-unasked", "raw c105f248cdc9c9", [PLAIN], 0.95),
            gobwas_writes_nonsense(
                start, recorder, "frame-cut-off", "part 817e03e8616263", every(0.4, "send x", 1), 1.15
            ),
        )
    )


async def axum_takes_no_more(start: Starter, recorder: Recorder) -> None:
    """Its handler hears of an error and returns: no 1009, TCP just ends."""
    server = start(Axum, most=5000)
    words = [f"large={server.url}", f"small={server.url}", "--do", "0.45 small: send-repeat x 4990"]
    recorder.keep("axum-message-too-big", await watched([*words, "--do", "1.6 large: send-repeat y 6200"], ("large",)))


async def axum_panics(start: Starter, recorder: Recorder) -> None:
    """One client's task dies, the others' go on."""
    server = start(Axum)
    words = [f"A={server.url}", f"B={server.url}", *every(0.73, "send hi", 4), "--do", "2.55 A: send panic"]
    recorder.keep("axum-task-panics", await watched(words, ("A",)))


async def axum_waits_for_a_message(start: Starter, recorder: Recorder) -> None:
    """Pings count too: ``recv`` hears them. Who is silent is cut without a Close."""
    server = start(Axum, wait_s=3.15)
    words = [f"silent={server.url}", f"pinger={server.url}", f"brief={server.url}", *every(1.4, "ping", 9, "pinger")]
    words += ["--do", "1.25 brief: send just this", "--do", "2.3 brief: send and this"]
    recorder.keep("axum-idle", await watched(words, ("silent", "brief")))


async def axum_aborts(start: Starter, recorder: Recorder) -> None:
    server = start(Axum)
    words = [f"A={server.url}", f"B={server.url}", "--ping-interval", "0.65", "--do", "1.95 B: send abort"]
    recorder.keep("axum-abort", await watched(words, ("A", "B"), ok=False))


async def axum_stops(start: Starter, recorder: Recorder) -> None:
    """It does not know its upgraded connections any more: they end with the process."""
    server = start(Axum)
    words = [f"A={server.url}", f"B={server.url}", *every(0.51, "send tick", 3, "B")]
    strike = signalled(server.pid, signal.SIGTERM, "B", 3)
    recorder.keep("axum-stop", await watched(words, ("A", "B"), ok=False, strike=strike))


async def one_client_at_a_time(start: Starter, recorder: Recorder) -> None:
    """The second is accepted by the kernel and never answered; the first is served all the while."""
    server = start(OneByOne)
    words = [f"first={server.url}", f"second={server.url}", "--stagger", "0.9", "--open-timeout", "3.3"]
    words += every(0.79, "send mine", 6, "first")
    recorder.keep("one-client-at-a-time", await watched(words, ("second",), status=3))


async def it_is_killed(start: Starter, recorder: Recorder) -> None:
    """kill -9 and a supervisor that starts it again at once."""
    server = start(Axum)
    words = [f"A={server.url}", f"B={server.url}", "--reconnect", "--stdin", *every(0.47, "send hi", 2.2)]
    async with probing(*words, **POSTMORTEM) as watch:
        await seen(watch, "frame", "B", dir="in", count=4)
        os.kill(server.pid, signal.SIGKILL)
        server.end()
        server.begin()
        for session in ("A", "B"):
            await seen(watch, "open", session, count=2)
        assert await watch.finish() == 1
    recorder.keep("axum-killed-and-back", watch)


async def test_axum(start: Starter, recorder: Recorder) -> None:
    await together(
        (
            axum_takes_no_more(start, recorder),
            axum_panics(start, recorder),
            axum_waits_for_a_message(start, recorder),
            axum_aborts(start, recorder),
            axum_stops(start, recorder),
            one_client_at_a_time(start, recorder),
            it_is_killed(start, recorder),
        )
    )

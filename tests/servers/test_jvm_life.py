"""What clients see of the life of servers on the JVM: their stops, restarts, deaths, pauses."""

import os
import signal

import pytest

from tests.probing import ask, probing, seen
from tests.servers.frozen import frozen
from tests.servers.jvm import JavaWebSocket, Jetty, Jvm, Netty, Tomcat, Undertow, Vertx
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.takes import Take
from tests.servers.test_idle_proxies import chatter
from tests.servers.test_jvm_closes import NAMES, assert_cut, assert_said
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def talked(watch: Watch, take: Take, *names: str) -> None:
    """Has them say a few words each, and be answered."""
    for name in names:
        await seen(watch, "open", name)
        for count in range(take.one_of(1, 2, 3)):
            await ask(watch, f"send hello {count}", name)
            await seen(watch, "frame", name, dir="in", text=f"hello {count}")


STOPS = [
    (Jetty, {}, None),
    (Jetty, {"grace": 3000}, (1001, "Container being shut down")),
    (Tomcat, {}, (1001, "The web application is stopping")),
    (Undertow, {}, None),
    (Netty, {}, None),
    (JavaWebSocket, {}, (1001, "")),
    (Vertx, {}, (1000, "")),
]
"""How each stops, told by SIGTERM: its Close, or none. Jetty says why only where it has a ``stopTimeout``."""


@pytest.mark.parametrize(("kind", "options", "said"), STOPS)
async def test_it_stops_in_order(
    start: Starter,
    recorder: Recorder,
    take: Take,
    kind: type[Jvm],
    options: dict[str, int],
    said: tuple[int, str] | None,
) -> None:
    """Both its clients at once; who is elsewhere notices nothing."""
    server, other = start(kind, **options), start(kind)
    targets = (server.of("anna"), server.of("bert"), f"else={other.url}")
    async with probing(*targets, "--stdin", **POSTMORTEM) as watch:
        await talked(watch, take, "anna", "bert", "else")
        server.end(signal.SIGTERM)
        for session in ("anna", "bert"):
            await (seen(watch, "close", session) if said else seen(watch, "postmortem", session, ok=False))
        await ask(watch, "send still here", "else")
        await seen(watch, "frame", "else", dir="in", text="still here")
        assert await watch.finish() == 1
    for session in ("anna", "bert"):
        close = watch.the("close", session)
        if said:
            assert_said(close, *said)
        else:
            assert_cut(close)
    recorder.keep(take.of(f"{NAMES[kind]}-stops{'-with-grace' if options else ''}"), watch)


@pytest.mark.parametrize(
    ("kind", "sign"), [(Undertow, signal.SIGTERM), (Tomcat, signal.SIGTERM), (Vertx, signal.SIGKILL)]
)
async def test_it_is_started_again(
    start: Starter, recorder: Recorder, take: Take, kind: type[Jvm], sign: signal.Signals
) -> None:
    server = start(kind)
    async with probing(server.of("anna"), server.of("bert"), "--reconnect", "--stdin") as watch:
        await talked(watch, take, "anna", "bert")
        server.end(sign)
        server.begin()
        for session in ("anna", "bert"):
            await seen(watch, "open", session, count=2)
        await ask(watch, "send and again", "bert")
        await seen(watch, "frame", "bert", dir="in", text="and again")
        await watch.finish()
    how = "killed-and-started" if sign == signal.SIGKILL else "restarts-reconnect"
    recorder.keep(take.of(f"{NAMES[kind]}-{how}"), watch)


@pytest.mark.parametrize(
    ("kind", "word", "options"),
    [
        (Netty, "", {}),
        (Undertow, "halt", {}),
        (Jetty, "fill", {"jvm": "-XX:+ExitOnOutOfMemoryError"}),
        (Vertx, "fill", {"jvm": "-XX:+CrashOnOutOfMemoryError"}),
    ],
)
async def test_it_dies(
    start: Starter, recorder: Recorder, take: Take, kind: type[Jvm], word: str, options: dict[str, str]
) -> None:
    """Killed from outside, by a ``halt`` of its own, or by the virtual machine that ran out of memory."""
    server = start(kind, **options)
    async with probing(server.of("anna"), server.of("bert"), "--stdin", **POSTMORTEM) as watch:
        await talked(watch, take, "anna", "bert")
        if word:
            await ask(watch, f"send {word}", take.one_of("anna", "bert"))
        else:
            server.end(signal.SIGKILL)
        for session in ("anna", "bert"):
            await seen(watch, "postmortem", session, ok=False)
        assert await watch.finish() == 1
    for session in ("anna", "bert"):
        assert_cut(watch.the("close", session))
    recorder.keep(take.of(f"{NAMES[kind]}-{ {'': 'sigkill', 'halt': 'halts', 'fill': 'dies-of-memory'}[word] }"), watch)


async def test_it_dies_alone_and_nobody_looks(start: Starter, recorder: Recorder, take: Take) -> None:
    """One session, something of it unread: a reset."""
    server = start(Tomcat)
    async with probing(server.of("anna"), "--stdin") as watch:
        await talked(watch, take, "anna")
        os.kill(server.pid, signal.SIGSTOP)
        await ask(watch, f"send-repeat x {take.one_of(10, 500, 5000)}", "anna")
        server.end(signal.SIGKILL)
        await seen(watch, "close", "anna")
        assert await watch.finish() == 1
    close = watch.the("close", "anna")
    assert (close["code"], close["transport"]["how"]) == (1006, "reset")
    recorder.keep(take.of("tomcat-sigkill-unread"), watch)


async def test_it_hangs(start: Starter, recorder: Recorder, take: Take) -> None:
    """Its process is held for good; our own pings tell, one of two sessions has none."""
    server, other = start(Undertow), start(Netty)
    targets = (server.of("anna"), server.of("bert"), f"else={other.url}")
    words = ("--ping-interval", str(take.between(0.4, 0.8)), "--ping-timeout", "1.5", "--stdin")
    async with probing(*targets, *words, **POSTMORTEM) as watch:
        await talked(watch, take, "anna", "bert", "else")
        with frozen(server.pid):
            for session in ("anna", "bert"):
                await seen(watch, "close", session)
            await watch.finish(40)
    for session in ("anna", "bert"):
        close = watch.the("close", session)
        assert (close["initiator"], close["received"]) == ("local", None)
    assert watch.the("close", "else")["asked"] is True
    recorder.keep(take.of("undertow-hangs"), watch)


@pytest.mark.parametrize("kind", [Undertow, Jetty])
async def test_a_pause_is_lived_through(start: Starter, recorder: Recorder, take: Take, kind: type[Jvm]) -> None:
    """Everything said meanwhile is answered afterwards."""
    server = start(kind)
    pause = take.one_of(5, 7, 9)
    talk = chatter(0.4, 6, "anna")
    async with probing(server.of("anna"), server.of("bert"), *talk, "--stdin", **POSTMORTEM) as watch:
        await seen(watch, "frame", "anna", dir="in", text="tick", count=2)
        with frozen(server.pid):
            await seen(watch, "frame", "anna", dir="out", text="tick", count=2 + pause)
        await seen(watch, "frame", "anna", dir="in", text="tick", count=2 + pause)
        assert await watch.finish() == 0
    recorder.keep(take.of(f"{NAMES[kind]}-pause"), watch)


async def test_a_pause_is_taken_for_a_lost_connection(start: Starter, recorder: Recorder, take: Take) -> None:
    """Held for longer than its own ``connectionLostTimeout``, the server wakes up and cuts everybody at once."""
    server = start(JavaWebSocket, lost=1)
    async with probing(server.of("anna"), server.of("bert"), "--stdin", **POSTMORTEM) as watch:
        for session in ("anna", "bert"):
            await seen(watch, "frame", session, dir="in", opcode=9)
        await talked(watch, take, "anna", "bert")  # it has read their pongs too
        with frozen(server.pid):
            await ask(watch, "send are you there?", "anna")
            await seen(watch, "tcp_info", "anna", when="silent", count=take.one_of(2, 3))
        for session in ("anna", "bert"):
            await seen(watch, "close", session)
        assert await watch.finish() == 1
    for session in ("anna", "bert"):
        assert_cut(watch.the("close", session))
    recorder.keep(take.of("java-websocket-pause"), watch)


async def test_one_client_blocks_nettys_only_thread(start: Starter, recorder: Recorder, take: Take) -> None:
    """A handler that sleeps holds up everybody for a while."""
    server = start(Netty)
    async with probing(server.of("anna"), server.of("bert"), *chatter(0.5, 4, "bert"), "--stdin") as watch:
        await seen(watch, "frame", "bert", dir="in", text="tick", count=take.one_of(1, 2))
        await ask(watch, f"send sleep {take.one_of(1500, 2500)}", "anna")
        await ask(watch, "send done", "anna")
        await seen(watch, "frame", "anna", dir="in", text="done")
        await ask(watch, "send me too", "bert")
        await seen(watch, "frame", "bert", dir="in", text="me too")
        assert await watch.finish() == 0
    recorder.keep(take.of("netty-thread-blocked"), watch)

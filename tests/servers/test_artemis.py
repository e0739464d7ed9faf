"""What Artemis 2.38 does to STOMP sessions over TCP and WebSocket: it says ERROR and ends TCP at once, on either."""

import os
import signal

import pytest

from tests.probing import ask, open_session, probing, run, seen
from tests.servers.frozen import frozen
from tests.servers.jvm import Artemis
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.takes import Take
from tests.waiting import eventually
from tests.watching import POSTMORTEM, Line, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

ANNA = ("--login", "anna", "--passcode", "crew")
BEATS = ("--heart-beat", "1000,1000")


def assert_cut(close: Line, error: str | None) -> None:
    """TCP was ended in order, after an ERROR that begins so, or without any; on WebSocket there was no Close."""
    assert (close["code"], close["received"], close["initiator"]) in ((None, None, "remote"), (1006, None, "remote"))
    assert close["transport"]["how"] in ("fin", "reset")
    said = close.get("error")
    assert said is None if error is None else said is not None and said.startswith(error)


async def beaten(watch: Watch, take: Take, *names: str) -> None:
    """Waits until the broker has sent each of them a beat or two."""
    for name in names:
        await seen(watch, "stomp", name, command="beat", dir="in", count=take.one_of(1, 2))


@pytest.mark.parametrize(("url", "login"), [("ws_url", ("anna", "guess")), ("tcp_url", ("root", "crew"))])
async def test_the_login_is_wrong(
    artemis: Artemis, recorder: Recorder, take: Take, url: str, login: tuple[str, str]
) -> None:
    user, passcode = login
    watch, status = await run(getattr(artemis, url), "--login", user, "--passcode", passcode, *BEATS)
    assert status == 3
    assert_cut(watch.the("close"), "Security Error occurred: User name")
    recorder.keep(take.of(f"artemis-wrong-login-{url[:-4]}"), watch)


REFUSED = {
    "may-not-write": ("tcp_url", "visitor", "stomp-send q hello", "AMQ339011 Error sending message"),
    "no-such-address": ("tcp_url", "anna", "stomp-send closed.orders hello", "AMQ339001 Destination does not exist"),
    "no-such-queue": ("ws_url", "anna", "subscribe closed.orders", "AMQ339001 Destination does not exist"),
    "no-destination": ("ws_url", "anna", r"send-raw SEND\n\nhi\0", "Cannot invoke"),
    "bad-escape": ("ws_url", "anna", r"send-raw SEND\ndestination:q\nx:a\\tb\n\nhi\0", "AMQ339040 Undefined escape"),
    "unknown-command": ("tcp_url", "anna", r"send-raw HELLO\n\nhi\0", "AMQ339023 Invalid STOMP frame"),
    "unknown-acknowledgement": ("ws_url", "anna", "ack 77", "AMQ339018 Error acknowledging message"),
    "unknown-transaction": ("tcp_url", "anna", r"send-raw COMMIT\ntransaction:t9\n\n\0", "AMQ339013 Error committing"),
}
"""What is said where, by whom, and the ERROR that ends the session; others are not concerned."""


@pytest.mark.parametrize("name", REFUSED)
async def test_a_frame_is_refused(artemis: Artemis, recorder: Recorder, take: Take, name: str) -> None:
    url, user, words, error = REFUSED[name]
    target = getattr(artemis, url)
    does = ("--do", f"{take.between(0.3, 1.5)} A: {words}")
    targets = (f"A={target}", f"B={target}")
    async with probing(*targets, "--login", user, "--passcode", "crew", *BEATS, *does, "--stdin") as watch:
        await seen(watch, "close", "A")
        await beaten(watch, take, "B")
        assert await watch.finish() == 1
    assert_cut(watch.the("close", "A"), error)
    recorder.keep(take.of(f"artemis-{name}"), watch)


async def test_there_is_no_common_version(artemis: Artemis, recorder: Recorder, take: Take) -> None:
    watch, status = await run(
        artemis.tcp_url, *ANNA, "--connect-header", f"accept-version: {take.one_of('2.0', '3.1')}"
    )
    assert status == 3
    assert_cut(watch.the("close"), "AMQ339002 Stomp versions not supported")
    recorder.keep(take.of("artemis-no-common-version"), watch)


@pytest.mark.parametrize(("late", "words"), [("tcp", "hold-beats"), ("ws", "throttle-beats 6000")])
async def test_beats_are_missed(artemis: Artemis, recorder: Recorder, take: Take, late: str, words: str) -> None:
    """It waits twice the agreed interval, and looks every half second here; its own beats come to the end."""
    does = ("--do", f"{take.between(0.6, 2)} {late}: {words}")
    targets = (f"tcp={artemis.tcp_url}", f"ws={artemis.ws_url}")
    async with probing(*targets, *ANNA, *BEATS, *does, "--stdin", **POSTMORTEM) as watch:
        await seen(watch, "close", late)
        other = "ws" if late == "tcp" else "tcp"
        await seen(watch, "stomp", other, command="beat", dir="in", count=5)
        assert await watch.finish() == 1
    close = watch.the("close", late)
    assert_cut(close, "AMQ229014: Did not receive data from")
    assert 1.7 <= close["idle_tx"] <= 4.5 and close["idle_rx"] < 1.5
    recorder.keep(take.of(f"artemis-{'held' if late == 'tcp' else 'throttled'}-beats"), watch)


async def test_both_clients_hold_their_beats(artemis: Artemis, recorder: Recorder, take: Take) -> None:
    does = ("--do", f"{take.between(0.6, 2)} hold-beats")
    words = (*ANNA, *BEATS, *does, "--reconnect", "--stdin")
    async with probing(f"anna={artemis.ws_url}", f"bert={artemis.ws_url}", *words) as watch:
        await seen(watch, "close", count=2)
        await seen(watch, "stomp", command="CONNECTED", count=4)
        await watch.finish()
    for name in ("anna", "bert"):
        assert_cut(watch.of("close", name)[0], "AMQ229014: Did not receive data from")
    recorder.keep(take.of("artemis-both-hold-their-beats"), watch)


@pytest.mark.parametrize(("url", "beats"), [("tcp_url", "0,0"), ("ws_url", "0,1000")])
async def test_a_client_promises_no_beats(start: Starter, recorder: Recorder, take: Take, url: str, beats: str) -> None:
    """``connectionTtl`` (60 s where nobody says) holds for its silence all the same."""
    limit = take.between(2, 3.2)
    artemis = start(Artemis, acceptor=f";connectionTtl={round(limit * 1000)}")
    does = ("--subscribe", "q", "--do", f"{take.between(0.4, 1)} stomp-send q hello")
    watch, status = await run(getattr(artemis, url), *ANNA, "--heart-beat", beats, *does)
    assert status == 1
    close = watch.the("close")
    assert_cut(close, "AMQ229014: Did not receive data from")
    assert limit - 0.3 <= close["idle_tx"] <= limit + 2.5
    recorder.keep(take.of(f"artemis-{'no-beats' if beats == '0,0' else 'beats-one-way'}"), watch)


async def test_the_client_sleeps(artemis: Artemis, recorder: Recorder, take: Take) -> None:
    targets = (f"tcp={artemis.tcp_url}", f"ws={artemis.ws_url}")
    async with probing(*targets, *ANNA, *BEATS, **POSTMORTEM) as watch:
        await beaten(watch, take, "tcp", "ws")
        before = len(artemis.log)
        os.kill(watch.process.pid, signal.SIGSTOP)
        try:
            eventually(lambda: artemis.log[before:].count("code=CONNECTION_TIMEDOUT") == 2)
        finally:
            os.kill(watch.process.pid, signal.SIGCONT)
        assert await watch.finish() == 1
    for name in ("tcp", "ws"):
        assert_cut(watch.the("close", name), "AMQ229014: Did not receive data from")
    recorder.keep(take.of("artemis-client-asleep"), watch)


OPERATIONS = {
    "user": ("user anna", "AMQ229108: connections for user anna closed by management"),
    "consumers": ("address lobby", "AMQ229107: consumer connections for address lobby closed by management"),
    "address": ("host 127.0.0.1", "AMQ229005: connections for 127.0.0.1"),
}
"""Operations of its management, and what the sessions they end are told."""


@pytest.mark.parametrize("name", OPERATIONS)
async def test_an_operator_closes_connections(start: Starter, recorder: Recorder, take: Take, name: str) -> None:
    """Of a user, of the consumers of an address, of an IP address; bert's only with the last."""
    artemis = start(Artemis)
    words, error = OPERATIONS[name]
    url = take.one_of(artemis.tcp_url, artemis.ws_url)
    async with probing("--stdin", **POSTMORTEM) as watch:
        common = {"passcode": "crew", "heart_beat": "1000,1000"}
        await open_session(watch, name="anna", url=url, login="anna", **common)
        await seen(watch, "stomp", "anna", command="CONNECTED")
        await ask(watch, "subscribe lobby", "anna")
        await open_session(
            watch, name="bert", url=artemis.ws_url, login="bert", passcode="crew", heart_beat="1000,1000"
        )
        await beaten(watch, take, "anna", "bert")
        assert artemis.manage(words) == "true"
        await seen(watch, "close", "anna")
        if name == "address":
            await seen(watch, "close", "bert")
        else:
            await seen(watch, "stomp", "bert", command="beat", dir="in", count=4)
        assert await watch.finish() == 1
    for session in ("anna", "bert") if name == "address" else ("anna",):
        assert_cut(watch.the("close", session), error)
    recorder.keep(take.of(f"artemis-operator-closes-{name}"), watch)


async def test_a_slow_consumer_is_killed(artemis: Artemis, recorder: Recorder, take: Take) -> None:
    """``slow-consumer-policy`` KILL: it takes what it is sent and acknowledges nothing."""
    subscribe = r"send-raw SUBSCRIBE\ndestination:slow.orders\nid:1\nack:client-individual\n\n\0"
    step = take.one_of(0.2, 0.3)
    sends = [word for n in range(20) for word in ("--do", f"{1 + n * step:.1f} maker: stomp-send slow.orders order")]
    targets = (f"taker={artemis.ws_url}", f"maker={artemis.tcp_url}")
    async with probing(*targets, *ANNA, *BEATS, "--do", f"0.2 taker: {subscribe}", *sends, "--stdin") as watch:
        await seen(watch, "close", "taker")
        assert await watch.finish() == 1
    assert_cut(watch.the("close", "taker"), "AMQ229005: connections for")
    recorder.keep(take.of("artemis-slow-consumer"), watch)


async def test_nobody_logs_in(start: Starter, recorder: Recorder, take: Take) -> None:
    """The acceptor's ``handshakeTimeout``, in whole seconds."""
    limit = take.one_of(2, 3)
    artemis = start(Artemis, acceptor=f";handshake-timeout={limit}")
    watch, status = await run(artemis.tcp_url, "--no-stomp-connect")
    assert status == 1
    close = watch.the("close")
    assert_cut(close, None)
    assert limit - 0.3 <= close["age"] <= limit + 1.5
    recorder.keep(take.of("artemis-no-connect"), watch)


@pytest.mark.parametrize("how", ["stops", "sigkill", "acceptor-stops"])
async def test_it_goes_away(start: Starter, recorder: Recorder, take: Take, how: str) -> None:
    """Without a word, however it goes."""
    artemis, other = start(Artemis), start(Artemis)
    targets = (f"tcp={artemis.tcp_url}", f"ws={artemis.ws_url}", f"else={other.ws_url}")
    async with probing(*targets, *ANNA, *BEATS, "--stdin", **POSTMORTEM) as watch:
        await beaten(watch, take, "tcp", "ws", "else")
        if how == "acceptor-stops":
            artemis.manage("acceptor")
        else:
            artemis.end(signal.SIGTERM if how == "stops" else signal.SIGKILL)
        for session in ("tcp", "ws"):
            await seen(watch, "postmortem", session, ok=False)
        assert await watch.finish() == 1
    for session in ("tcp", "ws"):
        assert_cut(watch.the("close", session), None)
    recorder.keep(take.of(f"artemis-{how}"), watch)


async def test_it_is_restarted(start: Starter, recorder: Recorder, take: Take) -> None:
    artemis = start(Artemis)
    targets = (f"tcp={artemis.tcp_url}", f"ws={artemis.ws_url}")
    async with probing(*targets, *ANNA, *BEATS, "--subscribe", "q", "--reconnect", "--stdin") as watch:
        await beaten(watch, take, "tcp", "ws")
        artemis.end(signal.SIGTERM)
        artemis.begin()
        for session in ("tcp", "ws"):
            await seen(watch, "stomp", session, command="CONNECTED", count=2)
        await watch.finish()
    for session in ("tcp", "ws"):
        assert_cut(watch.of("close", session)[0], None)
    recorder.keep(take.of("artemis-restarts-reconnect"), watch)


async def test_it_hangs(start: Starter, recorder: Recorder, take: Take) -> None:
    artemis, other = start(Artemis), start(Artemis)
    targets = (f"tcp={artemis.tcp_url}", f"ws={artemis.ws_url}", f"else={other.tcp_url}")
    async with probing(*targets, *ANNA, *BEATS, "--stdin") as watch:
        await beaten(watch, take, "tcp", "ws", "else")
        with frozen(artemis.pid):
            for session in ("tcp", "ws"):
                await seen(watch, "heartbeat", session, layer="stomp-in", state="missed")
            sent = len(watch.of("stomp", "tcp", command="beat", dir="out"))
            await seen(watch, "stomp", "tcp", command="beat", dir="out", count=sent + take.one_of(1, 2, 3))
            await watch.finish()
    recorder.keep(take.of("artemis-hangs"), watch)


async def test_a_busy_session_stays(artemis: Artemis, recorder: Recorder, take: Take) -> None:
    """Messages both ways; a DISCONNECT ends it, on WebSocket too without a Close."""
    words = (*ANNA, *BEATS, "--subscribe", "busy", "--stdin")
    async with probing(f"tcp={artemis.tcp_url}", f"ws={artemis.ws_url}", *words) as watch:
        for session in ("tcp", "ws"):
            await seen(watch, "stomp", session, command="CONNECTED")
        count = take.one_of(3, 4, 6)
        for number in range(count):
            await ask(watch, f"stomp-send busy hello {number}", take.one_of("tcp", "ws"))
            await seen(watch, "stomp", command="MESSAGE", count=number + 1)
        await beaten(watch, take, "tcp", "ws")
        assert await watch.finish() == 0
    recorder.keep(take.of("artemis-busy"), watch)

"""Vert.x's own STOMP server, over TCP and WebSocket, and its SockJS: how they end sessions."""

import os
import signal

import pytest

from tests.probing import ask, open_session, probing, run, seen
from tests.servers.frozen import frozen
from tests.servers.jvm import Vertx
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.takes import Take
from tests.waiting import eventually
from tests.watching import POSTMORTEM, Line, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

BEATS = ("--heart-beat", "1000,1000")


def assert_ended(close: Line, error: str | None = None) -> None:
    """It ended TCP, on WebSocket after a Close 1000 without a reason, after this ERROR or without any."""
    assert (close["code"], close["reason"], close["initiator"]) in ((None, "", "remote"), (1000, "", "remote"))
    assert (close["transport"]["how"], close.get("error")) == ("fin", error)


async def beaten(watch: Watch, take: Take, *names: str) -> None:
    """Waits until the server has sent each of them a beat or two."""
    for name in names:
        await seen(watch, "stomp", name, command="beat", dir="in", count=take.one_of(1, 2))


@pytest.mark.parametrize("layer", ["tcp", "ws"])
async def test_the_passcode_is_wrong(start: Starter, recorder: Recorder, take: Take, layer: str) -> None:
    server = start(Vertx, user="anna:crew")
    url = server.stomp_url if layer == "tcp" else server.stomp_ws_url
    watch, status = await run(url, "--login", "anna", "--passcode", take.one_of("guess", "Crew"), *BEATS)
    assert status == 3
    assert_ended(watch.the("close"), "Authentication failed")
    recorder.keep(take.of(f"vertx-stomp-wrong-passcode-{layer}"), watch)


async def test_there_is_no_common_version(start: Starter, recorder: Recorder, take: Take) -> None:
    version = take.one_of("2.0", "1.3")
    watch, status = await run(start(Vertx).stomp_ws_url, "--connect-header", f"accept-version: {version}")
    assert status == 3
    assert_ended(watch.the("close"), "Incompatible versions")
    recorder.keep(take.of("vertx-stomp-no-common-version"), watch)


REFUSED = {
    "unknown-transaction": (r"send-raw COMMIT\ntransaction:t9\n\n\0", "Unknown transaction"),
    "no-destination": (r"send-raw SEND\n\nhi\0", "Destination header missing"),
    "subscription-twice": (r"send-raw SUBSCRIBE\ndestination:orders\nid:sub-0\n\n\0", "Invalid subscription"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_frame_is_refused(start: Starter, recorder: Recorder, take: Take, name: str) -> None:
    server = start(Vertx)
    words, error = REFUSED[name]
    url = take.one_of(server.stomp_url, server.stomp_ws_url)
    does = ("--subscribe", "orders", "--do", f"{take.between(0.4, 1.5)} A: {words}")
    async with probing(f"A={url}", f"B={url}", *BEATS, *does, "--stdin") as watch:
        await seen(watch, "close", "A")
        await beaten(watch, take, "B")
        assert await watch.finish() == 1
    assert_ended(watch.the("close", "A"), error)
    recorder.keep(take.of(f"vertx-stomp-{name}"), watch)


async def test_much_is_forgiven(start: Starter, recorder: Recorder, take: Take) -> None:
    """An unknown command, an acknowledgement of nothing: not a word."""
    server = start(Vertx)
    async with probing(f"A={server.stomp_url}", *BEATS, "--subscribe", "orders", "--stdin") as watch:
        await seen(watch, "stomp", command="CONNECTED")
        await ask(watch, take.one_of("ack 77", "nack 12"))
        await ask(watch, r"send-raw HELLO\n\nhi\0")
        await ask(watch, "stomp-send orders and now")
        await seen(watch, "stomp", command="MESSAGE")
        await beaten(watch, take, "A")
        assert await watch.finish() == 0
    recorder.keep(take.of("vertx-stomp-forgives"), watch)


@pytest.mark.parametrize(("late", "words"), [("ws", "hold-beats"), ("tcp", "throttle-beats 7000")])
async def test_beats_are_missed(start: Starter, recorder: Recorder, take: Take, late: str, words: str) -> None:
    """It looks every interval and waits for two to three of them; a Close 1000 on WebSocket, TCP's end alone on TCP."""
    server = start(Vertx)
    does = ("--do", f"{take.between(0.6, 2)} {late}: {words}")
    targets = (f"tcp={server.stomp_url}", f"ws={server.stomp_ws_url}")
    async with probing(*targets, *BEATS, *does, "--stdin", **POSTMORTEM) as watch:
        await seen(watch, "close", late)
        other = "ws" if late == "tcp" else "tcp"
        await seen(watch, "stomp", other, command="beat", dir="in", count=6)
        assert await watch.finish() == 1
    close = watch.the("close", late)
    assert_ended(close)
    assert 1.7 <= close["idle_tx"] <= 4.5 and close["idle_rx"] < 1.5
    recorder.keep(take.of(f"vertx-stomp-{'held' if late == 'ws' else 'throttled'}-beats"), watch)


async def test_the_client_sleeps(start: Starter, recorder: Recorder, take: Take) -> None:
    server = start(Vertx)
    targets = (f"tcp={server.stomp_url}", f"ws={server.stomp_ws_url}")
    async with probing(*targets, *BEATS, "--reconnect", "--stdin") as watch:
        await beaten(watch, take, "tcp", "ws")
        os.kill(watch.process.pid, signal.SIGSTOP)
        try:
            eventually(lambda: server.log.count("no client activity") == 2)
        finally:
            os.kill(watch.process.pid, signal.SIGCONT)
        for name in ("tcp", "ws"):
            await seen(watch, "stomp", name, command="CONNECTED", count=2)
        await watch.finish()
    for name in ("tcp", "ws"):
        assert_ended(watch.of("close", name)[0])
    recorder.keep(take.of("vertx-stomp-client-asleep"), watch)


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGKILL])
async def test_it_goes_away(start: Starter, recorder: Recorder, take: Take, sign: signal.Signals) -> None:
    server = start(Vertx)
    targets = (f"tcp={server.stomp_url}", f"ws={server.stomp_ws_url}")
    async with probing(*targets, *BEATS, "--stdin", **POSTMORTEM) as watch:
        await beaten(watch, take, "tcp", "ws")
        server.end(sign)
        for session in ("tcp", "ws"):
            await seen(watch, "close", session)
        await seen(watch, "postmortem", "tcp", ok=False)
        assert await watch.finish() == 1
    assert watch.the("close", "tcp")["initiator"] == "remote"
    recorder.keep(take.of(f"vertx-stomp-{'stops' if sign == signal.SIGTERM else 'sigkill'}"), watch)


async def test_it_hangs(start: Starter, recorder: Recorder, take: Take) -> None:
    server, other = start(Vertx), start(Vertx)
    targets = (f"tcp={server.stomp_url}", f"else={other.stomp_ws_url}")
    async with probing(*targets, *BEATS, "--stdin") as watch:
        await beaten(watch, take, "tcp", "else")
        with frozen(server.pid):
            await seen(watch, "heartbeat", "tcp", layer="stomp-in", state="missed")
            sent = len(watch.of("stomp", "tcp", command="beat", dir="out"))
            await seen(watch, "stomp", "tcp", command="beat", dir="out", count=sent + take.one_of(1, 2, 3))
            await watch.finish()
    recorder.keep(take.of("vertx-stomp-hangs"), watch)


@pytest.mark.parametrize("layer", ["websocket", "xhr-streaming"])
async def test_a_sockjs_application_closes(start: Starter, recorder: Recorder, take: Take, layer: str) -> None:
    """Whatever code and reason it gives, the client is told ``c[3000,"Go away!"]``."""
    url = start(Vertx).sockjs("echo")
    targets = (f"A={url}", f"B={url}")
    async with probing(*targets, "--sockjs-transport", layer, "--stdin", **POSTMORTEM) as watch:
        for session in ("A", "B"):
            await seen(watch, "sockjs", session, kind="o")
        await ask(watch, "send hello", take.one_of("A", "B"))
        await seen(watch, "sockjs", kind="a")
        await ask(watch, f"send {take.one_of('close 4100 bye', 'end')}", "A")
        await seen(watch, "close", "A")
        assert await watch.finish() == 1
    close = watch.the("close", "A")
    assert (close["code"], close["reason"], close["initiator"]) == (3000, "Go away!", "remote")
    recorder.keep(take.of(f"vertx-sockjs-closes-{layer}"), watch)


async def test_a_sockjs_client_does_not_poll(start: Starter, recorder: Recorder, take: Take) -> None:
    """Its session has run out by then; its next poll opens another of that name, or finds TCP ended."""

    limit = take.between(1, 2)
    server = start(Vertx, session=round(limit * 1000), heartbeat=500)
    does = ("--do", f"{take.between(0.2, 0.8)} A: pause-polling {limit + 3.5:.1f}")
    targets = (f"A={server.sockjs('echo')}", f"B={server.sockjs('echo')}")
    async with probing(*targets, "--sockjs-transport", "xhr-polling", *does, "--stdin", **POSTMORTEM) as watch:
        await seen(watch, "close", "A")
        assert await watch.finish() == 1
    recorder.keep(take.of("vertx-sockjs-does-not-poll"), watch)


async def test_sockjs_stops(start: Starter, recorder: Recorder, take: Take) -> None:
    server = start(Vertx, heartbeat=600)
    targets = (f"A={server.sockjs('echo')}", f"B={server.sockjs('echo')}")
    async with probing(*targets, "--sockjs-transport", "xhr-streaming", "--stdin", **POSTMORTEM) as watch:
        for session in ("A", "B"):
            await seen(watch, "sockjs", session, kind="h", count=take.one_of(1, 2, 3))
        server.end(signal.SIGTERM)
        for session in ("A", "B"):
            await seen(watch, "close", session)
        assert await watch.finish() == 1
    recorder.keep(take.of("vertx-sockjs-stops"), watch)


async def test_sockjs_is_sent_no_json(start: Starter, recorder: Recorder, take: Take) -> None:
    does = ("--do", "0.3 send hello", "--do", f"{take.between(0.5, 1.2)} send-raw {take.one_of('{', 'hello', '[x')}")
    watch, status = await run(start(Vertx).sockjs("echo"), "--sockjs-transport", "websocket", *does, **POSTMORTEM)
    assert status == 1
    close = watch.the("close")
    assert (close["code"], close["initiator"], close["transport"]["how"]) == (1000, "remote", "fin")
    recorder.keep(take.of("vertx-sockjs-no-json"), watch)


async def test_a_healthy_event_bus(start: Starter, recorder: Recorder, take: Take) -> None:
    """Two on the bridge that ping in time hear what the other publishes."""
    url = start(Vertx, ping=1500, heartbeat=800).sockjs("eventbus")
    async with probing("--stdin") as watch:
        for name in ("anna", "bert"):
            await open_session(watch, name=name, url=url)
            await seen(watch, "sockjs", name, kind="o")
            await ask(watch, 'send {"type":"register","address":"lobby","headers":{}}', name)
        for number in range(take.one_of(2, 3, 4)):
            for name in ("anna", "bert"):
                await ask(watch, 'send {"type":"ping"}', name)
            await ask(watch, f'send {{"type":"publish","address":"lobby","headers":{{}},"body":"{number}"}}', "anna")
            await seen(watch, "sockjs", "bert", kind="h", count=number + 1)
        assert await watch.finish() == 0
    recorder.keep(take.of("vertx-eventbus-pinged"), watch)

"""Applications on the JVM that end sessions, on purpose or by a fault of theirs, and what the probe sees of it."""

import pytest

from tests.probing import ask, open_session, probing, run, seen
from tests.servers.jvm import JavaWebSocket, Jetty, Jvm, Netty, Tomcat, Undertow, Vertx
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.takes import Take
from tests.servers.test_idle_proxies import chatter
from tests.watching import POSTMORTEM, Line

pytestmark = [pytest.mark.real, pytest.mark.extra]

NAMES: dict[type[Jvm], str] = {
    Jetty: "jetty",
    Tomcat: "tomcat",
    Undertow: "undertow",
    Netty: "netty",
    JavaWebSocket: "java-websocket",
    Vertx: "vertx",
}


def assert_said(close: Line, code: int, reason: str | None = None) -> None:
    """The server's Close said so, and it was the first to end."""
    assert close["received"] is not None and close["code"] == code
    assert reason in (None, close["reason"])
    assert (close["initiator"], close["transport"]["how"]) == ("remote", "fin")


def assert_cut(close: Line) -> None:
    """It was cut, and nobody said why."""
    assert (close["code"], close["received"], close["initiator"]) == (1006, None, "remote")
    assert close["transport"]["how"] in ("fin", "reset")


@pytest.mark.parametrize(
    ("kind", "code", "reason"),
    [(Undertow, 4401, "token expired"), (Jetty, 1008, "JWT expired"), (Vertx, 4001, "Session token has expired")],
)
async def test_a_token_runs_out(
    start: Starter, recorder: Recorder, take: Take, kind: type[Jvm], code: int, reason: str
) -> None:
    """Whoever came later may stay longer."""
    age = take.between(1.5, 2.8)
    server = start(kind, token=f"{round(age * 1000)} {code} {reason}")
    async with probing(server.of("elder"), "--stdin", *chatter(take.one_of(0.4, 0.7), age)) as watch:
        await seen(watch, "frame", "elder", dir="in", text="tick")
        await open_session(watch, name="later", url=f"{server.url}?user=later")
        await seen(watch, "open", "later")
        await seen(watch, "close", "elder")
        await ask(watch, "send still here", "later")
        await seen(watch, "frame", "later", dir="in", text="still here")
        assert await watch.finish() == 1
    close = watch.the("close", "elder")
    assert_said(close, code, reason)
    assert abs(close["age"] - age) < 1
    recorder.keep(take.of(f"{NAMES[kind]}-token-expired"), watch)


@pytest.mark.parametrize(
    ("kind", "code", "reason"),
    [(Netty, 4002, "logged in from another device"), (Tomcat, 1008, "Replaced by a newer session of this user")],
)
async def test_the_same_user_comes_again(
    start: Starter, recorder: Recorder, take: Take, kind: type[Jvm], code: int, reason: str
) -> None:
    server = start(kind, twice=f"{code} {reason}")
    async with probing(f"phone={server.url}?user=anna", "--stdin") as watch:
        await seen(watch, "open", "phone")
        for count in range(take.one_of(1, 2, 3)):
            await ask(watch, f"send hello {count}", "phone")
            await seen(watch, "frame", "phone", dir="in", text=f"hello {count}")
        await open_session(watch, name="laptop", url=f"{server.url}?user=anna")
        await seen(watch, "close", "phone")
        await ask(watch, "send it is me now", "laptop")
        await seen(watch, "frame", "laptop", dir="in", text="it is me now")
        assert await watch.finish() == 1
    assert_said(watch.the("close", "phone"), code, reason)
    recorder.keep(take.of(f"{NAMES[kind]}-same-user-again"), watch)


@pytest.mark.parametrize(
    ("kind", "code", "reason"),
    [
        (Undertow, 1008, "banned by a moderator"),
        (Jetty, 4003, "disconnected by the administrator"),
        (JavaWebSocket, 1000, ""),
    ],
)
async def test_an_operator_removes_one(
    start: Starter, recorder: Recorder, take: Take, kind: type[Jvm], code: int, reason: str
) -> None:
    server = start(kind)
    async with probing(server.of("anna"), server.of("bert"), "--stdin", **POSTMORTEM) as watch:
        await seen(watch, "open", count=2)
        for count in range(take.one_of(1, 2, 3)):
            await ask(watch, f"send hello {count}", "anna")
            await seen(watch, "frame", "anna", dir="in", text=f"hello {count}")
        async with probing(
            server.of("boss"), "--do", f"0.1 send kick anna {code} {reason}".rstrip(), "--stdin"
        ) as boss:
            await seen(watch, "close", "anna")
            assert await boss.finish() == 0
        await ask(watch, "send still here", "bert")
        await seen(watch, "frame", "bert", dir="in", text="still here")
        assert await watch.finish() == 1
    assert_said(watch.the("close", "anna"), code, reason)
    recorder.keep(take.of(f"{NAMES[kind]}-operator-kicks"), watch)


@pytest.mark.parametrize("kind", [Undertow, JavaWebSocket, Jetty])
async def test_an_operator_cuts_one(start: Starter, recorder: Recorder, take: Take, kind: type[Jvm]) -> None:
    """Without a Close."""
    server = start(kind)
    async with probing(server.of("anna"), server.of("bert"), "--stdin", **POSTMORTEM) as watch:
        await seen(watch, "open", count=2)
        await ask(watch, "send hello", take.one_of("anna", "bert"))
        await seen(watch, "frame", dir="in", text="hello")
        async with probing(server.of("boss"), "--do", "0.1 send cut anna", "--stdin") as boss:
            await seen(watch, "close", "anna")
            assert await boss.finish() == 0
        await ask(watch, "send still here", "bert")
        await seen(watch, "frame", "bert", dir="in", text="still here")
        assert await watch.finish() == 1
    assert_cut(watch.the("close", "anna"))
    recorder.keep(take.of(f"{NAMES[kind]}-operator-cuts"), watch)


@pytest.mark.parametrize(
    ("kind", "name", "word", "code", "reason"),
    [
        (Jetty, "handler-fails", "raise", 1011, "no order is numbered 17"),
        (Jetty, "out-of-memory", "fill", 1011, "Java heap space"),
        (Tomcat, "handler-fails", "raise", 1002, None),
        (Netty, "handler-fails", "raise", 1000, "Bye"),
        (JavaWebSocket, "out-of-memory", "fill", 1001, None),
        (Undertow, "overloaded", "close 1013 too many orders at once", 1013, None),
        (Vertx, "restarts", "close 1012 Service restart", 1012, None),
        (Tomcat, "application-done", "close 1000 game over", 1000, None),
        (Vertx, "rate-limited", "close 4029 rate limit exceeded", 4029, None),
    ],
)
async def test_the_application_ends_one(
    start: Starter,
    recorder: Recorder,
    take: Take,
    kind: type[Jvm],
    name: str,
    word: str,
    code: int,
    reason: str | None,
) -> None:
    """A failure in a handler is 1011 with its message for Jetty, 1002 for Tomcat, and nothing special for Netty."""
    server = start(kind)
    at = take.between(0.6, 1.2)
    does = (*chatter(0.2, take.one_of(0.2, 0.4)), "--do", f"{at} send {word}")
    watch, status = await run(server.url, *does, **POSTMORTEM)
    assert status == 1
    assert_said(watch.the("close"), code, reason)
    recorder.keep(take.of(f"{NAMES[kind]}-{name}"), watch)


async def test_tomcat_runs_out_of_memory(start: Starter, recorder: Recorder, take: Take) -> None:
    """The connection on which that came to light is cut; the other one, and the server, live on."""
    server = start(Tomcat)
    async with probing(server.of("anna"), server.of("bert"), "--stdin", **POSTMORTEM) as watch:
        await seen(watch, "open", count=2)
        await ask(watch, "send hello", take.one_of("anna", "bert"))
        await seen(watch, "frame", dir="in", text="hello")
        await ask(watch, "send fill", "anna")
        await seen(watch, "close", "anna")
        await ask(watch, "send still here", "bert")
        await seen(watch, "frame", "bert", dir="in", text="still here")
        assert await watch.finish() == 1
    assert_cut(watch.the("close", "anna"))
    assert "OutOfMemoryError" in server.log
    recorder.keep(take.of("tomcat-out-of-memory"), watch)


@pytest.mark.parametrize(("kind", "word"), [(Undertow, "raise"), (Vertx, "fill")])
async def test_the_server_survives_it(
    start: Starter, recorder: Recorder, take: Take, kind: type[Jvm], word: str
) -> None:
    """Their log has it, the client has not."""
    server = start(kind)
    async with probing(server.of("anna"), "--stdin") as watch:
        await seen(watch, "open")
        for count in range(take.one_of(1, 2, 3)):
            await ask(watch, f"send {word}", "anna")
            await ask(watch, f"send still here {count}", "anna")
            await seen(watch, "frame", dir="in", text=f"still here {count}")
        assert await watch.finish() == 0
    recorder.keep(take.of(f"{NAMES[kind]}-survives-{word}"), watch)


@pytest.mark.parametrize(
    ("kind", "code", "reason"),
    [
        (Jetty, 1009, None),
        (Tomcat, 1009, None),
        (Netty, 1009, "Max frame length of 4000 has been exceeded."),
        (JavaWebSocket, 1009, "Payload limit reached."),
    ],
)
async def test_a_message_is_too_big(
    start: Starter, recorder: Recorder, take: Take, kind: type[Jvm], code: int, reason: str | None
) -> None:
    server = start(kind, max=4000)
    size = take.one_of(5000, 9000)
    does = ("--do", "0.2 anna: send-repeat x 1000", "--do", f"{take.between(0.4, 1)} anna: send-repeat x {size}")
    async with probing(server.of("anna"), server.of("bert"), *does, "--stdin") as watch:
        await seen(watch, "close", "anna")
        assert await watch.finish() == 1
    assert_said(watch.the("close", "anna"), code, reason)
    recorder.keep(take.of(f"{NAMES[kind]}-message-too-big"), watch)


async def test_vertx_passes_over_what_is_too_big(start: Starter, recorder: Recorder, take: Take) -> None:
    """The message is lost, the session goes on."""
    server = start(Vertx, max=10_000)
    async with probing(server.of("anna"), "--stdin") as watch:
        await seen(watch, "open")
        await ask(watch, f"send-repeat x {take.one_of(11_000, 20_000)}", "anna")
        await ask(watch, "send and now", "anna")
        await seen(watch, "frame", dir="in", text="and now")
        assert await watch.finish() == 0
    assert "overflow max message size" in server.log
    recorder.keep(take.of("vertx-message-too-big"), watch)


@pytest.mark.parametrize(
    ("kind", "name", "frame", "code"),
    [
        (Undertow, "bad-utf-8", "818200000000fffe", 1007),
        (JavaWebSocket, "bad-utf-8", "818200000000c328", 1007),
        (Undertow, "unmasked", "81026869", 1002),
        (Vertx, "unmasked", "81026869", 1006),
        (Tomcat, "reserved-bit", "c1820000000068 69".replace(" ", ""), 1002),
        (Jetty, "unknown-opcode", "838200000000" + "6869", 1002),
    ],
)
async def test_a_frame_is_bad(
    start: Starter, recorder: Recorder, take: Take, kind: type[Jvm], name: str, frame: str, code: int | None
) -> None:
    """Vert.x ends TCP where the others say 1002."""
    server = start(kind)
    does = ("--do", "0.2 send hello", "--do", f"{take.between(0.4, 1.1)} raw-frame {frame}")
    watch, status = await run(server.url, "--no-compression", *does, **POSTMORTEM)
    assert status == 1
    close = watch.the("close")
    assert code in (None, close["code"]) and close["initiator"] == "remote"
    recorder.keep(take.of(f"{NAMES[kind]}-{name}"), watch)


@pytest.mark.parametrize(
    ("kind", "name", "options", "path", "words", "answer"),
    [
        (Jetty, "wrong-origin", {"origin": "https://shop.example"}, "", ("--origin", "https://evil.example"), 403),
        (Tomcat, "wrong-origin", {"origin": "https://shop.example"}, "", (), 403),
        (JavaWebSocket, "wrong-origin", {"origin": "https://shop.example"}, "", ("--origin", "http://a.example"), 404),
        (Undertow, "no-ticket", {"ticket": "7f3a"}, "?ticket=0000", (), 401),
        (Vertx, "no-ticket", {"ticket": "7f3a"}, "", (), 401),
        (Tomcat, "wrong-path", {}, "/room", (), 404),
        (Undertow, "wrong-path", {}, "/room", (), 404),
    ],
)
async def test_the_server_lets_nobody_in(
    start: Starter,
    recorder: Recorder,
    take: Take,
    kind: type[Jvm],
    name: str,
    options: dict[str, str],
    path: str,
    words: tuple[str, ...],
    answer: int,
) -> None:
    """Java-WebSocket has one answer for all whom its handler does not want, 404."""
    server = start(kind, **options)
    watch, status = await run(f"{server.url}{path}", *words)
    assert status == 3
    assert watch.the("http", dir="in")["status"] == answer
    recorder.keep(take.of(f"{NAMES[kind]}-{name}"), watch)


async def test_netty_does_not_answer_on_another_path(start: Starter, recorder: Recorder, take: Take) -> None:
    """Its WebSocket handler passes the request on, and nobody is behind it."""
    server = start(Netty)
    path = take.one_of("ws", "socket", "")
    url = server.url.replace("/live", f"/{path}")
    watch, status = await run(url, "--open-timeout", str(take.between(1.5, 3)))
    assert status == 3
    assert not watch.of("http", dir="in")
    recorder.keep(take.of("netty-wrong-path"), watch)


@pytest.mark.parametrize("pause", [3, 6])
async def test_tomcat_waits_for_a_slow_reader(start: Starter, recorder: Recorder, take: Take, pause: int) -> None:
    """``BLOCKING_SEND_TIMEOUT``: who does not take a message for so long is cut; who reads again before is not."""
    server = start(Tomcat, send=1500 if pause == 6 else 5000, kernel=8192)
    words = ("--no-compression", "--stdin")
    async with probing(server.of("slow"), server.of("brisk"), *words, **POSTMORTEM) as watch:
        await seen(watch, "open", count=2)
        await ask(watch, f"freeze {pause if pause == 6 else 2}", "slow")
        await ask(watch, f"send flood slow {take.one_of(28, 34)} 12000", "brisk")
        if pause == 6:
            await seen(watch, "close", "slow")
        else:
            await seen(watch, "frame", "slow", dir="in", count=28)
        await ask(watch, "send still here", "brisk")
        await seen(watch, "frame", "brisk", dir="in", text="still here")
        assert await watch.finish() == (1 if pause == 6 else 0)
    recorder.keep(take.of(f"tomcat-slow-reader{'' if pause == 6 else '-in-time'}"), watch)

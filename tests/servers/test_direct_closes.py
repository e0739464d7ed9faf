"""Applications on python-websockets that close their clients for the reasons applications have, nothing in between."""

import asyncio
import json

import pytest
from websockets.asyncio.server import ServerConnection, basic_auth
from websockets.http11 import Request, Response

from tests.probing import ask, probing, seen
from tests.servers.endings import assert_said
from tests.servers.house import House, house
from tests.servers.looks import Strike, every, looked, watched
from tests.servers.recordings import Recorder
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


def closing(app: House, users: tuple[str, ...], code: int, reason: str, first: str = "") -> Strike:
    """The application has heard of the first of them a few times and closes them, perhaps with a last word."""

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", users[0], dir="in", opcode=1, count=3)
        for user in users:
            if first:
                await app.clients[user].send(first)
            await app.clients[user].close(code, reason)

    return strike


CLOSES = {
    "token-expired-told-first": (
        ("shop",), ("stock",), 1008, "", json.dumps({"type": "error", "code": 401, "message": "access token expired"}),
    ),
    "kicked-from-a-room": (("bert",), ("anna", "carl"), 4000, "Kicked by moderator", ""),
    "session-timed-out-4009": (("till1", "till2"), (), 4009, "Session timed out", ""),
    "database-away-1011": (("orders", "stock"), ("chat",), 1011, "upstream database unavailable", ""),
    "lobby-closed-4321": (("anna", "bert", "carl"), (), 4321, "", ""),
    "logged-out-1000": (("phone",), (), 1000, "logged out", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", CLOSES)
async def test_it_closes(recorder: Recorder, name: str) -> None:
    """Those who stay go on talking."""
    gone, stay, code, reason, first = CLOSES[name]
    async with house(ping_interval=2) as app:
        words = [app.of(user) for user in (*gone, *stay)]
        for n, user in enumerate((*gone, *stay)):
            words += every(0.5 + 0.13 * n, "send hello", 5, user)
        watch = await watched(words, gone, strike=closing(app, gone, code, reason, first))
    for user in gone:
        assert_said(watch.the("close", user), code, reason)
    recorder.keep(f"direct-{name}", watch)


async def test_it_takes_so_many_messages_a_second(recorder: Recorder) -> None:
    heard: dict[str, list[float]] = {}

    async def limited(user: str, client: ServerConnection, message: str | bytes) -> None:
        now = asyncio.get_running_loop().time()
        lately = [at for at in heard.get(user, []) if at > now - 1]
        heard[user] = [*lately, now]
        if len(lately) >= 10:
            await client.close(4008, "Rate limited.")
        else:
            await client.send(message)

    async with house(limited) as app:
        words = [app.of("eager"), app.of("calm"), *every(0.9, "send hello", 5, "calm")]
        words += [word for n in range(14) for word in ("--do", f"{2.1 + 0.02 * n:.2f} eager: send tick {n}")]
        watch = await watched(words, ("eager",))
    assert_said(watch.the("close", "eager"), 4008, "Rate limited.")
    recorder.keep("direct-rate-limited-4008", watch)


async def test_it_is_full(recorder: Recorder) -> None:
    """The newcomer is let in and sent away at his first word."""

    async def crowded(user: str, client: ServerConnection, message: str | bytes) -> None:
        if user == "third":
            await client.close(1013, "server is full, try again later")
        else:
            await client.send(message)

    async with house(crowded) as app:
        words = [*(app.of(user) for user in ("first", "second", "third")), "--stagger", "0.6"]
        words += [*every(0.7, "send hello", 4, "first"), "--do", "0.1 third: send join lobby"]
        watch = await watched(words, ("third",))
    assert_said(watch.the("close", "third"), 1013, "server is full, try again later")
    recorder.keep("direct-full-1013", watch)


async def test_it_does_not_know_the_password(recorder: Recorder) -> None:
    """Who logs in does so by his first message."""

    async def strict(_: str, client: ServerConnection, message: str | bytes) -> None:
        if str(message).startswith("login") and not str(message).endswith(" crew"):
            await client.close(4004, "Authentication failed")
        else:
            await client.send("welcome")

    async with house(strict) as app:
        words = [app.of("clerk"), app.of("boss"), "--do", "0.4 boss: send login boss crew"]
        watch = await watched([*words, "--do", "0.8 clerk: send login clerk cerw"], ("clerk",))
    assert_said(watch.the("close", "clerk"), 4004, "Authentication failed")
    recorder.keep("direct-login-refused-4004", watch)


async def test_somebody_signs_in_again(recorder: Recorder) -> None:
    """The older one, which talks, is sent away by the newer one's login; a third has another user."""
    seats: dict[str, ServerConnection] = {}

    async def one_each(_: str, client: ServerConnection, message: str | bytes) -> None:
        word, _, name = str(message).partition(" ")
        if word == "login":
            if name in seats:
                await seats[name].close(3001, "signed in from another device")
            seats[name] = client
        await client.send(message)

    async with house(one_each) as app:
        words = [*(app.of(user) for user in ("desk", "other", "phone")), *every(0.6, "send hello", 5, "desk")]
        for at, user, name in ((0.2, "desk", "anna"), (0.3, "other", "bert"), (3.1, "phone", "anna")):
            words += ["--do", f"{at} {user}: send login {name}"]
        watch = await watched(words, ("desk",))
    assert_said(watch.the("close", "desk"), 3001, "signed in from another device")
    recorder.keep("direct-newer-login-3001", watch)


async def test_it_reads_text_only(recorder: Recorder) -> None:
    async def text(_: str, client: ServerConnection, message: str | bytes) -> None:
        if isinstance(message, bytes):
            await client.close(1003, "text frames only")
        else:
            await client.send(message)

    async with house(text) as app:
        words = [app.of("sensor"), app.of("panel"), *every(0.8, "send hello", 5, "sensor")]
        watch = await watched([*words, "--do", "2.1 sensor: send-binary 0a141e28"], ("sensor",))
    assert_said(watch.the("close", "sensor"), 1003, "text frames only")
    recorder.keep("direct-binary-to-text-only", watch)


async def test_it_tells_everybody_something_that_is_no_utf8(recorder: Recorder) -> None:
    """A name from a Latin-1 database, sent as text without a look at it."""
    async with house() as app:
        words = [app.of("anna"), app.of("bert"), *every(0.7, "send hello", 5, "anna")]

        async def strike(watch: Watch) -> None:
            await seen(watch, "open", "bert")
            await seen(watch, "frame", "anna", dir="in", opcode=1, count=3)
            for client in app.clients.values():
                await client.send("guest: José".encode("latin-1"), text=True)

        watch = await watched(words, ("anna", "bert"), strike=strike)
    for user in ("anna", "bert"):
        assert watch.the("close", user)["sent"]["code"] == 1007
    recorder.keep("direct-broadcast-not-utf8", watch)


async def test_a_handler_fails_for_one_after_the_other(recorder: Recorder) -> None:
    """At an order without a price; bert places none."""

    async def buggy(_: str, client: ServerConnection, message: str | bytes) -> None:
        word, _, price = str(message).partition(" ")
        await client.send("taken" if word != "order" else f"{int(price)} booked")

    async with house(buggy) as app:
        words = [*(app.of(user) for user in ("anna", "bert", "carl")), *every(0.9, "send look", 5, "bert")]
        words += ["--do", "0.5 anna: send order 12", "--do", "1.6 anna: send order", "--do", "3.4 carl: send order ten"]
        watch = await watched(words, ("anna", "carl"))
    for user in ("anna", "carl"):
        assert_said(watch.the("close", user), 1011)
    recorder.keep("direct-handler-bug-in-turn", watch)


async def test_its_answers_take_their_time(recorder: Recorder) -> None:
    """Five seconds each, one after the other; pings are answered all the while."""

    async def slow(_: str, client: ServerConnection, message: str | bytes) -> None:
        await asyncio.sleep(5)
        await client.send(message)

    async with house(slow, ping_interval=4) as app:
        words = [app.of("report"), "--ping-interval", "2", "--ping-timeout", "3", "--stdin"]
        async with probing(*words, *every(0.4, "send count", 1.2, "report"), **POSTMORTEM) as watch:
            await seen(watch, "frame", "report", dir="in", text="count", count=2)
            assert await watch.finish() == 0
    recorder.keep("direct-slow-answers-survived", watch)


async def test_its_101_takes_its_time(recorder: Recorder) -> None:
    async def asleep(client: ServerConnection, request: Request) -> None:
        await asyncio.sleep(4.5)

    words = ("--stagger", "0.8", "--stdin")
    async with house(process_request=asleep) as app, probing(app.of("A"), app.of("B"), *words, **POSTMORTEM) as watch:
        for user in ("A", "B"):
            await seen(watch, "open", user)
            await ask(watch, "send hello", user)
            await seen(watch, "frame", user, dir="in", text="hello")
        assert await watch.finish() == 0
    recorder.keep("direct-late-101-survived", watch)


async def test_http_basic(recorder: Recorder) -> None:
    """Who shows a wrong password is answered 401; the other is in."""
    door = basic_auth(realm="floor", credentials=("anna", "crew"))
    async with house(process_request=door) as app:
        words = [app.of("right"), "--user", "anna:crew", "--stdin"]
        async with probing(*words, *every(0.6, "send hello", 2, "right"), **POSTMORTEM) as watch:
            await seen(watch, "open", "right")
            name, url = app.of("wrong").split("=", 1)
            told = {"cmd": "open", "id": 900, "session": {"name": name, "url": url, "user": "anna:crwe"}}
            await watch.command(json.dumps(told))
            await looked(watch, "wrong")
            await seen(watch, "frame", "right", dir="in", count=2)
            assert await watch.finish() == 3
    assert watch.of("http", "wrong", dir="in")[0]["status"] == 401
    recorder.keep("direct-basic-auth-wrong", watch)


async def test_two_pages_that_were_opened_from_a_file(recorder: Recorder) -> None:
    """Their Origin is null."""
    async with house(origins=["https://shop.example"]) as app:
        words = [app.of("page1"), app.of("page2"), "--origin", "null", "--stagger", "0.7"]
        watch = await watched(words, ("page1", "page2"), status=3)
    recorder.keep("direct-origin-null", watch)


async def test_it_has_no_room(recorder: Recorder) -> None:
    """Two are in; a third is answered 503, with a word about when to come back."""

    def room(client: ServerConnection, request: Request) -> Response | None:
        if len(client.server.connections) < 2:
            return None
        answer = client.respond(503, "too many connections\n")
        answer.headers["Retry-After"] = "20"
        return answer

    async with house(process_request=room) as app:
        words = [*(app.of(user) for user in ("first", "second", "third")), "--stagger", "0.6"]
        watch = await watched([*words, *every(0.5, "send hello", 3, "second")], ("third",), status=3)
    recorder.keep("direct-full-503", watch)

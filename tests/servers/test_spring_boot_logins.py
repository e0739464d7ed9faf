"""Spring applications that mind who comes: one session a user, HTTP sessions that end, doors, codes of their own."""

import asyncio
import urllib.request
from pathlib import Path

import pytest

from tests.probing import seen
from tests.servers.looks import every, watched
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring, sessions
from tests.servers.starting import Starter
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

ORDERS = "stomp-send /topic/orders one more"


async def asked(spring: Spring, path: str, cookie: str = "") -> str:
    """The cookie a browser has after it asked for that page."""

    def ask_for() -> str:
        request = urllib.request.Request(f"http://{LOOPBACK}:{spring.port}{path}", headers={"Cookie": cookie})
        with urllib.request.urlopen(request, timeout=5) as answer:
            return str(answer.headers.get("Set-Cookie") or cookie).partition(";")[0]

    return await asyncio.to_thread(ask_for)


@pytest.mark.parametrize(
    ("transport", "ending"),
    [
        ("ws", "4009/You signed in on another device"),
        ("xhr-streaming", "1008/Session replaced by a newer login"),
        ("websocket", "1000/"),
    ],
)
async def test_two_logins_of_one_user(start: Starter, recorder: Recorder, transport: str, ending: str) -> None:
    spring = start(Spring, one_session=ending, heart_beat="6000,6000")
    words = [*sessions(spring.port, transport, "old", "new"), "--stagger", "2.3", "--login", "anna"]
    words += ["--subscribe", "/topic/orders", *every(0.9, ORDERS, 3, "old")]
    watch = await watched(words, ("old",))
    close = watch.the("close", "old")
    assert (close["code"], close["initiator"]) == (int(ending.partition("/")[0]), "remote")
    assert close["m"] > watch.of("sockjs" if transport == "xhr-streaming" else "open", "new")[0]["m"]
    recorder.keep(f"spring-two-logins-{transport}", watch)


LOGIN_PAGE = ("--server.tomcat.background-processor-delay=1s",)
"""Tomcat looks every second instead of every ten for HTTP sessions that have run out."""


async def test_the_http_session_runs_out(start: Starter, recorder: Recorder) -> None:
    """What is said over the WebSocket does not keep it alive."""
    spring = start(Spring, options=LOGIN_PAGE, door="login", heart_beat="4000,4000")
    cookie = await asked(spring, "/login?seconds=6")
    words = [*sessions(spring.port, "ws", "A"), "--cookie", cookie, "--subscribe", "/topic/orders"]
    watch = await watched([*words, *every(0.8, ORDERS, 9)], ("A",))
    assert watch.the("close")["code"] == 1008
    recorder.keep("spring-http-session-ran-out", watch)


async def test_a_logout_in_another_tab(start: Starter, recorder: Recorder) -> None:
    spring = start(Spring, door="login", heart_beat="5000,5000")
    cookie = await asked(spring, "/login?seconds=600")
    words = [*sessions(spring.port, "websocket", "shop", "cart"), "--cookie", cookie, "--subscribe", "/topic/orders"]

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "shop", command="MESSAGE", count=3)
        await asked(spring, "/logout", cookie)

    watch = await watched([*words, *every(0.7, ORDERS, 4, "cart")], ("shop", "cart"), strike=strike)
    assert {line["code"] for line in watch.of("close")} == {1008}
    recorder.keep("spring-logged-out-elsewhere", watch)


@pytest.mark.parametrize("transport", ["ws", "auto"])
async def test_who_has_no_session_is_sent_to_the_login_page(start: Starter, recorder: Recorder, transport: str) -> None:
    spring = start(Spring, door="login")
    watch = await watched(sessions(spring.port, transport, "A"), ("A",), ok=False, status=3)
    assert 302 in {line["status"] for line in watch.of("http", dir="in")}
    recorder.keep("spring-login-page" if transport == "ws" else "spring-login-page-sockjs", watch)


async def test_a_cookie_of_yesterday(start: Starter, recorder: Recorder, tmp_path: Path) -> None:
    """One of two has a session; the other's ended with a logout."""
    spring = start(Spring, door="401")
    good, old = [await asked(spring, "/login?seconds=600") for _ in range(2)]
    await asked(spring, "/logout", old)
    profile = tmp_path / "sessions.toml"
    tables = (f'[[session]]\nname = "{name}"\nurl = "{spring.ws_url}"\ncookie = ["{cookie}"]\n'
              for name, cookie in (("A", old), ("signed-in", good)))  # fmt: skip
    profile.write_text("".join(tables))
    watch = await watched(["--profile", str(profile)], ("A",), ok=False, status=3)
    assert watch.the("close", "A") and watch.of("http", "A", dir="in")[0]["status"] == 401
    recorder.keep("spring-cookie-refused", watch)


async def test_a_post_without_its_token(start: Starter, recorder: Recorder) -> None:
    """What protects forms protects SockJS's streams too, where nobody exempted them."""
    spring = start(Spring, door="csrf")
    watch = await watched(sessions(spring.port, "xhr-streaming", "A"), ("A",), ok=False, status=3)
    assert 403 in {line["status"] for line in watch.of("http", dir="in")}
    recorder.keep("spring-post-without-token", watch)


@pytest.mark.parametrize(
    ("what", "transport", "code", "reason"),
    [
        ("overload", "xhr-streaming", 1013, "too many sessions on this node"),
        ("error", "xhr-polling", 1011, "order book unavailable"),
        ("token", "websocket", 4401, "access token expired"),
    ],
)
async def test_it_ends_a_session_of_sockjs(
    start: Starter, recorder: Recorder, what: str, transport: str, code: int, reason: str
) -> None:
    spring = start(Spring, heart_beat="3000,3000")
    words = [*sessions(spring.port, transport, "A", "B"), "--heart-beat", "3000,3000", *every(1.1, ORDERS, 4, "B")]
    end = rf"stomp-frame SEND\ndestination:/app/close/{code}/{reason}\n\n\0"
    watch = await watched([*words, "--do", f"2.6 A: {end}"], ("A",))
    assert watch.the("close", "A")["sockjs"] == {"code": code, "reason": reason}
    recorder.keep(f"spring-closes-{what}-{transport}", watch)

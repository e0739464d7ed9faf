"""What a page in a browser could not do is said once, from facts, and only where it is so."""

from typing import Any

import pytest

from tests.session.tape import Tape
from tui.facts.findings import Note
from tui.session.browser import is_loopback

PAGE = "https://shop.test"


@pytest.mark.parametrize(
    ("url", "secure"),
    [
        ("ws://shop.test/feed", "wss"),
        ("stomp+ws://192.0.2.1:15674/ws", "wss"),
        ("http://shop.test/sockjs", "https"),
        ("stomp+http://[2001:db8::1]/sockjs", "https"),
        ("ws://localhost.shop.test/feed", "wss"),
    ],
)
def test_an_https_page_may_not_connect_without_tls(url: str, secure: str) -> None:
    (said,) = Tape(url, origin=PAGE).of(Note)
    assert said.key == "note.browser_mixed_content"
    assert said.args == {"origin": PAGE, "secure": secure}
    assert said.lines == [1] and said.c == 0
    assert PAGE in said.text and f"{secure}:" in said.text


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("wss://shop.test/feed", PAGE),
        ("stomp+https://shop.test/sockjs", PAGE),
        ("ws://shop.test/feed", "http://shop.test"),
        ("ws://127.9.8.7:8080/feed", PAGE),
        ("ws://[::1]:8080/feed", PAGE),
        ("http://localhost:8080/sockjs", PAGE),
        ("ws://app.localhost/feed", PAGE),
        ("stomp://shop.test", PAGE),
        ("ws://[broken/feed", PAGE),
        ("gopher://shop.test/", PAGE),
    ],
)
def test_what_a_page_may_open_is_not_remarked_on(url: str, origin: str) -> None:
    assert Tape(url, origin=origin).notes() == []


def test_an_origin_given_as_a_header_replaces_the_option() -> None:
    assert Tape(origin=PAGE, header=["Origin: http://shop.test"]).notes() == []
    assert Tape(origin="http://shop.test", header=["origin:  HTTPS://shop.test"]).notes() == [
        "note.browser_mixed_content"
    ]


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ({"header": ["Authorization: ***"]}, "Authorization"),
        ({"header": ["X-Tenant: 7", "host: other.test", "x-tenant: 8"]}, "X-Tenant, host"),
        ({"header": ["User-Agent: curl/8"]}, "User-Agent"),
        ({"user": "***"}, "Authorization"),
        ({"user": "***", "header": ["authorization: ***"]}, "Authorization"),
    ],
)
@pytest.mark.parametrize("url", ["ws://shop.test/feed", "stomp+http://shop.test/sockjs"])
def test_headers_a_page_cannot_set_are_named_in_one_note(url: str, spec: dict[str, Any], names: str) -> None:
    (said,) = Tape(url, **spec).of(Note)
    assert said.key == "note.browser_headers"
    assert said.args == {"headers": names} and names in said.text


def test_the_headers_of_a_request_copied_from_a_browser_are_its_own() -> None:
    copied = [
        "Origin: http://shop.test", "Cookie: ***", "Accept-Language: zh", "Cache-Control: no-cache", "Pragma: no-cache",
        "User-Agent: Mozilla/5.0 (X11)", "Sec-Fetch-Mode: websocket", "Sec-WebSocket-Protocol: v12.stomp",
    ]  # fmt: skip
    assert Tape(header=copied, cookie=["***"], subprotocol=["v12.stomp"]).notes() == []


def test_a_user_name_in_the_url_is_remarked_on() -> None:
    assert Tape("wss://***@shop.test/feed").notes() == ["note.browser_userinfo"]
    assert Tape("wss://shop.test/feed?mail=a@b").notes() == []


@pytest.mark.parametrize("code", [0, 999, 1001, 1006, 1011, 2999, 5000])
def test_a_page_may_not_close_with_every_code(code: int) -> None:
    tape = Tape().open().command(f"close {code} bye")
    (said,) = tape.of(Note)
    assert said.key == "note.browser_close_code"
    assert said.args == {"code": code} and str(code) in said.text
    assert said.lines == [6] and said.c == 1


@pytest.mark.parametrize(
    "do", ["close", "close 1000", "A: close 3000 bye", "close 4999", "disconnect", "send close 1001", "close soon"]
)
def test_a_close_a_page_may_say_is_not_remarked_on(do: str) -> None:
    assert Tape().open().command(do).notes() == []


def test_a_reason_counts_in_bytes() -> None:
    assert Tape().open().command("close 4000 " + "断" * 41).notes() == []
    (said,) = Tape().open().command("close 4000 " + "断" * 42, ok=False).of(Note)
    assert said.key == "note.browser_close_reason"
    assert said.args == {"bytes": 126}


def test_a_page_that_offered_subprotocols_must_get_one() -> None:
    (said,) = Tape().open(offered="v12.stomp, v11.stomp").of(Note)
    assert said.key == "note.browser_no_subprotocol"
    assert said.args == {"offered": "v12.stomp, v11.stomp"}
    assert Tape().open("v12.stomp", offered="v12.stomp, v11.stomp").notes() == []
    assert Tape().open().notes() == []


def test_each_is_said_once_a_session() -> None:
    tape = Tape(origin=PAGE).open().command("close 1001").command("A:close 1002")
    tape.end()
    tape.c = 2
    tape.open().command("close 1003")
    assert tape.notes() == ["note.browser_mixed_content", "note.browser_close_code"]


def test_loopback_is_what_browsers_trust() -> None:
    trusted = ["127.0.0.1", "127.255.0.1", "::1", "localhost", "LOCALHOST.", "a.localhost"]
    others = ["128.0.0.1", "10.0.0.1", "::2", "0.0.0.0", "localhost.test", "notlocalhost", ""]
    assert [host for host in [*trusted, *others] if is_loopback(host)] == trusted

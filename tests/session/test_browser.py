"""What a browser would have refused is said as a note, once, with the line it is about."""

from typing import Any

import pytest

from tests.session.tape import Tape
from tui.session.browser import is_loopback


@pytest.mark.parametrize(
    ("url", "spec", "notes"),
    [
        ("ws://shop.test/", {"origin": "https://shop.test"}, ["note.browser_mixed_content"]),
        ("stomp+http://shop.test/app", {"origin": "https://shop.test"}, ["note.browser_mixed_content"]),
        ("wss://shop.test/", {"origin": "https://shop.test"}, []),
        ("ws://localhost:8080/", {"origin": "https://shop.test"}, []),
        ("ws://127.0.0.9/", {"origin": "https://shop.test"}, []),
        ("ws://[::1]:1/", {"origin": "https://shop.test"}, []),
        ("ws://shop.test/", {"origin": "http://shop.test"}, []),
        ("wss://***@shop.test/", {}, ["note.browser_userinfo"]),
        ("wss://shop.test/", {"header": ["X-Token: ***", "Cookie: ***"]}, ["note.browser_header"]),
        ("wss://shop.test/", {"user": "***"}, ["note.browser_header"]),
        ("wss://shop.test/", {"cookie": ["***"], "subprotocol": ["chat"]}, []),
        ("stomp://shop.test", {"header": ["X: y"], "origin": "https://shop.test"}, []),
    ],
)  # fmt: skip
def test_a_target(url: str, spec: dict[str, Any], notes: list[str]) -> None:
    tape = Tape(url, **spec)
    assert tape.notes() == notes
    assert all(finding.lines == [1] for finding in tape.findings if hasattr(finding, "lines"))


@pytest.mark.parametrize(
    ("words", "notes"),
    [
        ("close", []), ("close 1000 bye", []), ("close 4001", []), ("close 1001", ["note.browser_close_code"]),
        ("A:close 1011", ["note.browser_close_code"]), ("send close 1001", []),
        (f"close 4000 {'x' * 124}", ["note.browser_close_reason"]), (f"close 4000 {'x' * 123}", []),
    ],
)  # fmt: skip
def test_a_close(words: str, notes: list[str]) -> None:
    assert Tape("wss://shop.test/").open().command(words).notes() == notes


def test_a_close_that_was_refused_or_has_no_code_says_nothing() -> None:
    assert Tape("wss://shop.test/").open().command("close 1001", ok=False).notes() == []
    assert Tape("stomp://shop.test").command("close 1001").notes() == []


@pytest.mark.parametrize(
    ("host", "yes"), [("localhost", True), ("a.localhost", True), ("127.1.2.3", True), ("::1", True), ("h", False)]
)
def test_loopback(host: str, yes: bool) -> None:
    assert is_loopback(host) is yes

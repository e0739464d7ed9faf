"""What a secret is, and that it is nowhere."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.facts.redaction import SECRET_NAMES, Redactor
from tui.protocols.stomp import StompDecoder, StompFrame


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("ws://host/path?a=1", "ws://host/path?a=1"),
        ("ws://user@host/", "ws://***@host/"),
        ("wss://user:pass@host:8443/x", "wss://***@host:8443/x"),
        ("wss://user:p@ss@host/", "wss://***@host/"),
        ("ws://host/x@y", "ws://host/x@y"),
        ("ws://host/?token=s&b=2", "ws://host/?token=***&b=2"),
        ("/path?b=2&ACCESS_TOKEN=s", "/path?b=2&ACCESS_TOKEN=***"),
        ("/path?access%5Ftoken=s%26s", "/path?access%5Ftoken=***"),
        ("/path?token=", "/path?token=***"),
        ("/path?tokens=1", "/path?tokens=1"),
        ("http://host/#access_token=s", "http://host/#access_token=***"),
    ],
)
def test_urls(url: str, shown: str) -> None:
    assert Redactor().url(url) == shown


@pytest.mark.parametrize("name", sorted(SECRET_NAMES))
def test_every_secret_name_in_every_place(name: str) -> None:
    redactor = Redactor()
    assert "hunter2" not in redactor.url(f"ws://host/?x=1&{name.upper()}=hunter2")
    assert redactor.headers([("Accept", "a"), (name.title(), "hunter2")]) == [("Accept", "a"), (name.title(), "***")]
    assert "hunter2" not in redactor.composed(f"CONNECT\nlogin:a\n{name}:hunter2\n\n\0")


def test_headers_that_hold_urls() -> None:
    pairs = [("Location", "https://u:p@host/?token=s"), ("Referer", "https://host/?a=1&key=s")]
    assert Redactor().headers(pairs) == [
        ("Location", "https://***@host/?token=***"),
        ("Referer", "https://host/?a=1&key=***"),
    ]


def test_headers_keep_order_and_repetition() -> None:
    pairs = [("Set-Cookie", "a"), ("X", "1"), ("set-cookie", "b"), ("X", "2")]
    assert Redactor().headers(pairs) == [("Set-Cookie", "***"), ("X", "1"), ("set-cookie", "***"), ("X", "2")]


def test_a_stomp_passcode() -> None:
    frame = "CONNECT\nlogin:guest\npasscode:hunter2\nheart-beat:0,0\n\n\0"
    assert Redactor().composed(frame) == "CONNECT\nlogin:guest\npasscode:***\nheart-beat:0,0\n\n\0"
    assert Redactor().composed("STOMP\r\nPasscode:hunter2\r\n\r\n\0") == "STOMP\r\nPasscode:***\r\n\r\n\0"


def test_the_second_frame_of_a_message_too() -> None:
    both = "SEND\ndestination:/q\n\nhello\0\nCONNECT\npasscode:hunter2\n\n\0"
    assert "hunter2" not in Redactor().composed(both)


def test_a_body_is_left_alone_because_its_length_is_stated() -> None:
    frame = "SEND\ndestination:/q\ncontent-length:10\n\ntoken:abcd\0"
    assert Redactor().composed(frame) == frame


def test_patterns_everywhere() -> None:
    redactor = Redactor([r"hunter\d"])
    assert redactor.text("say hunter2") == "say ***"
    assert redactor.url("ws://host/hunter2") == "ws://host/***"
    assert redactor.headers([("X", "hunter2")]) == [("X", "***")]
    assert redactor.payload("say hunter2") == "say *******"
    assert redactor.composed("hello hunter2") == "hello *******"


def test_a_pattern_that_matches_nothing_much_leaves_the_rest() -> None:
    assert Redactor(["x*"]).text("abxc") == "ab***c"
    assert Redactor(["x*"]).payload("abxc") == "ab*c"


@given(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from([".+", "[^a]*", r"\w+", "(?s).*"]))
def test_a_masked_payload_keeps_its_bytes_and_its_frames(body: str, pattern: str) -> None:
    """``content-length`` and the NUL stay true, so the frame decodes and the next one is not swallowed."""
    size = len(body.encode())
    masked = Redactor([pattern]).payload(body)
    assert len(masked.encode()) == size
    decoder = StompDecoder()
    events = decoder.feed(f"SEND\ncontent-length:{size}\n\n{masked}\0".encode())
    frames = [event for event in events if isinstance(event, StompFrame)]
    assert [frame.flaws for frame in frames] == [[]]
    assert decoder.at_rest


def test_a_mask_never_covers_what_ends_a_frame() -> None:
    assert Redactor(["(?s)h.*"]).payload("SEND\n\nhunter\r\n2\0\n") == "SEND\n\n******\r\n*\0\n"


def test_switched_off() -> None:
    redactor = Redactor(["hunter2"], enabled=False)
    assert redactor.url("ws://u:hunter2@host/?token=s") == "ws://u:hunter2@host/?token=s"
    assert redactor.headers([("Cookie", "hunter2")]) == [("Cookie", "hunter2")]
    for say in (redactor.text, redactor.payload, redactor.composed):
        assert say("CONNECT\npasscode:hunter2\n\n\0") == "CONNECT\npasscode:hunter2\n\n\0"


def test_a_bad_pattern_is_refused() -> None:
    with pytest.raises(re.error):
        Redactor(["("])

"""Server frames: stomp.py and our own decoder read back what was meant."""

import pytest

from tui.lab.framing import encode, escape
from tui.protocols.stomp import StompDecoder, StompFrame

NASTY = "a:b\\c\nd\re"


@pytest.mark.parametrize(
    ("version", "written"),
    [
        ("1.2", "a\\cb\\\\c\\nd\\re"),
        ("1.1", "a\\cb\\\\c\\nd e"),
        ("1.0", "a:b\\c d e"),
    ],
)
def test_each_version_escapes_what_it_can(version: str, written: str) -> None:
    assert escape(NASTY, version) == written


def test_1_2_says_everything_to_a_decoder() -> None:
    decoder = StompDecoder()
    (frame,) = decoder.feed(encode("MESSAGE", [(NASTY, NASTY), ("x", "y")], b"a\0b", version="1.2"))
    assert frame == StompFrame("MESSAGE", [(NASTY, NASTY), ("x", "y"), ("content-length", "3")], b"a\0b")


def test_connected_is_never_escaped() -> None:
    assert encode("CONNECTED", [("session", "a:b")], version="1.2") == b"CONNECTED\nsession:a:b\n\n\0"


def test_no_body_has_no_content_length() -> None:
    assert encode("RECEIPT", [("receipt-id", "a:b")], version="1.1") == b"RECEIPT\nreceipt-id:a\\cb\n\n\0"

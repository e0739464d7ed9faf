"""Nothing a terminal would obey or hide gets through ``visible``."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.text.cells import width
from tui.text.safe import visible

ANY = st.text(st.characters())
"""Surrogates included: they come from bytes typed one by one."""

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
ZERO_WIDTH = "\u00ad\u034f\u180e\u200b\u200c\u200d\u2060\ufe0f\ufeff\U0001bca0\U0001d173\U000e0041"


def test_every_character_by_itself() -> None:
    for code in range(0x110000):
        char = chr(code)
        shown = visible(char)
        category = unicodedata.category(char)
        if category in ("Cc", "Cs", "Zl", "Zp") or char in BIDI + ZERO_WIDTH:
            assert char not in shown, hex(code)
            assert shown
        if category in ("Lu", "Ll", "Nd", "Sm", "Po") or 0x4E00 <= code <= 0x9FFF:
            assert shown == char, hex(code)


@given(ANY, st.booleans())
def test_no_unsafe_character_survives(text: str, ascii_only: bool) -> None:
    shown = visible(text, ascii_only=ascii_only)
    assert not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in shown)
    assert not any(char in BIDI + ZERO_WIDTH for char in shown)
    assert visible(shown, ascii_only=ascii_only) == shown


@given(st.text(st.characters(categories=["Cc"])))
def test_ascii_stays_ascii(text: str) -> None:
    assert visible(text, ascii_only=True).isascii()


@pytest.mark.parametrize(
    ("text", "shown"),
    [("plain text 你好", "plain text 你好"), ("a\nb\r\t\0", "a⏎b␍␉␀"), ("\x1b[2J", "\\x1b[2J"), ("\x9b31m", "\\x9b31m"),
     ("\u202eevil", "\\u202eevil"), ("\U000e0041", "\\U000e0041"), ("\udcff", "\\udcff"), ("", "")],
)  # fmt: skip
def test_what_is_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_ascii_pictures() -> None:
    assert visible("a\nb\r\t\0", ascii_only=True) == "a\\nb\\r\\t\\0"


@given(ANY)
def test_what_is_visible_can_be_measured(text: str) -> None:
    """A width that cannot be known would push a column out of its place."""
    shown = visible(text)
    assert width(shown) >= 0
    assert (width(shown) > 0) == any(width(char) > 0 for char in shown)

"""Cells, not characters."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tui.text.cells import fit, pad, width
from tui.text.safe import visible

SAFE = st.text(st.one_of(st.characters(), st.sampled_from("你好ａ👍🏽é🇨🇳\u0301…（」ab "))).map(visible)


@pytest.mark.parametrize(("text", "cells"), [("", 0), ("abc", 3), ("你好", 4), ("a你", 3), ("e\u0301", 1)])
def test_width(text: str, cells: int) -> None:
    assert width(text) == cells


@given(SAFE, st.integers(-2, 40))
@example("0\\x1f\ua8b40", 6)
def test_fit_never_exceeds(text: str, cells: int) -> None:
    fitted = fit(text, cells)
    assert width(fitted) <= max(0, cells)
    if width(text) <= cells:
        assert fitted == text


@given(SAFE, st.integers(0, 40), st.booleans())
@example("\u0c41", 1, True)
def test_pad_is_exact(text: str, cells: int, right: bool) -> None:
    assert width(pad(text, cells, right=right)) == cells


@pytest.mark.parametrize(
    ("text", "cells", "fitted"),
    [("abcdef", 6, "abcdef"), ("abcdef", 5, "abcd…"), ("你好吗", 5, "你好…"), ("你好吗", 4, "你…"), ("你好吗", 2, "…"),
     ("你好", 1, "…"), ("ab", 0, "")],
)  # fmt: skip
def test_fit(text: str, cells: int, fitted: str) -> None:
    assert fit(text, cells) == fitted


def test_an_ellipsis_of_its_own() -> None:
    assert fit("abcdef", 4, ellipsis="~") == "abc~"


def test_pad_puts_the_filling_on_either_side() -> None:
    assert pad("你", 4) == "你  "
    assert pad("12", 4, right=True) == "  12"

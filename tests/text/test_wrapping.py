"""Lines of cells, in English and Chinese."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.text.cells import width
from tui.text.safe import visible
from tui.text.wrapping import wrap

SAFE = st.text(st.sampled_from("abs2 你好。，（）“”\"'.,-")).map(visible)


@given(SAFE, st.integers(8, 40))
def test_no_line_is_too_long_and_nothing_is_lost(text: str, cells: int) -> None:
    lines = wrap(text, cells, first="- ", rest="  ")
    assert all(width(line) <= cells for line in lines)
    assert "".join(line[2:].replace(" ", "") for line in lines) == text.replace(" ", "")


@pytest.mark.parametrize(
    ("text", "cells", "lines"),
    [
        ("one two three", 7, ["one two", "three"]),
        ("one  two", 20, ["one two"]),
        ("abcdefghij k", 4, ["abcd", "efgh", "ij k"]),
        ("收到Close帧。", 10, ["收到Close", "帧。"]),
        ("收到关闭帧，然后", 10, ["收到关闭", "帧，然后"]),
        ("断开（例如断网）", 6, ["断开", "（例如", "断网）"]),
        ("", 10, [""]),
        ("every 2.0 s.", 9, ["every", "2.0 s."]),
        ("at 99 %, or", 7, ["at", "99 %,", "or"]),
        ("a 16384 bytes", 8, ["a 16384", "bytes"]),
        ("3 seconds", 5, ["3", "secon", "ds"]),
        ("约定每 2.0 秒一次", 10, ["约定每", "2.0 秒一次"]),
        ("12345 ms", 6, ["12345", "ms"]),
        ("12345 ms", 5, ["12345", "ms"]),
    ],
)
def test_where_lines_break(text: str, cells: int, lines: list[str]) -> None:
    assert wrap(text, cells) == lines


def test_margins() -> None:
    assert wrap("one two three", 9, first="  - ", rest="    ") == ["  - one", "    two", "    three"]

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.view import gauges
from tui.view.glyphs import ASCII, UNICODE, Glyphs


@pytest.mark.parametrize(
    ("part", "text"),
    [(0, "        "), (1, "████████"), (0.5, "████    "), (0.32, "██▌     "), (-1, "        "), (9, "████████")],
)
def test_bar(part: float, text: str) -> None:
    assert gauges.bar(part, 8, UNICODE) == text


@given(st.floats(-1, 2), st.sampled_from([UNICODE, ASCII]))
def test_a_bar_is_always_as_long(part: float, glyphs: Glyphs) -> None:
    assert len(gauges.bar(part, 8, glyphs)) == 8


def test_an_even_cadence_is_a_flat_line_and_one_late_beat_stands_out() -> None:
    assert gauges.spark([1000, 1003, 1000, 3800], 6, UNICODE, usual=1000) == "  ▁▁▁█"


def test_without_a_usual_value_it_is_flat() -> None:
    assert gauges.spark([1, 50], 2, ASCII, usual=0) == "__"

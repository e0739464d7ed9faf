from hypothesis import given
from hypothesis import strategies as st

from tui.view.lines import Span, fit, line, pad, plain, spread, width


def test_a_line_drops_what_is_empty() -> None:
    assert line("a", ("", "muted"), ("b", "late")) == (Span("a"), Span("b", "late"))


@given(st.text(alphabet="ab 价格─▁", max_size=30), st.integers(1, 40))
def test_pad_is_exact_in_cells(text: str, room: int) -> None:
    assert width(pad((Span(text),), room)) == room


@given(st.text(alphabet="ab 价", max_size=30), st.text(alphabet="xy值", max_size=12), st.integers(2, 50))
def test_spread_is_exact_in_cells(left: str, right: str, room: int) -> None:
    assert width(spread((Span(left),), (Span(right),), room)) == room


def test_a_cut_is_marked_and_keeps_the_roles() -> None:
    assert fit((Span("hello", "in"), Span("world", "late")), 7) == (Span("hello", "in"), Span("w…", "late"))


def test_what_fits_is_left_alone() -> None:
    both = (Span("ab"), Span("cd"))
    assert fit(both, 4) is both


def test_spread_cuts_the_left_side() -> None:
    assert plain(spread((Span("a long name"),), (Span(" OK"),), 9)) == "a lon… OK"

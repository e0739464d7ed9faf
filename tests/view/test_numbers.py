import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.view import numbers


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (48.9, "0:48"), (72, "1:12"), (3753, "1:02:33"), (190_000, "2d 4h"), (-1, "0:00")],
)
def test_age(seconds: float, text: str) -> None:
    assert numbers.age(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.4, "0.4s"),
        (38.24, "38.2s"),
        (99.96, "100s"),
        (612, "612s"),
        (1020, "17m"),
        (18_000, "5h"),
        (1_036_800, "12d"),
    ],
)
def test_seconds(value: float, text: str) -> None:
    assert numbers.seconds(value) == text


@given(st.floats(-10, 3e7))
def test_seconds_never_take_more_than_five_cells(value: float) -> None:
    assert len(numbers.seconds(value)) <= 5


@pytest.mark.parametrize(("ms", "text"), [(0, "0.0s"), (250, "250ms"), (10_000, "10.0s"), (120_000, "120s")])
def test_interval(ms: float, text: str) -> None:
    assert numbers.interval(ms) == text


@pytest.mark.parametrize(("ms", "text"), [(0.123, "0.12ms"), (8.44, "8.4ms"), (124, "124ms"), (2100, "2.1s")])
def test_millis(ms: float, text: str) -> None:
    assert numbers.millis(ms) == text


@given(st.integers(0, 10**14))
def test_sizes_take_four_cells_and_counts_five(value: int) -> None:
    assert len(numbers.size(value)) <= 4
    assert len(numbers.count(value)) <= 5


@pytest.mark.parametrize(("value", "text"), [(84, "84"), (9999, "9999"), (12_345, "12k"), (1_234_567, "1.2M")])
def test_size(value: int, text: str) -> None:
    assert numbers.size(value) == text


def test_a_running_total_keeps_its_width() -> None:
    assert (numbers.timer(72), numbers.timer(3 * 3600 + 5)) == ("00:01:12", "03:00:05")

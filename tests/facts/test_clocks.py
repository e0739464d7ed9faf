"""The clock that stamps facts."""

import time

from tui.facts import clocks


def test_both_clocks_to_the_microsecond() -> None:
    before = time.time(), time.monotonic()
    moment = clocks.now()
    after = time.time(), time.monotonic()
    assert before[0] - 1e-6 <= moment.t <= after[0]
    assert before[1] - 1e-6 <= moment.m <= after[1]
    assert round(moment.t, 6) == moment.t
    assert round(moment.m, 6) == moment.m


def test_the_clock_has_a_name() -> None:
    assert clocks.source() == time.get_clock_info("monotonic").implementation

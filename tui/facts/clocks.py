"""The clock that stamps facts. Nothing above the probe reads one: it is driven by the facts' own times."""

import time
from typing import NamedTuple


class Moment(NamedTuple):
    """One instant on both clocks."""

    t: float
    """Unix time, seconds, to the microsecond."""
    m: float
    """Monotonic time, seconds, to the microsecond."""


def now() -> Moment:
    """This instant."""
    return Moment(time.time_ns() // 1000 / 1e6, time.monotonic_ns() // 1000 / 1e6)


def source() -> str:
    """The name of the monotonic clock, as the ``probe`` line gives it."""
    return time.get_clock_info("monotonic").implementation

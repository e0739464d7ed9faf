"""How long products wait: the timing windows of ``timeouts.toml``, for rules that compare a measured clock."""

import functools
import re
from importlib import resources
from typing import Literal, NamedTuple

import msgspec

Clock = Literal[
    "idle_any", "idle_tx", "idle_rx", "age", "unanswered_ping", "since_reload", "since_last_http", "unacked_message",
    "unacked_send", "since_hidden", "one_send_duration", "since_other_login",
]  # fmt: skip
"""Which clock a product looks at: since the last byte either way, from us, to us; since ready; …"""

_BOUND = re.compile(r"(?P<factor>\d+(?:\.\d+)?)n(?P<tick>\+tick)?(?:\+(?P<more>\d+(?:\.\d+)?))?")


class Bound(NamedTuple):
    """One end of a window: ``factor`` intervals, ``ticks`` ticks of the broker's own, and ``more`` seconds."""

    factor: float
    ticks: int
    more: float

    def seconds(self, n: float, tick: float) -> float:
        """It, for an agreed interval and a tick in seconds."""
        return self.factor * n + self.ticks * tick + self.more


class Window(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long one product waits, and what it does then."""

    id: str
    cause: str
    """The cause it ends up in."""
    product: str
    setting: str
    """What to change; its default is the window."""
    by: Clock
    window: tuple[float | str, float | str]
    end: str
    """What is seen then."""
    grade: Literal["X", "S", "D", "I", "K"]
    """How it is known: seen in a run, source, documentation, report, hearsay."""
    site: bool = False
    """The time is usual, not a default: every site sets its own."""

    @property
    def relative(self) -> bool:
        """Whether it counts in agreed heart-beat intervals."""
        return any(isinstance(bound, str) for bound in self.window)

    def seconds(self, n_ms: float, tick: float = 0.0) -> tuple[float, float]:
        """Its two ends, s.

        Args:
            n_ms: the agreed interval of that direction, ms.
            tick: how often the broker looks, s.
        """
        least, most = (bound_of(bound).seconds(n_ms / 1000, tick) for bound in self.window)
        return least, most


def bound_of(given: float | str) -> Bound:
    """One end as the file has it.

    Raises:
        ValueError: neither a number nor intervals.
    """
    if not isinstance(given, str):
        return Bound(0.0, 0, float(given))
    found = _BOUND.fullmatch(given)
    if found is None:
        raise ValueError(given)
    return Bound(float(found["factor"]), 1 if found["tick"] else 0, float(found["more"] or 0))


class _File(msgspec.Struct, forbid_unknown_fields=True):
    window: list[Window]


@functools.cache
def windows() -> tuple[Window, ...]:
    """Every window, as they stand in the file."""
    file = resources.files("tui.knowledge").joinpath("timeouts.toml")
    return tuple(msgspec.toml.decode(file.read_bytes(), type=_File).window)

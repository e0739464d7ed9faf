"""Which products a reading fits: their clock, their length and how they end (``timeouts.toml``)."""

from collections.abc import Iterator
from typing import NamedTuple

from tui.experiments.reading import Reading
from tui.facts.findings import Close
from tui.knowledge.timeouts import Window, windows


class Fits(NamedTuple):
    """The products whose clock it may be."""

    default: tuple[Window, ...]
    """Their default is the length that was measured."""
    otherwise: tuple[Window, ...]
    """They end a session just so, and their length can be set."""


def fits(reading: Reading) -> Fits:
    """The products a reading fits; none where nobody was killed."""
    if reading.length is None or reading.close is None:
        return Fits((), ())
    likely = [window for window in _timers(reading) if _ends(window, reading.close)]
    default = tuple(window for window in likely if _contains(window, reading.length, reading.margin))
    return Fits(default, tuple(one for one in likely if one not in default and not one.setting.startswith("none")))


_COUNTS_BYTES = frozenset({"idle-timeout-proxy", "nat-timeout"})
"""Causes in between: what sits there counts every byte, a ping's as well."""


def _timers(reading: Reading) -> Iterator[Window]:
    """Those on a clock the killer may look at. What counts in agreed heart-beats does not watch a session without."""
    for window in windows():
        if window.by not in reading.clocks or window.relative or window.end == "local":
            continue
        if reading.pings is not False or window.cause not in _COUNTS_BYTES:
            yield window


def _contains(window: Window, length: float, margin: float) -> bool:
    least, most = window.seconds(0)
    return least - margin <= length <= most + margin


def _ends(window: Window, close: Close) -> bool:
    """Whether a product ends a session as this one was ended."""
    if close.error is None and "ERROR" in window.end:
        return False
    if close.received is not None:
        return f"Close {close.received.code}" in window.end or window.end.startswith("Close or")
    return {"fin": "FIN", "reset": "RST"}.get(close.transport.how, "silence") in window.end

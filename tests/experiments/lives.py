"""Lives of twins as a test tells them."""

from typing import Any

from tui.experiments.life import Life
from tui.facts.findings import Close, CloseFrame, Transport

READY = 100.0
"""When every session was ready, monotonic seconds."""


def alive(beat_s: float = 0.0) -> Life:
    """Ready, and not ended."""
    return Life(READY, None, beat_s, 0.0)


def connecting() -> Life:
    """Not ready yet."""
    return Life(None, None, 0.0, 0.0)


def ended(
    age: float | None, *, how: Any = "fin", received: CloseFrame | None = None, error: str | None = None,
    asked: bool = False, beat_s: float = 0.0, idle_rx: float | None = None,
) -> Life:  # fmt: skip
    """Ended ``age`` seconds after ready, or without ever being ready."""
    transport = Transport(
        how=how, phase="open", errno=None, detail=None, alert=None, close_notify=None, undecoded=0, unread=0, unsent=0
    )
    close = Close(
        finding=True, t=0, m=0, s="x", c=1, n=1, code=1006, name=None, reason="", synthetic=received is None,
        received=received, sent=None, clean=False, initiator="remote", transport=transport, app_view=None, age=age,
        idle_rx=age if idle_rx is None else idle_rx, idle_tx=age, idle_any=age, asked=asked, error=error, sockjs=None,
    )  # fmt: skip
    return Life(None if age is None else READY, close, beat_s, 0.0)

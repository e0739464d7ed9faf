"""What an experiment wants to know of one of its sessions."""

from typing import NamedTuple

from tui.facts.findings import Close
from tui.session.session import Session


class Life(NamedTuple):
    """One session so far."""

    ready_at: float | None
    """Monotonic seconds; None while it never was ready."""
    close: Close | None
    """Its end, once it has ended."""
    beat_s: float
    """The interval at which the server agreed to beat; 0 for never."""
    rtt_s: float
    """The round trip, as far as it is known."""
    heard_at: float | None = None
    """When its last byte came in, monotonic seconds."""

    def lived(self, m: float) -> float | None:
        """Seconds from ready to its end, or to ``m``; None where it never was ready."""
        if self.close is not None:
            return self.close.age
        return None if self.ready_at is None else m - self.ready_at

    def heard(self) -> float | None:
        """Seconds from ready to the last byte that came in before its end; None where it never was ready."""
        if self.close is not None:
            return None if self.close.age is None else self.close.age - (self.close.idle_rx or 0.0)
        return None if self.ready_at is None or self.heard_at is None else self.heard_at - self.ready_at

    @property
    def dropped(self) -> bool:
        """It was ready, and ended without our asking."""
        return self.close is not None and self.close.dropped


def life_of(session: Session) -> Life:
    """The life of a session of the engine's."""
    beats = session.timers.get("stomp-in")
    return Life(
        session.ready_at, session.close, beats.every_ms / 1000 if beats is not None else 0.0,
        (session.rtt_ms or 0.0) / 1000, session.last_rx_m,
    )  # fmt: skip

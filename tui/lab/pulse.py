"""One client's heart-beats, seen from the server: when ours is due, and when the client has been silent too long."""

import math

from tui.protocols.heartbeat import Agreed


class Pulse:
    """Two clocks: ours beats at a fixed cadence whatever else is sent, the client's is reset by any byte.

    Args:
        agreed: the negotiated intervals, ms; 0 where a direction has no beats.
        grace: how many of the client's intervals it may be silent; 0 for ever.
        m: the moment of CONNECTED, monotonic seconds.
    """

    def __init__(self, agreed: Agreed, grace: float, m: float) -> None:
        self._every = agreed.in_ / 1000
        self._patience = agreed.out / 1000 * grace
        self._beat_at = m + self._every if self._every else math.inf
        self._heard = m

    def heard(self, m: float) -> None:
        """The client sent something."""
        self._heard = m

    @property
    def beating(self) -> bool:
        """Whether we send beats."""
        return self._every > 0

    @property
    def silent_at(self) -> float:
        """When the client's grace is used up, monotonic seconds."""
        return self._heard + self._patience if self._patience else math.inf

    @property
    def next_deadline(self) -> float:
        """The next moment this pulse wants to be asked; infinity for never."""
        return min(self._beat_at, self.silent_at)

    def beat_due(self, m: float) -> bool:
        """Whether a beat is to be sent; after a stall one makes up for all that were missed."""
        if m < self._beat_at:
            return False
        while self._beat_at <= m:
            self._beat_at += self._every
        return True

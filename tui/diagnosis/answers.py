"""How soon a peer answers our messages, and which it left waiting: a program that stands still is told by that."""

from tui.diagnosis.marks import Mark

LONG_S, LONG_TIMES = 1.0, 10.0
"""An answer is late after so many seconds, if that is so many times the slowest before."""

SOON_S = 1.0
"""Seconds before an end in which a late answer is the last that a program said when it went on."""


class Answers:
    """What followed the messages of ours on one connection: the next message that came in counts as the answer."""

    def __init__(self) -> None:
        self.slowest_s: float | None = None
        """Of the answers that were not late; None before the first."""
        self._asked: Mark | None = None
        self._late: tuple[Mark, float] | None = None

    def asked(self, mark: Mark) -> None:
        """A message of ours left."""
        self._asked = self._asked or mark

    def came(self, m: float) -> None:
        """A message came in."""
        asked, self._asked = self._asked, None
        if asked is None:
            return
        if self._is_late(m - asked.m):
            self._late = (asked, m)
        else:
            self.slowest_s = max(self.slowest_s or 0.0, m - asked.m)

    def left_waiting(self, at: float) -> tuple[Mark, float] | None:
        """Our message that waited long for an answer at, or until just before, a moment, and how long, s."""
        if self._asked is not None and self._is_late(at - self._asked.m):
            return self._asked, at - self._asked.m
        if self._late is not None and at - self._late[1] < SOON_S:
            return self._late[0], self._late[1] - self._late[0].m
        return None

    def _is_late(self, seconds: float) -> bool:
        return self.slowest_s is not None and seconds >= max(LONG_S, LONG_TIMES * self.slowest_s)

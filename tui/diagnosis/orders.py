"""The session commands that were carried out on one connection: what we were told to do is no fault of anybody's."""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from tui.facts.facts import Command
from tui.session.ending import verb_of

KEPT = 16


class Ordered(NamedTuple):
    """A session command that was carried out."""

    n: int
    m: float
    verb: str
    words: str


class Orders:
    """The last commands, oldest first."""

    def __init__(self) -> None:
        self._kept: deque[Ordered] = deque(maxlen=KEPT)

    def __iter__(self) -> Iterator[Ordered]:
        return iter(self._kept)

    def carried_out(self, fact: Command) -> Ordered:
        """A command was carried out."""
        order = Ordered(fact.n, fact.m, verb_of(fact.do), fact.do)
        self._kept.append(order)
        return order

    def last(self, *verbs: str) -> Ordered | None:
        """The last one with one of these verbs."""
        return next((order for order in reversed(self._kept) if order.verb in verbs), None)

    @property
    def beats_held(self) -> Ordered | None:
        """The one that keeps our beats back, if it holds."""
        last = self.last("hold-beats", "throttle-beats", "release-beats", "freeze")
        return last if last is not None and last.verb != "release-beats" else None

    @property
    def pongs_held(self) -> Ordered | None:
        """The one that keeps our pongs back, if it holds."""
        last = self.last("hold-pongs", "release-pongs", "freeze")
        return last if last is not None and last.verb != "release-pongs" else None

    def frozen_at(self, m: float) -> Ordered | None:
        """The one to freeze that held at ``m``."""
        order = self.last("freeze")
        if order is None:
            return None
        try:
            seconds = float(order.words.split()[-1])
        except ValueError:
            return None
        return order if order.m <= m <= order.m + seconds + 0.5 else None

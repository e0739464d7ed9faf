"""The plan of ``whoops experiment idle``: which twins to open, and when enough was seen.

The silent twin's life is the length of the killer's clock, so it goes first and alone. Waiting for it is cut in stages
that double (15, 30, 60 … s), so that a person sees how far it has come. The other twins then run side by side, and
send at an interval found by doubling: the longest of 1/8, 1/4, 1/2, 1, 2 … s of which two fit well into the length.
Those that outlive it half as long again had their bytes counted. With an interval given, all of them run at once.

Nothing here has a clock or a socket: whoever runs the plan says what time it is and how the sessions fare.
"""

from collections.abc import Mapping
from typing import NamedTuple

from tui.experiments.life import Life
from tui.experiments.reading import OUTLIVES, Reading, read
from tui.experiments.twins import SILENT, Kind, twin, twin_name, twins
from tui.options.spec import SessionSpec

AT_MOST = 660.0
"""Seconds a silent twin is waited for: the longest idle limit that is a product's default is 10 min."""

FIRST_STAGE = 15.0
"""Seconds of the first stage of waiting."""

_SHORTEST = 0.125
_ROOM = 0.8
"""Two intervals fit well into a length when they take no more than this much of it."""

_PATIENCE = OUTLIVES + 0.25
"""Lengths of the clock after which a twin that lives has proved its point."""


class Stage(NamedTuple):
    """How far an experiment has come."""

    name: str
    """``opening``, ``silent`` or ``twins``."""
    waited: float
    """Seconds, since the slowest twin of this stage was ready."""
    of: float
    """Seconds this stage takes at most."""


def doubled(length: float) -> float:
    """The interval of the twins that send, s, for a clock of ``length`` seconds."""
    every = _SHORTEST
    while 2 * (2 * every) <= _ROOM * length:
        every *= 2
    return every


class Idle:
    """One experiment.

    Args:
        spec: the session to have twins of; it has a name.
        every: seconds between the bytes of a twin that sends; None to find it.
        at_most: seconds a silent twin is waited for.
    """

    def __init__(self, spec: SessionSpec, *, every: float | None = None, at_most: float = AT_MOST) -> None:
        self.kinds, self.skipped = twins(spec)
        self.every = every
        self.over = False
        self._spec = spec
        self._at_most = at_most
        self._given = every is not None
        self._opened: tuple[Kind, ...] = ()

    def begin(self) -> list[SessionSpec]:
        """The sessions to open first."""
        return self._open(self.kinds if self._given else (SILENT,), self._at_most)

    def step(self, m: float, lives: Mapping[str, Life]) -> list[SessionSpec]:
        """The sessions to open now; ``over`` once there is nothing more to wait for.

        Args:
            m: the time, monotonic seconds.
            lives: every session that has begun, by name.
        """
        mine = self._mine(lives)
        silent = mine.get(SILENT)
        if self.over or silent is None:
            return []
        if silent.close is not None and not silent.dropped:
            self.over = True
        elif silent.dropped and not self._waiting:
            length = silent.lived(m) or 0.0
            self.every = doubled(length)
            return self._open(tuple(kind for kind in self.kinds if kind != SILENT), _PATIENCE * length)
        else:
            limit = self._limit(m, silent)
            self.over = all(self._seen(m, mine.get(kind), limit) for kind in self._opened)
        return []

    def stage(self, m: float, lives: Mapping[str, Life]) -> Stage:
        """How far it has come."""
        mine = self._mine(lives)
        silent = mine.get(SILENT)
        alive = [life.lived(m) or 0.0 for life in mine.values() if life.close is None]
        if silent is None or silent.ready_at is None:
            return Stage("opening", 0.0, self._spec.open_timeout)
        if silent.close is not None:
            limit = self._limit(m, silent)
            begun = len(mine) == len(self._opened)
            return Stage("twins", min(alive, default=limit) if begun else 0.0, limit)
        waited, of = m - silent.ready_at, FIRST_STAGE
        while of < waited:
            of *= 2
        return Stage("silent", waited, min(of, self._at_most))

    def reading(self, m: float, lives: Mapping[str, Life]) -> Reading:
        """What it shows."""
        return read(self._mine(lives), m=m, every=self.every, websocket_only="both" in self.skipped)

    @property
    def names(self) -> list[str]:
        """The sessions it has opened."""
        return [twin_name(self._spec, kind) for kind in self._opened]

    @property
    def _waiting(self) -> bool:
        """Whether every twin was opened."""
        return len(self._opened) == len(self.kinds)

    def _open(self, kinds: tuple[Kind, ...], lasting: float) -> list[SessionSpec]:
        self._opened += kinds
        return [twin(self._spec, kind, self.every or lasting, lasting) for kind in kinds]

    def _mine(self, lives: Mapping[str, Life]) -> dict[Kind, Life]:
        names = {kind: twin_name(self._spec, kind) for kind in self._opened}
        return {kind: lives[name] for kind, name in names.items() if name in lives}

    def _limit(self, m: float, silent: Life) -> float:
        """Seconds a twin that lives is waited for."""
        return _PATIENCE * (silent.lived(m) or 0.0) if silent.dropped else self._at_most

    def _seen(self, m: float, life: Life | None, limit: float) -> bool:
        if life is None:
            return False
        return life.close is not None or (life.lived(m) or 0.0) >= limit

"""Which bytes reset the killer's clock: read from how long the twins lived (drop-causes §6.4)."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from tui.experiments.life import Life
from tui.experiments.twins import SILENT, Kind
from tui.facts.findings import Close
from tui.knowledge.timeouts import Clock

Answer = Literal[
    "none", "any", "ours", "ours_at_least", "theirs", "theirs_at_least", "each", "lifetime", "lifetime_or_messages",
    "not_ours", "too_slow", "unclear", "failed",
]  # fmt: skip
"""Nobody was killed; a byte either way resets the clock; only ours; ours do (the server's could not be tried); only
the server's; the server's do (ours could not be tried); each direction has a clock of its own; nothing resets it; on
a plain WebSocket nothing below messages does; ours do not (nothing else could be tried); the twins sent too seldom;
the twins contradict each other; no session came to be."""

CLOCKS: Mapping[Answer, tuple[Clock, ...]] = {
    "any": ("idle_any",),
    "ours": ("idle_tx",),
    "ours_at_least": ("idle_any", "idle_tx"),
    "theirs": ("idle_rx",),
    "theirs_at_least": ("idle_any", "idle_rx"),
    "each": ("idle_tx", "idle_rx"),
    "lifetime": ("age",),
    "lifetime_or_messages": ("age", "idle_any", "idle_tx"),
    "not_ours": ("idle_rx", "age"),
    "too_slow": ("idle_any", "idle_tx", "idle_rx", "age"),
    "unclear": ("idle_any", "idle_tx", "idle_rx", "age"),
}
"""The clocks a killer may look at, by what the twins showed."""

OUTLIVES = 1.5
"""Lengths of the clock a twin lives past when its bytes count: servers that look at intervals kill up to 1.2 late."""

_EARLY = 0.5
"""A twin that ends before this much of the length was killed by something else."""

_MARGIN_S = 0.5
"""A length is never said to be surer than this: a killer's own timer, and the way there and back."""


class Outcome(NamedTuple):
    """How one twin fared."""

    kind: Kind
    lived: float | None
    """Seconds from ready to its end, or so far; None where it never was ready."""
    close: Close | None
    """Its end; None while it lives."""
    kept: bool | None
    """Whether its bytes kept it alive; None where that cannot be said."""
    beat_s: float
    """The interval at which the server agreed to beat; 0 for never."""


class Reading(NamedTuple):
    """What the twins showed."""

    answer: Answer
    length: float | None
    """Seconds, from the last byte that counts to the end; None where nobody was killed."""
    margin: float
    """Seconds it may be longer or shorter."""
    close: Close | None
    """How the silent twin ended."""
    chatty: bool
    """The server sent bytes of its own accord to the silent twin."""
    pings: bool | None
    """Whether WebSocket pings and pongs keep a session alive; None where that cannot be said."""
    outcomes: tuple[Outcome, ...]

    @property
    def clocks(self) -> tuple[Clock, ...]:
        """The clocks the killer may look at."""
        return CLOCKS.get(self.answer, ())


def read(lives: Mapping[Kind, Life], *, m: float, every: float | None, websocket_only: bool) -> Reading:
    """What the twins show at ``m``.

    Args:
        every: seconds between the bytes of a twin that sends; None where none was opened.
        websocket_only: there is nothing above WebSocket that could be sent harmlessly.
    """
    silent = lives.get(SILENT)
    length = silent.lived(m) if silent is not None and silent.dropped else None
    outcomes = tuple(
        Outcome(kind, life.lived(m), life.close, _kept(kind, life, m, length, every), life.beat_s)
        for kind, life in lives.items()
    )
    kept = {outcome.kind: outcome.kept for outcome in outcomes}
    if silent is None or silent.lived(m) is None:
        answer: Answer = "failed"
    elif silent.close is not None and not silent.dropped:
        answer = "unclear"
    elif length is None:
        answer = "none"
    elif every is not None and every > length / OUTLIVES:
        answer = "too_slow"
    else:
        answer = _answer(kept, websocket_only=websocket_only)
    heard = silent.heard() if silent is not None else None
    return Reading(
        answer, length, _margin(lives, outcomes, length), silent.close if silent is not None else None,
        heard is not None and heard > _MARGIN_S,
        kept.get("ping"), outcomes,
    )  # fmt: skip


def _kept(kind: Kind, life: Life, m: float, length: float | None, every: float | None) -> bool | None:
    lived = life.lived(m)
    if kind == SILENT or length is None or lived is None or every is None or every > length / OUTLIVES:
        return None
    if kind in ("down", "both") and not 0 < life.beat_s <= length / OUTLIVES:
        return None
    if lived >= OUTLIVES * length:
        return True
    return False if life.dropped and lived >= _EARLY * length else None


def _answer(kept: Mapping[Kind, bool | None], *, websocket_only: bool) -> Answer:
    up, down, ping, both = (kept.get(kind) for kind in ("up", "down", "ping", "both"))
    match up, down:
        case True, True:
            return "any"
        case True, False:
            return "ours"
        case True, None:
            return "ours_at_least"
        case False, True:
            return "theirs"
        case None, True:
            return "theirs_at_least"
        case False, False:
            return "each" if both else "lifetime" if both is False else "unclear"
        case False, None if ping is True:
            return "theirs"
        case False, None if ping is False and websocket_only:
            return "lifetime_or_messages"
        case False, None:
            return "not_ours"
        case _:
            return "unclear"


def _margin(lives: Mapping[Kind, Life], outcomes: tuple[Outcome, ...], length: float | None) -> float:
    """By how much the length may be wrong: a twin whose bytes did not count measured the same clock; the round trip."""
    if length is None:
        return _MARGIN_S
    apart = (abs(one.lived - length) for one in outcomes if one.kept is False and one.lived is not None)
    return max(_MARGIN_S, *apart, *(life.rtt_s for life in lives.values()))

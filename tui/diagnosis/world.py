"""What surrounds a connection: the other sessions of the same probe, its own past, this machine, what came after."""

from collections.abc import Sequence
from typing import NamedTuple

from tui.diagnosis.marks import Mark
from tui.diagnosis.trail import Trail
from tui.facts import facts

TOGETHER_S = 1.0
"""Sessions whose last signs of life are no further apart went down together."""

AT_ONCE_S = 0.1
"""Sessions that were cut no further apart went down together, however long each had been silent."""


class Drop(NamedTuple):
    """A connection that ended unasked, as history keeps it."""

    s: str
    c: int
    remote: str
    m: float
    n: int
    age: float | None
    idle_any: float
    idle_tx: float
    idle_rx: float


class Neighbour(NamedTuple):
    """Another session, as it is now: its current connection's trail, and how it stands to the one of the case."""

    trail: Trail
    same_server: bool
    same_host: bool
    dropped: bool
    """Ended, after it had been ready, and nobody here asked for it."""
    lives: bool
    """It was ready then and outlived the case's end."""
    gap_s: float | None
    """Seconds from the case's last sign of life to this one's; None where it lives or never lived."""
    together: bool
    """They ended, or fell silent, at one moment."""
    same_door: bool
    """At the same server, by the same scheme and path: behind a proxy the same backend answers, or one of its pool."""

    @property
    def name(self) -> str:
        """Its session's name."""
        return self.trail.session.name


class World(NamedTuple):
    """Everything around one connection."""

    neighbours: Sequence[Neighbour]
    history: Sequence[Drop]
    """Earlier unasked ends, of this session and of others to the same server, oldest first."""
    stalls: Sequence[facts.Stall]
    afterwards: Sequence[facts.Postmortem]
    """The post-mortem's way to the origin: this connection's, or that of one that went down with it and got further."""
    next: Trail | None
    """The session's next connection, if one began."""
    back: Trail | None
    """The first of its later connections that became ready, if one did."""
    stopped: Mark | None
    """The probe began to stop."""


def the_way(look: Sequence[facts.Postmortem]) -> list[facts.Postmortem]:
    """The stages of a post-mortem that lead to the origin; others look at a process or at a control host."""
    return [fact for fact in look if fact.stage not in ("program", "behind", "control")]


def sign_of_life(trail: Trail) -> float | None:
    """When a connection last heard from its peer: its last byte, Close or FIN in; None if it never did."""
    marks = [mark.m for mark in (trail.last_in, trail.close_in, trail.fin) if mark is not None]
    return max(marks, default=trail.ready.m if trail.ready is not None else None)


def misses_beats(trail: Trail) -> bool:
    """Whether a connection is open, and something of its peer's is missed by now: nobody can tell yet that it lives."""
    return trail.end is None and any(
        late.state == "missed" for layer, late in trail.late.items() if layer in ("stomp-in", "ws-ping", "sockjs-h")
    )


def neighbour(trail: Trail, other: Trail) -> Neighbour:
    """How another session's connection stands to ``trail``."""
    dropped = other.close is not None and other.close.dropped
    lives = other.ready is not None and _outlived(trail, other)
    ours, theirs = sign_of_life(trail), sign_of_life(other)
    together_s = max(TOGETHER_S, _rhythm(trail), _rhythm(other))
    comparable = (trail.end is not None and dropped) or (misses_beats(trail) and misses_beats(other))
    gap = theirs - ours if comparable and ours is not None and theirs is not None else None
    cuts = _cut(trail), _cut(other)
    if gap is not None and cuts[0] is not None and cuts[1] is not None and abs(cuts[1] - cuts[0]) <= AT_ONCE_S:
        gap = cuts[1] - cuts[0]
    same = trail.remote == other.remote
    return Neighbour(
        other, same, _host(trail.remote) == _host(other.remote), dropped, lives, gap,
        gap is not None and abs(gap) <= together_s, same and trail.door == other.door,
    )  # fmt: skip


def _cut(trail: Trail) -> float | None:
    """When the peer, or a box on the way, ended TCP by a FIN or a RST; None where it died of silence."""
    close, end = trail.close, trail.end
    return end.m if close is not None and end is not None and close.transport.how in ("fin", "reset") else None


def _outlived(trail: Trail, other: Trail) -> bool:
    """Whether ``other`` heard from its peer well after ``trail`` had begun to end, or has not ended."""
    if other.act is None and other.end is None:
        return True
    ended, last = trail.act or trail.end, sign_of_life(other)
    return ended is not None and last is not None and last > ended.m + TOGETHER_S


def _rhythm(trail: Trail) -> float:
    """Seconds within which a silent connection's last sign of life may have come before the silence began."""
    return 0.0 if trail.fin is not None or trail.close_in is not None else trail.beat_in_s


def _host(remote: str) -> str:
    return remote.rpartition(":")[0]

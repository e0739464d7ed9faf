"""The past: a clock that repeats across drops is a timer (§5.3 P6 to P9)."""

from tui.diagnosis.between import in_between, of_an_age, proxied
from tui.diagnosis.case import FITS, HINT, IDLE_TIMERS, STRONG, UNLIKELY, Case
from tui.diagnosis.world import Drop
from tui.facts.findings import Blame

LEAST_S = 1.5

SILENT = 0.5
"""The share of its age, in silence at its end, from which a connection's age counts as an idle time."""

CLOCKS = {"idle_any": "idle-timeout-proxy", "idle_tx": "idle-timeout-server", "age": "connection-lifetime"}
"""What each clock stands for where it repeats."""


def the_same_again(case: Case) -> None:
    """An idle time or an age equal to that of earlier drops, at other moments."""
    close, trail = case.close, case.trail
    if close is None or trail.ready is None or close.initiator == "local" or close.asked:
        return
    earlier = [
        drop for drop in case.world.history
        if drop.remote == trail.remote and (drop.s, drop.c) != (trail.session.name, trail.number)
        and abs(drop.m - case.at) > 1.0
    ]  # fmt: skip
    found = {clock: same for clock in CLOCKS if (same := _repeats(case, clock, earlier))}
    spreads = {
        clock: max(abs(getattr(drop, clock) - getattr(case, clock)) for drop in same) for clock, same in found.items()
    }  # fmt: skip
    if found:
        case.doubt("normal-close", UNLIKELY, "again_calm", case.lines(trail.end))
    if "age" in found:
        lines = [*(drop.n for drop in found["age"][-5:]), *case.lines(trail.end)]
        case.doubt(("server-restart", "proxy-reload"), UNLIKELY, "again_aged", lines, seconds=round(case.age or 0.0, 1))
        busy = [drop for drop in found["age"] if drop.idle_any < SILENT * (case.age or 0.0)]
        if busy and not {"idle_any", "idle_tx"} & found.keys():
            lines = [drop.n for drop in busy[-5:]]
            case.doubt(IDLE_TIMERS, UNLIKELY / 2, "again_busy", lines, seconds=round(case.age or 0.0, 1))
    for clock, same in found.items():
        cause = CLOCKS[clock]
        times = FITS if len(same) == 1 else STRONG
        if len(same) < max(map(len, found.values())):
            times = HINT  # another clock has repeated more often
        if spreads[clock] > min(spreads.values()):
            times /= FITS  # of clocks that repeat together, the timer's own varies least
        if cause not in case.candidates:
            times *= HINT
        case.blame(
            cause, _side(case, cause), times, "again", [*(drop.n for drop in same[-5:]), *case.lines(trail.end)],
            clock=clock, seconds=round(getattr(case, clock), 1), count=len(same) + 1,
        )  # fmt: skip


def _repeats(case: Case, clock: str, earlier: list[Drop]) -> list[Drop]:
    """The earlier drops at the same reading of a clock, where that clock may be the one that ended this connection."""
    close, trail, mine = case.close, case.trail, getattr(case, clock)
    if close is None or mine is None or mine < LEAST_S:
        return []
    if clock == "idle_tx" and trail.beat_out_s and case.idle_tx > trail.beat_out_s + 0.25:
        return []
    if clock == "idle_tx" and mine - case.idle_any < 0.3 and close.received is None:
        return []
    if clock == "idle_tx" and trail.last_out is None and proxied(case):
        return []  # of one that never spoke it is the age
    if clock == "idle_any" and close.received is not None:
        return []
    same = [drop for drop in earlier if _equal(getattr(drop, clock), mine)]
    # Of those that were silent all their lives an age is an idle time, unless one of them was busy.
    silent = clock == "age" and case.idle_any > SILENT * mine
    return [] if silent and all(drop.idle_any > SILENT * mine for drop in same) else same


def _side(case: Case, cause: str) -> Blame:
    if cause in case.candidates:
        return case.candidates[cause].side
    if cause == "connection-lifetime":
        return of_an_age(case)
    return "server" if cause == "idle-timeout-server" else in_between(case)


def _equal(one: float | None, other: float) -> bool:
    return one is not None and abs(one - other) <= max(0.15, 0.02 * other)


RULES = (the_same_again,)

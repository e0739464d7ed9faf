"""The past: a clock that repeats across drops is a timer (§5.3 P6 to P9)."""

from tui.diagnosis.case import FITS, STRONG, Case

LEAST_S = 1.5


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
    late = trail.beat_out_s and case.idle_tx > trail.beat_out_s + 0.25
    for clock, cause in (
        ("idle_any", "idle-timeout-proxy"),
        ("idle_tx", "idle-timeout-server"),
        ("age", "connection-lifetime"),
    ):
        mine = getattr(case, clock)
        if mine is None or mine < LEAST_S or (late and clock == "idle_tx"):
            continue
        if clock == "idle_tx" and case.idle_tx - case.idle_any < 0.3 and close.received is None:
            continue
        if clock == "age" and case.idle_any > 0.5 * mine:
            continue
        same = [drop for drop in earlier if _equal(getattr(drop, clock), mine)]
        if same and cause in case.candidates:
            times = FITS if len(same) == 1 else STRONG
            lines = [*(drop.n for drop in same[-5:]), *case.lines(trail.end)]
            case.blame(
                cause, case.candidates[cause].side, times, "again", lines, clock=clock, seconds=round(mine, 1),
                count=len(same) + 1,
            )  # fmt: skip


def _equal(one: float | None, other: float) -> bool:
    return one is not None and abs(one - other) <= max(0.15, 0.02 * other)


RULES = (the_same_again,)

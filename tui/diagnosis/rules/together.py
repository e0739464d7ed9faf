"""Sessions that ended at one moment (§5.3 P1 to P5): what they share did it."""

from tui.diagnosis.between import ended_behind, proxied
from tui.diagnosis.case import FITS, HINT, IDLE_TIMERS, PROXY_ENDS, STRONG, UNLIKELY, Case
from tui.diagnosis.rules.clocks import LEAST_IDLE_S
from tui.diagnosis.rules.siblings import names_of, was_there
from tui.diagnosis.trail import Trail
from tui.diagnosis.world import Neighbour
from tui.knowledge import relays
from tui.knowledge.sayings import meant

APART_S = 0.1
"""Seconds between two ends that no longer are one moment."""


def together(case: Case) -> None:
    """Several sessions went down at one moment: what they share did it (§5.3 P1 to P5)."""
    close = case.close
    if close is None or case.trail.ready is None or (close.initiator == "local" and close.asked):
        return
    down = [one for one in case.world.neighbours if one.together]
    if not down:
        return
    here, elsewhere = [one for one in down if one.same_host], [one for one in down if not one.same_host]
    lines, names = case.lines(*(one.trail.end for one in down), case.trail.end), names_of(down)
    if case.cut and here:
        case.blame("server-crash", "server", FITS, "ended_together", lines, names=names)
        case.blame("server-restart", "server", HINT, "ended_together", lines, names=names)
        case.blame("proxy-reload", "proxy", HINT, "ended_together", lines, names=names)
        as_idle = _same_rhythm(case, here, "idle_any")
        if as_idle:
            case.doubt(("proxy-reload", "proxy-restart"), 2 * UNLIKELY, "silent_as_long", lines, names=names)
        elif server := proxied(case):
            case.blame("proxy-reload", "proxy", FITS, "proxy_named", case.lines(case.trail.answer), server=server)
        spared = {"idle-timeout-proxy"} if as_idle else set[str]()
        if as_idle or _same_rhythm(case, here, "idle_tx"):
            spared.add("idle-timeout-server")
        if _same_rhythm(case, here, "age"):
            spared.add("connection-lifetime")
        for cause in (
            "abrupt-close", "connection-lifetime", *IDLE_TIMERS, "server-abort",
        ):  # fmt: skip
            timer = cause.startswith("idle")  # each connection has its own
            if cause not in spared:
                case.doubt(cause, UNLIKELY / 4 if timer else UNLIKELY * 2, "ended_together", lines, names=names)
    if close.received is not None and here and not any(_same_rhythm(case, here, by) for by in ("idle_any", "idle_tx")):
        case.doubt("idle-timeout-server", UNLIKELY / 2, "ended_together", lines, names=names)
        if close.received.code == 1011:
            case.blame("server-restart", "server", HINT, "closed_together", lines, names=names)
        if close.received.code in (1000, None) and meant("reason", close.received.reason) is None:
            # Applications that end a meeting say 1000; a Close without a code is what frameworks send as they stop.
            times = 1.5 * (FITS if close.received.code is not None else STRONG)
            case.blame("server-restart", "server", times, "closed_together", lines, names=names)
        if not _same_rhythm(case, here, "age"):
            case.doubt("connection-lifetime", UNLIKELY / 2, "ended_together", lines, names=names)
    hung_up = [one for one in elsewhere if one.trail.fin is not None]
    if case.cut and case.trail.fin is not None and hung_up:  # by two ways to one server, perhaps
        lines, names = case.lines(*(one.trail.end for one in hung_up), case.trail.end), names_of(hung_up)
        case.blame("server-restart", "server", FITS, "ended_elsewhere_too", lines, names=names)
        case.blame("server-crash", "server", FITS, "ended_elsewhere_too", lines, names=names)
    if elsewhere and close.initiator != "remote":
        case.blame("local-network-down", "network", STRONG, "elsewhere_too", lines, names=names_of(elsewhere))
        case.doubt("server-crash", UNLIKELY / 2, "elsewhere_too", lines, names=names_of(elsewhere))
        case.doubt("server-freeze", UNLIKELY / 2, "elsewhere_too", lines, names=names_of(elsewhere))


def one_of_a_pool(case: Case) -> None:
    """Several of those behind one proxy were cut at one moment, and others that were there by then live on: what ended
    is one server of several, or all of one server's sessions were ended. A proxy that goes takes all of them along."""
    ended = ended_behind(case)
    if not case.cut or not proxied(case) or (ended is not None and relays.proxy(ended.program or "")):
        return  # or it is known that one of several proxies in a row ended
    down = [one for one in case.world.neighbours if one.together and one.same_door and _unsaid(one.trail)]
    living = [one for one in case.world.neighbours if one.same_server and one.lives and was_there(case, one)]
    if not down or not living or (case.idle_any >= LEAST_IDLE_S and _same_rhythm(case, down, "idle_any")):
        return
    lines, names = case.lines(*(one.trail.end for one in down), case.trail.end), names_of(living)
    case.blame("server-crash", "server", FITS, "one_of_a_pool", lines, names=names)
    case.blame("server-restart", "server", FITS, "one_of_a_pool", lines, names=names)
    case.doubt(PROXY_ENDS, UNLIKELY / 4, "one_of_a_pool", lines, names=names)


def _unsaid(trail: Trail) -> bool:
    """Whether it ended without a Close of the peer's: what a Close is about concerns its session."""
    return trail.close is not None and trail.close.received is None


def _same_rhythm(case: Case, down: list[Neighbour], by: str) -> bool:
    """Whether a clock of the others read the same: a timer then ends all of them at one moment too.

    Args:
        case: the connection.
        down: the others.
        by: the clock: idle_any, idle_tx or age.
    """
    mine = getattr(case, by)
    if mine is None or mine < LEAST_IDLE_S:
        return False
    return all(one.trail.close is not None and abs((getattr(one.trail.close, by) or 0) - mine) < 0.3 for one in down)


def reset_one_by_one(case: Case) -> None:
    """Each was reset at its own next word: a process that dies ends all it has in one moment, a box on the way resets
    what passes."""
    if not _at_our_word(case.trail) or case.kernel.dark is not None or not case.silent_end:
        return
    others = [
        one for one in case.world.neighbours
        if one.same_server and one.together and _at_our_word(one.trail) and abs(_ended(one.trail) - case.at) > APART_S
    ]  # fmt: skip
    if not others:
        return
    lines, names = case.lines(case.trail.last_out, case.trail.end, *(one.trail.end for one in others)), names_of(others)
    case.blame("tcp-reset", "network", 4 * STRONG, "reset_one_by_one", lines, names=names)
    case.doubt(("server-restart", "server-crash", "proxy-reload"), UNLIKELY, "reset_one_by_one", lines, names=names)


def _at_our_word(trail: Trail) -> bool:
    """Whether a reset came right upon bytes of ours."""
    close, out = trail.close, trail.last_out
    return close is not None and close.transport.how == "reset" and out is not None and _ended(trail) - out.m < 0.05


def _ended(trail: Trail) -> float:
    return trail.end.m if trail.end is not None else 0.0


RULES = (together, one_of_a_pool, reset_one_by_one)

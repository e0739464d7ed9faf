"""What has become of the processes behind that at the other end, where they are of this machine: the servers of a
proxy, the far half of a tunnel."""

from typing import Any

from tui.diagnosis.between import ended_behind, front
from tui.diagnosis.case import EXCLUDED, FITS, IDLE_TIMERS, STRONG, UNLIKELY, Case
from tui.diagnosis.rules.afterwards import outcome
from tui.facts.facts import Postmortem
from tui.knowledge import relays


def behind(case: Case) -> None:
    """What has become of those that a proxy or a tunnel was connected to for us."""
    known = [fact for fact in case.trail.afterwards if fact.stage == "behind"]
    if not known or not case.cut:
        return
    ended = ended_behind(case)
    if ended is None:
        _lives(case, known[-1])
    else:
        _ended(case, ended, known[-1])


def _lives(case: Case, last: Postmortem) -> None:
    """None of them has ended; ``last`` is the farthest."""
    lines: list[int] = [last.n]
    args: dict[str, Any] = {"program": last.program or "–"}
    case.doubt("server-crash", UNLIKELY / 2, "behind_lives", lines, **args)
    if any(fact.stage == "program" and fact.ok for fact in case.trail.afterwards):
        case.doubt("tunnel-drop", UNLIKELY / 2, "behind_lives", lines, **args)
    if last.how == "closing":
        case.blame("server-restart", "server", 2 * STRONG, "behind_closing", lines, **args)
        case.doubt("server-freeze", UNLIKELY, "behind_closing", lines, **args)
        return
    how, status, _ = outcome(case) or (None, None, [])
    beside = [one for one in case.world.neighbours if one.same_door]
    lives = any(one.lives for one in beside)
    if how == "ok" and (status is not None or lives):
        # One that stops in order lives on a while, and takes nobody in.
        case.doubt("server-restart", UNLIKELY / 2, "behind_lives", lines, **args)
        if lives and any(one.together for one in beside):
            case.blame("admin-kill", "server", 2 * FITS, "behind_lives", lines, **args)
            case.blame("server-abort", "server", 2 * FITS, "behind_lives", lines, **args)
    elif how in ("fin", "reset") and front(case):  # who hung up is the front
        case.blame("proxy-restart", "proxy", 2 * STRONG, "behind_lives", lines, **args)
        case.doubt("server-restart", UNLIKELY / 2, "behind_lives", lines, **args)
    elif status in (502, 503):  # it is there, and the proxy counts it as down
        case.blame("upstream-down", "server", STRONG, "behind_lives", lines, **args)
        case.blame("admin-kill", "server", 2 * FITS, "behind_lives", lines, **args)
        case.blame("server-freeze", "server", FITS, "behind_lives", lines, **args)


def _ended(case: Case, fact: Postmortem, last: Postmortem) -> None:
    """The nearest that has ended, and the farthest."""
    name, how = fact.program or "–", fact.how or "gone"
    key, lines = f"behind_{how}", [fact.n]
    again, died = (FITS, STRONG) if how == "gone" else (STRONG, FITS)
    doubted = [
        *IDLE_TIMERS, "abrupt-close", "admin-kill", "connection-lifetime",
        "proxy-reload", "server-abort",
    ]  # fmt: skip
    if name in relays.FORWARDERS:
        case.blame("tunnel-drop", "network", STRONG, key, lines, program=name)
    elif relays.proxy(name):
        if how == "replaced":  # its master lives
            doubted.remove("proxy-reload")
            case.blame("proxy-reload", "proxy", 2 * STRONG, key, lines, program=name)
            case.doubt("proxy-restart", UNLIKELY, key, lines, program=name)
        case.blame("proxy-restart", "proxy", again, key, lines, program=name)
        case.blame("proxy-crash", "proxy", died, key, lines, program=name)
        times = EXCLUDED if last.ok and not relays.relays(last.program or "") else UNLIKELY / 4
        case.doubt(("server-restart", "server-crash", "upstream-down"), times, key, lines, program=name)
    else:
        case.blame("server-restart", "server", again, key, lines, program=name)
        case.blame("server-crash", "server", died, key, lines, program=name)
    case.doubt(doubted, UNLIKELY / 2, key, lines, program=name)


RULES = (behind,)

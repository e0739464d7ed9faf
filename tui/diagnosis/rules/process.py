"""What has become of the process at the other end, where that is this machine: it tells a worker that was replaced, a
server that was killed and a program that cut this connection on purpose apart, whose FIN is the same. ``behind`` is
about those behind it.
"""

from tui.diagnosis.between import ended_behind, forwarder, front, listening
from tui.diagnosis.case import EXCLUDED, FITS, IDLE_TIMERS, PROXY_ENDS, STRONG, UNLIKELY, Case
from tui.diagnosis.rules.afterwards import outcome
from tui.diagnosis.rules.clocks import LEAST_IDLE_S
from tui.diagnosis.world import AT_ONCE_S
from tui.facts.facts import Postmortem
from tui.knowledge import relays

WORKERS = frozenset({"nginx", "haproxy", "apache2", "httpd"})
"""Proxies that reload by new processes: an old one ends with its last connection."""

HANDING_OVER = frozenset({"nginx", "haproxy"})
"""Those of them whose new processes are there before an old one is told to end."""

ENDS_WITHIN_S = 0.3
"""Seconds that a worker may be there still after it has ended its connections. The look's last at it comes at its
end."""

STOPPING = (None, 1000, 1011)
"""Codes, beside 1001 and 1012, that servers close all sessions with as they are stopped (Fastify: none; Vert.x: 1000;
Hypercorn: 1011)."""


def program(case: Case) -> None:
    """What has become of the process that held the other end, where that is this machine."""
    fact = next((fact for fact in reversed(case.trail.afterwards) if fact.stage == "program"), None)
    if fact is None or not case.cut:
        return
    if fact.how == "stopped":
        return  # it stands still, and has ended nothing
    if fact.ok and ended_behind(case) is None:
        _lives(case, fact)
    elif fact.ok:
        return  # it lives, and who had the session does not
    elif fact.how == "replaced" and (forwarder(case) is not None or listening(case) in relays.ONE_EACH):
        return
    else:
        _ended(case, fact.how or "gone", [fact.n])
        _took_over(case, fact)
        for cause in ("server-abort", "admin-kill", *IDLE_TIMERS, "connection-lifetime"):
            case.doubt(cause, UNLIKELY, f"program_{fact.how}", [fact.n], program=listening(case) or "–")


def _lives(case: Case, fact: Postmortem) -> None:
    lines, early = [fact.n], case.trail.afterwards[-1].m - case.at < ENDS_WITHIN_S
    name, server = listening(case) or "–", not front(case) and forwarder(case) is None
    gone = {"proxy-crash"} | ({"server-crash"} if server else set())
    if name in ("ssh", "autossh"):  # others outlive the far half of their tunnel
        gone.add("tunnel-drop")
    if name in WORKERS:
        gone |= {"proxy-reload", "proxy-restart"}
    for cause in sorted(gone):
        gone_by_then = EXCLUDED if cause == "proxy-reload" else UNLIKELY / 4  # the worker that had it
        times = 0.5 if early and name in WORKERS and cause in PROXY_ENDS else gone_by_then
        case.doubt(cause, times, "program_lives", lines, program=name)
    after = outcome(case)
    if server and after is not None and after[0] == "refused":
        case.blame("server-restart", "server", STRONG, "program_closing", lines, program=name)
        case.blame("admin-kill", "server", STRONG, "program_closing", lines, program=name)
    elif server:
        case.blame("server-abort", "server", 1.5, "program_lives", lines, program=name)
        if after is not None and after[0] == "ok":
            case.doubt("server-restart", UNLIKELY, "program_lives", lines, program=name)
    elif name in WORKERS and after is not None and after[:2] == ("ok", 101) and not _timed(case):
        # The proxy did not go, nor what is behind it: somebody told one of them to end the session.
        case.blame("admin-kill", "server", STRONG, "program_lives", lines, program=name)
        case.blame("server-abort", "server", 0.8 * STRONG, "program_lives", lines, program=name)
        case.doubt("server-restart", UNLIKELY, "program_lives", lines, program=name)


def _timed(case: Case) -> bool:
    """Whether an idle timer may have ended it: not where one that was not idle ended with it."""
    closes = [one.trail.close for one in case.world.neighbours if one.together and one.same_server]
    return case.idle_any >= LEAST_IDLE_S and all(end is None or (end.idle_any or 0) >= LEAST_IDLE_S for end in closes)


def _ended(case: Case, how: str, lines: list[int]) -> None:
    name, key = listening(case) or "–", f"program_{how}"
    if forwarder(case) is not None:
        case.blame("tunnel-drop", "network", STRONG, key, lines, program=name)
        return
    if front(case):
        case.doubt(("server-restart", "server-crash"), UNLIKELY / 4, key, lines, program=name)
    if how == "replaced" and front(case):
        after = outcome(case)
        if after is not None and after[0] != "ok":  # the master goes as well
            case.blame("proxy-restart", "proxy", STRONG, key, lines, program=name)
        else:
            case.blame("proxy-reload", "proxy", STRONG, key, lines, program=name)
            case.doubt("proxy-restart", UNLIKELY, key, lines, program=name)
        case.blame("proxy-crash", "proxy", STRONG, key, lines, program=name)  # a worker may have died
    elif how == "gone" and front(case):
        case.blame("proxy-restart", "proxy", STRONG, key, lines, program=name)
        case.blame("proxy-crash", "proxy", STRONG, key, lines, program=name)
        case.doubt("proxy-reload", UNLIKELY / 4, key, lines, program=name)
    elif how == "replaced":
        case.blame("server-restart", "server", STRONG, key, lines, program=name)
        case.blame("server-crash", "server", 2 * FITS, key, lines, program=name)
    elif how == "restarted" and front(case):
        case.blame("proxy-restart", "proxy", STRONG, key, lines, program=name)
        case.blame("proxy-crash", "proxy", STRONG, key, lines, program=name)
        if name == "haproxy":  # it reloads by a new process that takes over
            case.blame("proxy-reload", "proxy", 2 * STRONG, key, lines, program=name)
        else:
            case.doubt("proxy-reload", UNLIKELY / 4, key, lines, program=name)
    elif how == "restarted":
        case.blame("server-restart", "server", STRONG, key, lines, program=name)


def _took_over(case: Case, fact: Postmortem) -> None:
    """When the process began that listens in place of one that is gone: at a reload before the old one ends, after a
    crash or a restart only then."""
    ready, name = case.trail.ready, listening(case) or "–"
    if fact.run_s is None or ready is None or not front(case) or name not in HANDING_OVER:
        return
    before = case.at - (fact.m - fact.run_s)
    if before > AT_ONCE_S and fact.m - fact.run_s > ready.m:
        case.blame("proxy-reload", "proxy", STRONG, "took_over", [fact.n], program=name, seconds=f"{before:.1f}")
        for cause in ("proxy-restart", "proxy-crash"):
            case.doubt(cause, UNLIKELY, "took_over", [fact.n], program=name, seconds=f"{before:.1f}")
    elif before <= 0 or fact.how == "replaced":
        case.doubt("proxy-reload", EXCLUDED, "came_after", [fact.n], program=name)
        if fact.how == "replaced":
            case.blame("proxy-crash", "proxy", FITS, "came_after", [fact.n], program=name)


def stopped(case: Case) -> None:
    """The process at the other end, or one behind it, is there and stands still: by a signal, Ctrl-Z or a debugger."""
    close = case.close
    fact = next((fact for fact in case.trail.afterwards if fact.how == "stopped"), None)
    if fact is None or close is None or close.asked:
        return
    name = fact.program or listening(case) or "–"
    cause = "tunnel-drop" if name in relays.FORWARDERS else "server-freeze"
    case.blame(
        cause, "server" if cause == "server-freeze" else "network", 4 * STRONG, "stopped", [fact.n], program=name
    )
    for other in ("client-ping-timeout", "network-blackhole", "nat-timeout", "server-heartbeat-missed"):
        case.doubt(other, UNLIKELY, "stopped", [fact.n], program=name)


def closed_and_gone(case: Case) -> None:
    """It said Close, and its process is gone since, or another: it had closed because it was stopped."""
    close = case.close
    if close is None or close.received is None or close.initiator != "remote" or close.received.code not in STOPPING:
        return
    fact = ended_behind(case)
    if fact is not None:
        name, key = fact.program or "–", f"behind_{fact.how}"
        if relays.relays(name):
            return
    else:
        fact = next((fact for fact in reversed(case.trail.afterwards) if fact.stage == "program"), None)
        if fact is None or fact.ok or front(case) or forwarder(case) is not None or listening(case) in relays.ONE_EACH:
            return
        name, key = listening(case) or "–", f"program_{fact.how}"
    case.blame("server-restart", "server", 3 * STRONG, key, [fact.n], program=name)
    case.blame("going-away", "server", STRONG, key, [fact.n], program=name)
    case.doubt(("server-error", "normal-close", "connection-lifetime"), UNLIKELY, key, [fact.n], program=name)


RULES = (program, stopped, closed_and_gone)

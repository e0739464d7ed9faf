"""What came after: the post-mortem (§6.3), or the session's own next attempt."""

from typing import Any

from tui.diagnosis.between import ended_behind, forwarder, listening, proxied, says_close
from tui.diagnosis.case import FITS, HINT, IDLE_TIMERS, PROXY_ENDS, STRONG, UNLIKELY, Case
from tui.diagnosis.kernel import waiting
from tui.diagnosis.rules.clocks import LEAST_IDLE_S
from tui.facts.findings import Blame

QUICK_MS = 250.0
"""Milliseconds that connecting takes at most where nothing is lost, on all but the longest ways."""

SYNS_MS = (1000.0, 3000.0)
"""When a SYN that was not answered is sent again, ms after the first (Linux)."""

SMALL = 1000
"""Bytes that any path lets through in one packet (IPv6 lets 1280: RFC 8200 §5)."""

SLOW_MS = 300.0
SLOWER = 20.0
"""Milliseconds, and times as long as it once took, after which an answer is that of a program that had stood still."""


def next_attempt(case: Case) -> None:
    """How the first attempt to reach the same origin went."""
    close = case.close
    if close is None or case.trail.ready is None or close.asked:
        return
    result = outcome(case)
    if result is None:
        return
    how, status, lines = result
    back = case.world.back
    if back is not None and how != "ok" and case.silent_end:
        cause, side = _restarted(case)
        since = back.ready.m - case.at if back.ready is not None else 0.0
        case.blame(cause, side, STRONG, "came_back", [*lines, *case.lines(back.ready)], since=round(since, 1))
    if how == "refused":
        _refused(case, lines)
    elif how == "hangs":
        _hangs(case, lines)
    elif how in ("timeout", "unreachable"):
        if how == "unreachable":
            case.blame("host-unreachable", "network", STRONG, "after_unreachable", lines)
        case.blame("network-blackhole", "network", FITS, "after_timeout", lines) if not case.trail.fin else None
        case.doubt(("server-abort", "idle-timeout-proxy", "nat-timeout"), UNLIKELY, "after_timeout", lines)
    elif status == 504:
        case.blame("server-freeze", "server", STRONG, "after_hangs", lines)
        case.blame("upstream-timeout", "server", 3 * FITS, "after_hangs", lines)
    elif status is not None and status in (502, 503):
        if case.silent_end:
            case.blame("server-crash", "server", STRONG, "after_bad_gateway", lines, status=status)
            case.blame("upstream-down", "server", 3 * FITS, "after_bad_gateway", lines, status=status)
            for cause in ("abrupt-close", "idle-timeout-proxy", "proxy-reload", "server-abort"):
                case.doubt(cause, UNLIKELY / 4, "after_bad_gateway", lines, status=status)
    elif how == "reset" and case.world.afterwards and case.world.afterwards[-1].stage == "tcp":
        # A host without a listener refuses; a box on the way that resets does so at once, to whom it let in before.
        case.blame("tcp-reset", "network", 4 * STRONG, "after_reset", lines)
    elif how == "proxy" and case.silent_end:
        case.blame("server-crash", "server", STRONG, "after_not_reached", lines)
        case.blame("server-restart", "server", FITS, "after_not_reached", lines)
    elif how in ("fin", "reset") and case.silent_end:
        # Something in front accepts, and hangs up for want of a server.
        case.blame("server-crash", "server", STRONG, "after_hung_up", lines)
        if forwarder(case) is not None:  # its far half may be what is away
            case.blame("tunnel-drop", "network", 2 * FITS, "after_hung_up", lines)
        else:
            case.blame("server-restart", "server", FITS, "after_hung_up", lines)
        for cause in ("abrupt-close", "idle-timeout-proxy", "proxy-reload", "server-abort", "admin-kill"):
            case.doubt(cause, UNLIKELY, "after_hung_up", lines)
    elif how in ("fin", "reset") and close.received is not None:
        case.blame("server-restart", "server", FITS, "after_hung_up", lines)
    elif status in (401, 403):
        case.blame("auth-expired", "server", FITS, "after_forbidden", lines, status=status)
    elif how == "ok":
        _answers(case, lines)


def _restarted(case: Case) -> tuple[str, Blame]:
    """What was away for a while and came back: whoever answered at the address."""
    if case.trail.proxy is not None:
        return "proxy-restart", "proxy"
    if forwarder(case) is not None:
        return "tunnel-drop", "network"
    refused = case.world.next is None or case.world.next.answer is None
    return ("proxy-restart", "proxy") if proxied(case) and refused else ("server-restart", "server")


def outcome(case: Case) -> tuple[str, int | None, list[int]] | None:
    """(refused | timeout | hangs | unreachable | ok | other, HTTP status, facts) of the first attempt afterwards."""
    stages = case.world.afterwards
    if stages:
        last, lines = stages[-1], [fact.n for fact in stages]
        failed = next((fact for fact in stages if not fact.ok), None)
        if failed is not None:
            return _how(failed.how or "other", failed.stage), failed.status, lines
        return "ok", last.status, lines
    following = case.world.next
    if following is None:
        return None
    if following.close is not None and following.ready is None:
        answer = following.answer
        status = answer.status if answer is not None else None
        end = following.close.transport
        return _how(end.how, end.phase), status, case.lines(following.refused, answer, following.end)
    if following.ready is not None or following.open is not None:
        return "ok", 101, case.lines(following.tcp, following.ready)
    return None


def _how(how: str, stage: str) -> str:
    """A timeout after TCP was accepted is another thing than one before."""
    return "hangs" if how == "timeout" and stage in ("proxy", "tls", "http", "open") else how


def _hangs(case: Case, lines: list[int]) -> None:
    """The kernel accepts, and the program that is to answer says nothing: it stands still, here or behind a tunnel."""
    program = forwarder(case)
    if program is not None:
        case.blame("tunnel-drop", "network", STRONG, "after_hangs_forwarder", lines, program=program)
        return
    case.blame("server-freeze", "server", STRONG, "after_hangs", lines)
    for cause in ("network-blackhole", "nat-timeout", "server-heartbeat-missed", "client-ping-timeout"):
        case.doubt(cause, UNLIKELY, "after_hangs", lines)


def nobody_listens(case: Case, lines: list[int]) -> None:
    """Where something had answered, nothing does any more: the tunnel's end, the proxy or the server is gone."""
    through, program = case.trail.proxy, forwarder(case)
    if program is not None:
        case.blame("tunnel-drop", "network", STRONG, "after_refused_forwarder", lines, program=program)
        case.doubt("server-crash", UNLIKELY / 4, "after_refused_forwarder", lines, program=program)
        case.doubt("server-restart", UNLIKELY / 4, "after_refused_forwarder", lines, program=program)
    elif through is not None:
        case.blame("proxy-crash", "proxy", STRONG, "after_refused_through", lines, url=through.url)
        case.blame("proxy-restart", "proxy", FITS, "after_refused_through", lines, url=through.url)
        case.doubt("server-crash", UNLIKELY / 4, "after_refused_through", lines, url=through.url)
        case.doubt("server-restart", UNLIKELY / 4, "after_refused_through", lines, url=through.url)
    elif server := proxied(case):
        case.blame("proxy-crash", "proxy", STRONG, "after_refused_proxy", lines, server=server)
        case.blame("proxy-restart", "proxy", 3 * FITS, "after_refused_proxy", lines, server=server)
        case.doubt("server-crash", UNLIKELY, "after_refused_proxy", lines, server=server)
    else:
        case.blame("server-crash", "server", STRONG, "after_refused", lines)
        case.blame("server-restart", "server", FITS, "after_refused", lines)
        if listening(case) is None and case.trail.remote.startswith(("127.", "[::1]")):
            case.blame("tunnel-drop", "network", FITS, "after_refused_loopback", lines, remote=case.trail.remote)


def _refused(case: Case, lines: list[int]) -> None:
    """Nobody listens any more: the process that ended TCP is gone."""
    if case.cut:
        nobody_listens(case, lines)
    elif case.close is not None and (case.close.received is not None or case.close.sockjs is not None):
        # Spring's polls end with 1011 when it is stopped (measured).
        if says_close(case):
            case.blame("proxy-restart", "proxy", 3 * STRONG, "after_refused_proxy", lines, server=proxied(case))
        case.blame("server-restart", "server", STRONG if case.close.code == 1011 else FITS, "after_refused", lines)
    drained = any(fact.stage == "program" and fact.ok for fact in case.trail.afterwards)  # told to listen no more
    for cause in (
        *IDLE_TIMERS, "server-abort", "admin-kill", "abrupt-close", "tcp-reset",
        "proxy-reload", "nat-timeout", "connection-lifetime", "duplicate-session", "message-too-big",
    ):  # fmt: skip
        if cause != "admin-kill" or not drained:
            case.doubt(cause, UNLIKELY / 2, "after_refused", lines)


def _answers(case: Case, lines: list[int]) -> None:
    """It answers at once: whatever ended the connection did not end the server. Behind a proxy that is known only
    where the server's own answer came: TCP is the proxy's."""
    if ended_behind(case) is not None:
        return
    stages = case.world.afterwards
    through = bool(stages) and stages[-1].stage == "http"
    front = bool(proxied(case)) and bool(stages) and not through
    program = forwarder(case)
    if program is not None and case.silent_end and case.trail.fin is not None:
        case.blame("tunnel-drop", "network", 2 * FITS, "after_ok_forwarder", lines, program=program)
        return
    at_once = bool(stages)  # nothing restarts in no time
    if (slow := _slower(case)) is not None:
        took, once = slow
        args: dict[str, Any] = {"took": round(took / 1000, 1), "once": round(once / 1000, 2)}
        lines = [*lines, *case.lines(case.trail.answer)]
        if case.cut and proxied(case):  # it had to wait for a server that was away
            case.blame("server-restart", "server", STRONG, "after_waiting", lines, **args)
            case.blame("server-crash", "server", STRONG, "after_waiting", lines, **args)
            case.doubt(PROXY_ENDS, UNLIKELY / 2, "after_waiting", lines, **args)
            return
        case.blame("server-freeze", "server", 2 * FITS, "after_slow", lines, **args)
    elif through and not any(fact.how == "stopped" for fact in case.trail.afterwards):  # it goes on by now
        case.doubt("server-freeze", UNLIKELY / 4, "after_ok", lines)
    anew = any(fact.stage == "program" and fact.how in ("replaced", "restarted") for fact in case.trail.afterwards)
    spared = {"server-crash"} if front else {"proxy-crash"} if anew else set()
    for cause in ("server-crash", "proxy-crash", "tunnel-drop"):
        if cause in spared:
            continue
        case.doubt(cause, UNLIKELY if at_once else 3 * UNLIKELY, "after_ok", lines)
    case.doubt(("network-blackhole", "local-network-down"), 0.5, "after_ok", lines)
    lost = case.kernel.undelivered or case.kernel.dark
    idle = case.kernel.silence_before_unacked_s >= LEAST_IDLE_S  # a busy flow is not forgotten
    if at_once and idle and lost is not None and case.close is not None and case.close.initiator != "remote":
        small = waiting(lost) < SMALL  # a large one may be what does not fit
        times = 3 * STRONG if small else 2 * FITS
        case.blame("nat-timeout", "network", times, "after_ok_in_the_dark", [lost.n, *lines])
        if small:
            case.doubt("network-blackhole", 2 * UNLIKELY, "after_ok_in_the_dark", [lost.n, *lines])
    if case.cut and any(one.together and one.same_server for one in case.world.neighbours):
        if proxied(case):
            case.blame("proxy-reload", "proxy", HINT if front else FITS, "after_ok_together", lines)
            case.blame("proxy-restart", "proxy", 2 * FITS, "after_ok_together", lines)
            if not front:
                case.blame("server-restart", "server", HINT, "after_ok_together", lines)
        elif at_once:
            if case.trail.fin is None:
                return  # a RST may be anybody's on the way
            case.blame("proxy-reload", "proxy", FITS, "after_ok_together", lines)
            if case.idle_any < LEAST_IDLE_S:
                case.blame("server-abort", "server", 3 * FITS, "after_ok_together", lines)
                case.blame("admin-kill", "server", FITS, "after_ok_together", lines)
        else:
            case.blame("server-restart", "server", 2 * FITS, "after_ok_together", lines)
            case.blame("server-crash", "server", 2 * HINT, "after_ok_together", lines)
            case.blame("proxy-reload", "proxy", FITS, "after_ok_together", lines)
    elif case.silent_end and stages and case.trail.fin is not None:
        case.blame("server-abort", "server", FITS, "after_ok_alone", lines)
        case.doubt("server-restart", UNLIKELY * 2, "after_ok", lines)


def _slower(case: Case) -> tuple[float, float] | None:
    """How long the answer took afterwards, and once, ms; None where it did not take much longer."""
    stages, following, once = case.world.afterwards, case.world.next, case.trail.answer
    looked = stages[-1].ms if stages and stages[-1].stage == "http" else None
    took = looked if stages else following.answer.ms if following is not None and following.answer is not None else None
    if took is None or once is None or once.ms is None or took <= max(SLOW_MS, SLOWER * once.ms):
        return None
    return took, once.ms


def control(case: Case) -> None:
    """The attempt to reach the control host: our own network, or only the way to this server."""
    close = case.close
    facts = [fact for fact in case.trail.afterwards if fact.stage == "control"]
    if close is None or not facts or close.asked:
        return
    reached = facts[-1].ok or facts[-1].how == "refused"  # a refusal came from there as well
    lines = [fact.n for fact in facts]
    if reached:
        case.doubt("local-network-down", UNLIKELY / 4, "control_ok", lines)
    elif close.initiator != "remote":
        case.blame("local-network-down", "network", STRONG, "control_failed", lines)
        case.doubt("server-freeze", UNLIKELY, "control_failed", lines)


def connecting_took_a_resend(case: Case) -> None:
    """TCP was there at once when the session began, and afterwards only with the second or third SYN (1 s, then 3: RFC
    6298 §2, §5.7): one had been lost."""
    close, tcp = case.close, case.trail.tcp
    look = next((fact for fact in case.world.afterwards if fact.stage == "tcp" and fact.ok), None)
    if close is None or close.asked or look is None or tcp is None or tcp.ms > QUICK_MS:
        return
    took = look.ms or 0.0
    if any(0 <= took - sent_again < QUICK_MS for sent_again in SYNS_MS):
        lines = case.lines(tcp, look)
        args: dict[str, Any] = {"took": round(took), "at_first": round(tcp.ms, 1)}
        before = bool(case.kernel.losses_survived) or case.lossy
        case.blame("packet-loss", "network", 4 * STRONG if before else FITS, "syn_lost", lines, **args)
        if before:
            case.doubt("network-blackhole", UNLIKELY * 2, "syn_lost", lines, **args)


RULES = (next_attempt, control, connecting_took_a_resend)

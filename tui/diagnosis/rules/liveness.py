"""Who stopped giving a sign of life: our own beats, the server's, pings and answers (§7: use the agreed n)."""

from typing import Any

from tui.diagnosis.case import EXCLUDED, FITS, HINT, IDLE_TIMERS, STRONG, UNLIKELY, Case
from tui.diagnosis.rules.alive import reads_nothing, silent_beats
from tui.knowledge import timeouts
from tui.knowledge.sayings import meant
from tui.protocols.heartbeat import LATE_MARGIN_MS

PONG_TAKES_S = 0.15
"""Our client answers a ping at once: after this the pong was kept back, or could not leave."""

PROMPT_S = 0.5
"""Seconds within which a program that runs answers our Close."""

OVERDUE_S = 0.5
"""Seconds before the end in which a beat of ours may have left that came too late to count."""


def own_beats_late(case: Case) -> None:
    """The broker drops a client whose beats are late; each broker has its own window (§2.3)."""
    close, trail, n = case.close, case.trail, case.trail.beat_out_s
    if close is None or not n or close.initiator == "local" or trail.ready is None or close.asked:
        return
    idle = case.idle_tx
    if idle < OVERDUE_S and trail.gaps_out:
        idle = max(idle, trail.gaps_out[-1])  # awake again, it said its overdue beat before it read the end
    lines = case.lines(trail.last_out, trail.act)
    args: dict[str, Any] = {"idle": round(idle, 1), "every": round(n, 1)}
    held = trail.orders.beats_held
    if idle > n + LATE_MARGIN_MS / 1000:
        # Spring's relay passes our beats on, and the broker that misses them ends what the relay had opened for us.
        case.doubt("broker-unavailable", UNLIKELY / 2, "own_beats_late", lines, **args)
    if idle > 1.5 * n + LATE_MARGIN_MS / 1000:
        case.blame("client-heartbeat-missed", "client", 2 * STRONG, "own_beats_late", lines, **args)
        case.doubt("normal-close", UNLIKELY / 2, "own_beats_late", lines, **args)
        case.doubt("admin-kill", UNLIKELY, "own_beats_late", lines, **args)
        case.doubt("abrupt-close", UNLIKELY, "own_beats_late", lines, **args)
    elif idle > n + LATE_MARGIN_MS / 1000 or (held is not None and idle > n):
        case.blame("client-heartbeat-missed", "client", STRONG, "own_beats_late", lines, **args)
    elif "activemq" in trail.server.lower() and "artemis" not in trail.server.lower() and case.silent_end:
        case.blame(
            "client-heartbeat-missed", "client", 1.2, "no_grace", lines,
            product=("ActiveMQ", "transport.hbGracePeriodMultiplier=1.5"), **args,
        )  # fmt: skip
    else:
        longest = max(idle, max(trail.gaps_out, default=0.0))
        case.doubt(
            "client-heartbeat-missed", EXCLUDED * 2 if longest <= 1.2 * n else 0.5, "own_beats_on_time", lines,
            longest=round(longest, 1), every=round(n, 1),
        )  # fmt: skip
    if held is not None and idle > n:
        case.blame("client-heartbeat-missed", "client", FITS, "beats_held", [held.n], words=held.words)


def broker_windows(case: Case) -> None:
    """A known broker's own window for missed beats fits to the second."""
    close, trail, n = case.close, case.trail, case.trail.beat_out_s
    if close is None or not n or close.initiator == "local":
        return
    for window in timeouts.windows():
        if window.cause != "client-heartbeat-missed" or window.by != "idle_tx":
            continue
        least, most = window.seconds(n * 1000, n)
        if window.product.split()[0].lower() in trail.server.lower() and least - 0.1 <= case.idle_tx <= most + 0.6:
            case.blame(
                "client-heartbeat-missed", "client", HINT, "window", case.lines(trail.last_out, trail.act),
                product=(window.product, window.setting), name=window.product,
                least=round(least, 1), most=round(most, 1), idle=round(case.idle_tx, 1),
            )  # fmt: skip
            return


def server_ping_unanswered(case: Case) -> None:
    """The server pinged, and our pong was late or absent."""
    close, trail = case.close, case.trail
    waiting = trail.pings.unanswered
    if close is None or waiting is None or trail.ping_in is None or close.initiator == "local":
        return
    waited = case.at - waiting.since
    if waited < max(PONG_TAKES_S, 3 * (trail.fold.rtt_ms or 0) / 1000):
        return
    lines = case.lines(trail.ping_in, trail.act)
    case.blame("server-ping-timeout", "client", 2 * STRONG, "ping_unanswered", lines, waited=round(waited, 1))
    for cause in (
        "server-error", "abrupt-close", *IDLE_TIMERS, "normal-close", "tcp-reset",
        "server-close",
    ):  # fmt: skip
        case.doubt(cause, UNLIKELY, "ping_unanswered", lines, waited=round(waited, 1))
    if trail.orders.pongs_held is not None:
        case.blame("server-ping-timeout", "client", 2 * STRONG, "pongs_held", [trail.orders.pongs_held.n])


def ping_came_with_the_end(case: Case) -> None:
    """The server gave up on our pong, and its ping reached us only together with its Close, though we were awake: the
    way held it up."""
    close, trail = case.close, case.trail
    if close is None or close.received is None or trail.ping_in is None or trail.pings.unanswered is not None:
        return
    said = meant("reason", close.received.reason, close.received.code)
    if said is None or said.cause != "server-ping-timeout" or case.at - trail.ping_in.m > PONG_TAKES_S:
        return
    if case.world.stalls or trail.orders.pongs_held is not None:
        return
    lines = case.lines(trail.ping_in, trail.close_in)
    case.blame("nat-timeout", "network", 3 * STRONG, "ping_came_late", lines)
    case.blame("network-blackhole", "network", 2 * STRONG, "ping_came_late", lines)
    case.doubt("server-ping-timeout", UNLIKELY / 2, "ping_came_late", lines)


def own_ping_unanswered(case: Case) -> None:
    """We pinged and no pong came: the kernel's report tells a frozen program from a hole in the network."""
    close, trail = case.close, case.trail
    if close is None or close.initiator != "local" or close.sent is None:
        return
    if close.sent.code != 1011 or close.sent.reason != "keepalive ping timeout":
        return
    lines = case.lines(trail.ping_out, trail.close_out)
    case.blame("client-ping-timeout", "unknown", STRONG, "no_pong", lines)
    lost = case.kernel.undelivered or case.kernel.dark
    if trail.ping_out is not None and trail.last_in is not None and trail.ping_out.m < trail.last_in.m < case.at:
        case.doubt("server-freeze", UNLIKELY, "server_answers", case.lines(trail.last_in))  # it just knows no pings
    thawed = trail.last_in is not None and trail.last_in.m > case.at  # the pong came with it
    if trail.close_in is not None and trail.close_in.m - case.at < PROMPT_S and not thawed:
        answered = case.lines(trail.close_out, trail.close_in)
        case.blame("client-ping-timeout", "unknown", FITS, "close_answered", answered)
        case.doubt("server-freeze", UNLIKELY / 4, "close_answered", answered)
    if lost is not None:
        case.blame("network-blackhole", "network", 4 * STRONG, "undelivered", case.lines(lost, trail.end))
    elif trail.ping_out is not None and trail.last_in is not None and trail.last_in.m > case.at:
        if _only_acknowledged(case):
            case.blame(
                "server-freeze", "server", 4 * STRONG, "acknowledged", case.lines(trail.ping_out, case.kernel.silent)
            )
        else:
            case.blame("client-ping-timeout", "unknown", FITS, "pong_too_late", case.lines(trail.last_in))
    elif case.kernel.delivered is not None or _acknowledged(case):
        case.blame("server-freeze", "server", 4 * STRONG, "acknowledged", case.lines(trail.ping_out, case.kernel.last))


def _only_acknowledged(case: Case) -> bool:
    """Whether in the last silence the peer's kernel acknowledged what we sent, and its program said nothing."""
    info = case.kernel.silent
    return info is not None and not info.unacked and info.outq == 0 and info.last_ack_ms < info.last_data_ms - 100


def _acknowledged(case: Case) -> bool:
    """The last report, at the end: only our Close may still be on its way."""
    info = case.kernel.last
    return info is not None and not info.retrans and not info.total_retrans and not info.notsent


def server_silent(case: Case) -> None:
    """The server promised beats and stopped; its kernel, or a proxy, still answers."""
    close, trail, n = case.close, case.trail, case.trail.beat_in_s
    if close is None or not n or trail.ready is None or case.idle_rx <= 2 * n or close.initiator == "remote":
        return
    lines = case.lines(trail.last_in, case.kernel.last, trail.act)
    args: dict[str, Any] = {"idle": round(case.idle_rx, 1), "every": round(n, 1)}
    if case.kernel.undelivered is not None or case.kernel.worst is not None:
        case.blame("network-blackhole", "network", 2 * STRONG, "silent_undelivered", lines, **args)
        return
    silent_beats(case, 2 * STRONG if close.initiator == "local" else HINT, lines, args)


def unanswered(case: Case) -> None:
    """The server had answered each message at once, and then left one, which its kernel has, waiting for long before
    the end, ours or that of a session that went down with it: its program stood still, and cut us when it went on."""
    if not case.silent_end:
        return
    for trail in (case.trail, *(one.trail for one in case.world.neighbours if one.together and one.same_server)):
        waiting = trail.answers.left_waiting(case.at)
        if waiting is None or trail.kernel.dark is not None or trail.kernel.undelivered is not None:
            continue
        lines = case.lines(waiting[0], trail.kernel.last, case.trail.act)
        args: dict[str, Any] = {"waited": round(waiting[1], 1), "slowest": round(trail.answers.slowest_s or 0.0, 2)}
        case.blame("server-freeze", "server", 0.8 * STRONG, "unanswered", lines, **args)
        case.doubt((*IDLE_TIMERS, "proxy-reload"), UNLIKELY, "unanswered", lines, **args)
        return


RULES = (
    own_beats_late, broker_windows, server_ping_unanswered, ping_came_with_the_end, own_ping_unanswered, server_silent,
    reads_nothing, unanswered,
)  # fmt: skip

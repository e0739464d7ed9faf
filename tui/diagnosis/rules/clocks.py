"""Which clock fits: our own beats, the server's, pings, idle time in each direction, age (§7: use the agreed n).

A timer is a round number somebody typed into a file. An end that comes a whole number of seconds after a byte, a little
late and never early, is five to ten times likelier by a timer than by chance; that is what ``round_seconds`` weighs.
"""

import itertools
import math
from typing import Any

from tui.diagnosis.between import in_between, proxied
from tui.diagnosis.case import EXCLUDED, FITS, HINT, STRONG, UNLIKELY, Case
from tui.diagnosis.marks import Mark
from tui.diagnosis.rules.alive import silent_beats
from tui.diagnosis.rules.codes import CODES
from tui.facts.findings import Blame, CloseFrame
from tui.knowledge import timeouts
from tui.knowledge.sayings import meant
from tui.protocols.heartbeat import LATE_MARGIN_MS

LEAST_IDLE_S = 0.9
"""Nobody's idle timer is shorter; below it two bytes are simply neighbours."""

PONG_TAKES_S = 0.15
"""Our client answers a ping at once: after this the pong was kept back, or could not leave."""

EARLY_S = 0.02
LATE_S = 0.12
"""How far from its whole second a timer is seen to fire (nginx 2.00, HAProxy 2.00, RabbitMQ 6.00 to 6.02: measured)."""


OVERDUE_S = 0.5
"""Seconds before the end in which a beat of ours may have left that came too late to count."""

TICK_S = 0.32
"""How much earlier a timer fires that is not set anew for every byte: nginx leaves one alone that would move by less
than 300 ms (measured: 1.91 s of 2)."""

CALM = (1000, 1001, 1008, 3008, None)
"""Codes with which a server closes what has been idle."""

LONG_IDLE_S = 15.0
"""A silence so long is seldom by chance where TCP ends."""


def a_little_early(seconds: float) -> bool:
    """Whether a stretch of time is what is left of a whole number of seconds by a timer's own tick."""
    return seconds > 1 and 0 < math.ceil(seconds) - seconds <= TICK_S


def round_seconds(seconds: float) -> bool:
    """Whether a stretch of time looks like a setting: a whole number of seconds, a little late at the most."""
    whole = round(seconds)
    return whole >= 1 and -EARLY_S <= seconds - whole <= LATE_S + 0.002 * whole


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
    if idle > 1.5 * n + LATE_MARGIN_MS / 1000:
        case.blame("client-heartbeat-missed", "client", 2 * STRONG, "own_beats_late", lines, **args)
        case.doubt("normal-close", UNLIKELY / 2, "own_beats_late", lines, **args)
        case.doubt("admin-kill", UNLIKELY, "own_beats_late", lines, **args)
        case.doubt("abrupt-close", UNLIKELY, "own_beats_late", lines, **args)
    elif idle > n + LATE_MARGIN_MS / 1000:
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
    if waited < max(PONG_TAKES_S, 3 * (trail.session.rtt_ms or 0) / 1000):
        return
    lines = case.lines(trail.ping_in, trail.act)
    case.blame("server-ping-timeout", "client", 2 * STRONG, "ping_unanswered", lines, waited=round(waited, 1))
    for cause in ("server-error", "abrupt-close", "idle-timeout-proxy", "normal-close", "tcp-reset", "server-close"):
        case.doubt(cause, UNLIKELY, "ping_unanswered", lines, waited=round(waited, 1))
    if trail.orders.pongs_held is not None:
        case.blame("server-ping-timeout", "client", FITS, "pongs_held", [trail.orders.pongs_held.n])


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
    lost = trail.undelivered or trail.dark
    if trail.ping_out is not None and trail.last_in is not None and trail.ping_out.m < trail.last_in.m < case.at:
        case.doubt("server-freeze", UNLIKELY, "server_answers", case.lines(trail.last_in))  # it just knows no pings
    if lost is not None:
        case.blame("network-blackhole", "network", 4 * STRONG, "undelivered", case.lines(lost, trail.end))
    elif trail.ping_out is not None and trail.last_in is not None and trail.last_in.m > case.at:
        if _only_acknowledged(case):
            case.blame("server-freeze", "server", 4 * STRONG, "acknowledged", case.lines(trail.ping_out, trail.silent))
        else:
            case.blame("client-ping-timeout", "unknown", FITS, "pong_too_late", case.lines(trail.last_in))
    elif trail.delivered is not None or _acknowledged(case):
        case.blame("server-freeze", "server", 4 * STRONG, "acknowledged", case.lines(trail.ping_out, trail.info))


def _only_acknowledged(case: Case) -> bool:
    """Whether in the last silence the peer's kernel acknowledged what we sent, and its program said nothing."""
    info = case.trail.silent
    return info is not None and not info.unacked and info.outq == 0 and info.last_ack_ms < info.last_data_ms - 100


def _acknowledged(case: Case) -> bool:
    """The last report, at the end: only our Close may still be on its way."""
    info = case.trail.info
    return info is not None and not info.retrans and not info.total_retrans


def server_silent(case: Case) -> None:
    """The server promised beats and stopped; its kernel, or a proxy, still answers."""
    close, trail, n = case.close, case.trail, case.trail.beat_in_s
    if close is None or not n or trail.ready is None or case.idle_rx <= 2 * n or close.initiator == "remote":
        return
    lines = case.lines(trail.last_in, trail.info, trail.act)
    args: dict[str, Any] = {"idle": round(case.idle_rx, 1), "every": round(n, 1)}
    if trail.undelivered is not None or trail.worst is not None:
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
        if waiting is None or trail.dark is not None or trail.undelivered is not None:
            continue
        lines = case.lines(waiting[0], trail.info, case.trail.act)
        args: dict[str, Any] = {"waited": round(waiting[1], 1), "slowest": round(trail.answers.slowest_s or 0.0, 2)}
        case.blame("server-freeze", "server", 0.8 * STRONG, "unanswered", lines, **args)
        for cause in ("idle-timeout-proxy", "idle-timeout-server", "proxy-reload"):
            case.doubt(cause, UNLIKELY, "unanswered", lines, **args)
        return


def idle(case: Case) -> None:
    """TCP ended without a Close, a whole number of seconds after the last byte either way: an idle timer of a box in
    between (nginx, HAProxy, ALB …); after the last byte from us alone: one that counts our bytes."""
    close, trail = case.close, case.trail
    if close is None or not case.cut:
        return
    if trail.dark is not None:
        return  # the peer's clock did not see our last bytes
    any_, tx, rx = case.idle_any, case.idle_tx, case.idle_rx
    lines = case.last_lines
    own_clock = tx >= LEAST_IDLE_S and tx > 1.5 * max(trail.gaps_out, default=0.0)
    if trail.longest_idle_s > any_ + TICK_S and not (own_clock and proxied(case)):
        for cause in ("idle-timeout-proxy", "idle-timeout-server"):
            case.doubt(
                cause, UNLIKELY, "longer_silence_survived", lines, longest=round(trail.longest_idle_s, 1),
                idle=round(any_, 2),
            )  # fmt: skip
    elif any_ >= LEAST_IDLE_S and any_ > 1.5 * trail.longest_idle_s:
        unheard_of = any_ > 3 * max(trail.longest_idle_s, 0.5)
        args: dict[str, Any] = {"idle": round(any_, 2), "longest": round(trail.longest_idle_s, 1)}
        case.blame("idle-timeout-proxy", "proxy", FITS if unheard_of else HINT, "longest_silence", lines, **args)
        if unheard_of and not proxied(case) and close.transport.how != "reset":
            case.blame("idle-timeout-server", "server", 0.75 * FITS, "longest_silence", lines, **args)
    if any_ >= LEAST_IDLE_S:
        fits = round_seconds(any_)
        key = "idle_round" if fits else "idle_early" if a_little_early(any_) else "idle"
        times = 3 * FITS if fits else 2 * FITS if a_little_early(any_) or any_ > LONG_IDLE_S else HINT
        case.blame("idle-timeout-proxy", "proxy", times, key, lines, idle=round(any_, 2))
        if close.transport.how == "reset" and any_ > 1.5 * trail.longest_idle_s:
            case.blame("nat-timeout", "network", max(times, 1.5 * FITS), "idle_reset", lines, idle=round(any_, 2))
        if close.transport.how != "reset":
            own = HINT if proxied(case) else 0.75 * times
            case.blame("idle-timeout-server", "server", own, key, lines, idle=round(any_, 2))
        if fits:
            _name_products(case, "idle_any", any_, "idle-timeout-proxy")
    elif not (own_clock and proxied(case)):
        case.doubt("idle-timeout-proxy", UNLIKELY / 2, "busy", lines, idle=round(any_, 2))
    # HAProxy's ``timeout client`` counts our bytes alone as well.
    proxy, server = (2 * HINT, HINT) if proxied(case) else (HINT, FITS)
    if tx >= LEAST_IDLE_S and rx < tx - 0.3 and not trail.beat_out_s and round_seconds(tx):
        case.blame("idle-timeout-server", "server", 3 * server, "idle_tx_round", lines, idle=round(tx, 2))
        if proxied(case):
            case.blame("idle-timeout-proxy", "proxy", 3 * proxy, "idle_tx_round", lines, idle=round(tx, 2))
        _name_products(case, "idle_tx", tx, "idle-timeout-server")
    elif tx >= 1.5 and rx < tx - 0.3 and not trail.beat_out_s and own_clock:
        case.blame("idle-timeout-server", "server", server, "longest_own_silence", lines, idle=round(tx, 2))
        case.blame("idle-timeout-proxy", "proxy", proxy, "longest_own_silence", lines, idle=round(tx, 2))
    if rx >= LEAST_IDLE_S and tx < rx - 0.3 and round_seconds(rx):
        case.blame("idle-timeout-proxy", "proxy", 2 * FITS, "idle_rx_round", lines, idle=round(rx, 2))


def idle_with_a_close(case: Case) -> None:
    """A server's own idle rule: Close 1000 or 1001 a whole number of seconds after our last byte, or the last byte."""
    close, trail = case.close, case.trail
    if close is None or close.received is None or close.initiator != "remote" or close.age is None:
        return
    if close.received.code not in CALM or trail.disconnect is not None:
        return
    lines = case.lines(trail.last_out, trail.last_in, trail.close_in)
    if _explains(close.received):
        return
    if _on_the_second(case):
        case.blame("idle-timeout-server", "server", 2 * STRONG, "idle_tx_round", lines, idle=round(case.idle_tx, 2))
        case.doubt("normal-close", UNLIKELY, "idle_tx_round", lines, idle=round(case.idle_tx, 2))
        case.doubt("going-away", 0.4, "idle_tx_round", lines, idle=round(case.idle_tx, 2))
        _name_products(case, "idle_tx", case.idle_tx, "idle-timeout-server")


def _on_the_second(case: Case) -> bool:
    """Whether the end came a whole number of seconds after our last byte, or the last byte, and no beat was late."""
    beat = case.trail.beat_out_s
    if case.idle_tx < LEAST_IDLE_S or (beat and case.idle_tx > beat + LATE_MARGIN_MS / 1000):
        return False
    return round_seconds(case.idle_tx) or (round_seconds(case.idle_any) and case.idle_any >= LEAST_IDLE_S)


def _explains(said: CloseFrame) -> bool:
    """Whether the reason beside a code names a cause of its own, or is a broker's phrase for many (``words``)."""
    saying = meant("reason", said.reason, said.code)
    return said.reason == "STOMP died" or (saying is not None and saying.cause != "idle-timeout-server")


def own_messages_stopped(case: Case) -> None:
    """Ended by the server so long after our last message as we had never been without one, whatever else passed: a
    server that counts messages, not pongs (graphql-ws's 4408, chat servers' "idle"). Some say a Close; a FIN counts
    where we had gone on pinging."""
    close, trail = case.close, case.trail
    if close is None or close.initiator != "remote" or trail.disconnect is not None:
        return
    pinged = trail.sends and trail.ping_out is not None and trail.ping_out.m > trail.sends[-1].m
    counted = mute(close.received) if close.received is not None else case.cut and trail.fin is not None and pinged
    if trail.ready is None or trail.beat_out_s or not counted:
        return
    since = trail.sends[-1].m if trail.sends else trail.ready.m
    idle = case.at - since
    gaps = [after.m - before.m for before, after in itertools.pairwise(trail.sends)]
    if idle < LEAST_IDLE_S or idle < 1.5 * max(gaps, default=0.0):
        return
    if close.received is not None and close.received.code in CALM and _on_the_second(case):
        return  # that weighs more
    lines = case.lines(trail.sends[-1] if trail.sends else trail.ready, trail.act)
    # Of one that never spoke any end is as long after its last message.
    times, fitting = (2 * FITS, 3 * FITS) if trail.sends else (HINT, 2 * FITS)
    times = fitting if round_seconds(idle) else times
    case.blame("idle-timeout-server", "server", times, "own_messages_stopped", lines, idle=round(idle, 2))


def never_spoke(case: Case) -> None:
    """Closed by the server, of one that never said anything: nothing tells its silence from its age."""
    close, trail, age = case.close, case.trail, case.age
    if close is None or close.received is None or close.initiator != "remote" or age is None or trail.sends:
        return
    if trail.beat_out_s or age < LEAST_IDLE_S or not mute(close.received):
        return
    times = FITS if round_seconds(age) else 1.0
    case.blame(
        "connection-lifetime", "server", times, "never_spoke", case.lines(trail.ready, trail.act), age=round(age, 2)
    )


def mute(said: CloseFrame) -> bool:
    """Whether a Close names no cause: by no text, and by no code with a meaning of its own."""
    code = said.code
    silent = code in (*CALM, 4408) or (code is not None and 3000 <= code <= 4999 and code not in CODES)
    return silent and not _explains(said)


def never_connected(case: Case) -> None:
    """The socket opened and our STOMP CONNECT never left: servers wait only so long (RabbitMQ 10 s)."""
    close, trail = case.close, case.trail
    if close is None or not trail.session.spoken.stomp or trail.connect is not None or close.age is None:
        return
    if close.initiator == "local" or trail.connected is not None:
        return
    lines = case.lines(trail.open or trail.tcp, trail.act)
    case.blame("stomp-connect-missing", "client", 4 * STRONG, "no_connect", lines, age=round(close.age, 1))
    for cause in (
        "idle-timeout-proxy",
        "abrupt-close",
        "normal-close",
        "idle-timeout-server",
        "protocol-error",
        "backpressure",
    ):
        case.doubt(cause, UNLIKELY, "no_connect", lines, age=round(close.age, 1))


def lifetime(case: Case) -> None:
    """Cut at a round age while busy: a maximum lifetime."""
    close, trail = case.close, case.trail
    age = case.age
    if close is None or age is None or close.initiator == "local" or age < 3.0 or close.asked:
        return
    busy = case.idle_any < min(0.25 * age, max(2.0, trail.beat_out_s, trail.beat_in_s) + 0.5)
    since_start = case.at - trail.began.m if trail.began is not None else age
    if not busy or not (round_seconds(age) or round_seconds(since_start)):
        return
    side: Blame = "server" if close.received is not None else in_between(case)
    lines = case.lines(Mark(trail.open.n, trail.open.m) if trail.open is not None else trail.ready, trail.act)
    case.blame(
        "connection-lifetime", side, FITS if close.received is None else HINT, "age_round", lines, age=round(age, 2)
    )
    _name_products(case, "age", age, "connection-lifetime")


def _name_products(case: Case, by: str, seconds: float, cause: str) -> None:
    """The products whose default this length is."""
    for window in timeouts.windows():
        if window.by != by or window.cause != cause or window.relative:
            continue
        least, most = window.seconds(0.0, 0.0)
        if least - EARLY_S <= seconds <= most + LATE_S:
            case.blame(
                cause, case.candidates[cause].side, 1.15, "window", case.last_lines,
                product=(window.product, window.setting), name=window.product,
                least=round(least, 1), most=round(most, 1), idle=round(seconds, 1),
            )  # fmt: skip


RULES = (
    own_beats_late, broker_windows, server_ping_unanswered, ping_came_with_the_end, own_ping_unanswered, server_silent,
    unanswered, idle, idle_with_a_close,
    own_messages_stopped, never_spoke, never_connected, lifetime,
)  # fmt: skip

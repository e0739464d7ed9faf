"""Which timer fits: idle time in both directions or in one, our messages, age (§7).

A timer is a round number somebody typed into a file. An end that comes a whole number of seconds after a byte, a little
late and never early, is five to ten times likelier by a timer than by chance; that is what ``round_seconds`` weighs.
"""

import itertools
import math
import re
from typing import Any

from tui.diagnosis.between import in_between, of_an_age, proxied, timeless
from tui.diagnosis.case import EXCLUDED, FITS, HINT, IDLE_TIMERS, STRONG, UNLIKELY, Case
from tui.diagnosis.marks import Mark
from tui.diagnosis.rules.codes import CODES
from tui.facts.findings import CloseFrame
from tui.knowledge import timeouts
from tui.knowledge.sayings import meant
from tui.protocols.heartbeat import LATE_MARGIN_MS

LEAST_IDLE_S = 0.9
"""Nobody's idle timer is shorter; below it two bytes are simply neighbours."""

EARLY_S = 0.02
LATE_S = 0.12
"""How far from its whole second a timer is seen to fire (nginx 2.00, HAProxy 2.00, RabbitMQ 6.00 to 6.02: measured)."""

TICK_S = 0.32
"""How much earlier a timer fires that is not set anew for every byte: nginx leaves one alone that would move by less
than 300 ms (measured: 1.91 s of 2)."""

CALM = (1000, 1001, 1008, 3008, None)
"""Codes with which a server closes what has been idle."""

POLITE = re.compile(r"(good)?bye|clos(ed|ing)|normal|ok\b", re.IGNORECASE)
"""Beginnings of reasons that say nothing."""

LONG_IDLE_S = 15.0
"""A silence so long is seldom by chance where TCP ends."""


def a_little_early(seconds: float) -> bool:
    """Whether a stretch of time is what is left of a whole number of seconds by a timer's own tick."""
    return seconds > 1 and 0 < math.ceil(seconds) - seconds <= TICK_S


def round_seconds(seconds: float) -> bool:
    """Whether a stretch of time looks like a setting: a whole number of seconds, a little late at the most."""
    whole = round(seconds)
    return whole >= 1 and -EARLY_S <= seconds - whole <= LATE_S + 0.002 * whole


def idle(case: Case) -> None:
    """TCP ended without a Close, a whole number of seconds after the last byte either way: an idle timer of a box in
    between (nginx, HAProxy, ALB …); after the last byte from us alone: one that counts our bytes."""
    close, trail = case.close, case.trail
    if close is None or not case.cut:
        return
    if case.kernel.dark is not None:
        return  # the peer's clock did not see our last bytes
    any_, lines = case.idle_any, case.last_lines
    counts_ours = bool(proxied(case)) and _longest_own_silence(case)  # what came says nothing against such a timer
    if trail.longest_idle_s > any_ + (LATE_S if round_seconds(any_) else TICK_S) and not counts_ours:
        for cause in IDLE_TIMERS:
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
        early = a_little_early(any_) and in_between(case) == "proxy"  # a proxy's way to keep its timers
        key = "idle_round" if fits else "idle_early" if early else "idle"
        times = 3 * FITS if fits else 2 * FITS if early or any_ > LONG_IDLE_S else HINT
        case.blame("idle-timeout-proxy", "proxy", times, key, lines, idle=round(any_, 2))
        if close.transport.how == "reset" and any_ > 1.5 * trail.longest_idle_s:
            case.blame("nat-timeout", "network", max(times, 1.5 * FITS), "idle_reset", lines, idle=round(any_, 2))
        if close.transport.how != "reset":
            own = HINT if proxied(case) and not timeless(case) else 0.75 * times
            case.blame("idle-timeout-server", "server", own, key, lines, idle=round(any_, 2))
        if fits:
            _name_products(case, "idle_any", any_, "idle-timeout-proxy")
    elif not counts_ours:
        case.doubt("idle-timeout-proxy", UNLIKELY / 2, "busy", lines, idle=round(any_, 2))


def one_way_idle(case: Case) -> None:
    """TCP ended without a Close after a silence of one side alone: a timer that counts only its bytes. Servers have
    such timers, and HAProxy (``timeout client``)."""
    trail = case.trail
    if not case.cut or case.kernel.dark is not None:
        return
    tx, rx, lines, front = case.idle_tx, case.idle_rx, case.last_lines, bool(proxied(case))
    proxy, server = (2 * HINT, HINT) if front else (HINT, FITS)
    if tx >= LEAST_IDLE_S and rx < tx - 0.3 and not trail.beat_out_s and round_seconds(tx):
        case.blame("idle-timeout-server", "server", 3 * server, "idle_tx_round", lines, idle=round(tx, 2))
        if front:
            case.blame("idle-timeout-proxy", "proxy", 3 * proxy, "idle_tx_round", lines, idle=round(tx, 2))
        _name_products(case, "idle_tx", tx, "idle-timeout-server")
    elif tx >= 1.5 and rx < tx - 0.3 and not trail.beat_out_s and _longest_own_silence(case):
        # Of one that never spoke any silence is the longest.
        own, own_front = (HINT, HINT) if front and trail.last_out is None else (server, proxy)
        case.blame("idle-timeout-server", "server", own, "longest_own_silence", lines, idle=round(tx, 2))
        case.blame("idle-timeout-proxy", "proxy", own_front, "longest_own_silence", lines, idle=round(tx, 2))
    if rx >= LEAST_IDLE_S and tx < rx - 0.3 and round_seconds(rx):
        case.blame("idle-timeout-proxy", "proxy", 2 * FITS, "idle_rx_round", lines, idle=round(rx, 2))


def _longest_own_silence(case: Case) -> bool:
    """Whether we had never said nothing for nearly so long."""
    return case.idle_tx >= LEAST_IDLE_S and case.idle_tx > 1.5 * max(case.trail.gaps_out, default=0.0)


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
    if _on_the_second(case) and close.received.reason and meant("reason", close.received.reason) is None:
        # It has said something of its own, which is not that of a timer.
        case.blame("idle-timeout-server", "server", 2 * FITS, "idle_tx_round", lines, idle=round(case.idle_tx, 2))
    elif _on_the_second(case):
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
    own = bool(said.reason) and not POLITE.match(said.reason) and meant("reason", said.reason, code) is None
    return silent and not own and not _explains(said)  # what has words of its own is about something else


def never_connected(case: Case) -> None:
    """The socket opened and our STOMP CONNECT never left: servers wait only so long (RabbitMQ 10 s)."""
    close, trail = case.close, case.trail
    if close is None or not trail.session.spoken.stomp or trail.connect is not None or close.age is None:
        return
    if close.initiator == "local" or trail.connected is not None:
        return
    lines = case.lines(trail.open or trail.tcp, trail.act)
    case.blame("stomp-connect-missing", "client", 8 * STRONG, "no_connect", lines, age=round(close.age, 1))
    for cause in (
        "idle-timeout-proxy", "abrupt-close", "normal-close", "protocol-error", "server-crash", "server-restart",
    ):  # fmt: skip
        case.doubt(cause, UNLIKELY / 4, "no_connect", lines, age=round(close.age, 1))
    case.doubt("idle-timeout-server", UNLIKELY / 2, "no_connect", lines, age=round(close.age, 1))
    # Spring's 4500 is for slow readers, and for those from whom nothing came in a minute.
    case.doubt("backpressure", EXCLUDED, "no_connect", lines, age=round(close.age, 1))


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
    lines = case.lines(Mark(trail.open.n, trail.open.m) if trail.open is not None else trail.ready, trail.act)
    times = FITS if close.received is None else HINT
    case.blame("connection-lifetime", of_an_age(case), times, "age_round", lines, age=round(age, 2))
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
    idle, one_way_idle, idle_with_a_close,
    own_messages_stopped, never_spoke, never_connected, lifetime,
)  # fmt: skip

"""This machine: it slept, this process stood still, reading was held up, an interface or address went away."""

from typing import Any

from tui.diagnosis.case import EXCLUDED, FITS, HINT, SAID, STRONG, UNLIKELY, Case

RECENT_S = 10.0
"""Seconds before the end within which a stall may have caused it, if no beat interval says more."""

ARRIVING = 4 * 1024
"""Bytes of a frame that is not whole from which it counts as a large one under way."""

MUCH = 32 * 1024
"""Bytes left unread that show we did not read."""


PUSHED = 1024
"""Bytes that came in one go after a freeze, from which the server had been speaking all the while."""

LOOKS_S = 0.25
"""Seconds between the probe's looks at its clocks: a halt begins up to so long after the look that its gap counts
from."""

LINK_LOCAL = ("fe80:", "169.254.")
"""How the addresses begin that an interface has when it has no other (RFC 4291 §2.5.6, RFC 3927)."""


def stalled(case: Case) -> None:
    """Time passed without us: beats and pongs of ours were late, and nobody else is to blame (§4 entries 3, 16)."""
    close, trail = case.close, case.trail
    if close is None or trail.ready is None or close.asked:
        return
    within = max(RECENT_S, 4 * trail.beat_out_s, 4 * trail.beat_in_s)
    stalls = [
        stall for stall in case.world.stalls
        if stall.why in ("sleep", "scheduling") and trail.ready.m <= stall.m and case.m - stall.m <= within
        and stall.m - stall.mono + LOOKS_S <= case.at
    ]  # fmt: skip
    if not stalls:
        return
    longest = max(stalls, key=lambda stall: max(stall.wall, stall.mono))
    gap = max(longest.wall, longest.mono)
    needed = max(1.0, 0.8 * trail.beat_out_s)
    lines = case.lines(longest, trail.end)
    key = "slept" if longest.why == "sleep" else "not_scheduled"
    case.blame("client-stalled", "client", SAID if gap >= needed else HINT, key, lines, gap=round(gap, 1))
    if gap >= needed:
        for cause in (
            "client-heartbeat-missed", "server-heartbeat-missed", "server-ping-timeout", "client-ping-timeout",
            "server-freeze", "network-blackhole", "idle-timeout-proxy", "abrupt-close", "server-crash",
        ):  # fmt: skip
            case.doubt(cause, EXCLUDED, key, lines, gap=round(gap, 1))


def not_reading(case: Case) -> None:
    """We read nothing, on purpose or because whoever takes our lines could not keep up, and the server gave up."""
    close, trail = case.close, case.trail
    if close is None or close.initiator == "local" or trail.ready is None:
        return
    frozen = trail.orders.frozen_at(case.at) or trail.orders.frozen_at(
        trail.end.m if trail.end is not None else case.at
    )
    held = next((s for s in case.world.stalls if s.why == "reading" and case.at - s.m < RECENT_S), None)
    unread = close.transport.unread + (trail.came_since_freeze if frozen is not None else 0)
    lines = case.lines(frozen, held, trail.end)
    if unread >= MUCH:
        case.blame("backpressure", "client", 4 * STRONG, "unread", lines, bytes=unread)
        for cause in ("server-ping-timeout", "client-heartbeat-missed", "tcp-reset", "abrupt-close", "server-crash"):
            case.doubt(cause, UNLIKELY, "unread", lines, bytes=unread)
    elif frozen is not None:
        _frozen(case, lines)
    elif held is not None:
        case.blame("backpressure", "client", FITS, "reading_held", lines, gap=round(held.mono, 1))


def route_lost(case: Case) -> None:
    """The way out changed while the connection was up: no route, or another local address (§4 entries 42, 43)."""
    close, trail = case.close, case.trail
    before, after = trail.route, trail.last_route
    if close is None or before is None or after is None or after is before or before.local is None:
        return
    lines = case.lines(before, after, trail.end)
    if after.local is None:
        case.blame("local-network-down", "network", SAID, "no_route", lines, error=after.error or "–")
        for cause in ("network-blackhole", "nat-timeout", "host-unreachable", "server-freeze"):
            case.doubt(cause, UNLIKELY / 2, "no_route", lines, error=after.error or "–")
    elif after.local != before.local:
        args: dict[str, Any] = {"before": before.local, "after": after.local}
        left = after.local.startswith(LINK_LOCAL) and not before.local.startswith(LINK_LOCAL)
        times = SAID if left else 4 * STRONG
        case.blame("local-network-down", "network", times, "address_changed", lines, **args)
        case.doubt("network-blackhole", UNLIKELY / 4, "address_changed", lines, **args)


def never_left(case: Case) -> None:
    """The kernel could not even send: what we gave it never left this machine (a link without carrier, measured)."""
    close, trail = case.close, case.trail
    info = case.kernel.last
    if close is None or info is None or close.transport.how != "timeout" or close.transport.errno is None:
        return
    if info.outq and info.notsent == info.outq and not info.retrans:
        lines = case.lines(trail.last_out, info, trail.end)
        case.blame("local-network-down", "network", 4 * STRONG, "never_left", lines, bytes=info.outq)
        case.doubt(("network-blackhole", "nat-timeout"), UNLIKELY / 2, "never_left", lines, bytes=info.outq)


def _frozen(case: Case, lines: list[int]) -> None:
    """We were told to stand still. Whoever waited for a pong or a beat of ours waited in vain; nobody else did it."""
    close, trail = case.close, case.trail
    if trail.ping_in is not None:
        case.blame("server-ping-timeout", "client", 2 * STRONG, "frozen", lines)
    if trail.beat_out_s:
        case.blame("client-heartbeat-missed", "client", 2 * STRONG, "frozen", lines)
    pushed = trail.came_since_freeze >= PUSHED or (close is not None and close.transport.undecoded > 0)
    case.blame("backpressure", "client", STRONG if pushed else HINT, "frozen", lines)
    case.blame("client-stalled", "client", HINT, "frozen", lines)
    case.doubt(("abrupt-close", "server-crash", "server-restart", "proxy-reload"), UNLIKELY, "frozen", lines)
    case.doubt(("server-abort", "admin-kill"), UNLIKELY / 2, "frozen", lines)
    case.doubt("idle-timeout-proxy", 0.5, "frozen", lines)
    if trail.came_since_freeze:  # a queue of messages that we left ends anywhere
        case.doubt("truncated-frame", UNLIKELY, "frozen", lines)
    if pushed:  # it spoke, and we did not listen: that we said nothing either is no matter
        case.doubt("idle-timeout-server", 0.5, "frozen", lines)


def slow_link(case: Case) -> None:
    """What we sent lay in queues on the way: pongs and beats behind it came late."""
    close, slow = case.close, case.kernel.slow
    if close is None or slow is None or close.asked or case.at - slow.m > RECENT_S:
        return
    lines = case.lines(case.trail.tcp, slow)
    args: dict[str, Any] = {"bytes": slow.outq, "rtt": round(slow.rtt_ms or 0)}
    case.blame("bandwidth-limited", "network", 10 * STRONG, "slow_link", lines, **args)
    for cause in ("server-ping-timeout", "client-ping-timeout", "network-blackhole", "server-freeze"):
        case.doubt(cause, UNLIKELY * 2, "slow_link", lines, **args)


def still_arriving(case: Case) -> None:
    """A large message was still coming in when the end came: pongs and acknowledgements wait behind it."""
    close, info = case.close, case.kernel.last
    if close is None or info is None or close.initiator != "local" or close.asked:
        return
    if close.transport.undecoded >= ARRIVING and info.when == "end" and info.last_data_ms < 1000:
        lines = case.lines(info, case.trail.end)
        args: dict[str, Any] = {"bytes": close.transport.undecoded, "ago": round(info.last_data_ms)}
        case.blame("bandwidth-limited", "network", 10 * STRONG, "still_arriving", lines, **args)
        case.doubt(("network-blackhole", "server-freeze"), EXCLUDED, "still_arriving", lines, **args)


RULES = (stalled, not_reading, slow_link, still_arriving, route_lost, never_left)

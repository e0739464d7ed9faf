"""How TCP ended without a word: FIN, RST or silence, and what each excludes (§6.1, §6.2)."""

from tui.diagnosis.between import ended_behind, proxied, says_close
from tui.diagnosis.case import EXCLUDED, FITS, HINT, IDLE_TIMERS, STRONG, UNLIKELY, Case
from tui.diagnosis.kernel import FULL_SEGMENT
from tui.diagnosis.rules.clocks import mute
from tui.facts.facts import TcpInfo

LIGHT_S = 1.5
"""Seconds before an end within which the way became clear again."""


def bare_end(case: Case) -> None:
    """FIN or RST and no Close: what is left where nothing narrower is known."""
    close, trail = case.close, case.trail
    if not case.silent_end or close is None:
        return
    if close.transport.how == "fin" or (close.transport.how == "tls" and trail.fin is not None):
        case.blame("abrupt-close", "server", FITS, "bare_fin", case.lines(trail.fin, trail.end))
        # Spring Boot, ActiveMQ and websockets stopped by SIGTERM say no more than a killed process does (measured).
        case.blame("server-restart", "server", HINT, "bare_fin", case.lines(trail.fin, trail.end))
        case.blame("server-crash", "server", HINT / 2, "bare_fin", case.lines(trail.fin, trail.end))
        if server := proxied(case):
            case.blame("proxy-reload", "proxy", 1.5 * HINT, "proxy_between", case.lines(trail.answer), server=server)
            if says_close(case) and not case.by_requests:
                case.doubt("proxy-reload", UNLIKELY / 4, "close_unsaid", case.lines(trail.end), server=server)
    elif close.transport.how == "reset":
        errno = close.transport.errno or "–"
        case.blame("tcp-reset", "network", FITS, "bare_rst", case.lines(trail.end), errno=errno)
        case.blame("server-abort", "server", HINT, "bare_rst", case.lines(trail.end), errno=errno)
        case.blame("server-crash", "server", HINT / 2, "rst_unread", case.lines(trail.end))


def tls_broke(case: Case) -> None:
    """TLS itself failed in an open session: by an alert of the peer's, or at what we could not decipher."""
    close, trail = case.close, case.trail
    if close is None or close.transport.how != "tls" or close.received is not None:
        return
    if trail.ready is None or trail.fin is not None:
        return
    lines, alert = case.lines(trail.end), close.transport.alert
    if alert is not None and alert.dir == "in" and alert.number:
        said = f"{alert.name} ({alert.number})"
        case.blame("server-abort", "server", 2 * FITS, "tls_alert", lines, alert=said)
        case.blame("protocol-error", "client", FITS, "tls_alert", lines, alert=said)
    else:
        case.blame("protocol-error", "server", 2 * FITS, "tls_failed", lines, error=close.transport.detail or "–")
        case.blame("server-abort", "server", FITS, "tls_failed", lines, error=close.transport.detail or "–")
    case.doubt(IDLE_TIMERS, UNLIKELY / 4, "tls_failed", lines, error=close.transport.detail or "–")


def close_frame_excludes(case: Case) -> None:
    """A Close frame: no plain TCP proxy ended it of itself, and nobody crashed."""
    close, trail = case.close, case.trail
    if close is None or close.received is None:
        return
    lines = case.lines(trail.close_in)
    for cause in ("idle-timeout-proxy", "server-crash", "proxy-crash", "nat-timeout", "truncated-frame"):
        case.doubt(cause, EXCLUDED, "close_frame_came", lines)
    if not says_close(case):
        case.doubt("proxy-reload", EXCLUDED, "close_frame_came", lines)


def cut_in_a_frame(case: Case) -> None:
    """TCP ended in the middle of a frame: no orderly end and no idle timer (§4 entry 66)."""
    close, trail = case.close, case.trail
    if close is None or close.initiator == "local" or not close.transport.undecoded or trail.ready is None:
        return
    if close.received is not None or trail.flaws_in:  # after a broken frame nobody knows where the next begins
        return
    lines, count = case.lines(trail.fin, trail.end), close.transport.undecoded
    case.blame("truncated-frame", "server", 3 * STRONG, "in_mid_frame", lines, bytes=count)
    case.blame("server-crash", "server", FITS, "in_mid_frame", lines, bytes=count)
    for cause in (*IDLE_TIMERS, "client-heartbeat-missed", "abrupt-close"):
        case.doubt(cause, UNLIKELY / 2, "in_mid_frame", lines, bytes=count)


def close_notify(case: Case) -> None:
    """Over TLS an orderly end has a close_notify, nginx's idle kill too (measured); a killed process sends none."""
    close, trail = case.close, case.trail
    if not case.silent_end or close is None or close.transport.close_notify is None:
        return
    lines = case.lines(trail.end)
    if close.transport.close_notify.in_:
        if not proxied(case):
            case.doubt("server-crash", UNLIKELY, "notify_came", lines)
        if ended_behind(case) is None:  # it is its front's
            case.doubt("proxy-crash", UNLIKELY, "notify_came", lines)
    elif close.transport.how == "fin":
        # nginx ends a reload's last sessions without one (measured).
        case.doubt("idle-timeout-proxy", UNLIKELY, "notify_missing", lines)


def behind_a_hole(case: Case) -> None:
    """The server goes on speaking, and a segment before what it says never comes, though TCP sends it again: the
    large ones vanish on the way here (§4 entry 48)."""
    hole, quiet = case.kernel.hole, case.kernel.quiet
    if hole is None and quiet is not None and (count := case.kernel.stray):
        # Or they had been swapped on the way, and what was missing had come by then.
        case.blame("mtu-blackhole", "network", 2 * STRONG, "maybe_a_hole", case.lines(quiet), count=count)
        case.blame("packet-loss", "network", HINT, "maybe_a_hole", case.lines(quiet), count=count)
    if hole is None or quiet is None:
        return
    lines, count = case.lines(quiet, hole), (hole.out_of_order or 0) - (quiet.out_of_order or 0)
    case.blame("mtu-blackhole", "network", 4 * STRONG, "hole", lines, count=count)
    case.blame("packet-loss", "network", 2 * FITS, "hole", lines, count=count)
    for cause in ("server-freeze", "server-heartbeat-missed", "client-ping-timeout", "nat-timeout"):
        case.doubt(cause, UNLIKELY / 4, "hole", lines, count=count)


def unacknowledged(case: Case) -> None:
    """Our bytes were sent again and again and nobody acknowledged them: they, or the answers, do not arrive."""
    close, trail = case.close, case.trail
    if close is None or trail.ready is None or close.transport.how not in ("timeout", "unreachable"):
        return
    if close.initiator == "local" and close.transport.errno is None:
        return
    info = case.kernel.worst or case.kernel.last
    lines = case.lines(case.kernel.unacked_since, info, trail.end)
    if close.transport.how == "unreachable":
        case.blame("host-unreachable", "network", FITS, "unreachable", lines, errno=close.transport.errno or "–")
    if close.transport.errno in ("ENETDOWN", "ENETUNREACH"):  # our own kernel says so, of an interface or its routes
        case.blame("local-network-down", "network", 2 * STRONG, "unreachable", lines, errno=close.transport.errno)
    if case.kernel.losses_survived:
        case.blame("packet-loss", "network", 2 * FITS, "losses_before", lines, count=case.kernel.losses_survived)
    else:
        case.blame("packet-loss", "network", HINT / 2, "retransmitted_lossy", lines)
    case.blame(
        "network-blackhole", "network", STRONG, "retransmitted", lines,
        count=info.total_retrans if info is not None else 0, errno=close.transport.errno or "–",
    )  # fmt: skip


def losses_to_the_end(case: Case) -> None:
    """Packets of ours had been lost here and there, others had arrived, and the session ended for what did not arrive:
    no hole swallows only some."""
    close, info = case.close, case.kernel.newest
    if close is None or info is None or case.trail.ready is None or close.asked or not case.lossy:
        return
    closed = close.received is not None and mute(close.received)
    ended_for_it = close.transport.how in ("timeout", "reset") or close.transport.detail == "close-timeout" or closed
    if ended_for_it and (case.kernel.undelivered is not None or case.kernel.dark is not None):
        lines, count = case.lines(info, case.trail.end), info.total_retrans
        case.blame("packet-loss", "network", 4 * STRONG, "losses_to_the_end", lines, count=count)
        for cause in ("network-blackhole", "normal-close", "server-restart"):
            case.doubt(cause, UNLIKELY / 4, "losses_to_the_end", lines, count=count)


def neighbour_fills_the_way(case: Case) -> None:
    """What we said did not arrive, and behind a session with the same host large amounts wait in a queue on the way:
    ours stood in it too."""
    close = case.close
    if close is None or case.trail.ready is None or close.asked:
        return
    if case.kernel.undelivered is None and case.kernel.dark is None and case.kernel.stuck is None:
        return
    for one in case.world.neighbours:
        full = one.trail.kernel.fills_the_way(case.at)
        if one.same_host and full is not None:
            key, lines = "neighbour_fills_the_way", case.lines(full, case.kernel.last, case.trail.end)
            case.blame("bandwidth-limited", "network", 10 * STRONG, key, lines, name=one.name)
            case.doubt("network-blackhole", EXCLUDED, key, lines, name=one.name)
            return


def narrow_way_in(case: Case) -> None:
    """What the server sends waits in a queue before it comes: a slow link, behind which others' patience runs out."""
    close, info = case.close, case.kernel.narrow_in
    if close is None or info is None or case.trail.ready is None or close.asked:
        return
    if case.trail.orders.last("freeze") is not None:
        return  # it waited for us to read
    lines, waits = case.lines(case.trail.tcp, info, case.trail.end), round(info.rtt_in_ms or 0)
    case.blame("bandwidth-limited", "network", 2 * STRONG, "narrow_way_in", lines, rtt=waits)
    case.doubt("client-ping-timeout", 2 * UNLIKELY, "narrow_way_in", lines, rtt=waits)


def refused_midway(case: Case) -> None:
    """An open connection ended with ECONNREFUSED: no TCP of the peer's says that, an ICMP message of a box on the way
    does (RFC 1122 §4.2.3.9; measured with nft's ``reject``)."""
    close, trail = case.close, case.trail
    if close is None or trail.ready is None or close.transport.how != "refused":
        return
    lines = case.lines(trail.end)
    if case.by_requests:
        return
    case.blame("network-blackhole", "network", 4 * STRONG, "refused_midway", lines)
    case.blame("host-unreachable", "network", STRONG, "refused_midway", lines)


def forgotten_flow(case: Case) -> None:
    """A stateful box forgot the flow while it was silent: our next packet vanished, or drew a RST (§4 entry 39). The
    silence before it is longer than any that the connection had survived."""
    close, trail = case.close, case.trail
    if close is None or not case.silent_end or case.kernel.unacked_since is None:
        return
    silence = case.kernel.silence_before_unacked_s
    waited = case.at - case.kernel.unacked_since.m
    lines = case.lines(case.kernel.unacked_since, case.kernel.worst, trail.end)
    if silence < 2.0 or silence < 1.5 * trail.longest_idle_s:
        return
    if close.transport.how == "timeout":
        case.blame("nat-timeout", "network", 2 * STRONG, "silence_then_lost", lines, silence=round(silence, 1))
    elif close.transport.how == "reset" and waited < 2.0 and case.kernel.dark is None:
        case.blame("nat-timeout", "network", 2 * STRONG, "silence_then_reset", lines, silence=round(silence, 1))
        case.blame("idle-timeout-proxy", "proxy", FITS, "silence_then_reset", lines, silence=round(silence, 1))


def end_with_the_light(case: Case) -> None:
    """Our bytes had not arrived for a while; when the way was clear again, the end was there already: the peer had
    given up on us meanwhile."""
    close, trail = case.close, case.trail
    dark = case.kernel.stuck
    if close is None or dark is None or trail.ready is None or close.asked or close.initiator != "remote":
        return
    since = case.at - (case.kernel.light.m if case.kernel.light is not None else case.at)
    if close.transport.how == "reset" or since > LIGHT_S + 4 * trail.beat_out_s:
        return
    lines = case.lines(dark, case.kernel.light, trail.act)
    times = 4 * STRONG if since <= LIGHT_S else STRONG  # later, a broker's patience with what had not arrived ran out
    small = all(sent.size < FULL_SEGMENT for sent in trail.sends)  # else only the large ones may have been lost
    case.blame(
        "packet-loss" if case.lossy and small else "network-blackhole", "network", times, "end_with_the_light", lines
    )
    for cause in (
        "abrupt-close", "admin-kill", "server-abort", "normal-close", "connection-lifetime", "idle-timeout-server",
        "server-restart", "going-away", "server-crash",
    ):  # fmt: skip
        case.doubt(cause, UNLIKELY, "end_with_the_light", lines)


def reset_after_darkness(case: Case) -> None:
    """Nobody acknowledged our bytes for a while, and then a RST came: whoever answers again has lost the connection, a
    host that started anew, or a box on the way that did."""
    close, trail = case.close, case.trail
    dark = case.kernel.dark
    if close is None or not case.silent_end or close.transport.how != "reset" or dark is None:
        return
    if case.kernel.unacked_since is None:
        return
    waited = case.at - case.kernel.unacked_since.m
    if waited < 1.0:
        return
    lines = case.lines(case.kernel.unacked_since, dark, trail.end)
    # A broker drops a client whose beats do not arrive; without beats it is likelier that nobody knows us any more.
    given_up = trail.beat_out_s > 0 and waited > 1.5 * trail.beat_out_s
    restart, hole = (STRONG, 5 * STRONG) if given_up else (2 * STRONG, 1.5 * STRONG)
    case.blame("server-restart", "server", restart, "reset_after_darkness", lines, waited=round(waited, 1))
    case.blame("network-blackhole", "network", hole, "reset_after_darkness", lines, waited=round(waited, 1))
    case.blame("nat-timeout", "network", FITS, "reset_after_darkness", lines, waited=round(waited, 1))
    for cause in ("proxy-reload", "server-abort", "admin-kill", "idle-timeout-proxy", "message-too-big"):
        case.doubt(cause, UNLIKELY, "reset_after_darkness", lines, waited=round(waited, 1))


def large_segments_vanish(case: Case) -> None:
    """Small frames pass, and no large one of ours was ever acknowledged: all of them still lie in the send queue
    (§4 entry 48)."""
    trail = case.trail
    info = case.kernel.undelivered or case.kernel.worst
    large = [sent for sent in trail.sends if sent.size >= FULL_SEGMENT]
    if info is None or not large or trail.ready is None or trail.last_in is None:
        return
    if (info.outq or 0) < sum(sent.size for sent in large) * 0.9:
        return
    lines = case.lines(large[0], info, trail.end)
    case.blame("mtu-blackhole", "network", 2 * STRONG, "large_vanished", lines, bytes=large[0].size)
    _small_ones_came(case, info, lines)


def large_request_vanishes(case: Case) -> None:
    """TCP's handshake came through, and a request of more than a small packet never did."""
    close, request, info = case.close, case.trail.request, case.kernel.undelivered
    if close is None or case.trail.ready is not None or case.trail.answer is not None or case.lossy:
        return
    if request is None or info is None:
        return
    size = request.size or sum(len(name) + len(value) + 4 for name, value in request.headers)
    if size >= FULL_SEGMENT:
        lines = case.lines(request, info, case.trail.end)
        case.blame("mtu-blackhole", "network", 1.5 * STRONG, "large_vanished", lines, bytes=size)
        _small_ones_came(case, info, lines)


def _small_ones_came(case: Case, info: TcpInfo, lines: list[int]) -> None:
    if info.sacked and info.retrans > 1:
        case.blame("mtu-blackhole", "network", FITS, "small_ones_came", lines, count=info.sacked)
        case.doubt("network-blackhole", UNLIKELY, "small_ones_came", lines, count=info.sacked)


RULES = (
    bare_end, tls_broke, close_frame_excludes, cut_in_a_frame, close_notify, behind_a_hole, unacknowledged,
    forgotten_flow, losses_to_the_end, neighbour_fills_the_way, narrow_way_in, refused_midway, end_with_the_light,
    reset_after_darkness, large_segments_vanish, large_request_vanishes,
)  # fmt: skip

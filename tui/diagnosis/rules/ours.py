"""Who ended it: us, asked or not. What we did ourselves is certain; why we did it is for other rules."""

from tui.diagnosis.case import FITS, SAID, STRONG, Case
from tui.session.notes import breaks_websocket, broken_rule

BY_DEFINITION = 50 * SAID
"""What happened is what the cause's name means, whatever the peer said before."""

ECHO_S = 8.0
"""Seconds within which an end after our DISCONNECT is its echo."""


def asked_for(case: Case) -> None:
    """A command of ours ended it."""
    close, trail = case.close, case.trail
    if close is None or not close.asked:
        return
    cut = trail.orders.last("reset", "abort", "half-close")
    if cut is not None and close.sent is None and close.initiator == "local":
        case.blame("local-abort", "client", SAID, "told_to_cut", [cut.n], verb=cut.verb)
        return
    order = trail.orders.last("close", "disconnect", "reconnect", "forget", "quit")
    if order is not None and close.initiator != "remote":
        # A client that closes because nothing comes any more says "close" as well: silence speaks against calm.
        times = FITS if _silent(case) else SAID
        case.blame("normal-close", "client", times, "told_to_close", [order.n], verb=order.verb)


def _silent(case: Case) -> bool:
    late = case.trail.late.get("stomp-in") or case.trail.late.get("ws-ping")
    return late is not None and late.state in ("late", "missed")


def own_disconnect(case: Case) -> None:
    """The end is the answer to a DISCONNECT of ours: Spring says ERROR "Session closed." to one without a receipt,
    RabbitMQ closes with 1000 "STOMP died" (§4 entry 73)."""
    close, said = case.close, case.trail.disconnect
    if close is None or said is None or case.trail.end is None:
        return
    if said.m <= case.at + 0.001 and case.trail.end.m - said.m < ECHO_S:
        case.blame("normal-close", "client", SAID, "own_disconnect", [said.n, *case.lines(case.trail.end)])


def own_close_frame(case: Case) -> None:
    """Our Close frame went first."""
    close, trail = case.close, case.trail
    if close is None or close.initiator != "local" or close.sent is None or close.asked:
        return
    if close.sent.code in (1002, 1007, 1009) and trail.flaws_in:
        return  # said by what the peer broke
    if close.sent.code == 1011 and close.sent.reason == "keepalive ping timeout":
        return  # said by the ping that was not answered
    if close.age is not None:
        case.blame("normal-close", "client", STRONG, "own_close", case.lines(trail.close_out))


def socket_killed(case: Case) -> None:
    """Something on this machine destroyed the socket: the kernel says ECONNABORTED, which no peer can cause on an
    established connection (measured with ``ss -K``)."""
    close = case.close
    if close is None or close.transport.errno != "ECONNABORTED":
        return
    case.blame("local-abort", "client", SAID, "socket_killed", case.lines(case.trail.end), errno="ECONNABORTED")


def peer_breaks_the_rules(case: Case) -> None:
    """A frame that breaks RFC 6455, or STOMP's grammar, came from the peer, and we closed for it."""
    close, trail = case.close, case.trail
    if not trail.flaws_in:
        return
    frame = next((note for note in trail.flaws_in if breaks_websocket(note)), None)
    if frame is None:
        return
    rule = broken_rule(frame)
    ours = close is not None and close.initiator == "local" and close.sent is not None
    cause = {"utf8": "invalid-utf8", "close-utf8": "invalid-utf8", "too-big": "message-too-big"}.get(
        rule or "", "protocol-error"
    )
    lines = [*frame.lines, *case.lines(trail.close_out)]
    last = any(mark is not None and mark.n in frame.lines for mark in (trail.close_in, trail.last_in))
    times = SAID if ours or close is None else 4 * STRONG if last else FITS
    case.blame(cause, "server", times, f"peer_broke_{cause.replace('-', '_')}", lines, rule=rule)


def close_not_finished(case: Case) -> None:
    """Close frames were exchanged and the peer never ended TCP, or never answered ours."""
    close, trail = case.close, case.trail
    if close is None or close.transport.detail != "close-timeout":
        return
    notified = close.transport.close_notify is not None and close.transport.close_notify.in_
    if close.received is not None and case.kernel.undelivered is not None:
        # It waits for a Close of ours that never came.
        lines = case.lines(trail.close_in, trail.close_out, case.kernel.last)
        case.blame("network-blackhole", "network", STRONG, "close_undelivered", lines)
        case.blame("packet-loss", "network", STRONG, "close_undelivered", lines)
    elif close.received is not None or notified:
        case.blame("close-handshake-stalled", "server", BY_DEFINITION, "no_fin", case.lines(trail.close_in, trail.end))
        case.doubt("normal-close", 0.02, "no_fin", case.lines(trail.end))
    elif case.kernel.undelivered is not None:
        lines = case.lines(trail.close_out, case.kernel.last)
        case.blame("network-blackhole", "network", STRONG, "close_undelivered", lines)
        case.doubt("normal-close", 0.02, "close_undelivered", lines)
    elif close.sent is not None and close.age is not None and close.sent.reason != "keepalive ping timeout":
        case.blame("server-freeze", "server", STRONG, "close_unanswered", case.lines(trail.close_out, trail.end))
        case.blame("close-handshake-stalled", "server", 0.8 * STRONG, "close_unanswered", case.lines(trail.close_out))
        case.doubt("normal-close", 0.02, "close_unanswered", case.lines(trail.close_out))


RULES = (asked_for, own_disconnect, own_close_frame, socket_killed, peer_breaks_the_rules, close_not_finished)

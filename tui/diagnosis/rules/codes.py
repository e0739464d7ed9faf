"""What the close code alone says, where the peer closed first. A text beside it outranks it (``words``)."""

from typing import NamedTuple

from tui.diagnosis.between import proxied, says_close
from tui.diagnosis.case import FITS, HINT, SAID, STRONG, Case
from tui.facts.findings import Blame
from tui.knowledge.sayings import meant

AT_ONCE_S = 0.5
"""Seconds after the 101 within which an end is about the handshake."""


class Means(NamedTuple):
    """One cause a code points to, and how much."""

    cause: str
    side: Blame
    times: float


CODES: dict[int, tuple[Means, ...]] = {
    1001: (
        Means("going-away", "server", 2 * STRONG),
        Means("idle-timeout-server", "server", HINT / 2),
        Means("server-restart", "server", HINT),
    ),
    1002: (Means("protocol-error", "client", STRONG),),
    1003: (Means("unsupported-data", "client", SAID),),
    1007: (Means("invalid-utf8", "client", STRONG), Means("protocol-error", "client", HINT)),
    1008: (Means("policy-violation", "server", STRONG),),
    1009: (Means("message-too-big", "client", SAID),),
    1010: (Means("handshake-invalid", "server", FITS),),
    1011: (Means("server-error", "server", STRONG), Means("server-ping-timeout", "client", HINT / 2)),
    1012: (Means("server-restart", "server", 2 * SAID),),
    1013: (Means("try-again-later", "server", 2 * SAID), Means("rate-limited", "client", HINT / 2)),
    1014: (Means("upstream-down", "server", SAID),),
    3000: (Means("auth-failed", "client", FITS), Means("server-close", "server", FITS)),
    3003: (Means("permission-denied", "config", STRONG), Means("server-close", "server", HINT)),
    3008: (Means("idle-timeout-server", "server", FITS), Means("server-close", "server", HINT)),
    4001: (Means("server-close", "server", 2 * FITS), Means("auth-expired", "server", FITS)),
    4003: (Means("server-close", "server", 2 * FITS), Means("permission-denied", "config", FITS)),
    4004: (Means("server-close", "server", 2 * FITS), Means("destination-not-found", "client", FITS)),
    4008: (Means("server-close", "server", 2 * FITS), Means("rate-limited", "client", FITS)),
    4009: (Means("server-close", "server", 2 * FITS), Means("duplicate-session", "server", FITS)),
    4029: (Means("rate-limited", "client", FITS), Means("server-close", "server", FITS)),
    4500: (
        Means("server-error", "server", FITS),
        Means("backpressure", "client", FITS),
        Means("server-close", "server", HINT),
    ),
    4400: (Means("protocol-error", "client", FITS), Means("server-close", "server", FITS)),
    4401: (
        Means("auth-failed", "client", FITS),
        Means("auth-expired", "server", FITS),
        Means("server-close", "server", HINT),
    ),
    4403: (Means("permission-denied", "config", FITS), Means("server-close", "server", HINT)),
    4404: (Means("destination-not-found", "client", FITS), Means("server-close", "server", FITS)),
    4406: (Means("subprotocol-mismatch", "config", STRONG), Means("server-close", "server", FITS)),
    4408: (Means("idle-timeout-server", "client", STRONG), Means("server-close", "server", FITS)),
    4409: (Means("server-close", "server", 2 * FITS), Means("duplicate-session", "server", FITS)),
    4413: (Means("message-too-big", "client", FITS), Means("server-close", "server", FITS)),
    4422: (Means("protocol-error", "client", FITS), Means("server-close", "server", FITS)),
    4423: (Means("resource-locked", "client", FITS), Means("server-close", "server", FITS)),
    4426: (Means("version-mismatch", "client", FITS), Means("server-close", "server", FITS)),
    4429: (Means("rate-limited", "client", STRONG), Means("server-close", "server", HINT)),
    4440: (Means("session-expired", "client", FITS), Means("server-close", "server", FITS)),
    4503: (Means("try-again-later", "server", FITS), Means("server-close", "server", FITS)),
    4504: (Means("upstream-timeout", "server", FITS), Means("server-close", "server", FITS)),
}
"""By code (RFC 6455 §7.4.1, IANA; 44xx as graphql-ws and those who follow it use them, 40xx as those who put HTTP's
last two digits behind 40)."""

MUTE_1000 = (Means("normal-close", "server", STRONG), Means("admin-kill", "server", HINT))
"""1000 without a text proves no benign close: kicks, idle timers and beat watchers of brokers use it (§1.2)."""


def close_code(case: Case) -> None:
    """The code of the peer's own Close, or of SockJS's ``c``."""
    close, trail = case.close, case.trail
    if close is None or close.initiator not in ("remote", "simultaneous") or trail.disconnect is not None:
        return
    code = close.sockjs.code if close.sockjs is not None else close.received.code if close.received else None
    if close.sockjs is None and close.received is None:
        return
    lines = case.lines(trail.close_in or trail.end)
    if code == 1002 and trail.error is not None:
        return  # Spring closes with 1002 after every ERROR, which said more
    if code == 1007 and trail.session.spoken.sockjs:
        case.blame("protocol-error", "client", STRONG, "code", lines, code=code)  # Spring's word for bad SockJS JSON
        return
    if code == 1001 and says_close(case):
        case.blame("proxy-reload", "proxy", FITS, "code_proxy", lines, server=proxied(case))
    saying = meant("reason", close.reason, code) if close.reason else None
    outspoken = saying is not None and saying.how == "said"
    for means in _meant(code, close.reason):
        times = min(means.times, STRONG) if outspoken else means.times
        side = "server" if code == 4408 and trail.sends else means.side  # it knew us already: no login is missing
        case.blame(means.cause, side, times, "code", lines, code="–" if code is None else code)


def _meant(code: int | None, reason: str) -> tuple[Means, ...]:
    if code == 4500 and not reason:
        return (Means("backpressure", "client", FITS), Means("server-close", "server", FITS))  # Spring says no more
    if code is None or code == 1000:
        return () if reason == "STOMP died" else MUTE_1000
    if code in CODES:
        return CODES[code]
    if 3000 <= code <= 4999:
        return (Means("server-close", "server", STRONG), Means("admin-kill", "server", HINT))
    return (Means("protocol-error", "server", STRONG),)  # a code that must not be on the wire (§7.4.2)


def too_big_after_a_large_message(case: Case) -> None:
    """1009 within moments of a large message of ours names the message."""
    close, trail = case.close, case.trail
    if close is None or close.code != 1009 or close.received is None or not trail.sends:
        return
    largest = max(trail.sends, key=lambda sent: sent.size)
    case.blame("message-too-big", "client", HINT, "large_message", [largest.n], bytes=largest.size)


def no_subprotocol_chosen(case: Case) -> None:
    """We offered subprotocols, the 101 chose none, and the server ended it before anybody said a word."""
    close, trail = case.close, case.trail
    if close is None or trail.open is None or close.initiator != "remote" or trail.open.subprotocol is not None:
        return
    if not trail.asked("sec-websocket-protocol") or trail.sends or trail.last_in is not None:
        return
    if (case.age or 0.0) < AT_ONCE_S:
        lines = case.lines(trail.answer, trail.act)
        case.blame("subprotocol-mismatch", "config", 2 * STRONG, "no_subprotocol_chosen", lines)


RULES = (close_code, too_big_after_a_large_message, no_subprotocol_chosen)

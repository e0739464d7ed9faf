"""Sessions that are carried by one HTTP request after the other (SockJS over XHR): a later request that nobody took,
that was refused, or that met a server which does not know the session.
"""

from collections.abc import Mapping

from tui.diagnosis.case import FITS, HINT, SAID, STRONG, UNLIKELY, Case
from tui.diagnosis.rules.afterwards import nobody_listens
from tui.diagnosis.rules.words import POLL_GAP_S, QUOTED, by_saying
from tui.facts.findings import Blame, Close
from tui.knowledge.sayings import meant

HEARTBEAT_MS = 25_000
"""A SockJS server ends a poll that has nothing to say with an ``h`` after so long (sockjs-protocol; Spring's default
and sockjs-node's)."""

STATUSES: Mapping[int, tuple[tuple[str, Blame, float], ...]] = {
    401: (("auth-expired", "server", STRONG), ("session-expired", "client", 2 * FITS), ("auth-failed", "client", FITS)),
    403: (("forbidden", "config", STRONG), ("auth-expired", "server", FITS)),
    413: (("message-too-big", "client", SAID),),
    429: (("rate-limited", "client", SAID),),
    500: (("server-error", "server", STRONG),),
    502: (
        ("upstream-down", "server", STRONG),
        ("server-crash", "server", 3 * FITS),
        ("server-restart", "server", FITS),
    ),
    503: (("rate-limited", "client", FITS), ("upstream-down", "server", FITS), ("server-unavailable", "server", FITS)),
    521: (("upstream-down", "server", STRONG), ("server-crash", "server", 2 * FITS)),
    522: (("upstream-timeout", "server", STRONG), ("upstream-down", "server", FITS)),
    523: (("upstream-down", "server", STRONG),),
}
"""What a status means that a later request of an open session is answered with (RFC 9110 §15; 52x are Cloudflare's)."""


def _later(case: Case, how: str) -> Close | None:
    """The end of an open session over XHR, if it came so."""
    opened = case.trail.fold.transport_at is not None
    return case.close if case.by_requests and opened and case.close and case.close.transport.how == how else None


def refused(case: Case) -> None:
    """The next request found nobody who listens."""
    close, trail = _later(case, "refused"), case.trail
    if close is None or trail.ready is None:
        return
    nobody_listens(case, case.lines(trail.refused, trail.end))


def refused_through(case: Case) -> None:
    """Our outbound proxy carried the session, and does not reach the server for the next request."""
    close, proxy = _later(case, "proxy"), case.trail.proxy
    if close is None or proxy is None or proxy.ok:
        return
    lines, said = case.lines(proxy, case.trail.end), proxy.error or proxy.status or "–"
    case.blame("server-crash", "server", STRONG, "proxy_refused", lines, error=said)
    case.blame("server-restart", "server", 2 * FITS, "proxy_refused", lines, error=said)
    case.blame("upstream-down", "server", FITS, "proxy_refused", lines, error=said)


def answered(case: Case) -> None:
    """The next request got a status of its own."""
    close, answer = _later(case, "http"), case.trail.answer
    if close is None or answer is None or answer.status is None:
        return
    lines, status = case.lines(answer, case.trail.end), answer.status
    if status in (504, 524):
        _gateway_timeout(case, answer.ms or 0.0, lines)
    saying = meant("http", answer.body or "")
    if saying is not None:
        by_saying(case, saying, "said_http", lines, (answer.body or "").strip()[:QUOTED])
    for cause, side, times in STATUSES.get(status, ()):
        case.blame(cause, side, times, "request_status", lines, status=status)
    living = [one for one in case.world.neighbours if one.same_door and one.lives]
    if status == 503 and living:
        beside = case.lines(answer, *(one.trail.ready for one in living))
        case.blame("rate-limited", "client", STRONG, "http_503_beside", beside, names=living[0].name)
        case.doubt("upstream-down", UNLIKELY, "http_503_beside", beside, names=living[0].name)


def _gateway_timeout(case: Case, waited_ms: float, lines: list[int]) -> None:
    """A proxy lost its patience with a poll. Where that is shorter than the server's heart-beat, it is the proxy's
    idle timer; the server may only be judged by a poll that it should have ended."""
    waited = round(waited_ms / 1000, 1)
    quick = waited_ms < HEARTBEAT_MS
    case.blame("idle-timeout-proxy", "proxy", 2 * STRONG if quick else FITS, "poll_504", lines, waited=waited)
    case.blame("upstream-timeout", "server", 2 * FITS, "poll_504", lines, waited=waited)
    case.blame("server-freeze", "server", FITS if quick else 2 * STRONG, "poll_504", lines, waited=waited)


def unknown_session(case: Case) -> None:
    """The server behind a request does not know the SockJS session: it ran out, or another backend was asked
    (§3.4, §4 entry 35)."""
    close, trail = case.close, case.trail
    status = trail.answer.status if trail.answer is not None else None
    unknown = close is not None and close.transport.detail in ("sockjs-send", "sockjs-receive") and status == 404
    if close is None or not (unknown or close.transport.detail == "sockjs-lost-session"):
        return
    lines, gap = case.lines(trail.answer, trail.end), case.unpolled_s
    if gap > POLL_GAP_S:
        case.blame("session-expired", "client", 2 * STRONG, "not_polled", lines, gap=round(gap, 1))
        case.blame("sticky-session-missing", "proxy", HINT, "session_unknown", lines)
    else:
        case.blame("sticky-session-missing", "proxy", 2 * STRONG, "session_unknown", lines)
        case.blame("server-restart", "server", HINT, "session_unknown", lines)


RULES = (refused, refused_through, answered, unknown_session)

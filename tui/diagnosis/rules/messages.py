"""Our last messages: one that is too big, breaks the grammar, or comes in a flood draws the end within moments."""

from tui.diagnosis.case import FITS, HINT, SAID, STRONG, UNLIKELY, Case
from tui.session.notes import broken_rule

SOON_S = 1.5
"""Seconds within which an end answers a message."""

AT_ONCE_S = 0.05
"""Seconds beyond the round trips within which an end is an answer to what was just said."""

LARGE = 8 * 1024
"""Bytes from which a message may be over somebody's limit (Tomcat's is 8192)."""

LARGEST_CHAT = 1024
"""Bytes from which a message may be over a limit that somebody set low."""

FLOOD = 50
"""Messages within a second that a limit on rates would notice."""


def too_big(case: Case) -> None:
    """TCP ended during, or right after, the largest message so far (§4 entries 59, 60, 70)."""
    close, trail = case.close, case.trail
    if close is None or not case.silent_end or not trail.sends:
        return
    last = trail.sends[-1]
    bigger = last.size > 2 * max((sent.size for sent in list(trail.sends)[:-1]), default=0)
    if last.size < LARGE or not bigger or case.at - last.m > SOON_S:
        unsent = close.transport.unsent
        if unsent > LARGE:
            case.blame("message-too-big", "client", STRONG, "cut_while_sending", case.lines(trail.end), bytes=unsent)
        return
    lines = case.lines(last, trail.end)
    times = 3 * STRONG if last.size >= 8 * LARGE else STRONG
    case.blame("message-too-big", "client", times, "large_message", lines, bytes=last.size)
    case.doubt("tcp-reset", UNLIKELY, "large_message", lines, bytes=last.size)
    case.doubt("server-crash", UNLIKELY, "large_message", lines, bytes=last.size)


def cut_on_our_word(case: Case) -> None:
    """TCP ended right after a message of ours, and nothing else came: what we say so seldom was answered by the cut."""
    trail = case.trail
    if not case.cut or trail.fin is None or not trail.sends or case.close is None:
        return
    last, before = trail.sends[-1], trail.sends[-2].m if len(trail.sends) > 1 else None
    after, quiet = case.at - last.m, last.m - (before if before is not None else case.at - (case.age or 0.0))
    if after > AT_ONCE_S + 2 * (trail.fold.rtt_ms or 0.0) / 1000 or quiet < max(0.1, 20 * after):
        return
    if trail.last_in is not None and trail.last_in.m > last.m:
        return
    if any(one.together and one.same_server for one in case.world.neighbours):
        return  # others had not said it
    lines = case.lines(last, trail.fin)
    case.blame("server-abort", "server", 1.5 * FITS, "cut_on_our_word", lines, ms=round(1000 * after))
    if last.size >= LARGEST_CHAT and last.size > 4 * max((sent.size for sent in list(trail.sends)[:-1]), default=0):
        case.blame("message-too-big", "client", 2 * FITS, "large_message", lines, bytes=last.size)
    for cause in (
        "admin-kill", "idle-timeout-proxy", "connection-lifetime", "proxy-reload", "duplicate-session",
        "server-restart", "nat-timeout",
    ):  # fmt: skip
        case.doubt(cause, UNLIKELY, "cut_on_our_word", lines, ms=round(1000 * after))


def half_sent(case: Case) -> None:
    """A reset while bytes of ours still waited: the peer stopped taking a large message."""
    close = case.close
    if close is None or not case.silent_end or close.transport.how != "reset" or case.trail.sends:
        return
    if close.transport.unsent > LARGE:
        case.blame(
            "message-too-big", "client", STRONG, "cut_while_sending", case.lines(case.trail.end),
            bytes=close.transport.unsent,
        )  # fmt: skip


def own_flaw(case: Case) -> None:
    """A frame of ours broke a rule, and the end followed."""
    close, trail = case.close, case.trail
    if close is None or not trail.flaws_out:
        return
    flaw = trail.flaws_out[-1]
    if close.initiator == "local" and not (trail.close_out is not None and trail.close_out.n in flaw.lines):
        return
    if case.at - flaw.m > SOON_S + 1:
        return
    rule = broken_rule(flaw)
    cause = "invalid-utf8" if rule in ("utf8", "close-utf8") else "protocol-error"
    lines = [*flaw.lines, *case.lines(trail.act)]
    itself = close.initiator == "local"
    case.blame(cause, "client", 2 * SAID if itself else 2 * STRONG, "own_flaw", lines, rule=rule)
    for other in ("abrupt-close", "server-crash", "tcp-reset", "normal-close", "auth-failed", "server-error"):
        case.doubt(other, UNLIKELY, "own_flaw", lines, rule=rule)


def raw_bytes(case: Case) -> None:
    """Bytes we were told to send as they are went right before."""
    close, trail = case.close, case.trail
    order = trail.orders.last("raw-frame", "send-raw", "stomp-frame")
    if close is None or order is None or close.initiator == "local" or not 0 <= case.at - order.m < SOON_S:
        return
    if trail.disconnect is None:
        said = trail.last_stomp_out
        whole = order.verb == "stomp-frame" and not trail.flaws_out and said is not None and said != trail.connect
        case.blame("protocol-error", "client", FITS if whole else 2 * FITS, "raw_bytes", [order.n], words=order.verb)


def flood(case: Case) -> None:
    """A burst of messages of ours, and the end."""
    close, trail = case.close, case.trail
    if close is None or close.initiator == "local" or trail.ready is None:
        return
    recent = sum(1 for m in trail.burst if case.at - SOON_S <= m <= case.at)
    if recent >= FLOOD:
        case.blame("rate-limited", "client", FITS, "flood", case.lines(trail.last_out, trail.act), count=recent)


def unsupported(case: Case) -> None:
    """A binary message to an endpoint that ends it right then."""
    close, trail = case.close, case.trail
    order = trail.orders.last("send-binary")
    if close is None or order is None or close.code not in (1003, 1007, 1002) or not 0 <= case.at - order.m < SOON_S:
        return
    case.blame("unsupported-data", "client", HINT, "binary_sent", [order.n])


RULES = (too_big, cut_on_our_word, half_sent, own_flaw, raw_bytes, flood, unsupported)

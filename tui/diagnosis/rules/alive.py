"""What ails a session that is still open: an ERROR, missed beats, silence with unacknowledged data, a broken rule."""

from typing import Any

from tui.diagnosis.between import forwarder, front, listening
from tui.diagnosis.case import FITS, HINT, STRONG, UNLIKELY, Case
from tui.diagnosis.kernel import QUEUED_RTT_MS
from tui.diagnosis.rules import forwarding, ours, tcp, words
from tui.diagnosis.rules.reaching import LOOPBACK
from tui.facts import facts

LEAST_GRACE_S = 0.25
"""Seconds a server's beat may come later than missed before its session ails."""

OVERDUE_SEND_S = 1.0
"""Seconds after which the answer to a request that only says something is overdue."""

MANY_RESENDS = 10
"""Segments sent again by which losses are told from two or three short outages, each of which takes three or four: a
session that lives has got over those (a route that flapped: measured)."""

LOSSY_LOOKS = 4
"""Looks at the kernel, one after another, that each told of bytes sent again: so often, it is no outage."""

SLOW_FOR_S = 3.0
"""Seconds for which a report of a queue holds."""

SLOW_QUEUE = 256 * 1024
"""Bytes waiting in the kernel that show a link slower than what we send."""


def beats_missed(case: Case) -> None:
    """The server's beats stopped; what the kernel knows says where."""
    trail, n = case.trail, case.trail.beat_in_s
    late = trail.late.get("stomp-in")
    if late is None or late.state != "missed" or not n:
        return
    beat = trail.timers["stomp-in"].received > 0
    if not beat and case.idle_rx < 2 * n + LEAST_GRACE_S - 0.001:
        return  # ActiveMQ's first comes after 2n
    lines = case.lines(trail.last_in, case.kernel.last)
    args: dict[str, Any] = {"idle": round(case.idle_rx, 1), "every": round(n, 1)}
    if case.kernel.undelivered is not None:
        case.blame("network-blackhole", "network", 2 * STRONG, "silent_undelivered", lines, **args)
    else:
        silent_beats(case, 2 * STRONG, lines, args)


def beats_ended(case: Case) -> None:
    """A beat was missed, and since the last one the server only answered us: it works, and has forgotten to beat.
    Whatever it says unasked may stand for beats (STOMP 1.2, "Heart-beating")."""
    trail, late, n = case.trail, case.trail.late.get("stomp-in"), case.trail.beat_in_s
    if late is None or late.state != "recovered":
        return
    beaten = trail.timers["stomp-in"].last_beat_m
    if beaten is None or beaten >= late.m:
        return
    if case.m - beaten >= 2 * n + LEAST_GRACE_S and _only_answered(case, beaten, late.m):
        args: dict[str, Any] = {"idle": round(case.m - beaten, 1), "every": round(n, 1)}
        lines = case.lines(trail.last_out, trail.last_in)
        case.blame("server-heartbeat-missed", "server", STRONG, "beats_ended", lines, **args)


def _only_answered(case: Case, beaten: float, recovered: float) -> bool:
    """Whether nothing came since the last beat but receipts; or one message, right behind one of ours."""
    trail = case.trail
    if trail.told is None or trail.told.m <= beaten:
        return True
    asked = trail.sends[-1].m if trail.sends else beaten
    return trail.told.m <= recovered and recovered - trail.beat_in_s < asked < recovered


def sockjs_beats_missed(case: Case) -> None:
    """The server's ``h`` stopped. A request of ours that was answered since then shows that only the stream is dead."""
    trail, late = case.trail, case.trail.late.get("sockjs-h")
    if late is None or late.state != "missed" or case.idle_rx < 2.9 * late.every_ms / 1000:
        return
    answer = trail.answer
    answered = answer is not None and trail.last_in is not None and answer.m > trail.last_in.m
    lines = case.lines(trail.last_in, answer if answered else None, case.kernel.last)
    args: dict[str, Any] = {"idle": round(case.idle_rx, 1), "every": round(late.every_ms / 1000, 1)}
    if case.kernel.undelivered is not None:
        case.blame("network-blackhole", "network", 2 * STRONG, "silent_undelivered", lines, **args)
        return
    key = "stream_stopped" if answered else "h_stopped"
    case.blame("nat-timeout", "network", 2 * STRONG if answered else FITS, key, lines, **args)
    case.blame("network-blackhole", "network", STRONG, key, lines, **args)
    case.blame("server-heartbeat-missed", "server", STRONG, key, lines, **args)
    case.blame("server-freeze", "server", UNLIKELY if answered else 2 * STRONG, key, lines, **args)


def silent_beats(case: Case, times: float, lines: list[int], args: dict[str, Any]) -> None:
    """Beats that stopped while the peer's kernel acknowledges: its program stands still, unless it still answers."""
    trail, timer = case.trail, case.trail.timers["stomp-in"]
    # It answers, or has answered after its beats had stopped.
    beaten = timer.last_beat_m if timer.last_beat_m is not None else case.m
    signs = [mark for mark in (trail.last_in, trail.answer) if mark is not None]
    spoke = any(mark.m > beaten + 1.2 * trail.beat_in_s for mark in signs)
    beside = [
        one for one in case.world.neighbours
        if one.same_server and one.trail.last_in is not None and one.trail.last_in.m > beaten + 1.2 * trail.beat_in_s
    ]  # fmt: skip
    due = (trail.last_in.m if trail.last_in is not None else 0.0) + trail.beat_in_s
    reads = case.kernel.read if serves(case) and case.kernel.read_to > due else None  # by then it should have spoken
    answers = spoke or bool(beside) or case.idle_rx < trail.beat_in_s or reads is not None
    missed, frozen = (times, times / 4) if answers else (times / 2, times)
    untested = trail.last_in is not None and (trail.last_out is None or trail.last_out.m < trail.last_in.m)
    key = "server_silent_untested" if untested and not answers else "server_beats_stopped"
    case.blame("server-heartbeat-missed", "server", missed, key, lines, **args)
    if reads is not None:
        case.doubt("server-freeze", UNLIKELY, "server_reads", [reads.n])
    elif answers:
        heard = case.lines(*(one.trail.last_in for one in beside)) if beside else case.lines(trail.last_in)
        case.doubt("server-freeze", UNLIKELY, "server_answers", heard)
    elif untested and not trail.remote.startswith(LOOPBACK):  # nothing is lost on the way to this machine
        case.blame("network-blackhole", "network", 0.75 * times, key, lines, **args)
    if (send := unanswered_send(case)) is not None:
        frozen *= 4
        lines, key = [*lines, send.n], "send_unanswered"
        args["waited"] = round(case.m - send.m, 1)
    case.blame("server-freeze", "server", frozen, key, lines, **args)


def unanswered_send(case: Case) -> facts.Http | None:
    """The request by which a SockJS session on a stream said something last, if its answer is overdue: a server that
    works says 204 at once."""
    trail = case.trail
    sent, streams = trail.request, trail.transport is not None and trail.transport.name == "xhr-streaming"
    if not streams or sent is None or not (sent.target or "").endswith("/xhr_send"):
        return None
    waits = trail.answer is None or trail.answer.m < sent.m
    return sent if waits and case.m - sent.m > OVERDUE_SEND_S else None


def serves(case: Case) -> bool:
    """Whether whoever listens at the other end, where that is this machine, serves us, and does not pass us on, and
    reads all we say from one connection."""
    passes_on = forwarder(case) is not None or front(case)
    return listening(case) is not None and not passes_on and not case.by_requests


def reads_nothing(case: Case) -> None:
    """The server's program, which is of this machine, has left unread what its kernel has of ours: it stands still. One
    that reads may be late with its beats or know no pings."""
    close, fact = case.close, case.kernel.unread
    late = case.trail.late.get("stomp-in")
    waited = close.initiator == "local" and not close.asked if close is not None else late and late.state == "missed"
    if fact is None or not waited or not serves(case):
        return
    lines, count = case.lines(case.trail.last_out, fact), fact.peer_unread
    if case.trail.ready is None:
        case.blame("handshake-timeout", "server", FITS, "server_reads_nothing", lines, bytes=count)
        return
    case.blame("server-freeze", "server", 2 * STRONG, "server_reads_nothing", lines, bytes=count)
    case.doubt("server-heartbeat-missed", UNLIKELY, "server_reads_nothing", lines, bytes=count)


def unacknowledged(case: Case) -> None:
    """Silence, and our bytes are sent again and again."""
    trail = case.trail
    info = case.kernel.undelivered
    if info is None or (trail.late.get("stomp-in") is not None and trail.late["stomp-in"].state == "missed"):
        return
    lines = case.lines(case.kernel.unacked_since, info)
    case.blame("network-blackhole", "network", STRONG, "undelivered", lines)


def no_way_out(case: Case) -> None:
    """The kernel has no way to the server any more, and nothing came since it said so."""
    trail, route, now = case.trail, case.trail.route, case.trail.last_route
    if route is None or now is None or now.local is not None or route.local is None:
        return
    if trail.last_in is not None and trail.last_in.m > now.m:
        return
    lines, error = case.lines(route, now), now.error or "–"
    case.blame("local-network-down", "network", 10 * STRONG, "no_route", lines, error=error)
    case.doubt(("server-freeze", "server-heartbeat-missed"), UNLIKELY / 4, "no_route", lines, error=error)


def lossy(case: Case) -> None:
    """Retransmissions while the session goes on."""
    info = case.kernel.newest
    if info is None or (info.total_retrans < MANY_RESENDS and case.kernel.lossy_looks < LOSSY_LOOKS):
        return
    if case.lossy and case.kernel.undelivered is None:
        case.blame("packet-loss", "network", STRONG, "losses", case.lines(info), count=info.total_retrans)


def slow_link(case: Case) -> None:
    """What we send waits in the kernel, and is acknowledged slowly."""
    info, slow = case.kernel.last, case.kernel.slow
    if slow is not None and slow.last_ack_ms < QUEUED_RTT_MS and case.m - slow.m < SLOW_FOR_S:
        case.blame(
            "bandwidth-limited", "network", 2 * STRONG, "slow_link", case.lines(case.trail.tcp, slow),
            bytes=slow.outq, rtt=round(slow.rtt_ms or 0),
        )  # fmt: skip
        return
    if info is None or (info.outq or 0) < SLOW_QUEUE or info.retrans or case.kernel.undelivered is not None:
        return
    case.blame("bandwidth-limited", "network", FITS, "queued", case.lines(info), bytes=info.outq)
    case.blame("server-freeze", "server", HINT, "queued", case.lines(info), bytes=info.outq)


RULES = (
    words.stomp_error,
    ours.peer_breaks_the_rules,
    beats_missed,
    reads_nothing,
    beats_ended,
    sockjs_beats_missed,
    unacknowledged,
    no_way_out,
    tcp.behind_a_hole,
    lossy,
    slow_link,
    forwarding.through_a_vpn,
)
"""The rules about an open session."""

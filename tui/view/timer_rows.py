"""The keep-alive timers of a session, a row each: interval, bar, countdown, grace left, the last gaps, a word.

Late is drawn before it is fatal. Every column has a fixed place, so nothing moves while numbers run.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from tui.session.session import Session
from tui.session.timers import PingTimer, SockjsTimer, Timer
from tui.text import cells
from tui.view import gauges, numbers
from tui.view.lines import Line, Role, Span, pad
from tui.view.look import Look

_WORDS: Mapping[str, tuple[str, Role]] = {
    "ok": ("timer_ok", "ok"),
    "late": ("timer_late", "late"),
    "missed": ("timer_missed", "dead"),
    "off": ("timer_off", "muted"),
}

_WAITED_S = 1.0
"""A ping of ours that has waited this long for its pong is worth a word."""


@dataclass(frozen=True, slots=True)
class Cells:
    """The columns of one timer, before they are put in their places."""

    label: str
    every: str
    gauge: str = ""
    word: str = ""
    value: str = ""
    grace: str = ""
    spark: str = ""
    state: str = ""
    role: Role = "text"
    note: str = ""
    """A sentence in place of all that follows the interval."""


Column = Callable[[int], Cells]
"""Makes the columns of a timer for a sparkline of that many cells."""


def timers(session: Session, now: float, look: Look, *, retrans: int = 0) -> list[Column]:
    """A column maker for each layer the session speaks, TCP last; where it has ended they stand still.

    Args:
        now: the probe's clock.
        retrans: retransmissions of the segment in flight, as the kernel said last.
    """
    ended = session.ended_at
    at = now if ended is None else ended
    made: list[Column] = []
    for layer, timer in session.timers.items():
        if isinstance(timer, PingTimer):
            made.append(partial(_ping, timer, at, look))
        elif isinstance(timer, SockjsTimer):
            made.append(partial(_sockjs, timer, session, at, look, over=ended is not None))
        elif layer in ("stomp-out", "stomp-in"):
            made.append(partial(_stomp, timer, at, look, out=layer == "stomp-out", over=ended is not None))
    made.append(partial(_quiet, session, at, look, retrans))
    return made


def row(column: Column, room: int, look: Look) -> Line:
    """One timer on a line of its own, exactly ``room`` cells; what is left over makes the sparkline longer."""
    spark = 8 + max(0, min(16, room - 58))
    made = column(spark)
    head = (Span(f" {cells.pad(made.label, 7)} ", "text"), Span(f"{cells.pad(made.every, 5, right=True)} ", "muted"))
    if made.note:
        return pad((*head, Span(f" {made.note}", "muted")), room, ellipsis=look.glyphs.ellipsis)
    return pad(
        (
            *head,
            Span(cells.pad(made.gauge, 8) + " ", made.role),
            Span(cells.pad(made.word, 4), "muted"),
            Span(cells.pad(made.value, 7, right=True), _loud(made.role)),
            Span(cells.pad(made.grace, 7, right=True) + " ", "muted"),
            Span(cells.pad(made.spark, spark, right=True) + " ", made.role),
            Span(cells.pad(made.state, 6), made.role),
        ),
        room,
        ellipsis=look.glyphs.ellipsis,
    )


def short(column: Column, room: int, look: Look) -> Line:
    """One timer on half a narrow line, exactly ``room`` cells."""
    made = column(5)
    head = (Span(f"{cells.pad(made.label, 7)} ", "text"), Span(f"{cells.pad(made.every, 5, right=True)} ", "muted"))
    if made.note:
        return pad((*head, Span(made.note, "muted")), room, ellipsis=look.glyphs.ellipsis)
    return pad(
        (
            *head,
            Span(cells.pad(made.word, 4), "muted"),
            Span(cells.pad(made.value, 7, right=True) + " ", _loud(made.role)),
            *_tail(made),
        ),
        room,
        ellipsis=look.glyphs.ellipsis,
    )


def _tail(made: Cells) -> Line:
    """History or gauge, and the state; without a state the gauge has its place as well."""
    mark = made.spark or made.gauge.replace("  ", " ")
    if not made.state:
        return (Span(cells.pad(mark, 12), made.role),)
    return Span(cells.pad(mark, 5, right=True) + " ", made.role), Span(cells.pad(made.state, 6), made.role)


def _loud(role: Role) -> Role:
    return role if role in ("late", "dead") else "text"


def _stomp(timer: Timer, at: float, look: Look, wide: int, *, out: bool, over: bool) -> Cells:
    glyphs = look.glyphs
    label = f"STOMP {glyphs.up if out else glyphs.down}"
    if timer.since is None:
        return Cells(label, glyphs.none, note=look.say("timer_not_agreed"))
    if not timer.every_ms or timer.last_m is None:
        return Cells(label, glyphs.none, note=look.say("timer_none_agreed"))
    every, gap = timer.every_ms / 1000, max(0.0, at - timer.last_m)
    key, role = _WORDS[timer.state]
    late = timer.state in ("late", "missed")
    gaps = [*timer.gaps, gap * 1000] if late else [*timer.gaps]
    shared = Cells(
        label, numbers.interval(timer.every_ms), state=look.say(key), role=role,
        spark=gauges.spark(gaps, wide, glyphs, usual=timer.every_ms),
    )  # fmt: skip
    if late:
        left = "" if out or over or timer.state == "missed" else f"+{numbers.seconds(max(0.0, 2 * every - gap))}"
        return _with(shared, word=look.say("timer_gap"), value=numbers.seconds(gap), grace=left)
    if over:
        return _with(shared, word=look.say("timer_last"), value=numbers.seconds(gap))
    # Our beats go out at a fixed cadence, whatever else was sent; the server's silence counts from its last byte.
    since = (timer.last_beat_m or timer.since) if out else timer.last_m
    left_s = max(0.0, since + every - at)
    return _with(
        shared,
        gauge=gauges.bar(1 - left_s / every, 8, glyphs),
        word=look.say("timer_next" if out else "timer_due"),
        value=numbers.seconds(left_s),
        grace="" if out else f"+{numbers.seconds(every)}",
    )


def _sockjs(timer: SockjsTimer, session: Session, at: float, look: Look, wide: int, *, over: bool) -> Cells:
    """SockJS's ``h``: off where STOMP beats are on, as Spring has it; unknown until the first one came."""
    label = f"SockJS{look.glyphs.down}"
    if timer.every_ms and timer.last_m is not None:
        return replace(_stomp(timer, at, look, wide, out=False, over=over), label=label)
    beating = session.timers.get("stomp-in")
    off = beating is not None and bool(beating.every_ms)
    return Cells(label, look.glyphs.none, note=look.say("timer_sockjs_off" if off else "timer_none_seen"))


def _with(made: Cells, **more: str) -> Cells:
    return Cells(**{name: more.get(name, getattr(made, name)) for name in Cells.__slots__})


def _ping(timer: PingTimer, at: float, look: Look, wide: int) -> Cells:
    glyphs = look.glyphs
    label = look.say("timer_ping")
    every = numbers.interval(timer.every_ms) if timer.every_ms else glyphs.none
    waiting = timer.outstanding
    if not (timer.sent or timer.received):
        return Cells(label, every, note=look.say("timer_none_seen"))
    counts = f"{glyphs.up}{numbers.count(timer.sent)} {glyphs.down}{numbers.count(timer.received)}"
    usual = min(timer.rtts, default=0.0)
    spark = gauges.spark([*timer.rtts], wide, glyphs, usual=usual)
    if waiting is not None and at - waiting.since > _WAITED_S:
        return Cells(
            label, every, counts, look.say("timer_wait"), numbers.seconds(at - waiting.since),
            spark=spark, state=look.say("timer_late"), role="late",
        )  # fmt: skip
    key, role = _WORDS["ok" if timer.state == "off" else timer.state]
    if timer.rtt_ms is None:
        return Cells(label, every, counts, spark=spark, state=look.say(key), role=role)
    return Cells(
        label, every, counts, look.say("timer_rtt"), numbers.millis(timer.rtt_ms), spark=spark, state=look.say(key),
        role=role,
    )  # fmt: skip


def _quiet(session: Session, at: float, look: Look, retrans: int, _: int) -> Cells:
    glyphs = look.glyphs
    if session.last_rx_m is None and session.last_tx_m is None:
        return Cells("TCP", glyphs.none, note=look.say("timer_no_byte"))

    def since(m: float | None) -> str:
        return glyphs.none if m is None else numbers.seconds(max(0.0, at - m))

    lost = retrans > 0
    return Cells(
        "TCP", look.say("timer_quiet"), f"{glyphs.up}{since(session.last_tx_m):>6}",
        word=f"  {glyphs.down}", value=f"{since(session.last_rx_m)}",
        grace="" if session.rtt_ms is None else numbers.millis(session.rtt_ms),
        state=look.say("timer_lost") if lost else "", role="late" if lost else "muted",
    )  # fmt: skip

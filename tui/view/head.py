"""The head of a pane: who, where, in what state; what is spoken; what has gone each way; the timers; the column names.

Wide panes stand in a box of their own, narrow ones share the screen's width without one.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

from tui.session.session import Session
from tui.session.state import State
from tui.view import numbers, timer_rows
from tui.view.lines import Line, Role, Span, fit, line, pad, spread
from tui.view.look import Look
from tui.view.pane import Pane
from tui.view.rows import heading

_ROLES: Mapping[State, Role] = {
    State.CONNECTING: "accent",
    State.RECONNECTING: "accent",
    State.OPEN: "ok",
    State.FROZEN: "late",
    State.CLOSING: "late",
    State.CLOSED: "muted",
    State.DROPPED: "dead",
    State.FAILED: "dead",
}

_ENDED = (State.CLOSED, State.DROPPED, State.FAILED)


class Shown(NamedTuple):
    """How a session's state is said: always a sign, a word and a role."""

    glyph: str
    word: str
    role: Role


def shown_state(pane: Pane, look: Look) -> Shown:
    """The state of a pane's session; one whose probe is gone is said to be lost."""
    if pane.lost and pane.session.state not in _ENDED:
        return Shown(look.glyphs.dropped, look.say("state_lost"), "dead")
    state = pane.session.state
    return Shown(getattr(look.glyphs, state.value), look.say(f"state_{state.value}"), _ROLES[state])


def lifetime(session: Session, now: float) -> float | None:
    """Seconds the session has been ready, or was until it ended; since it began where it was never ready."""
    since = session.ready_at if session.ready_at is not None else session.began_at
    if since is None:
        return None
    if session.close is not None and session.ended_at is not None and session.close.age is not None:
        return session.close.age
    return (session.ended_at if session.ended_at is not None else now) - since


def age_text(pane: Pane, now: float, look: Look) -> str:
    """How long it has lived, or until the next attempt; empty before its first byte."""
    retry = pane.session.retry
    if retry is not None:
        left = max(0.0, retry.m + retry.in_s - now)
        return look.say("retry_in", seconds=math.ceil(left), attempt=retry.attempt)
    lived = lifetime(pane.session, now)
    return "" if lived is None else numbers.age(lived)


def chips(pane: Pane, look: Look) -> list[str]:
    """What is spoken, layer by layer, from the bottom."""
    session, seen = pane.session, pane.seen
    found = [look.safe(seen.tls)] if seen.tls else []
    if session.spoken.sockjs:
        found.append(f"sockjs/{session.transport}" if session.transport else "sockjs")
    elif not session.spoken.tcp:
        found.append("ws")
    if session.spoken.stomp:
        found.append(f"stomp {look.safe(session.stomp_version)}" if session.stomp_version else "stomp")
    elif session.subprotocol:
        found.append(look.safe(session.subprotocol))
    if session.connection > 1:
        found.append(look.say("chip_connection", number=session.connection))
    if any(name.startswith("permessage-deflate") for name in session.extensions):
        found.append("deflate")
    return found


def counters(session: Session, look: Look) -> Line:
    """Frames each way, in columns of their own."""
    up, down = look.glyphs.up, look.glyphs.down
    out, in_ = session.counters.frames_out, session.counters.frames_in
    return (
        Span(f"{up} ", "out"), Span(f"{numbers.count(out):<5}  ", "text"),
        Span(f"{down} ", "in"), Span(f"{numbers.count(in_):<5}", "text"),
    )  # fmt: skip


def boxed(pane: Pane, now: float, look: Look, room: int, *, focused: bool) -> list[Line]:
    """The head of a pane in a box, ``room`` cells wide: title, chips, timers, column names."""
    glyphs, edge = look.glyphs, _edge(focused)
    inner = room - 2
    state = shown_state(pane, look)
    rule = glyphs.horizontal
    right = (
        Span(f" {state.glyph} {state.word} {age_text(pane, now, look)} ", state.role),
        Span(glyphs.top_right, edge),
    )
    left = (
        Span(f"{glyphs.top_left}{rule} ", edge),
        Span(pane.name, "strong"),
        Span(f" {rule} ", edge),
        Span(f"{look.safe(pane.session.url)} ", "muted"),
    )
    title = spread(left, right, room, ellipsis=glyphs.ellipsis, fill=rule, role=edge)
    made = timer_rows.timers(pane.session, now, look, retrans=pane.seen.retrans)
    rows = [
        spread(
            line(" ", (look.dotted(*chips(pane, look)), "muted")), (*counters(pane.session, look), Span(" ")), inner,
            ellipsis=glyphs.ellipsis,
        ),
        *(timer_rows.row(column, inner, look) for column in made),
    ]  # fmt: skip
    return [
        title,
        *((Span(glyphs.vertical, edge), *row, Span(glyphs.vertical, edge)) for row in rows),
        (Span(glyphs.tee_left, edge), *heading(look, inner), Span(glyphs.tee_right, edge)),
    ]


def foot(look: Look, room: int, note: Line, *, focused: bool) -> Line:
    """The lower edge of a pane's box, with what its table has to say at the right."""
    glyphs, edge = look.glyphs, _edge(focused)
    right = (*note, Span(glyphs.bottom_right, edge)) if note else (Span(glyphs.bottom_right, edge),)
    return spread((Span(glyphs.bottom_left, edge),), right, room, fill=glyphs.horizontal, role=edge)


def bare(pane: Pane, now: float, look: Look, room: int, note: Line) -> list[Line]:
    """The head of a pane without a box: two timers a line."""
    glyphs = look.glyphs
    state = shown_state(pane, look)
    title = spread(
        line(" ", (pane.name, "strong"), "  ", (look.safe(pane.session.url), "muted"), " "),
        (Span(f" {state.glyph} {state.word} {age_text(pane, now, look)} ", state.role),),
        room,
        ellipsis=glyphs.ellipsis,
    )
    made = timer_rows.timers(pane.session, now, look, retrans=pane.seen.retrans)
    half = (room - 2) // 2
    rows = [
        pad((Span(" "), *timer_rows.short(left, half, look), Span(" "),
             *(timer_rows.short(made[at + 1], half, look) if (at := made.index(left)) + 1 < len(made) else ())), room)
        for left in made[::2]
    ]  # fmt: skip
    return [title, *rows, heading(look, room, note=note)]


def table_note(look: Look, *, behind: int, following: bool, query: str, searched: float) -> Line:
    """What a table has to say of itself: paused and how far behind, filtered and by what."""
    parts: list[Span] = []
    if query:
        done = "" if searched >= 1 else f" {searched:.0%}"
        parts.append(Span(f" /{look.safe(query)}{done} ", "accent"))
    if not following:
        badge = f" +{numbers.count(behind)}" if behind else ""
        parts.append(Span(f" {look.glyphs.pause} {look.say('note_paused')}{badge} ", "late"))
    return tuple(parts)


def strip(panes: list[Pane], current: int, now: list[float], look: Look, room: int) -> Line:
    """Every session in a word or two, for a screen that shows one of them at a time."""
    spans: list[Span] = []
    for at, (pane, m) in enumerate(zip(panes, now, strict=True)):
        state = shown_state(pane, look)
        role: Role = "strong" if at == current else "muted"
        spans += [Span(f"{pane.name} ", role), Span(f"{state.glyph} ", state.role)]
        if pane.session.close is not None and pane.session.close.code is not None:
            spans.append(Span(f"{pane.session.close.code} ", state.role))
        spans.append(Span(f"{age_text(pane, m, look)}", role))
        spans.append(Span("   "))
    if len(panes) > 1:
        spans.append(Span(f"[{current + 1}/{len(panes)}]", "muted"))
    return fit(tuple(spans), room, ellipsis=look.glyphs.ellipsis)


def waiting(pane: Pane, look: Look) -> Line:
    """What stands in a table that has no row to show."""
    if len(pane.blocks):
        return line((f" {look.say('empty_filtered')}", "muted"))
    return line((f" {look.say('empty_table')}", "muted"))


def _edge(focused: bool) -> Role:
    return "focus" if focused else "edge"

"""The close card: why a session ended and how, in lines. The verdict first, then code and meaning, who ended it, what
TCP and TLS did, when. A session that ails while it is open has one too. A section has a weight, so that a low screen
drops what matters least.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from tui.facts.findings import Close, Verdict
from tui.knowledge import close_codes
from tui.session.state import State
from tui.text import cells
from tui.text.wrapping import wrap
from tui.view import numbers, opening
from tui.view import verdict as words
from tui.view.lines import Line, Role, Span, fit, line, pad, spread
from tui.view.look import Look
from tui.view.pane import Pane

_LABEL = 9

BECAUSE = 3
"""Reasons the card has room for."""


class Section(NamedTuple):
    """One labelled sentence of the card."""

    label: str
    text: str
    weight: int
    """The lower, the longer it stays when room is short."""
    role: Role = "text"


class Card(NamedTuple):
    """A close report, ready to be put into lines."""

    parts: tuple[str, ...]
    """The title: code and name, whether it was on the wire, who ended it."""
    role: Role
    sections: list[Section]


def card(pane: Pane, siblings: Sequence[Pane], look: Look) -> Card | None:
    """The card of a pane whose session has ended; None while it lives."""
    close, verdict = pane.session.close, pane.verdict
    if pane.lost and pane.session.ended_at is None:
        return Card(
            (f"{look.glyphs.dropped} {look.say('card_lost')}",), "dead", [Section("", look.say("card_lost_text"), 0)]
        )
    if close is None or pane.session.ended_at is None:
        if verdict is None or verdict.cause == "none" or verdict.c != pane.session.connection:
            return None
        said = f"{look.glyphs.dropped} {look.say('verdict_open')}"
        return Card((said, words.name(verdict.cause, look)), "late", _verdict(verdict, look))
    quiet = pane.session.state is State.CLOSED
    role: Role = "muted" if quiet else "dead"
    glyph = look.glyphs.closed if quiet else look.glyphs.dropped
    parts = (f"{glyph} {_code_name(close, look)}", _wire(close, look), look.say(f"card_initiator_{close.initiator}"))
    sections = [
        *(_verdict(verdict, look) if verdict is not None and verdict.cause != "none" else []),
        *_said(close, look),
        Section(look.say("card_means"), _means(pane, close, look), 3),
        *(Section(label, text, 0, "error") for label, text in opening.sections(pane.seen, close, look)),
        Section("TCP", _transport(close, look), 1),
        *_browser(close, look),
        Section(look.say("card_lived"), _lived(close, look), 2),
        Section(look.say("card_at"), _moment(pane, close, look), 4),
        *_server_clock(pane, close, look),
        *_others(pane, siblings, look),
    ]
    return Card(parts, role, [section for section in sections if section.text])


def markdown(pane: Pane, verdict: Verdict, siblings: Sequence[Pane], look: Look) -> str:
    """A pane's verdict and how its session ended, as Markdown."""
    made = card(pane, siblings, look)
    title = look.dotted(pane.name, look.safe(pane.session.url), *(made.parts if made is not None else ()))
    said = {section.label for section in _verdict(verdict, look)}
    facts = [(one.label, one.text) for one in made.sections if one.label not in said] if made is not None else []
    differs = pane.comparison.differs if pane.comparison is not None else []
    return words.markdown(verdict, title, facts, differs, look)


def boxed(made: Card, look: Look, room: int, height: int) -> list[Line]:
    """The card in a box of its own, ``room`` cells wide and at most ``height`` lines high."""
    glyphs, edge = look.glyphs, made.role
    inner = room - 4
    title, made = _titled(made, look, inner)
    top = spread(
        (Span(f"{glyphs.top_left} ", edge), *title, Span(" ")), (Span(glyphs.top_right, edge),), room,
        fill=glyphs.horizontal, role=edge,
    )  # fmt: skip
    body = [
        (Span(f"{glyphs.vertical} ", edge), *row, Span(f" {glyphs.vertical}", edge))
        for row in rows(made, look, inner, height - 2)
    ]
    bottom = spread(
        (Span(glyphs.bottom_left, edge),), (Span(glyphs.bottom_right, edge),), room, fill=glyphs.horizontal, role=edge
    )
    return [top, *body, bottom]


def bare(made: Card, look: Look, room: int, height: int) -> list[Line]:
    """The card without a box: its title, then its rows."""
    title, made = _titled(made, look, room - 2)
    title = pad((Span(" "), *title, Span(" ")), room, fill=look.glyphs.horizontal, role="edge")
    body = [(Span(" "), *row) for row in rows(made, look, room - 2, height - 1)]
    return [title, *(pad(row, room) for row in body)]


def _titled(made: Card, look: Look, room: int) -> tuple[Line, Card]:
    """The title in ``room`` cells; the parts it has no room for become a section of their own."""
    kept = len(made.parts)
    while kept > 1 and cells.width(look.dotted(*made.parts[:kept])) > room:
        kept -= 1
    left = made.parts[kept:]
    if left:
        made = made._replace(sections=[Section(look.say("card_who"), look.dotted(*left), 0), *made.sections])
    return fit(line((look.dotted(*made.parts[:kept]), made.role)), room, ellipsis=look.glyphs.ellipsis), made


def rows(made: Card, look: Look, room: int, height: int) -> list[Line]:
    """The sections in at most ``height`` rows of exactly ``room`` cells: the heaviest go first, the longest of them."""
    kept = list(made.sections)
    lines = [_section_rows(section, look, room) for section in kept]
    while sum(map(len, lines)) > height and len(kept) > 1:
        longest = max(lines, key=len)
        if len(longest) > 2:
            lines[lines.index(longest)] = _cut(longest, len(longest) - 1, look, room)
            continue
        out = max(range(len(kept)), key=lambda at: (kept[at].weight, len(lines[at])))
        if len(lines[out]) > 1:
            lines[out] = _cut(lines[out], len(lines[out]) - 1, look, room)
            continue
        del kept[out], lines[out]
    return [row for section in lines for row in section][: max(0, height)]


def _cut(rows_: list[Line], keep: int, look: Look, room: int) -> list[Line]:
    """The first rows of a section, the last of them marked as cut."""
    left = rows_[:keep]
    last = left[-1]
    text = last[-1].text.rstrip()
    head = last[:-1]
    free = room - sum(cells.width(span.text) for span in head)
    mark = look.glyphs.ellipsis
    kept = wrap(text, max(2, free - 2))[0]
    left[-1] = pad((*head, Span(f"{kept} {mark}", last[-1].role)), room)
    return left


def _section_rows(section: Section, look: Look, room: int) -> list[Line]:
    texts = wrap(section.text, room - _LABEL)
    return [
        pad((Span(cells.pad(section.label if at == 0 else "", _LABEL), "muted"), Span(text, section.role)), room,
            ellipsis=look.glyphs.ellipsis)
        for at, text in enumerate(texts)
    ]  # fmt: skip


def _verdict(verdict: Verdict, look: Look) -> list[Section]:
    """Why, on whose side, what for and against it, what to do: the first reasons, the rest on the evidence page."""
    first = verdict.causes[0]
    reasons = words.reasons(first, look)
    because = [reason.text for reason in reasons if not reason.against][:BECAUSE]
    against = [reason.text for reason in reasons if reason.against][:1]
    sections = [
        Section(look.say("verdict_why"), words.headline(verdict, look), -4, "strong"),
        Section(look.say("verdict_side"), words.blame(verdict, look), -3),
        *(Section(look.say("verdict_because") if at == 0 else "", text, at - 2) for at, text in enumerate(because)),
        *(Section(look.say("verdict_against"), text, 1) for text in against),
        Section(look.say("verdict_or"), words.others(verdict, look), 1 if first.grade in ("certain", "strong") else -1),
        Section(look.say("verdict_fix"), words.fix(first, look), -1),
        Section(look.say("verdict_confirm"), words.confirm(first, look), 1),
    ]
    return [section for section in sections if section.text]


def _context(pane: Pane, close: Close) -> close_codes.Context:
    return close_codes.Context(
        reason=close.reason, url=pane.session.url, subprotocol=pane.session.subprotocol or "",
        server=pane.seen.server, error=close.error or "",
        ours=close.initiator == "local" and close.sent is not None and close.sent.code == close.code,
    )  # fmt: skip


def _code_name(close: Close, look: Look) -> str:
    if close.code is None:
        return look.say(opening.how_key(close.transport))
    return f"{close.code} {look.safe(close.name)}" if close.name else str(close.code)


def _wire(close: Close, look: Look) -> str:
    if close.code is None:
        return look.say("card_no_code")
    if close.synthetic:
        return look.say("card_synthetic")
    return look.say("card_sent" if close.received is None and close.sockjs is None else "card_received")


def _means(pane: Pane, close: Close, look: Look) -> str:
    if close.code is None:
        return ""
    best = close_codes.meanings(close.code, _context(pane, close))[0]
    said = look.read(best.meaning) if best.sure else look.say("explain.unsure", said=look.read(best.meaning))
    return f"{best.product}: {said}" if best.product else said


def _said(close: Close, look: Look) -> list[Section]:
    found = []
    if close.error is not None:
        text = look.say("card_error", error=look.safe(close.error)) if close.error else look.say("card_error_silent")
        found.append(Section(look.say("card_said"), text, 0, "error"))
    if close.reason:
        found.append(
            Section(
                look.say("card_said") if not found else "", look.say("card_reason", reason=look.safe(close.reason)), 0
            )
        )
    return found


def _transport(close: Close, look: Look) -> str:
    end = close.transport
    parts = [look.say(opening.how_key(end))]
    if end.errno:
        parts.append(look.safe(end.errno))
    if end.phase != "open":
        parts.append(look.say("card_phase", phase=end.phase.upper()))
    if end.alert is not None:
        key = "card_alert_in" if end.alert.dir == "in" else "card_alert_out"
        parts.append(look.say(key, name=look.safe(end.alert.name), number=end.alert.number))
    if end.close_notify is not None:
        came, went = end.close_notify.in_, end.close_notify.out
        parts.append(
            look.say(f"card_notify_{'both' if came and went else 'in' if came else 'out' if went else 'none'}")
        )
    left = (("card_undecoded", end.undecoded), ("card_unread", end.unread), ("card_unsent", end.unsent))
    parts += [look.say(key, count=numbers.count(count)) for key, count in left if count]
    if end.detail:
        parts.append(look.safe(end.detail[:200]))
    return look.dotted(*parts)


def _browser(close: Close, look: Look) -> list[Section]:
    view = close.app_view
    if view is None:
        return []
    args = {"code": view.code, "clean": str(view.was_clean).lower(), "reason": look.safe(view.reason)}
    key = "card_app_view_reason" if view.reason else "card_app_view"
    return [Section(look.say("card_browser"), look.say(key, args), 5)]


def _lived(close: Close, look: Look) -> str:
    if close.age is None:
        return look.say("card_never_ready")

    def idle(value: float | None) -> str:
        return look.glyphs.none if value is None else numbers.seconds(value)

    return look.say(
        "card_lived_text", age=numbers.age(close.age) if close.age >= 60 else numbers.seconds(close.age),
        received=idle(close.idle_rx), sent=idle(close.idle_tx),
    )  # fmt: skip


def _moment(pane: Pane, close: Close, look: Look) -> str:
    local = datetime.fromtimestamp(close.t).astimezone()
    return look.say("card_at_text", local=f"{local:%H:%M:%S}.{local.microsecond // 1000:03}", utc=_utc(close.t))


def _utc(t: float) -> str:
    moment = datetime.fromtimestamp(t, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03}"


def _server_clock(pane: Pane, close: Close, look: Look) -> list[Section]:
    ahead = pane.seen.clock_ahead
    if ahead is None:
        return []
    moment = datetime.fromtimestamp(close.t + ahead, UTC)
    return [Section(look.say("card_log"), look.say("card_log_text", at=f"{moment:%H:%M:%S}"), 4)]


def _others(pane: Pane, siblings: Sequence[Pane], look: Look) -> list[Section]:
    parts = []
    for other in siblings:
        if other is pane:
            continue
        where = look.say("card_same_server" if _server(other) == _server(pane) else "card_other_server")
        state = look.say("state_lost" if other.lost else "card_lives")
        if other.session.ended_at is not None:
            gap = other.session.ended_at - (pane.session.ended_at or 0)
            state = look.say("card_ended_before" if gap < 0 else "card_ended_after", gap=numbers.seconds(abs(gap)))
        parts.append(look.say("card_other", name=other.name, where=where, state=state))
    return [Section(look.say("card_others"), look.dotted(*parts[:4]), 2)] if parts else []


def _server(pane: Pane) -> str:
    """Host and port of the target."""
    return pane.session.url.partition("://")[2].partition("/")[0].rpartition("@")[2].lower()

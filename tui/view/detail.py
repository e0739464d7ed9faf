"""Everything about one row: where it stands, header bits, STOMP headers, JSON pretty-printed, the bytes in hex."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from tui.facts.facts import Bytes, Fact, Frame, Unknown
from tui.protocols.stomp import Beat, StompFrame
from tui.text import cells, hexrows
from tui.text.wrapping import wrap
from tui.view import card, numbers
from tui.view.frame_rows import carried
from tui.view.lines import Line, Role, Span, pad
from tui.view.look import Look
from tui.view.pane import Pane, Whole
from tui.view.rows import Row

SHOWN = 64 * 1024
"""Bytes of a payload that are written out; the recording has them all."""

_LABEL = 16
_COMMON = frozenset({"type", "t", "m", "s", "c", "n"})
_DRAWN = frozenset({"text", "b64", "head", "wire", "size", "opcode", "fin", "rsv", "masked", "deflate", "dir"})


def detail(pane: Pane, number: int, look: Look, room: int) -> list[Line]:
    """The row of that number, written out in lines of ``room`` cells."""
    row, whole = pane.blocks.row(number), pane.whole(number)
    lines = [*_where(row, whole, look, room)]
    if whole is None:
        lines += _section(look.say("detail_row"), room)
        lines += _text(row.text or look.say(row.key, row.args) if row.key or row.text else "", room)
        return lines
    fact, item = whole
    if isinstance(item, StompFrame):
        lines += _stomp(item, look, room)
    elif isinstance(item, Beat):
        lines += _field(look.say("detail_beat"), look.say("detail_beat_bytes", count=item.size), look, room)
    if isinstance(fact, Frame):
        lines += _frame(fact, look, room)
    if isinstance(fact, Frame | Bytes):
        lines += _payload(fact, look, room, text=item is None)
    elif isinstance(fact, Unknown):
        lines += _section(look.say("detail_line"), room)
        lines += _text(look.safe(fact.line[:SHOWN].decode("utf-8", "backslashreplace")), room)
    else:
        lines += _fields(fact, look, room)
    return lines


def card_detail(pane: Pane, siblings: list[Pane], look: Look, room: int) -> list[Line]:
    """The whole close card, nothing left out for want of room."""
    made = card.card(pane, siblings, look)
    return [] if made is None else card.bare(made, look, room, 1000)


def _where(row: Row, whole: Whole | None, look: Look, room: int) -> Iterable[Line]:
    local = datetime.fromtimestamp(row.t).astimezone()
    utc = datetime.fromtimestamp(row.t, UTC)
    way = {"in": look.say("detail_in"), "out": look.say("detail_out"), "": ""}[row.dir]
    yield from _field(look.say("detail_what"), look.dotted(f"{row.layer} {row.type}", way), look, room, role="strong")
    yield from _field(look.say("detail_at"), f"{local:%H:%M:%S.%f} ({utc:%Y-%m-%d %H:%M:%S.%f} UTC)", look, room)
    named = (f"n {row.n}", f"c {whole.fact.c}") if whole is not None else ()
    yield from _field(look.say("detail_line"), look.dotted(*named, f"m {row.m:.6f}"), look, room)


def _stomp(frame: StompFrame, look: Look, room: int) -> Iterable[Line]:
    yield from _section("STOMP", room)
    yield from _field(look.say("detail_command"), look.safe(frame.command), look, room, role="strong")
    for name, value in frame.headers:
        yield from _field(look.safe(name), look.safe(value), look, room)
    if frame.flaws:
        yield from _field(look.say("detail_flaws"), " ".join(frame.flaws), look, room, role="error")
    if frame.body:
        yield from _section(look.say("detail_body", size=numbers.count(len(frame.body))), room)
        yield from _body(frame.body, look, room)


def _frame(fact: Frame, look: Look, room: int) -> Iterable[Line]:
    yield from _section("WebSocket", room)
    bits = look.dotted(
        f"FIN {int(fact.fin)}", f"RSV {fact.rsv:03b}", f"opcode {fact.opcode:#x}", f"MASK {int(fact.masked)}",
        look.say("detail_payload", size=fact.size), look.say("detail_wire", size=fact.wire),
    )  # fmt: skip
    yield from _field(look.say("detail_header"), bits, look, room)
    yield from _field("hex", " ".join(fact.head[at : at + 2] for at in range(0, len(fact.head), 2)), look, room)
    notes = [
        *([look.say("detail_deflate")] if fact.deflate else []),
        *([look.say("detail_cut")] if fact.cut else []),
        *([look.say("detail_redacted")] if fact.redacted else []),
    ]
    if notes:
        yield from _field("", look.dotted(*notes), look, room)
    if fact.error:
        yield from _field(look.say("detail_breaks"), fact.error, look, room, role="error")
    if fact.code is not None:
        yield from _field(look.say("detail_code"), f"{fact.code} {look.safe(fact.reason or '')}", look, room)


def _payload(fact: Frame | Bytes, look: Look, room: int, *, text: bool) -> Iterable[Line]:
    data = carried(fact)
    if not data:
        return
    if text and fact.text is not None:
        yield from _section(look.say("detail_text"), room)
        yield from _body(data, look, room)
    yield from _section(look.say("detail_hex", size=numbers.count(len(data))), room)
    per_row = 16 if room >= 78 else 8
    for row in hexrows.hex_rows(data[:SHOWN], per_row=per_row):
        yield pad((Span(f"  {row}", "muted"),), room)
    yield from _rest(len(data), look, room)


def _body(data: bytes, look: Look, room: int) -> Iterable[Line]:
    shown = data[:SHOWN]
    try:
        pretty = json.dumps(json.loads(data), indent=2, ensure_ascii=False) if len(data) <= SHOWN else ""
    except (ValueError, RecursionError):
        pretty = ""
    for line in (pretty or shown.decode("utf-8", "backslashreplace")).split("\n"):
        yield from _text(look.safe(line), room, indent=len(line) - len(line.lstrip(" ")))
    yield from _rest(len(data), look, room)


def _rest(size: int, look: Look, room: int) -> Iterable[Line]:
    if size > SHOWN:
        yield pad((Span(f"  {look.say('detail_rest', size=numbers.count(size - SHOWN))}", "late"),), room)


def _fields(fact: Fact, look: Look, room: int) -> Iterable[Line]:
    yield from _section(look.say("detail_fact", type=fact.__struct_config__.tag), room)
    plain: dict[str, Any] = msgspec.to_builtins(fact)
    for name, value in plain.items():
        if name in _COMMON or (name in _DRAWN and isinstance(fact, Frame)):
            continue
        if isinstance(value, list) and value and isinstance(value[0], list | tuple | dict):
            for item in value:
                words = _flat(item) if isinstance(item, dict) else ": ".join(map(str, item))
                yield from _field(look.safe(name), look.safe(words), look, room)
                name = ""
        else:
            said = _flat(value) if isinstance(value, dict | list) else str(value)
            yield from _field(look.safe(name), look.safe(said), look, room)


def _flat(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _section(title: str, room: int) -> Iterable[Line]:
    yield pad((Span(""),), room)
    yield pad((Span(f" {title}", "accent"),), room)


def _field(name: str, value: str, look: Look, room: int, *, role: Role = "text") -> Iterable[Line]:
    label = cells.pad(name, _LABEL) if cells.width(name) < _LABEL else f"{name} "
    for at, part in enumerate(wrap(value, max(8, room - _LABEL - 2))):
        head = f" {label}" if at == 0 else " " * (_LABEL + 1)
        yield pad((Span(head, "muted"), Span(part, role)), room, ellipsis=look.glyphs.ellipsis)


def _text(text: str, room: int, *, indent: int = 0) -> Iterable[Line]:
    for part in wrap(text.strip(" "), max(8, room - 4 - indent)):
        yield pad((Span("  " + " " * indent), Span(part)), room)

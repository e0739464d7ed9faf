"""A row of the frame table: one meaning, at the highest layer that was decoded. Drawn here, made in ``frame_rows``
and ``event_rows``, kept in ``blocks``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from tui.text import cells
from tui.view import numbers
from tui.view.lines import Line, Role, Span, fit, pad
from tui.view.look import Look

Kind = Literal["data", "control", "beat", "event", "trace"]
"""What a row is for the toggles: ``control`` is WebSocket ping, pong; ``event`` is what happened to the connection;
``trace`` is what is only wanted when one looks for it (kernel counters, routes)."""

TEXT_KEPT = 400
"""Characters of remote text a row keeps: more than any screen is wide. The rest is in the file."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row. ``text`` is safe to draw; ``key`` and ``args`` say a sentence of ours before it."""

    t: float
    m: float
    n: int
    """The number of its fact; 0 where it was found out, not recorded."""
    layer: str
    type: str
    kind: Kind
    dir: Literal["in", "out", ""] = ""
    text: str = ""
    key: str = ""
    args: Mapping[str, object] | None = None
    size: int | None = None
    role: Role = "text"
    part: int = -1
    """Which of the things decoded from its fact this row is; -1 where it is the fact itself."""


TIME_CELLS = 12
_FIXED = TIME_CELLS + 17
"""Cells of everything but type and summary: time, direction, layer, size and the spaces between."""


def type_cells(room: int) -> int:
    """The width of the type column in a table ``room`` cells wide: the longest STOMP command, where there is room."""
    return 11 if room >= 72 else 9


def heading(look: Look, room: int, *, note: Line = ()) -> Line:
    """The column names, on a rule: ``─ time ───── layer ─ type ──── summary ─── size``; ``note`` stands before size."""
    rule = look.glyphs.horizontal
    size = f" {look.say('col_size')}"
    wide = type_cells(room)

    def column(name: str, room: int) -> list[Span]:
        word = f" {cells.fit(look.say(name), room - 2)} "
        return [Span(word, "muted"), Span(rule * (room - cells.width(word)), "edge")]

    spans = [
        *column("col_time", TIME_CELLS + 3),
        *column("col_layer", 7),
        *column("col_type", wide + 1),
        Span(f" {look.say('col_summary')} ", "muted"),
    ]
    tail = (*note, Span(size, "muted"))
    head = pad(tuple(spans), room - sum(cells.width(span.text) for span in tail), fill=rule, role="edge")
    return fit((*head, *tail), room)


def time_text(row: Row, look: Look, *, opened: float | None, previous: Row | None) -> str:
    """The time column: always ``TIME_CELLS`` cells."""
    if look.time == "clock":
        return f"{datetime.fromtimestamp(row.t):%H:%M:%S.%f}"[:TIME_CELLS]  # noqa: DTZ006 - the reader's own clock
    start = opened if look.time == "since-open" else previous.m if previous else None
    since = 0.0 if start is None else row.m - start
    return f"{since:+.3f}".rjust(TIME_CELLS)[:TIME_CELLS]


def summary(row: Row, look: Look) -> str:
    """The sentence and the remote text of a row, safe to draw."""
    said = look.say(row.key, row.args) if row.key else ""
    return f"{said} {row.text}" if said and row.text else said or row.text


def draw(
    row: Row, room: int, look: Look, *, opened: float | None = None, previous: Row | None = None, marked: bool = False
) -> Line:
    """The row as a line of exactly ``room`` cells."""
    glyphs = look.glyphs
    arrow = {"in": glyphs.incoming, "out": glyphs.outgoing, "": " "}[row.dir]
    way: Role = "in" if row.dir == "in" else "out" if row.dir == "out" else "muted"
    quiet = row.kind != "data" and row.role == "text"
    size = "" if row.size is None else numbers.size(row.size)
    wide = type_cells(room)
    left = max(0, room - _FIXED - wide)
    words = cells.pad(cells.fit(summary(row, look), left, ellipsis=glyphs.ellipsis), left)
    line: Line = (
        Span(glyphs.marker if marked else " ", "mark"),
        Span(time_text(row, look, opened=opened, previous=previous), "muted"),
        Span(f" {arrow} ", way),
        Span(cells.pad(cells.fit(row.layer, 6, ellipsis=glyphs.ellipsis), 6) + " ", "muted"),
        Span(cells.pad(cells.fit(row.type, wide, ellipsis=glyphs.ellipsis), wide) + " ",
             "muted" if quiet else row.role),
        Span(words, "muted" if quiet else row.role),
        Span(cells.pad(size, 5, right=True), "muted"),
    )  # fmt: skip
    return pad(line, room, ellipsis=glyphs.ellipsis)

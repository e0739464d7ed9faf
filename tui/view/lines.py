"""Lines of styled text of an exact width: what every view makes and every widget draws. No Textual here.

A span names a role (``muted``, ``late`` …), never a colour: the theme decides how a role looks.
"""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, get_args

from tui.text import cells

Role = Literal[
    "text", "strong", "muted", "edge", "focus", "in", "out", "control", "beat", "error", "ok", "late", "dead",
    "accent", "mark", "marked",
]  # fmt: skip
"""What a piece of text is, for the theme."""

ROLES: tuple[Role, ...] = get_args(Role)


class Span(NamedTuple):
    """A piece of text in one role."""

    text: str
    role: Role = "text"


Line = tuple[Span, ...]
"""One row of a screen. Its text is safe to draw."""


def line(*parts: Span | tuple[str, Role] | str) -> Line:
    """A line of the parts that are not empty; a bare string is plain text."""
    spans = (Span(part) if isinstance(part, str) else Span(*part) for part in parts)
    return tuple(span for span in spans if span.text)


def plain(spans: Iterable[Span]) -> str:
    """The text of a line, without its roles."""
    return "".join(span.text for span in spans)


def width(spans: Iterable[Span]) -> int:
    """The cells a line takes."""
    return sum(cells.width(span.text) for span in spans)


def fit(spans: Line, room: int, *, ellipsis: str = "…") -> Line:
    """The line cut to at most ``room`` cells, the cut marked."""
    if width(spans) <= room:
        return spans
    out: list[Span] = []
    for span in spans:
        wide = cells.width(span.text)
        if wide < room or (wide == room and span is spans[-1]):
            out.append(span)
            room -= wide
            continue
        out.append(Span(cells.fit(span.text + ellipsis, room, ellipsis=ellipsis), span.role))
        break
    return tuple(span for span in out if span.text)


def pad(spans: Line, room: int, *, ellipsis: str = "…", fill: str = " ", role: Role = "text") -> Line:
    """The line cut or filled to exactly ``room`` cells."""
    spans = fit(spans, room, ellipsis=ellipsis)
    missing = room - width(spans)
    return (*spans, Span(fill * missing, role)) if missing > 0 else spans


def spread(
    left: Line, right: Line, room: int, *, ellipsis: str = "…", fill: str = " ", role: Role = "text"
) -> Line:
    """``left`` and ``right`` at the two ends of exactly ``room`` cells. Where both do not fit, ``left`` is cut."""
    right = fit(right, room, ellipsis=ellipsis)
    return (*pad(left, room - width(right), ellipsis=ellipsis, fill=fill, role=role), *right)


def wrap(text: str, room: int, *, first: int = 0) -> list[str]:
    """``text`` in rows of at most ``room`` cells, broken at spaces, or anywhere where a word is too long.

    ``first`` is how much less room the first row has. Chinese has no spaces: it is broken between characters.
    """
    rows: list[str] = []
    row, used, limit = "", 0, room - first
    for word in _words(text):
        wide = cells.width(word)
        if used + cells.width(word.rstrip()) > limit and row:
            rows.append(row.rstrip())
            row, used, limit = "", 0, room
            word = word.lstrip()  # noqa: PLW2901
            wide = cells.width(word)
        while wide > limit and cells.width(word.rstrip()) > limit:
            head = cells.fit(word, limit, ellipsis="")
            rows.append(row + head)
            word = word[len(head) :]  # noqa: PLW2901
            row, used, limit = "", 0, room
            wide = cells.width(word)
        row, used = row + word, used + wide
    if row.strip() or not rows:
        rows.append(row.rstrip())
    return rows


def _words(text: str) -> Sequence[str]:
    """Pieces a row may end after: words with their space, single wide characters."""
    out: list[str] = []
    for char in text:
        narrow = cells.width(char) < 2
        if out and narrow and not out[-1].endswith(" ") and cells.width(out[-1][-1]) < 2:
            out[-1] += char
        elif out and char == " ":
            out[-1] += char
        else:
            out.append(char)
    return out

"""Lines of styled text of an exact width: what every view makes and every widget draws. No Textual here.

A span names a role (``muted``, ``late`` …), never a colour: the theme decides how a role looks.
"""

from collections.abc import Iterable
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


def spread(left: Line, right: Line, room: int, *, ellipsis: str = "…", fill: str = " ", role: Role = "text") -> Line:
    """``left`` and ``right`` at the two ends of exactly ``room`` cells. Where both do not fit, ``left`` is cut."""
    right = fit(right, room, ellipsis=ellipsis)
    return (*pad(left, room - width(right), ellipsis=ellipsis, fill=fill, role=role), *right)

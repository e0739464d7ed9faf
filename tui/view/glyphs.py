"""Every sign the screen draws, twice: as Unicode and as plain ASCII (``--glyphs ascii``).

Many Chinese terminal set-ups draw ``● ▲ ◀ █`` and box lines two cells wide; there the ASCII twin keeps columns
straight. Read by every view; nothing else holds a sign of its own.
"""

from dataclasses import dataclass
from typing import Literal

GlyphSet = Literal["unicode", "ascii"]


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One set of signs. Each is one cell wide, except where a name says otherwise."""

    name: GlyphSet
    connecting: str
    open: str
    closing: str
    closed: str
    dropped: str
    failed: str
    reconnecting: str
    frozen: str
    record: str
    incoming: str
    """The direction of a frame that came in."""
    outgoing: str
    up: str
    """What we send: beats and counters."""
    down: str
    full: str
    """A whole cell of a bar."""
    eighths: tuple[str, ...]
    """Parts of a cell, growing; empty where the set has none."""
    sparks: tuple[str, ...]
    """Heights of a sparkline, growing."""
    horizontal: str
    vertical: str
    top_left: str
    top_right: str
    bottom_left: str
    bottom_right: str
    tee_left: str
    tee_right: str
    thumb: str
    """The part of a pane's right edge that says which rows are in view."""
    dot: str
    ellipsis: str
    none: str
    """Stands where there is no value."""
    pause: str
    marker: str
    bell: str

    @property
    def ascii_only(self) -> bool:
        """Whether remote text must be written in ASCII escapes too."""
        return self.name == "ascii"


UNICODE = Glyphs(
    name="unicode",
    connecting="◌", open="●", closing="◐", closed="○", dropped="✖", failed="✖", reconnecting="↻", frozen="■",
    record="●", incoming="◀", outgoing="▶", up="▲", down="▼",
    full="█", eighths=("▏", "▎", "▍", "▌", "▋", "▊", "▉"), sparks=("▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"),
    horizontal="─", vertical="│", top_left="╭", top_right="╮", bottom_left="╰", bottom_right="╯",
    tee_left="├", tee_right="┤", thumb="┃",
    dot="·", ellipsis="…", none="–", pause="‖", marker="▸", bell="!",
)  # fmt: skip

ASCII = Glyphs(
    name="ascii",
    connecting=".", open="*", closing="~", closed="o", dropped="x", failed="x", reconnecting="@", frozen="#",
    record="*", incoming="<", outgoing=">", up="^", down="v",
    full="#", eighths=(), sparks=("_", ".", "-", "=", "+", "*", "%", "#"),
    horizontal="-", vertical="|", top_left="+", top_right="+", bottom_left="+", bottom_right="+",
    tee_left="+", tee_right="+", thumb="#",
    dot="-", ellipsis="~", none="-", pause="=", marker=">", bell="!",
)  # fmt: skip


def named(name: GlyphSet) -> Glyphs:
    """The set called ``name``."""
    return ASCII if name == "ascii" else UNICODE

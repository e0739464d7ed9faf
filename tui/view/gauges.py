"""Small pictures made of characters: a bar that fills up, a sparkline of the last gaps."""

from collections.abc import Sequence

from tui.view.glyphs import Glyphs


def bar(part: float, cells: int, glyphs: Glyphs) -> str:
    """A bar of exactly ``cells`` cells, filled to ``part`` (0 to 1)."""
    filled = min(1.0, max(0.0, part)) * cells
    whole = int(filled)
    steps = len(glyphs.eighths) + 1
    eighth = int((filled - whole) * steps)
    tip = glyphs.eighths[eighth - 1] if eighth and whole < cells else ""
    return (glyphs.full * whole + tip).ljust(cells)


def spark(values: Sequence[float], cells: int, glyphs: Glyphs, *, usual: float) -> str:
    """The last ``cells`` values as heights, at the right end of exactly ``cells`` cells.

    ``usual`` is the value that is drawn lowest; 4 times as much is drawn full: so an even cadence is a flat
    line, and one late beat stands out.
    """
    top = len(glyphs.sparks) - 1
    heights = [
        min(top, max(0, round((value / usual - 1.1) / 2.9 * top))) if usual > 0 else 0 for value in values[-cells:]
    ]
    return "".join(glyphs.sparks[height] for height in heights).rjust(cells)

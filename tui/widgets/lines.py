"""Lines that stand still: a widget that is handed its lines and repaints only those whose text has changed.

The header, the timers, the strip, a pane's edges and the close card are all of these.
"""

from collections.abc import Sequence

from textual.geometry import Region
from textual.strip import Strip

from tui.view.lines import Line
from tui.widgets.palette import Painted


class Lines(Painted):
    """As high as the lines it was last shown."""

    DEFAULT_CSS = """
    Lines { height: auto; width: 1fr; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id, classes=classes)
        self._lines: Sequence[Line] = ()
        self.repaints = 0
        """Rows repainted since the start: what a byte budget is made of."""

    @property
    def lines(self) -> Sequence[Line]:
        """What is on the screen."""
        return self._lines

    def show(self, lines: Sequence[Line]) -> None:
        """Draws these lines from here on."""
        before, self._lines = self._lines, lines
        if len(lines) != len(before):
            self.styles.height = len(lines)
            self.refresh(layout=True)
            self.repaints += len(lines)
            return
        changed = [
            Region(0, y, self.size.width, 1)
            for y, (was, line) in enumerate(zip(before, lines, strict=True))
            if was != line
        ]
        if changed:
            self.repaints += len(changed)
            self.refresh(*changed)

    def render_line(self, y: int) -> Strip:
        """One of the lines."""
        return self.paint(self._lines[y] if y < len(self._lines) else ())

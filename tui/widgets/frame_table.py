"""The frame table: rows drawn line by line from a model that may hold millions, at the cost of those in view.

It has a top row of its own and never tells Textual a virtual size, because that would cost a second full frame for
every row that arrives; while it is paused nothing of it is repainted at all.
"""

from collections import OrderedDict
from typing import ClassVar, Protocol

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from tui.view.glyphs import UNICODE, Glyphs
from tui.view.lines import Line, Span
from tui.widgets.palette import Painted

_STRIPS_KEPT = 1024
_WHEEL = 3


class Rows(Protocol):
    """What the table draws (``tui.view.table.Table``)."""

    version: int

    def __len__(self) -> int: ...
    def number(self, index: int) -> int: ...
    def index_of(self, number: int) -> int: ...
    def line(self, index: int, room: int, *, marked: bool = False) -> Line: ...


class FrameTable(Painted, can_focus=True):
    """Rows that follow the newest one, or stand still while ``behind`` counts what has come since."""

    DEFAULT_CSS = """
    FrameTable { height: 1fr; width: 1fr; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", id="rows.up", show=False),
        Binding("down,j", "move(1)", id="rows.down", show=False),
        Binding("pageup,ctrl+u", "page(-1)", id="rows.page-up", show=False),
        Binding("pagedown,ctrl+d", "page(1)", id="rows.page-down", show=False),
        Binding("home,g", "first", id="rows.first", show=False),
        Binding("end,G", "follow", id="rows.last", show=False),
        Binding("enter", "choose", id="rows.detail", show=False),
    ]

    class Chosen(Message):
        """A row was asked for in full."""

        def __init__(self, table: "FrameTable", index: int) -> None:
            super().__init__()
            self.table = table
            self.index = index

        @property
        def control(self) -> "FrameTable":
            """The table it was chosen in."""
            return self.table

    def __init__(self, rows: Rows, glyphs: Glyphs = UNICODE, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.rows = rows
        self.glyphs = glyphs
        self.framed = False
        """Draws the pane's left and right edge, the right one with a thumb that says which rows are in view."""
        self.following = True
        self.cursor: int | None = None
        self.top = 0
        self.empty: Line = ()
        """What stands there while there are no rows."""
        self._known = 0
        self._height = 0
        self._version = rows.version
        self._strips: OrderedDict[tuple[int, int, bool], Strip] = OrderedDict()

    @property
    def behind(self) -> int:
        """Rows that have come since it was paused."""
        return 0 if self.following else len(self.rows) - self._known

    @property
    def room(self) -> int:
        """Cells a row has."""
        return max(0, self.size.width - (2 if self.framed else 0))

    def notify_style_update(self) -> None:
        """Forgets the strips: the colours may be others."""
        super().notify_style_update()
        self._strips.clear()

    def tick(self) -> None:
        """Looks at the model again and repaints what that changes."""
        if self._version != self.rows.version:
            self._version = self.rows.version
            self._strips.clear()
            self._known = min(self._known, len(self.rows)) if not self.following else len(self.rows)
            self._place()
            self.refresh()
        if self._height != self.size.height:
            self._height = self.size.height
            self._place()
            self.refresh()
        if not self.following or len(self.rows) == self._known:
            return
        before, self._known = self._known, len(self.rows)
        top = self.top
        self._place()
        if before and self.top == top and self._known <= self.size.height:
            self.refresh(Region(0, before - top, self.size.width, self._known - before))
        else:
            self.refresh()

    def _place(self) -> None:
        """Puts the top row where following, the cursor and the number of rows ask for it."""
        last_top = max(0, self._known - self.size.height)
        if self.following:
            self.top = last_top
        elif self.cursor is not None:
            self.cursor = max(0, min(self.cursor, self._known - 1))
            self.top = max(self.cursor - self.size.height + 1, min(self.top, self.cursor))
        self.top = max(0, min(self.top, last_top))

    def on_resize(self) -> None:
        """Another size: another top row."""
        self._strips.clear()
        self._place()

    def pause(self) -> None:
        """Stands still; the cursor is on the last row in view."""
        if self.following:
            self.following = False
            self.cursor = max(0, min(self.top + self.size.height, self._known) - 1)
            self.refresh()

    def go(self, number: int) -> None:
        """Stands still with the cursor on the row of that number."""
        self.pause()
        self._known = len(self.rows)
        self.cursor = self.rows.index_of(number)
        self._place()
        self.refresh()

    def action_follow(self) -> None:
        """Goes to the newest row and stays there."""
        self.following, self.cursor = True, None
        self._known = len(self.rows)
        self._place()
        self.refresh()

    def action_pause(self) -> None:
        """Pauses, or follows again."""
        self.pause() if self.following else self.action_follow()

    def action_move(self, step: int) -> None:
        """Moves the cursor; up from the newest row pauses."""
        if not self._known:
            return
        if self.following and step > 0:
            return
        self.pause()
        if step > 0:
            self._known = len(self.rows)
        self.cursor = (self.cursor or 0) + step
        self._place()
        self.refresh()

    def action_page(self, pages: int) -> None:
        """Moves a page up or down."""
        self.action_move(pages * max(1, self.size.height - 1))

    def action_first(self) -> None:
        """Goes to the first row there is."""
        self.action_move(-self._known)

    def action_choose(self) -> None:
        """Asks for the row under the cursor, the newest one while following."""
        self.pause()
        if self.cursor is not None and self.cursor < self._known:
            self.post_message(self.Chosen(self, self.cursor))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel moves like the cursor."""
        event.stop()
        self.action_move(-_WHEEL)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves like the cursor; at the last row it follows again."""
        event.stop()
        if self.cursor is not None and self.cursor + _WHEEL >= len(self.rows):
            self.action_follow()
        else:
            self.action_move(_WHEEL)

    def on_click(self, event: events.Click) -> None:
        """Puts the cursor on a row; a second click asks for it."""
        index = self.top + event.y
        if index < self._known:
            self.following, again = False, self.cursor == index
            self.cursor = index
            self.refresh()
            if again or event.chain > 1:
                self.action_choose()

    def render_line(self, y: int) -> Strip:
        """One row, from the cache where it was drawn before."""
        index = self.top + y
        if index < self._known:
            inner = self._strip(index)
        else:
            inner = self._inner(self.empty if y == self.size.height // 3 and not self._known else ())
        if not self.framed:
            return inner
        base = self.rich_style
        edge = base + self.roles["focus" if self.has_focus else "edge"]
        right = self.glyphs.thumb if y in self._thumb() else self.glyphs.vertical
        return Strip([Segment(self.glyphs.vertical, edge), *inner, Segment(right, edge)], self.size.width)

    def _strip(self, index: int) -> Strip:
        marked = index == self.cursor and not self.following
        key = (self.rows.number(index), self.room, marked)
        strip = self._strips.get(key)
        if strip is None:
            strip = self._inner(self.rows.line(index, self.room, marked=marked), marked=marked)
            self._strips[key] = strip
            while len(self._strips) > _STRIPS_KEPT:
                self._strips.popitem(last=False)
        return strip

    def _inner(self, line: Line, *, marked: bool = False) -> Strip:
        base = self.rich_style + self.roles["marked"] if marked else self.rich_style
        segments = [Segment(span.text, base + self.roles[span.role]) for span in line or (Span(" "),)]
        return Strip(segments).adjust_cell_length(self.room, base)

    def _thumb(self) -> range:
        """The lines of the right edge that stand for the rows in view."""
        height = self.size.height
        if self._known <= height:
            return range(0)
        long = max(1, height * height // self._known)
        start = round(self.top / (self._known - height) * (height - long))
        return range(start, start + long)

"""A page over the screen: lines to read and scroll, closed with one key. Detail, help, the whole card, the log."""

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen

from tui.view.lines import Line
from tui.widgets.lines import Lines

Write = Callable[[int], list[Line]]
"""Makes the lines for a width."""


class Page(ModalScreen[None]):
    """Shows what ``write`` makes, again for every width."""

    DEFAULT_CSS = """
    Page { align: center middle; background: $background 60%; }
    Page > VerticalScroll {
        width: 96%; max-width: 112; height: auto; max-height: 92%; background: $surface;
        border: round $primary 60%; border-title-color: $foreground; border-subtitle-color: $foreground-muted;
        padding: 0 1; scrollbar-size-vertical: 1; scrollbar-background: $surface;
    }
    Page Lines { background: $surface; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss", id="page.close", show=False),
        Binding("j", "scroll(1)", id="page.down", show=False),
        Binding("k", "scroll(-1)", id="page.up", show=False),
        Binding("g", "edge(0)", id="page.first", show=False),
        Binding("G", "edge(1)", id="page.last", show=False),
    ]

    def __init__(self, title: str, write: Write, *, hint: str = "") -> None:
        super().__init__()
        self._title, self._write, self._hint = title, write, hint

    def compose(self) -> ComposeResult:
        """One column of lines that scrolls."""
        with VerticalScroll() as box:
            box.border_title, box.border_subtitle = self._title, self._hint
            yield Lines()

    def on_resize(self) -> None:
        """Another width, other lines."""
        self.call_after_refresh(self._fill)

    def on_mount(self) -> None:
        """The width is known after the first layout."""
        self.call_after_refresh(self._fill)

    def _fill(self) -> None:
        box = self.query_one(VerticalScroll)
        self.query_one(Lines).show(self._write(max(20, box.scrollable_content_region.width)))

    def action_scroll(self, step: int) -> None:
        """A line up or down."""
        self.query_one(VerticalScroll).scroll_relative(y=step, animate=False)

    def action_edge(self, end: int) -> None:
        """To the first line or the last."""
        box = self.query_one(VerticalScroll)
        box.scroll_end(animate=False) if end else box.scroll_home(animate=False)

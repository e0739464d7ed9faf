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

Say = Callable[[], str]
"""Says something in the language of the day."""


class Page(ModalScreen[None]):
    """Shows what ``write`` makes, again for every width and language.

    Args:
        title: says what stands above it.
        write: makes its lines.
        hint: says what stands below it.
    """

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
        Binding("L", "app.language", id="page.language", show=False),
        Binding("j", "scroll(1)", id="page.down", show=False),
        Binding("k", "scroll(-1)", id="page.up", show=False),
        Binding("g", "edge(0)", id="page.first", show=False),
        Binding("G", "edge(1)", id="page.last", show=False),
    ]

    def __init__(self, title: Say, write: Write, *, hint: Say) -> None:
        super().__init__()
        self._title, self._write, self._hint = title, write, hint

    def compose(self) -> ComposeResult:
        """One column of lines that scrolls."""
        with VerticalScroll():
            yield Lines()

    def on_resize(self) -> None:
        """Another width, other lines."""
        self.call_after_refresh(self.draw)

    def on_mount(self) -> None:
        """The width is known after the first layout."""
        self.call_after_refresh(self.draw)

    def draw(self) -> None:
        """Writes it again."""
        box = self.query_one(VerticalScroll)
        box.border_title, box.border_subtitle = self._title(), self._hint()
        self.query_one(Lines).show(self._write(max(20, box.scrollable_content_region.width)))

    def action_scroll(self, step: int) -> None:
        """A line up or down."""
        self.query_one(VerticalScroll).scroll_relative(y=step, animate=False)

    def action_edge(self, end: int) -> None:
        """To the first line or the last."""
        box = self.query_one(VerticalScroll)
        box.scroll_end(animate=False) if end else box.scroll_home(animate=False)

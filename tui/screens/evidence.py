"""The evidence of a verdict as a list to choose from: every reason with the lines it stands on."""

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tui.text.wrapping import wrap


class Indented:
    """A paragraph with a margin on every line, broken as cards break it."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        """Its lines in the width there is."""
        return [Text(row) for row in wrap(self._text, max(8, options.max_width), first="  ", rest="  ")]


class Entry(Option):
    """One reason.

    Args:
        text: what it says; safe to draw.
        lines: the facts it stands on; empty for a heading.
    """

    def __init__(self, text: str, lines: Sequence[int], *, heading: bool = False) -> None:
        super().__init__(Text(text, style="bold") if heading else Indented(text), disabled=heading)
        self.lines = lines


class Written(NamedTuple):
    """What the list shows in the language of the day."""

    title: str
    """Above it."""
    hint: str
    """Below it."""
    entries: Sequence[Entry]
    """Headings and reasons."""


class Evidence(ModalScreen[int | None]):
    """Answers with the number of the fact to show; with 0 where the reason has none, with None where it was left.

    Args:
        write: makes what it shows, again for every language.
        copy: puts the verdict on the clipboard.
    """

    DEFAULT_CSS = """
    Evidence { align: center middle; background: $background 60%; }
    Evidence > Vertical {
        width: 96%; max-width: 112; height: auto; max-height: 92%; background: $surface;
        border: round $primary 60%; border-title-color: $foreground; border-subtitle-color: $foreground-muted;
        padding: 0 1;
    }
    Evidence OptionList { background: $surface; border: none; height: auto; max-height: 100%; padding: 0; }
    Evidence OptionList:focus { border: none; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,v", "dismiss", id="evidence.close", show=False),
        Binding("y", "copy", id="evidence.copy_here", show=False),
        Binding("L", "app.language", id="evidence.language", show=False),
        Binding("j", "app.simulate_key('down')", id="evidence.down", show=False),
        Binding("k", "app.simulate_key('up')", id="evidence.up", show=False),
    ]

    def __init__(self, write: Callable[[], Written], copy: Callable[[], None]) -> None:
        super().__init__()
        self._write, self._copy = write, copy

    def compose(self) -> ComposeResult:
        """One list in a box."""
        with Vertical():
            yield OptionList()

    def on_mount(self) -> None:
        """What there is to show, the first reason chosen."""
        self.draw()
        self.query_one(OptionList).action_first()

    def draw(self) -> None:
        """Writes it again; the choice stays."""
        written, box, reasons = self._write(), self.query_one(Vertical), self.query_one(OptionList)
        box.border_title, box.border_subtitle = written.title, written.hint
        chosen = reasons.highlighted
        reasons.set_options(written.entries)
        reasons.highlighted = chosen

    def action_copy(self) -> None:
        """The whole verdict, whichever reason is chosen."""
        self._copy()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A reason was chosen: the last of its lines is the telling one."""
        event.stop()
        assert isinstance(event.option, Entry)
        self.dismiss(event.option.lines[-1] if event.option.lines else 0)

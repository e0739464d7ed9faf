"""The evidence of a verdict as a list to choose from: every reason with the lines it stands on."""

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option


class Entry(Option):
    """One reason.

    Args:
        text: what it says; safe to draw.
        lines: the facts it stands on; empty for a heading.
    """

    def __init__(self, text: str, lines: Sequence[int], *, heading: bool = False) -> None:
        super().__init__(Text(text, style="bold" if heading else ""), disabled=heading)
        self.lines = lines


class Evidence(ModalScreen[int | None]):
    """Answers with the number of the fact to show; with 0 where the reason has none, with None where it was left.

    Args:
        title: above the list.
        entries: headings and reasons.
        hint: below it.
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
        Binding("j", "app.simulate_key('down')", id="evidence.down", show=False),
        Binding("k", "app.simulate_key('up')", id="evidence.up", show=False),
    ]

    def __init__(self, title: str, entries: Sequence[Entry], *, hint: str) -> None:
        super().__init__()
        self._title, self._entries, self._hint = title, entries, hint

    def compose(self) -> ComposeResult:
        """One list in a box."""
        with Vertical() as box:
            box.border_title, box.border_subtitle = self._title, self._hint
            yield OptionList(*self._entries)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A reason was chosen: the last of its lines is the telling one."""
        event.stop()
        assert isinstance(event.option, Entry)
        self.dismiss(event.option.lines[-1] if event.option.lines else 0)

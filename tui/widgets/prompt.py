"""The line one types into: ``:`` for a command, ``/`` for a filter."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Label


class Prompt(Horizontal):
    """Hidden until it is asked for; in the place of the bottom line."""

    DEFAULT_CSS = """
    Prompt { display: none; height: 1; width: 1fr; }
    Prompt > Label { width: auto; padding: 0 0 0 1; color: $primary; }
    Prompt > Input { width: 1fr; height: 1; border: none; padding: 0; background: $background; }
    Prompt > Input:focus { border: none; background-tint: transparent; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", id="prompt.leave", show=False)]

    class Said(Message):
        """A line was typed and entered."""

        def __init__(self, sign: str, text: str) -> None:
            super().__init__()
            self.sign = sign
            """What it was asked with: ``:`` or ``/``."""
            self.text = text

    class Left(Message):
        """Nothing was said."""

    def __init__(self) -> None:
        super().__init__()
        self.sign = ":"
        self._history: dict[str, list[str]] = {}
        self._back = 0

    def compose(self) -> ComposeResult:
        """The sign and the input."""
        yield Label(":")
        yield Input(compact=True, select_on_focus=False)

    def ask(self, sign: str, text: str = "", hint: str = "") -> None:
        """Asks for a line."""
        self.sign, self._back = sign, 0
        self.query_one(Label).update(sign)
        field = self.query_one(Input)
        field.value, field.placeholder = text, hint
        field.cursor_position = len(text)
        self.display = True
        self.screen.set_focus(field)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The line is whole."""
        event.stop()
        self.display = False
        if event.value.strip():
            self._history.setdefault(self.sign, []).append(event.value)
        self.post_message(self.Said(self.sign, event.value))

    def action_leave(self) -> None:
        """Gives up."""
        self.display = False
        self.post_message(self.Left())

    def key_up(self) -> None:
        """The line before, of those that were said."""
        self._recall(1)

    def key_down(self) -> None:
        """The line after."""
        self._recall(-1)

    def _recall(self, step: int) -> None:
        said = self._history.get(self.sign, [])
        self._back = max(0, min(len(said), self._back + step))
        field = self.query_one(Input)
        field.value = said[-self._back] if self._back else ""
        field.cursor_position = len(field.value)

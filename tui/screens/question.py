"""A question over the screen: a sentence, an answer typed or a key pressed. Quit, add, save."""

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from tui.view.lines import Line, Role, line
from tui.widgets.lines import Lines

Judge = Callable[[str], str]
"""What is wrong with an answer, in one line; empty where it can be used."""

_CSS = """
    {name} {{ align: center middle; background: $background 60%; }}
    {name} > Vertical {{
        width: 90%; max-width: 78; height: auto; background: $surface; border: round $primary 60%;
        border-title-color: $foreground; border-subtitle-color: $foreground-muted; padding: 1 2;
    }}
    {name} Lines {{ background: $surface; }}
    {name} Input {{ margin: 1 0 0 0; height: 1; border: none; padding: 0; background: $panel; }}
    {name} Input:focus {{ border: none; }}
    {name} #wrong {{ margin: 1 0 0 0; }}
"""


class Ask(ModalScreen[str | None]):
    """Asks for a line; None where it was given up. An answer ``judge`` refuses stays, with what is wrong under it."""

    DEFAULT_CSS = _CSS.format(name="Ask")

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "give_up", id="question.leave", show=False)]

    def __init__(self, title: str, text: list[Line], judge: Judge, *, given: str = "", hint: str = "") -> None:
        super().__init__()
        self._title, self._text, self._judge = title, text, judge
        self._given, self._hint = given, hint

    def compose(self) -> ComposeResult:
        """Sentence, input, what is wrong."""
        with Vertical() as box:
            box.border_title, box.border_subtitle = self._title, self._hint
            yield Lines(id="text")
            yield self.field()
            yield Lines(id="wrong")

    def field(self) -> Input:
        """What is typed into."""
        return Input(self._given, compact=True, select_on_focus=False)

    def on_mount(self) -> None:
        """The sentence is there at once."""
        self.query_one("#text", Lines).show(self._text)
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter was pressed."""
        event.stop()
        self.take(event.value)

    def take(self, answer: str) -> None:
        """Takes an answer, or says why not."""
        wrong = self._judge(answer)
        if wrong:
            self.tell(wrong, "error")
        else:
            self.dismiss(answer)

    def tell(self, text: str, role: Role) -> None:
        """Says something under the input."""
        self.query_one("#wrong", Lines).show([line((text, role))])

    def action_give_up(self) -> None:
        """No answer."""
        self.dismiss(None)


class Confirm(ModalScreen[bool]):
    """Asks before something that cannot be undone."""

    DEFAULT_CSS = _CSS.format(name="Confirm")

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter,q", "answer(True)", id="confirm.yes", show=False),
        Binding("n,escape", "answer(False)", id="confirm.no", show=False),
    ]

    def __init__(self, title: str, text: list[Line], *, hint: str = "") -> None:
        super().__init__()
        self._title, self._text, self._hint = title, text, hint

    def compose(self) -> ComposeResult:
        """The sentence."""
        with Vertical() as box:
            box.border_title, box.border_subtitle = self._title, self._hint
            yield Lines()

    def on_mount(self) -> None:
        """The sentence is there at once."""
        self.query_one(Lines).show(self._text)

    def action_answer(self, yes: bool) -> None:
        """Yes or no."""
        self.dismiss(yes)

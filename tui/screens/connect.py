"""Asks for a target, with the ones opened last under it: up and down choose one, enter takes it.

A copied ``curl``, ``wscat`` or ``websocat`` command becomes the line it stands for, to be looked at before it opens.
"""

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from tui.facts.redaction import Redactor
from tui.options.errors import BadOption
from tui.options.pasted import NoCommand, is_command, pasted
from tui.screens.question import Ask, Judge
from tui.screens.session_words import session_line
from tui.view.lines import Line, Span, fit, line
from tui.view.look import Look
from tui.widgets.lines import Lines

_AROUND = 17
"""Rows of the screen that are no recent targets: frame, sentence, input, what is wrong."""

_LEAST = 3


class TargetInput(Input):
    """An input that takes a pasted command whole, however many lines it has."""

    def _on_paste(self, event: events.Paste) -> None:
        if is_command(event.text):
            event.stop()
            event.prevent_default()
            self.insert_text_at_cursor(" ".join(event.text.replace("\\\n", " ").replace("^\n", " ").split("\n")))
        else:
            super()._on_paste(event)


class Connect(Ask):
    """A target typed, or chosen among the recent ones, as a line; None where it was given up."""

    DEFAULT_CSS = """
    Connect Lines#recent { margin: 0; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "choose(-1)", id="recent.up", show=False),
        Binding("down", "choose(1)", id="recent.down", show=False),
    ]

    def __init__(self, title: str, text: list[Line], judge: Judge, recent: Sequence[str], look: Look) -> None:
        super().__init__(title, text, judge, hint=look.say("hint_recent" if recent else "hint_enter"))
        self._recent, self._look = recent, look
        self._chosen = -1
        """Which recent target is in the input; -1 for what was typed."""
        self._typed = ""
        self._first = 0
        """The recent target in the first row of those in view."""

    def field(self) -> Input:
        """What is typed, or pasted, into."""
        return TargetInput(compact=True, select_on_focus=False)

    def take(self, answer: str) -> None:
        """Takes the target; of a copied command only what it stands for, which enter takes then."""
        if not is_command(answer):
            super().take(answer)
            return
        field = self.query_one(Input)
        try:
            made = pasted(answer)
            field.value = session_line(made.table, Redactor(enabled=False))
        except (NoCommand, BadOption) as error:
            why = error.said(self._look.lang) if isinstance(error, BadOption) else str(error)
            self.tell(self._look.say("paste_unreadable", error=self._look.safe(why)), "error")
            return
        field.cursor_position = len(field.value)
        if made.left_out:
            left = self._look.safe(" ".join(made.left_out))
            self.tell(self._look.say("paste_left_out", words=left), "late")
        else:
            self.tell(self._look.say("paste_taken"), "muted")

    def on_mount(self) -> None:
        """The recent targets are there at once."""
        super().on_mount()
        if self._recent:
            self.query_one(Vertical).mount(Lines(id="recent"))
            self.call_after_refresh(self._draw)

    def on_resize(self) -> None:
        """Another size, other rows."""
        if self._recent:
            self.call_after_refresh(self._draw)

    def action_choose(self, step: int) -> None:
        """Puts the next recent target into the input, or the one before; above the first is what was typed."""
        if self._chosen < 0:
            self._typed = self.query_one(Input).value
        self._choose(max(-1, min(len(self._recent) - 1, self._chosen + step)))

    def on_click(self, event: events.Click) -> None:
        """Puts the target that was clicked into the input."""
        at = self._first + event.y - 1
        if event.widget is not None and event.widget.id == "recent" and self._first <= at < len(self._recent):
            self._choose(at)

    def _choose(self, chosen: int) -> None:
        if not self._recent:
            return
        self._chosen = chosen
        field = self.query_one(Input)
        field.value = self._recent[chosen] if chosen >= 0 else self._typed
        field.cursor_position = len(field.value)
        self._draw()

    def _draw(self) -> None:
        rows, glyphs = self.query_one("#recent", Lines), self._look.glyphs
        room, high = rows.size.width, max(_LEAST, self.size.height - _AROUND)
        chosen = max(0, self._chosen)
        self._first = max(chosen - high + 1, min(self._first, chosen))
        shown: list[Line] = [line((self._look.say("recent_title"), "muted"))]
        for at in range(self._first, min(len(self._recent), self._first + high)):
            mark = Span(f"{glyphs.marker} " if at == self._chosen else "  ", "mark")
            said = Span(self._look.safe(self._recent[at]), "strong" if at == self._chosen else "text")
            shown.append(fit((mark, said), room, ellipsis=glyphs.ellipsis))
        rows.show(shown)

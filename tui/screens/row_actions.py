"""What keys do to the rows of the pane in focus: pause, filter, hide, detail, the form of times."""

from dataclasses import replace

from textual.binding import Binding, BindingType

from tui.screens.desk_screen import DeskScreen
from tui.screens.page import Page
from tui.view.detail import card_detail, detail
from tui.view.look import TIME_FORMS
from tui.view.rows import Kind
from tui.widgets.frame_table import FrameTable

ROW_KEYS: list[BindingType] = [
    Binding("space", "pause", id="rows.pause", show=False),
    Binding("f", "follow", id="rows.follow", show=False),
    Binding("slash", "filter", id="rows.filter", show=False, priority=True),
    Binding("b", "hide('beat')", id="rows.beats", show=False),
    Binding("c", "hide('control')", id="rows.control", show=False),
    Binding("i", "hide('trace')", id="rows.trace", show=False),
    Binding("T", "times", id="rows.times", show=False),
    Binding("d", "card", id="session.card", show=False),
]

_WORDS: dict[Kind, str] = {"beat": "beats", "control": "control", "trace": "trace"}


class RowActions(DeskScreen):
    """Actions on rows, for the main screen."""

    def action_pause(self) -> None:
        """Pauses the table, or follows again."""
        if self.here is not None:
            self.here.table.action_pause()
            self.draw()

    def action_follow(self) -> None:
        """Follows the newest row."""
        if self.here is not None:
            self.here.table.action_follow()
            self.draw()

    def action_filter(self) -> None:
        """Asks for a text rows must hold."""
        if self.pane is not None:
            self.ask("/", self.pane.table.query, self.say("filter_hint"))

    def filter(self, text: str) -> None:
        """Shows only rows with that text in them; the cursor stays on its row where it can."""
        if self.here is None or self.pane is None:
            return
        table, rows = self.here.table, self.pane.table
        number = rows.number(table.cursor) if table.cursor is not None and table.cursor < len(rows) else None
        rows.show(query=text)
        if number is not None and not table.following:
            table.go(number)
        self.draw()

    def action_hide(self, kind: Kind) -> None:
        """Hides or shows a kind of row in every pane."""
        if self.pane is None:
            return
        hide = kind not in self.pane.table.hidden
        for pane in self.desk.panes:
            hidden = pane.table.hidden | {kind} if hide else pane.table.hidden - {kind}
            pane.table.show(hidden=hidden)
        self.tell(self.say(f"{'hidden' if hide else 'shown'}_{_WORDS[kind]}"))

    def action_times(self) -> None:
        """The next form of times."""
        look = self.desk.look
        form = TIME_FORMS[(TIME_FORMS.index(look.time) + 1) % len(TIME_FORMS)]
        self.desk.use(replace(look, time=form))
        self.tell(self.say(f"time_{form.replace('-', '_')}"))

    def action_card(self) -> None:
        """The whole close card."""
        pane = self.pane
        if pane is None:
            return
        if not card_detail(pane, self.desk.siblings(pane), self.desk.look, 80):
            self.tell(self.say("card_none", name=pane.name))
            return
        self.app.push_screen(
            Page(
                lambda: self.say("card_title", name=pane.name),
                lambda room: card_detail(pane, self.desk.siblings(pane), self.desk.look, room),
                hint=lambda: self.say("hint_close"),
            )
        )  # fmt: skip

    def on_frame_table_chosen(self, event: FrameTable.Chosen) -> None:
        """Everything about a row."""
        here = next((shown for shown in self.shown if shown.table is event.table), None)
        if here is None:
            return
        pane = here.pane
        number = pane.table.number(event.index)
        self.app.push_screen(
            Page(
                lambda: self.say("detail_title", name=pane.name, number=number + 1),
                lambda room: detail(pane, number, self.desk.look, room),
                hint=lambda: self.say("hint_close"),
            )
        )  # fmt: skip

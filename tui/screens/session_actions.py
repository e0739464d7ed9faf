"""What keys and words do to sessions: add, reconnect, close, ping, commands."""

from textual.binding import Binding, BindingType

from tui.facts.commands import BadCommand, parse_words
from tui.knowledge.catalogue import phrase
from tui.options.errors import BadOption
from tui.screens.child import Child
from tui.screens.connect import Connect
from tui.screens.desk_screen import DeskScreen
from tui.screens.session_words import session_table
from tui.screens.source import Asked
from tui.view.lines import line
from tui.view.pane import Pane

SESSION_KEYS: list[BindingType] = [
    Binding("a", "add", id="session.add", show=False),
    Binding("r", "reconnect", id="session.reconnect", show=False),
    Binding("x", "close_session", id="session.close", show=False),
    Binding("p", "ping", id="session.ping", show=False),
    Binding("colon", "command", id="session.command", show=False, priority=True),
    Binding("tab", "cycle(1)", id="session.next", show=False),
    Binding("shift+tab", "cycle(-1)", id="session.previous", show=False),
    *(Binding(str(digit), f"session({digit - 1})", id=f"session.{digit}", show=False) for digit in range(1, 10)),
]


class SessionActions(DeskScreen):
    """Actions on sessions, for the main screen."""

    def action_cycle(self, step: int) -> None:
        """The next pane, or the one before."""
        if self.shown:
            self.focus_pane((self.current + step) % len(self.shown))

    def action_session(self, index: int) -> None:
        """The pane of that number."""
        if index < len(self.shown):
            self.focus_pane(index)

    def action_add(self) -> None:
        """Asks for a target and opens it."""
        if self.desk.child is None:
            self.tell(self.say("add_impossible"), "error")
            return

        def judge(text: str) -> str:
            try:
                session_table(text, self._names())
            except BadOption as error:
                return self._refused(error.key, error.args_)
            return ""

        def add(text: str | None) -> None:
            if text is not None:
                self.desk.open(Asked(session_table(text, self._names())))

        rows = [line(self.say("add_text")), line((self.say("add_example"), "muted"))]
        recent = self.desk.recent.lines() if self.desk.recent is not None else []
        self.app.push_screen(Connect(self.say("add_title"), rows, judge, recent, self.desk.look), add)

    def _names(self) -> list[str]:
        opened = [str(table.get("name")) for table in self.desk.child.opened] if self.desk.child else []
        return [*opened, *(pane.session.name for pane in self.desk.panes)]

    def _refused(self, key: str, args: dict[str, object]) -> str:
        look = self.desk.look
        return look.safe(phrase(key, look.lang, **args))

    def action_reconnect(self) -> None:
        """Connects the session again; starts a lost probe again."""
        if self.desk.lost and self.desk.child is not None:
            self.desk.child.restart()
            self.tell(self.say("probe_restarted"))
        else:
            self.order("reconnect")

    def action_close_session(self) -> None:
        """Ends the session the polite way of what it speaks."""
        pane = self.pane
        if pane is None:
            return
        if pane.session.ended_at is not None:
            self.tell(self.say("already_ended", name=pane.name))
        else:
            self.order("disconnect" if pane.session.spoken.stomp and pane.session.ready_at else "close 1000")

    def action_ping(self) -> None:
        """Sends a WebSocket ping."""
        self.order("ping")

    def action_command(self) -> None:
        """Asks for a command."""
        self.ask(":", hint=self.say("command_hint"))

    def order(self, words: str) -> None:
        """Tells a session to do something: the one in focus, or the one the words name."""
        try:
            command = parse_words(words)
        except BadCommand as error:
            self.tell(self._refused(error.key, error.args_), "error")
            return
        if command.verb == "quit":
            self.app.call_later(self.app.action_quit)
            return
        pane = self._named(command.session) if command.session else self.pane
        if pane is None and (command.session or self.desk.panes):
            names = ", ".join(each.name for each in self.desk.panes)
            self.tell(self.say("command_no_session", name=command.session, names=names), "error")
            return
        child = self._child_of(pane)
        if child is None:
            self.tell(self.say("command_no_probe"), "error")
            return
        child.command(command.text, pane.session.name if pane is not None else None)
        name = pane.name if pane is not None else self.say("all_sessions")
        self.tell(self.say("command_sent", name=name, words=self.desk.look.safe(command.text[:60])), "muted")

    def _named(self, name: str) -> Pane | None:
        return next((pane for pane in self.desk.panes if name in (pane.session.name, pane.name)), None)

    def _child_of(self, pane: Pane | None) -> Child | None:
        feed = self.desk.stream_of(pane).feed if pane is not None else self.desk.child
        return feed if isinstance(feed, Child) and not feed.ended else None

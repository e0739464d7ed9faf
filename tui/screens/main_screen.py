"""The screen one works on: the top line, the panes, the bottom line; one tick that draws what has changed."""

import time
from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input

from tui.screens.desk import Desk
from tui.screens.experiment_actions import ExperimentActions
from tui.screens.pace import Pace
from tui.screens.row_actions import ROW_KEYS, RowActions
from tui.screens.session_actions import SESSION_KEYS
from tui.screens.verdict_actions import VERDICT_KEYS, VerdictActions
from tui.view import head, status
from tui.view.lines import Line, Span, line, width
from tui.view.replay import Drop
from tui.widgets.lines import Lines
from tui.widgets.prompt import Prompt
from tui.widgets.session_pane import Frame, SessionPane

SIDE_BY_SIDE = 100
"""Columns from which two panes stand beside each other."""

_PANE = 60
"""Columns a pane wants, where there are more than two."""

_FRESH_S = 10.0
"""A drop that is older than this is history, not news: it does not ring."""

_BREATH_S = 0.002
"""Seconds left to keys and paints between two helpings of lines, while there are more."""


Ring = Callable[[Sequence[Drop]], None]
"""Tells whoever should know of drops that have just happened."""


class MainScreen(ExperimentActions, RowActions, VerdictActions):
    """Everything that is open."""

    DEFAULT_CSS = """
    MainScreen { layout: vertical; background: $background; }
    MainScreen > #panes { height: 1fr; width: 1fr; }
    MainScreen > #welcome { display: none; height: 1fr; padding: 3 0 0 0; }
    """

    AUTO_FOCUS = ""
    """Nothing: the prompt's input would take every key."""

    BINDINGS: ClassVar[list[BindingType]] = [*SESSION_KEYS, *ROW_KEYS, *VERDICT_KEYS]

    def __init__(self, desk: Desk, pace: Pace, ring: Ring) -> None:
        super().__init__(desk)
        self._pace = pace
        self._ring = ring
        self._catching_up = self._stop_said = False
        self._began = time.monotonic()
        self._welcome = Lines()

    def compose(self) -> ComposeResult:
        """Top line, panes, prompt, bottom line."""
        yield Lines(id="top")
        with Vertical(id="welcome"):
            yield self._welcome
        yield Horizontal(id="panes")
        yield Prompt()
        yield Lines(id="bottom")

    def on_mount(self) -> None:
        """Begins to tick."""
        self.set_interval(1 / self._pace.ticks, self.tick)
        self.tick()

    def tick(self) -> None:
        """Takes in what has come, draws what has changed."""
        self.desk.open_due(time.monotonic() - self._began)
        self._take_in()
        self.go_on()
        self._mount_new()
        self._say_stopped()
        self.draw()
        self._keep_on()

    def _take_in(self) -> None:
        drops = self.desk.poll()
        self.desk.search()
        news = [drop for drop in drops if time.time() - drop.close.t < _FRESH_S]
        if news:
            self._ring(news)

    def _keep_on(self) -> None:
        """Between two ticks, where there is more: a little at a time, so that a key never waits for long."""
        if self.desk.busy and not self._catching_up:
            self._catching_up = True
            self.set_timer(_BREATH_S, self._catch_up)

    def _catch_up(self) -> None:
        self._catching_up = False
        self._take_in()
        self._keep_on()

    def _say_stopped(self) -> None:
        """Says once that the disk is full; the top line goes on saying it."""
        recording = self.desk.recording
        if recording is not None and recording.writer.stopped is not None and not self._stop_said:
            self._stop_said = True
            at, _, error = recording.writer.stopped
            self.tell(self.say("recording_stopped", at=at, error=error.strerror), "error")

    def _mount_new(self) -> None:
        known = {shown.pane for shown in self.shown}
        for pane in self.desk.panes:
            if pane not in known:
                widget = SessionPane(pane, self.desk.look)
                self.shown.append(widget)
                self.query_one("#panes").mount(widget)
                if len(self.shown) == 1:
                    self.call_after_refresh(self.focus_pane, 0)

    def draw(self) -> None:
        """Draws everything again that differs."""
        if not self.is_mounted:
            return
        room = self.size.width
        beside = self._beside(room)
        first = self.current // beside * beside if self.shown else 0
        for at, shown in enumerate(self.shown):
            visible = first <= at < first + beside
            if shown.display != visible:
                shown.display = visible
            if visible:
                desk = self.desk
                shown.tick(
                    Frame(
                        desk.stream_of(shown.pane).now(), desk.look, desk.siblings(shown.pane),
                        room >= SIDE_BY_SIDE,
                    )
                )  # fmt: skip
        self.query_one("#top", Lines).show([self._top(room, crowded=len(self.shown) > beside)])
        self.query_one("#bottom", Lines).show([self._bottom(room)])
        self._draw_welcome(room)

    def _beside(self, room: int) -> int:
        """How many panes stand beside each other."""
        if room < SIDE_BY_SIDE:
            return 1
        return max(1, min(len(self.shown), max(2, room // _PANE)))

    def _draw_welcome(self, room: int) -> None:
        empty = not self.shown
        welcome = self.query_one("#welcome")
        if welcome.display != empty:
            welcome.display = empty
            self.query_one("#panes").display = not empty
        if not empty:
            return
        if self.desk.child is None or self.desk.child.opened or self.desk.pending:
            rows = [line((self.say("welcome_waiting"), "muted"))]
        else:
            rows = [
                line(("whoops", "strong"), "   ", (self.say("welcome_what"), "text")),
                (),
                line(("a  ", "accent"), (self.say("welcome_add"), "muted")),
                line(("?  ", "accent"), (self.say("welcome_help"), "muted")),
                (),
                line((self.say("welcome_demo"), "muted")),
            ]
        left = max(0, (room - max(map(width, rows))) // 2)
        self._welcome.show([(Span(" " * left), *row) for row in rows])

    def _top(self, room: int, *, crowded: bool) -> Line:
        look, desk = self.desk.look, self.desk
        recording = desk.recording
        shown = status.Status(
            recording=None if recording is None else time.time() - recording.began,
            file="" if recording is not None else ", ".join(stream.feed.path.name for stream in desk.streams),
            stopped=recording.writer.stopped.errno if recording is not None and recording.writer.stopped else "",
            lost=desk.lost, behind=desk.progress if desk.behind else None, theme=self.app.theme,
            slow=round(self._pace.ticks) if self._pace.slowed else 0,
        )  # fmt: skip
        panes = [shown.pane for shown in self.shown]
        if room >= SIDE_BY_SIDE and not crowded:
            return status.header(panes, shown, look, room)
        now = [desk.stream_of(pane).now() for pane in panes]
        return status.narrow_header(head.strip(panes, self.current, now, look, room), shown, look, room)

    def _bottom(self, room: int) -> Line:
        look = self.desk.look
        if self.said:
            return status.footer({}, look, room, self.said)
        standing = self._trouble() or self.under_way
        if standing:
            return status.footer({}, look, room, standing)
        keys = {"?": "key_help", ":": "key_command", "/": "key_filter"}
        here = self.here
        if here is not None and not here.table.following:
            keys |= {"enter": "key_detail", "f": "key_follow"}
        elif here is not None and here.pane.session.ended_at is not None:
            keys |= {"v": "key_evidence"} if here.pane.verdict is not None else {"enter": "key_detail"}
            keys |= {"r": "key_reconnect"} if self.desk.child is not None else {}
        elif here is not None:
            keys |= {"space": "key_pause", **({"a": "key_add"} if self.desk.child is not None else {})}
        else:
            keys = {"a": "key_add", "?": "key_help"}
        return status.footer({**keys, "q": "key_quit"}, look, room)

    def _trouble(self) -> Line:
        """What is wrong with the lines themselves: it stands as long as it is so."""
        child = self.desk.child
        if self.desk.lost and child is not None:
            last = f"  {self.desk.look.safe(child.log.last)}" if child.log.last else ""
            return line((self.say("probe_gone", status=child.status) + last, "dead"))
        for stream in self.desk.streams:
            replay = stream.replay
            if replay.bad:
                row = replay.bad[-1]
                said = self.say("lines_bad", count=len(replay.bad), offset=row.offset, why=self.desk.look.safe(row.why))
                return line((said, "late"))
            if replay.missing:
                return line((self.say("lines_missing", count=replay.missing), "late"))
        return ()

    def ask(self, sign: str, text: str = "", hint: str = "") -> None:
        """Opens the prompt in the place of the bottom line."""
        self.query_one("#bottom").display = False
        self.query_one(Prompt).ask(sign, text, hint)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While something is typed, ``:`` and ``/`` are letters. They are keys before all others, so that what is
        typed right after them goes to the prompt."""
        return action not in ("command", "filter") or not isinstance(self.focused, Input)

    def _answered(self) -> None:
        self.query_one("#bottom").display = True
        self.focus_pane(self.current)

    def on_prompt_said(self, event: Prompt.Said) -> None:
        """A command or a filter was typed."""
        self._answered()
        if event.sign == "/":
            self.filter(event.text)
        elif event.text.strip():
            self.order(event.text)

    def on_prompt_left(self) -> None:
        """Nothing was typed."""
        self._answered()

    def focus_pane(self, index: int) -> None:
        """Puts the focus on a pane, and into view."""
        if index < len(self.shown):
            self.current = index
            self.draw()
            self.shown[index].table.focus()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """A pane was clicked or tabbed to."""
        for at, shown in enumerate(self.shown):
            if shown.table is event.widget:
                self.current = at
        self.draw()

    def on_key(self) -> None:
        """What went wrong was read."""
        self.unsay()

    def on_resize(self) -> None:
        """Another size: one tick later everything has its own."""
        self.call_after_refresh(self.draw)

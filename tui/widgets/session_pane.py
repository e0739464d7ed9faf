"""A pane: a session's head, its rows, and its close card once it has ended."""

from collections.abc import Hashable, Sequence
from typing import NamedTuple

from textual.app import ComposeResult
from textual.widget import Widget

from tui.view import card, head
from tui.view.look import Look
from tui.view.pane import Pane
from tui.widgets.frame_table import FrameTable
from tui.widgets.lines import Lines

_LIVELY_S = 3.0
"""A timer this close to its due moment runs in tenths; otherwise numbers move once a second."""


class Frame(NamedTuple):
    """How a pane is to be drawn on this tick."""

    now: float
    """The probe's clock."""
    look: Look
    siblings: Sequence[Pane]
    boxed: bool
    """In a box of its own, beside others; otherwise over the screen's whole width."""


class SessionPane(Widget):
    """Draws one pane model. It is told when to look at it again."""

    DEFAULT_CSS = """
    SessionPane { width: 1fr; height: 1fr; layout: vertical; }
    SessionPane > .card { display: none; }
    SessionPane > .foot { display: none; }
    """

    def __init__(self, pane: Pane, look: Look) -> None:
        super().__init__()
        self.pane = pane
        self.head = Lines(classes="head")
        self.table = FrameTable(pane.table, look.glyphs)
        self.foot = Lines(classes="foot")
        self.card = Lines(classes="card")
        self._card_key: Hashable = None

    def compose(self) -> ComposeResult:
        """Head, rows, lower edge, card."""
        yield self.head
        yield self.table
        yield self.foot
        yield self.card

    def tick(self, frame: Frame) -> None:
        """Looks at the model again and repaints what differs."""
        pane, look, room = self.pane, frame.look, self.size.width
        if not room:
            return
        pane.table.refresh()
        table, focused = self.table, self.table.has_focus
        table.glyphs, table.empty = look.glyphs, head.waiting(pane, look)
        if table.framed != frame.boxed:
            table.framed = frame.boxed
            self.foot.display = frame.boxed
            table.on_resize()
            table.refresh()
        table.tick()
        note = head.table_note(
            look, behind=table.behind, following=table.following, query=pane.table.query,
            searched=pane.table.searched,
        )  # fmt: skip
        now = self._calm(frame.now)
        if frame.boxed:
            self.head.show(head.boxed(pane, now, look, room, focused=focused))
            self.foot.show([head.foot(look, room, note, focused=focused)])
        else:
            self.head.show(head.bare(pane, now, look, room, note))
        self._show_card(frame, room)

    def _calm(self, now: float) -> float:
        """The time to show: to the second of the session's life, exact where something is about to happen."""
        session = self.pane.session
        since = session.ready_at if session.ready_at is not None else session.began_at
        if since is None or session.ended_at is not None:
            return now
        for timer in session.timers.values():
            due = timer.next_due
            if timer.state == "late" or (due is not None and timer.state == "ok" and due - now < _LIVELY_S):
                return now
        return since + int(now - since)

    def _show_card(self, frame: Frame, room: int) -> None:
        pane, height = self.pane, max(6, self.size.height * 2 // 5)
        key = (
            pane.session.close, id(pane.verdict), pane.lost, frame.look, room, height, frame.boxed,
            tuple((other.session.ended_at, other.lost) for other in frame.siblings),
            pane.session.ended_at,
        )  # fmt: skip
        if key == self._card_key:
            return
        self._card_key = key
        made = card.card(pane, frame.siblings, frame.look)
        self.card.display = made is not None
        if made is not None:
            draw = card.boxed if frame.boxed else card.bare
            self.card.show(draw(made, frame.look, room, height))

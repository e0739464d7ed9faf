"""What every group of actions may count on: the desk, the pane in focus, a line to say something in."""

import time
from typing import Any

from textual.screen import Screen

from tui.screens.desk import Desk
from tui.view.lines import Line, Role, line
from tui.view.pane import Pane
from tui.widgets.session_pane import SessionPane

_SAID_S = 6.0
"""How long something said stands in the bottom line; what went wrong stands until a key is pressed."""


class DeskScreen(Screen[None]):
    """The part of the main screen its actions are written against."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.shown: list[SessionPane] = []
        """A widget for each pane, in the order they came."""
        self.current = 0
        """Which of them has the focus."""
        self._said: Line = ()
        self._said_until = 0.0

    @property
    def here(self) -> SessionPane | None:
        """The pane in focus."""
        return self.shown[self.current] if self.current < len(self.shown) else None

    @property
    def pane(self) -> Pane | None:
        """Its model."""
        return self.here.pane if self.here is not None else None

    def say(self, key: str, **args: Any) -> str:
        """A sentence of the catalogue."""
        return self.desk.look.say(key, args)

    def tell(self, text: str, role: Role = "text") -> None:
        """Says something in the bottom line; a warning or an error stays until the next key."""
        self._said = line((text, role))
        self._said_until = float("inf") if role in ("error", "dead", "late") else time.monotonic() + _SAID_S
        self.draw()

    def unsay(self) -> None:
        """A key was pressed: what went wrong was read."""
        if self._said_until == float("inf"):
            self._said = ()

    @property
    def said(self) -> Line:
        """What stands in the bottom line, where it is no list of keys."""
        if self._said and time.monotonic() > self._said_until:
            self._said = ()
        return self._said

    def draw(self) -> None:
        """Draws everything again that differs."""
        raise NotImplementedError

    def ask(self, sign: str, text: str = "", hint: str = "") -> None:
        """Opens the prompt."""
        raise NotImplementedError

    def focus_pane(self, index: int) -> None:
        """Puts the focus on a pane."""
        raise NotImplementedError

"""A widget in an application of its own."""

from collections.abc import Callable

import pytest
from textual.app import App, ComposeResult
from textual.widget import Widget

from tui.screens import themes


class Alone(App[None]):
    """Shows widgets and nothing else."""

    def __init__(self, *widgets: Widget) -> None:
        super().__init__()
        self._widgets = widgets
        self.messages: list[object] = []
        for theme in themes.ours():
            self.register_theme(theme)
        self.theme = themes.DEFAULT

    def compose(self) -> ComposeResult:
        """The widgets."""
        yield from self._widgets


@pytest.fixture
def alone() -> Callable[..., Alone]:
    """Makes the application."""
    return Alone

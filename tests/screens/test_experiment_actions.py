"""The idle experiment from the palette: a real probe, the embedded lab, and what stands on the screen."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.screens.conftest import settled
from tests.waiting import comes
from tests.watching import clean_environment
from tui.app import WhoopsApp
from tui.lab.endings import Fin
from tui.lab.lab import running
from tui.lab.policy import Drop, Policy
from tui.protocols.heartbeat import Pair
from tui.screens.desk import Desk
from tui.screens.page import Page
from tui.screens.source import Asked, ProbeSource
from tui.view.lines import plain
from tui.view.look import Look
from tui.widgets.lines import Lines

ENTRY = "Experiment: which bytes keep this session alive"
POLICY = Policy(beats=Pair(200, 200), idle=1.0, on_idle=Drop(Fin()))


def bottom(app: WhoopsApp) -> str:
    return plain(app.main.query_one("#bottom", Lines).lines[0])


def offer(app: WhoopsApp) -> None:
    """Chooses the experiment in the palette."""
    {command.title: command for command in app.get_system_commands(app.screen)}[ENTRY].callback()


@pytest.mark.alone
async def test_the_twins_stand_side_by_side_and_a_page_says_what_they_showed(tmp_path: Path) -> None:
    async with running(POLICY) as urls:
        table = {"name": "A", "url": urls["tcp"], "heart-beat": "200,200"}
        source = ProbeSource(sessions=(Asked(table, fleeting=True),), environment=clean_environment())
        app = WhoopsApp(Desk([source], Look(), tmp_path / "rec"))
        child = app.desk.child
        assert child is not None
        try:
            async with app.run_test(size=(120, 40)) as pilot:
                await settled(pilot, app)
                offer(app)
                await comes(pilot, lambda: "A: twins that differ only" in bottom(app))
                offer(app)
                await comes(pilot, lambda: "an experiment is under way" in bottom(app))
                await pilot.press("escape")
                await comes(pilot, lambda: "] silent, waiting" in bottom(app))
                await comes(pilot, lambda: isinstance(app.screen, Page))

                names = [shown.pane.session.name for shown in app.main.shown]
                assert names == ["A", "A-silent", "A-up", "A-down", "A-both"]
                page = app.screen.query_one(Lines)
                await comes(pilot, lambda: page.lines)
                said = [plain(row) for row in page.lines]
                assert "A byte in either direction resets the killer's clock." in said

                ended = {pane.session.name: pane.session for pane in app.desk.panes}
                await comes(pilot, lambda: all(ended[name].ended_at for name in names[1:]))
                assert ended["A"].ended_at is None
        finally:
            child.stop()
            child.close()


async def test_a_recording_has_no_twins(reading: Callable[..., WhoopsApp]) -> None:
    app = reading()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot, app)
        offer(app)
        await comes(pilot, lambda: "an experiment wants a live session" in bottom(app))

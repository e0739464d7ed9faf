from collections.abc import Callable
from pathlib import Path

import pytest

from tests.screens.conftest import settled
from tests.view.story import Story
from tests.waiting import comes
from tui.app import WhoopsApp
from tui.options.program import ProgramOptions
from tui.screens.desk import Desk
from tui.screens.page import Page
from tui.screens.question import Ask
from tui.screens.source import FileSource, ProbeSource
from tui.view.lines import plain
from tui.view.look import Look
from tui.widgets.lines import Lines

Reading = Callable[..., WhoopsApp]


def line(app: WhoopsApp, name: str) -> str:
    return plain(app.main.query_one(name, Lines).lines[0])


@pytest.mark.parametrize(("width", "beside"), [(80, 1), (99, 1), (100, 2), (120, 2), (200, 2)])
async def test_two_panes_from_a_hundred_columns_on(reading: Reading, width: int, beside: int) -> None:
    app = reading()
    async with app.run_test(size=(width, 40)) as pilot:
        await settled(pilot, app)
        assert [shown.display for shown in app.main.shown].count(True) == beside
        assert ("[1/2]" in line(app, "#top")) == (beside == 1)
        assert app.main.shown[0].foot.display == (beside == 2)


async def test_more_sessions_than_room_are_turned_like_pages(reading: Reading, tmp_path: Path, asker: Path) -> None:
    other = tmp_path / "other.jsonl"
    other.write_bytes(Story().asker(end=5).data)
    app = reading(asker, other)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot, app)
        assert [shown.display for shown in app.main.shown] == [True, True, False, False]
        await pilot.press("3")
        await pilot.pause()
        assert [shown.display for shown in app.main.shown] == [False, False, True, True]
        assert "[3/4]" in line(app, "#top")


async def test_tab_and_digits_go_from_pane_to_pane(reading: Reading) -> None:
    app = reading()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot, app)
        await pilot.press("tab")
        assert app.main.current == 1 and app.focused is app.main.shown[1].table
        await pilot.press("1")
        assert app.main.current == 0
        await pilot.press("shift+tab")
        assert app.main.current == 1


async def test_the_bottom_line_names_at_most_six_keys(reading: Reading) -> None:
    app = reading()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, app)
        assert len(line(app, "#bottom").split("   ")) <= 7
        await pilot.press("space")
        await pilot.pause()
        assert "f follow" in line(app, "#bottom")


async def test_space_pauses_and_escape_follows(reading: Reading) -> None:
    app = reading()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot, app)
        await pilot.press("space")
        assert not app.main.shown[0].table.following
        assert "paused" in plain(app.main.shown[0].foot.lines[0])
        await pilot.press("escape")
        assert app.main.shown[0].table.following


async def test_a_filter_is_typed_and_cleared(reading: Reading) -> None:
    app = reading()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot, app)
        everything = len(app.main.shown[0].table.rows)
        await pilot.press("slash", *"connect", "enter")
        assert len(app.main.shown[0].table.rows) == 2
        await pilot.press("escape")
        assert len(app.main.shown[0].table.rows) == everything


async def test_beats_are_hidden_in_every_pane(reading: Reading) -> None:
    app = reading()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot, app)
        before = [len(shown.table.rows) for shown in app.main.shown]
        await pilot.press("b")
        assert all(len(shown.table.rows) < count for shown, count in zip(app.main.shown, before, strict=True))
        assert "beats are hidden" in line(app, "#bottom")
        await pilot.press("b")
        assert [len(shown.table.rows) for shown in app.main.shown] == before


async def test_enter_shows_everything_about_a_row(reading: Reading) -> None:
    app = reading()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot, app)
        await pilot.press("2", "enter")
        await pilot.pause()
        await pilot.pause()
        assert isinstance(app.screen, Page)
        assert any("the fact: end" in plain(row) for row in app.screen.query_one(Lines).lines)
        await pilot.press("escape")
        assert app.screen_stack[-1] is app.main


async def test_times_change_their_form(reading: Reading) -> None:
    app = reading()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot, app)
        await pilot.press("T")
        await pilot.pause()
        assert "+50.010" in app.main.shown[0].table.render_line(app.main.shown[0].table.size.height - 1).text


async def test_a_recording_takes_no_commands(reading: Reading) -> None:
    app = reading()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot, app)
        await pilot.press("colon", *"ping", "enter")
        assert "takes no commands" in line(app, "#bottom")
        await pilot.press("colon", *"nonsense", "enter")
        assert 'unknown command "nonsense"' in line(app, "#bottom")
        await pilot.press("colon", *"Z: ping", "enter")
        assert "no session called Z" in line(app, "#bottom")
        await pilot.press("a")
        assert "takes no new session" in line(app, "#bottom")


async def test_bad_lines_are_said(reading: Reading, asker: Path) -> None:
    with asker.open("ab") as file:
        file.write(b"garbage\n")
    app = reading()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot, app)
        assert "1 lines could not be read" in line(app, "#bottom")


async def test_commands_go_to_the_session_in_focus(deaf: WhoopsApp, tmp_path: Path) -> None:
    child = deaf.desk.child
    assert child is not None
    async with deaf.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.pause()
        assert isinstance(deaf.screen, Ask)
        await pilot.press(*"nonsense", "enter")
        assert isinstance(deaf.screen, Ask)
        assert "is no target" in plain(deaf.screen.query_one("#wrong", Lines).lines[0])
        await pilot.press(*["backspace"] * 8, *"ws://localhost/", "enter")
        await pilot.pause()
        assert child.opened == [{"name": "A", "url": "ws://localhost/"}]
        await pilot.press("colon", *"mark", "space", *"hi", "enter")
        await comes(pilot, lambda: b"mark" in child.path.read_bytes())
        assert child.path.read_text().splitlines()[-1] == '{"cmd":"mark hi"}'


async def test_a_long_recording_is_caught_up_with_between_ticks(reading: Reading, tmp_path: Path) -> None:
    """At one tick in ten seconds, what a tick takes in would never be all of it."""
    path = tmp_path / "long.jsonl"
    path.write_bytes(Story().asker(end=20_000).data)
    app = WhoopsApp(Desk([FileSource(path)], Look(), tmp_path), ProgramOptions(fps=0.1))
    async with app.run_test(size=(120, 40)) as pilot:
        await comes(pilot, lambda: app.desk.panes and not app.desk.busy, seconds=10)
        app.main.tick()
        assert "catching up" not in line(app, "#top")


async def test_a_disk_that_is_full_is_said_once(tmp_path: Path) -> None:
    source = ProbeSource(command=("cat",), record=Path("/dev/full"))
    desk = Desk([source], Look(), tmp_path)
    assert desk.child is not None
    app = WhoopsApp(desk)
    try:
        async with app.run_test(size=(120, 40)) as pilot:
            desk.child.command("mark", None)
            await comes(pilot, lambda: "the recording stops at byte 0" in line(app, "#bottom"))
            await pilot.press("escape", "f12")
            app.main.tick()
            assert "stops at byte" not in line(app, "#bottom") and "recording stopped: ENOSPC" in line(app, "#top")
    finally:
        desk.child.stop()
        desk.child.close()

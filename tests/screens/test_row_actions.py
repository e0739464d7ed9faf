from collections.abc import Callable

import pytest
from textual.containers import VerticalScroll

from tests.screens.conftest import settled
from tests.waiting import comes
from tui.app import WhoopsApp
from tui.screens.page import Page
from tui.view.lines import plain
from tui.widgets.lines import Lines

Reading = Callable[..., WhoopsApp]


def bottom(app: WhoopsApp) -> str:
    return plain(app.main.query_one("#bottom", Lines).lines[0])


@pytest.mark.parametrize(
    ("key", "what"), [("b", "beats"), ("c", "pings and pongs"), ("i", "kernel counters and routes")]
)
async def test_a_kind_of_row_is_hidden_and_shown_in_every_pane(reading: Reading, key: str, what: str) -> None:
    app = reading()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot, app)
        for _ in range(2):
            before = [pane.table.hidden for pane in app.desk.panes]
            await pilot.press(key)
            after = [pane.table.hidden for pane in app.desk.panes]
            assert len({*after}) == 1 and after != before
            shown = len(after[0]) < len(before[0])
            assert f"{what} are {'shown' if shown else 'hidden'}" in bottom(app)


async def test_a_filter_keeps_the_cursor_on_its_row(reading: Reading) -> None:
    app = reading()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot, app)
        table = app.main.shown[0].table
        await pilot.press("g", *["down"] * 5)
        assert table.cursor is not None
        number = table.rows.number(table.cursor)
        assert app.desk.panes[0].blocks.row(number).type == "CONNECT"
        app.main.filter("connect")
        assert len(table.rows) == 2 and table.cursor == 0 and table.rows.number(0) == number
        app.main.filter("")
        assert table.cursor is not None and table.rows.number(table.cursor) == number


async def test_the_card_is_a_page_where_the_session_has_ended(reading: Reading) -> None:
    app = reading()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot, app)
        await pilot.press("d")
        assert "A has not ended" in bottom(app)
        await pilot.press("2", "d")
        await comes(pilot, lambda: isinstance(app.screen, Page))
        await comes(pilot, lambda: any("1002" in plain(row) for row in app.screen.query_one(Lines).lines))
        await pilot.press("L")
        await comes(pilot, lambda: any("服务器先关闭" in plain(row) for row in app.screen.query_one(Lines).lines))
        assert str(app.screen.query_one(VerticalScroll).border_title) == "B：如何结束"


async def test_times_take_three_forms(reading: Reading) -> None:
    app = reading()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot, app)
        for said in ("times since open", "times since the row before", "times by the clock"):
            await pilot.press("T")
            assert said in bottom(app)


async def test_without_a_session_no_key_does_harm(deaf: WhoopsApp) -> None:
    async with deaf.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press("escape", "space", "f", "b", "d", "T", "slash", "x", "tab", "3")
        assert deaf.main.shown == []

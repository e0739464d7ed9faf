from collections.abc import Callable

import pytest
from textual.app import App

from tui.view.lines import Line, Span, pad
from tui.widgets.frame_table import FrameTable

Alone = Callable[..., App[None]]


class Numbers:
    """Rows that are their own numbers; counts how often one is drawn."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.version = 0
        self.drawn = 0

    def __len__(self) -> int:
        return self.count

    def number(self, index: int) -> int:
        return index

    def index_of(self, number: int) -> int:
        return number

    def line(self, index: int, room: int, *, marked: bool = False) -> Line:
        self.drawn += 1
        return pad((Span(f"{'>' if marked else ' '}{index}"),), room)


def shown(table: FrameTable) -> list[str]:
    return [table.render_line(y).text.strip() for y in range(table.size.height)]


@pytest.fixture
def rows() -> Numbers:
    return Numbers(100)


async def test_it_follows_the_newest_row(alone: Alone, rows: Numbers) -> None:
    table = FrameTable(rows)
    async with alone(table).run_test(size=(20, 5)) as pilot:
        table.tick()
        await pilot.pause()
        assert shown(table) == ["95", "96", "97", "98", "99"]
        rows.count = 103
        table.tick()
        assert shown(table)[-1] == "102" and table.behind == 0


async def test_paused_it_stands_still_and_counts(alone: Alone, rows: Numbers) -> None:
    table = FrameTable(rows)
    async with alone(table).run_test(size=(20, 5)) as pilot:
        table.tick()
        await pilot.pause()
        table.action_pause()
        before = shown(table)
        assert before[-1] == ">99"
        rows.count = 137
        table.tick()
        assert shown(table) == before and table.behind == 37
        table.action_pause()
        assert shown(table)[-1] == "136" and table.following


async def test_paused_nothing_is_drawn_again(alone: Alone, rows: Numbers) -> None:
    table = FrameTable(rows)
    async with alone(table).run_test(size=(20, 5)) as pilot:
        table.tick()
        table.action_pause()
        await pilot.pause()
        drawn = rows.drawn
        for _ in range(50):
            rows.count += 10
            table.tick()
        await pilot.pause()
        assert rows.drawn == drawn


async def test_a_row_is_drawn_once_however_often_it_is_scrolled_past(alone: Alone, rows: Numbers) -> None:
    table = FrameTable(rows)
    async with alone(table).run_test(size=(20, 5)) as pilot:
        table.tick()
        await pilot.pause()
        for _ in range(3):
            table.action_page(-1)
            shown(table)
            table.action_page(1)
            shown(table)
        assert rows.drawn < 30


async def test_keys_move_the_cursor(alone: Alone, rows: Numbers) -> None:
    table = FrameTable(rows)
    async with alone(table).run_test(size=(20, 5)) as pilot:
        table.focus()
        table.tick()
        await pilot.press("up", "up")
        assert (table.cursor, table.following) == (97, False)
        await pilot.press("g")
        assert shown(table)[0] == ">0"
        await pilot.press("pagedown")
        assert table.cursor == 4
        await pilot.press("G")
        assert table.following and shown(table)[-1] == "99"


async def test_moving_down_comes_to_rows_that_came_since(alone: Alone, rows: Numbers) -> None:
    table = FrameTable(rows)
    async with alone(table).run_test(size=(20, 5)) as pilot:
        table.tick()
        await pilot.pause()
        table.action_pause()
        rows.count = 110
        table.action_move(1)
        assert table.cursor == 100 and table.behind == 0


async def test_enter_asks_for_the_row(alone: Alone, rows: Numbers) -> None:
    asked: list[int] = []

    class Listening(FrameTable):
        def on_frame_table_chosen(self, event: FrameTable.Chosen) -> None:
            asked.append(event.index)

    table = Listening(rows)
    async with alone(table).run_test(size=(20, 5)) as pilot:
        table.focus()
        table.tick()
        await pilot.press("up", "enter")
        await pilot.pause()
    assert asked == [98]


async def test_the_right_edge_says_which_rows_are_in_view(alone: Alone, rows: Numbers) -> None:
    table = FrameTable(rows)
    table.framed = True
    async with alone(table).run_test(size=(20, 10)) as pilot:
        table.tick()
        await pilot.pause()
        edges = [table.render_line(y).text[-1] for y in range(10)]
        assert edges == ["│"] * 9 + ["┃"]
        table.action_first()
        assert table.render_line(0).text[-1] == "┃"
        assert all(table.render_line(y).cell_length == 20 for y in range(10))


async def test_a_click_puts_the_cursor_there(alone: Alone, rows: Numbers) -> None:
    table = FrameTable(rows)
    async with alone(table).run_test(size=(20, 5)) as pilot:
        table.tick()
        await pilot.click(FrameTable, offset=(3, 1))
        assert table.cursor == 96


async def test_rows_drawn_differently_are_drawn_again(alone: Alone, rows: Numbers) -> None:
    table = FrameTable(rows)
    async with alone(table).run_test(size=(20, 5)) as pilot:
        table.tick()
        await pilot.pause()
        shown(table)
        drawn = rows.drawn
        rows.version += 1
        rows.count = 2
        table.tick()
        assert shown(table)[:2] == ["0", "1"] and rows.drawn == drawn + 2


async def test_fewer_rows_than_the_cursor_was_on(alone: Alone, rows: Numbers) -> None:
    table = FrameTable(rows)
    async with alone(table).run_test(size=(20, 5)) as pilot:
        table.tick()
        await pilot.pause()
        table.action_pause()
        rows.count, rows.version = 0, 1
        table.tick()
        assert shown(table) == [""] * 5
        table.action_move(-1)
        table.action_choose()

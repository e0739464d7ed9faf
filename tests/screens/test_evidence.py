"""The evidence page: every reason of a verdict, the line behind it, and the clipboard."""

import base64
import re
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console
from textual.containers import Vertical
from textual.pilot import Pilot
from textual.widgets import OptionList

from tests.screens.conftest import settled
from tests.waiting import comes
from tui.app import WhoopsApp
from tui.screens.evidence import Entry, Evidence
from tui.view.lines import plain
from tui.view.verdict import reasons
from tui.widgets.lines import Lines

Reading = Callable[..., WhoopsApp]


def bottom(app: WhoopsApp) -> str:
    return plain(app.main.query_one("#bottom", Lines).lines[0])


async def evidence_of_b(app: WhoopsApp, pilot: Pilot[None]) -> OptionList:
    """The list for the asker's dropped session."""
    await settled(pilot, app)
    await pilot.press("2", "v")
    await comes(pilot, lambda: isinstance(app.screen, Evidence) and bool(app.screen.query(OptionList)))
    return app.screen.query_one(OptionList)


def entries(reasons_: OptionList) -> list[Entry]:
    return [entry for entry in reasons_.options if isinstance(entry, Entry)]


def drawn(entry: Entry, room: int = 40) -> list[str]:
    """An entry as it stands in ``room`` cells."""
    console = Console(width=room)
    with console.capture() as got:
        console.print(entry.prompt)
    return [line.rstrip() for line in got.get().splitlines()]


def cursor(app: WhoopsApp, pane: int) -> tuple[int, str]:
    """Number and type of the row under a pane's cursor."""
    table, blocks = app.main.shown[pane].table, app.desk.panes[pane].blocks
    assert table.cursor is not None
    row = blocks.row(table.rows.number(table.cursor))
    return row.n, row.type


async def test_every_reason_is_there_and_the_first_is_chosen(reading: Reading) -> None:
    app = reading()
    async with app.run_test(size=(120, 40)) as pilot:
        shown = await evidence_of_b(app, pilot)
        verdict = app.desk.panes[1].verdict
        assert verdict is not None
        said = [(None, "")] + [(one.lines, one.text) for one in reasons(verdict.causes[0], app.desk.look)]
        for entry, (lines, text) in zip(entries(shown), said, strict=False):
            assert entry.disabled is (lines is None)
            assert lines is None or (list(entry.lines) == lines and text in " ".join(drawn(entry, 200)))
        assert len(entries(shown)) >= len(said) > 2
        assert shown.highlighted == 1


async def test_a_long_reason_is_indented_and_its_number_is_not_torn(reading: Reading) -> None:
    app = reading()
    async with app.run_test(size=(80, 24)) as pilot:
        entry = entries(await evidence_of_b(app, pilot))[1]
        for room in range(20, 90):
            rows = drawn(entry, room)
            assert all(row.startswith("  ") for row in rows)
            assert re.search(r" n=\d+$", rows[-1])


async def test_enter_puts_the_cursor_on_the_line(reading: Reading) -> None:
    app = reading()
    async with app.run_test(size=(120, 40)) as pilot:
        shown = await evidence_of_b(app, pilot)
        n = entries(shown)[1].lines[-1]
        await pilot.press("enter")
        await comes(pilot, lambda: app.screen is app.main)
        assert cursor(app, 1) == (n, "ERROR")


async def test_a_line_that_is_hidden_is_shown_again(reading: Reading) -> None:
    app = reading()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot, app)
        app.main.focus_pane(1)
        app.main.filter("nothing has this")
        assert len(app.main.shown[1].table.rows) == 0
        await evidence_of_b(app, pilot)
        await pilot.press("enter")
        await comes(pilot, lambda: app.screen is app.main)
        assert cursor(app, 1)[1] == "ERROR" and app.desk.panes[1].table.query == ""


async def test_a_reason_without_a_line_says_so(reading: Reading) -> None:
    app = reading()
    async with app.run_test(size=(120, 40)) as pilot:
        shown = await evidence_of_b(app, pilot)
        shown.add_option(Entry("nothing happened", []))
        shown.highlighted = shown.option_count - 1
        await pilot.press("enter")
        await comes(pilot, lambda: app.screen is app.main)
        assert "there is no line to show" in bottom(app)


@pytest.mark.parametrize("key", ["escape", "q", "v"])
async def test_it_is_left_as_it_came(reading: Reading, key: str) -> None:
    app = reading()
    async with app.run_test(size=(120, 40)) as pilot:
        await evidence_of_b(app, pilot)
        await pilot.press(key)
        await comes(pilot, lambda: app.screen is app.main)
        assert app.is_running and app.main.shown[1].table.cursor is None


@pytest.mark.parametrize("keys", [["2", "y"], ["2", "v", "y"], ["2", "v", "down", "y"]])
async def test_y_sends_markdown_to_the_terminal_and_claims_no_more(
    reading: Reading, keys: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = reading()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot, app)
        written: list[str] = []
        driver: Any = app._driver
        monkeypatch.setattr(driver, "write", written.append)
        await pilot.press(*keys)
        await comes(pilot, lambda: "OSC 52" in bottom(app))
        (sequence,) = (text for text in written if text.startswith("\x1b]52;c;"))
        copied = base64.b64decode(sequence.removeprefix("\x1b]52;c;").rstrip("\x07\x1b\\")).decode()
        assert copied.startswith("### B · stomp+ws://shop.local:8080/app · ✖ 1002 Protocol error")
        assert "**our heart-beats came too late · certain, 99 %** (`client-heartbeat-missed`)" in copied
        assert f"{len(copied)} characters sent" in bottom(app) and "gives no answer" in bottom(app)


async def test_what_lives_and_is_well_has_nothing_to_show(reading: Reading) -> None:
    app = reading()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot, app)
        for key in ("v", "y"):
            app.main.tell("")
            await pilot.press("1", key)
            assert "no verdict on A yet" in bottom(app) and app.screen is app.main


async def test_another_language_is_drawn_at_once_and_the_choice_stays(reading: Reading) -> None:
    app = reading()
    async with app.run_test(size=(120, 40)) as pilot:
        shown = await evidence_of_b(app, pilot)
        await pilot.press("down")
        english, box = [drawn(entry, 200) for entry in entries(shown)], app.screen.query_one(Vertical)
        assert str(box.border_title) == "B: the evidence" and shown.highlighted == 2
        await pilot.press("L")
        await comes(pilot, lambda: str(box.border_title) == "B：证据")
        assert "y 复制" in str(box.border_subtitle)
        chinese = [drawn(entry, 200) for entry in entries(shown)]
        assert len(chinese) == len(english) and "我方心跳来得太晚" in chinese[0][0]
        assert all(new != old for new, old in zip(chinese, english, strict=True))
        assert shown.highlighted == 2
        await pilot.press("L")
        await comes(pilot, lambda: str(box.border_title) == "B: the evidence")
        assert [drawn(entry, 200) for entry in entries(shown)] == english

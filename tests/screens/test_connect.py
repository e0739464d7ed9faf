from collections.abc import Callable, Sequence

import pytest
from textual import events
from textual.app import App
from textual.widgets import Input

from tui.screens.connect import Connect
from tui.view.lines import line, plain
from tui.view.look import Look
from tui.widgets.lines import Lines

TARGETS = [f"ws://host/{number}" for number in range(20)]


class Asking(App[None]):
    """The question; what came of it."""

    def __init__(self, recent: Sequence[str]) -> None:
        super().__init__()
        self.question = Connect("add", [line("which?"), line("e.g.")], lambda text: "", recent, Look())
        self.answers: list[str | None] = []

    def on_mount(self) -> None:
        self.push_screen(self.question, self.answers.append)

    @property
    def rows(self) -> list[str]:
        """The recent targets in view."""
        return [plain(row) for row in self.question.query_one("#recent", Lines).lines[1:]]

    @property
    def given(self) -> str:
        """What is in the input."""
        return self.question.query_one(Input).value


@pytest.fixture
def asking() -> Callable[..., Asking]:
    """Makes the application."""
    return lambda recent=TARGETS: Asking(recent)


async def test_arrows_choose_and_enter_takes(asking: Callable[..., Asking]) -> None:
    app = asking()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert app.rows[0] == "  ws://host/0"
        await pilot.press("down", "down", "down", "up")
        assert app.given == "ws://host/1" and app.rows[1] == "▸ ws://host/1"
        await pilot.press("enter")
        await pilot.pause()
    assert app.answers == ["ws://host/1"]


async def test_what_was_typed_is_above_the_first(asking: Callable[..., Asking]) -> None:
    app = asking()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*"ws:", "down")
        assert app.given == "ws://host/0"
        await pilot.press("up", "up")
        assert app.given == "ws:" and not any(row.startswith("▸") for row in app.rows)


@pytest.mark.parametrize("height", [24, 40])
async def test_the_list_scrolls_where_there_is_no_room_for_all(asking: Callable[..., Asking], height: int) -> None:
    app = asking()
    async with app.run_test(size=(80, height)) as pilot:
        await pilot.pause()
        await pilot.press(*["down"] * 25)
        assert app.given == "ws://host/19" and app.rows[-1] == "▸ ws://host/19"
        await pilot.pause()
        box = app.question.query_one("Vertical")
        assert box.region.y >= 0 and box.region.bottom <= height
        await pilot.press(*["up"] * 19)
        assert app.rows[0] == "▸ ws://host/0"


async def test_a_click_chooses(asking: Callable[..., Asking]) -> None:
    app = asking()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.click("#recent", offset=(4, 3))
        assert app.given == "ws://host/2"


async def test_without_recent_targets_it_is_a_plain_question(asking: Callable[..., Asking]) -> None:
    app = asking([])
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("down", *"ws://h/", "enter")
        await pilot.pause()
    assert app.answers == ["ws://h/"]


async def test_a_long_or_hostile_target_stays_in_its_line(asking: Callable[..., Asking]) -> None:
    app = asking(["ws://host/" + "x" * 500, "ws://host/\x1b]0;owned\x07"])
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert app.rows[0].endswith("…") and "\\x1b]0;owned" in app.rows[1]


async def test_a_pasted_command_becomes_its_line_first(asking: Callable[..., Asking]) -> None:
    app = asking([])
    command = "curl 'wss://h/chat' \\\n  -H 'Upgrade: websocket' \\\n  -H 'Origin: https://h' --http3"
    async with app.run_test(size=(100, 24)) as pilot:
        await pilot.pause()
        app.question.query_one(Input).post_message(events.Paste(command))
        await pilot.pause()
        await pilot.press("enter")
        await pilot.pause()
        said = plain(app.question.query_one("#wrong", Lines).lines[0])
        assert app.given == "wss://h/chat --origin https://h" and "--http3" in said
        assert app.answers == []
        await pilot.press("enter")
        await pilot.pause()
    assert app.answers == ["wss://h/chat --origin https://h"]


async def test_a_command_that_cannot_be_read_stays(asking: Callable[..., Asking]) -> None:
    app = asking([])
    async with app.run_test(size=(100, 24)) as pilot:
        await pilot.press(*"curl -H")
        await pilot.press("enter")
        await pilot.pause()
        assert app.given == "curl -H"
        assert "-H" in plain(app.question.query_one("#wrong", Lines).lines[0])

from collections.abc import Callable

from textual.app import App
from textual.widgets import Input

from tui.widgets.prompt import Prompt

Alone = Callable[..., App[None]]


class Heard(Prompt):
    """Keeps what was said."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[str, str]] = []

    def post_message(self, message: object) -> bool:
        if isinstance(message, Prompt.Said):
            self.heard.append((message.sign, message.text))
        return super().post_message(message)  # type: ignore[arg-type]


async def test_a_line_is_asked_for_and_said(alone: Alone) -> None:
    prompt = Heard()
    async with alone(prompt).run_test() as pilot:
        assert not prompt.display
        prompt.ask(":", hint="a command")
        await pilot.press(*"ping", "enter")
        assert prompt.heard == [(":", "ping")] and not prompt.display


async def test_escape_says_nothing(alone: Alone) -> None:
    prompt = Heard()
    async with alone(prompt).run_test() as pilot:
        prompt.ask("/", "old")
        await pilot.press("x", "escape")
        assert prompt.heard == [] and not prompt.display


async def test_lines_said_before_come_back_by_their_sign(alone: Alone) -> None:
    prompt = Heard()
    async with alone(prompt).run_test() as pilot:
        for sign, text in ((":", "one"), (":", "two"), ("/", "other")):
            prompt.ask(sign, text)
            await pilot.press("enter")
        prompt.ask(":")
        await pilot.press("up", "up")
        assert prompt.query_one(Input).value == "one"
        await pilot.press("down")
        assert prompt.query_one(Input).value == "two"

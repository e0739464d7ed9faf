import pytest
from textual.app import App
from textual.widgets import Input

from tui.screens.question import Ask, Confirm
from tui.view.lines import line, plain
from tui.widgets.lines import Lines


class Asking(App[None]):
    """One question; what came of it."""

    def __init__(self, question: Ask | Confirm) -> None:
        super().__init__()
        self.question = question
        self.answers: list[str | bool | None] = []

    def on_mount(self) -> None:
        self.push_screen(self.question, self.answers.append)


def no_spaces(text: str) -> str:
    return "no spaces, please" if " " in text else ""


def ask() -> Ask:
    return Ask("a title", [line("which?")], no_spaces, given="one", hint="enter takes it")


async def test_an_answer_is_taken() -> None:
    app = Asking(ask())
    async with app.run_test() as pilot:
        assert plain(app.question.query_one("#text", Lines).lines[0]) == "which?"
        await pilot.press("2", "enter")
        await pilot.pause()
    assert app.answers == ["one2"]


async def test_one_that_cannot_be_used_stays_with_what_is_wrong_under_it() -> None:
    app = Asking(ask())
    async with app.run_test() as pilot:
        await pilot.press("space", "enter")
        assert app.answers == [] and app.question.query_one(Input).value == "one "
        assert plain(app.question.query_one("#wrong", Lines).lines[0]) == "no spaces, please"
        await pilot.press("backspace", "enter")
        await pilot.pause()
    assert app.answers == ["one"]


async def test_escape_gives_up() -> None:
    app = Asking(ask())
    async with app.run_test() as pilot:
        await pilot.press("x", "escape")
        await pilot.pause()
    assert app.answers == [None]


@pytest.mark.parametrize(
    ("key", "answer"), [("y", True), ("enter", True), ("q", True), ("n", False), ("escape", False)]
)
async def test_yes_or_no(key: str, answer: bool) -> None:
    app = Asking(Confirm("quit", [line("really?")], hint="y or n"))
    async with app.run_test() as pilot:
        assert plain(app.question.query_one(Lines).lines[0]) == "really?"
        await pilot.press(key)
        await pilot.pause()
    assert app.answers == [answer]

from textual.app import App
from textual.containers import VerticalScroll

from tui.screens.page import Page
from tui.view.lines import Line, line, plain
from tui.widgets.lines import Lines


class Reading(App[None]):
    """A page of a hundred lines, each with the width it was written for."""

    def __init__(self) -> None:
        super().__init__()
        self.page = Page(lambda: "a title", self._write, hint=lambda: "esc closes")

    def _write(self, room: int) -> list[Line]:
        return [line(f"{number} of {room}") for number in range(100)]

    def on_mount(self) -> None:
        self.push_screen(self.page)


async def test_it_is_written_for_its_width_and_again_for_another() -> None:
    app = Reading()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        lines, box = app.page.query_one(Lines), app.page.query_one(VerticalScroll)
        assert plain(lines.lines[99]) == f"99 of {box.scrollable_content_region.width}"
        assert (box.border_title, box.border_subtitle) == ("a title", "esc closes")
        await pilot.resize_terminal(60, 24)
        await pilot.pause()
        assert plain(lines.lines[0]) == f"0 of {box.scrollable_content_region.width}" != f"0 of {76}"


async def test_keys_scroll_it() -> None:
    app = Reading()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        box = app.page.query_one(VerticalScroll)
        await pilot.press("j", "j", "k")
        assert box.scroll_y == 1
        await pilot.press("G")
        assert box.scroll_y == box.max_scroll_y > 50
        await pilot.press("g")
        assert box.scroll_y == 0


async def test_escape_q_and_enter_close_it() -> None:
    for key in ("escape", "q", "enter"):
        app = Reading()
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause()
            await pilot.press(key)
            await pilot.pause()
            assert app.screen is not app.page

from collections.abc import Callable

from textual.app import App

from tui.view.lines import line
from tui.widgets.lines import Lines

Alone = Callable[..., App[None]]


async def test_it_is_as_high_as_its_lines_and_draws_them_in_their_roles(alone: Alone) -> None:
    lines = Lines()
    async with alone(lines).run_test(size=(20, 5)) as pilot:
        lines.show([line("plain", (" late", "late")), line(("ok", "ok"))])
        await pilot.pause()
        assert lines.size.height == 2
        strip = lines.render_line(0)
        assert strip.text.rstrip() == "plain late" and strip.cell_length == 20
        plain, late = list(strip)[:2]
        assert plain.style != late.style


async def test_only_lines_whose_text_has_changed_are_painted_again(alone: Alone) -> None:
    lines = Lines()
    async with alone(lines).run_test(size=(20, 5)) as pilot:
        lines.show([line("a"), line("b"), line("c")])
        await pilot.pause()
        before = lines.repaints
        lines.show([line("a"), line("b"), line("c")])
        assert lines.repaints == before
        lines.show([line("a"), line("X"), line("c")])
        assert lines.repaints == before + 1
        await pilot.pause()
        assert lines.render_line(1).text.strip() == "X"


async def test_another_theme_is_another_colour(alone: Alone) -> None:
    lines = Lines()
    app = alone(lines)
    async with app.run_test() as pilot:
        lines.show([line(("in", "in"))])
        await pilot.pause()
        before = next(iter(lines.render_line(0))).style
        app.theme = "whoops-light"
        await pilot.pause()
        assert next(iter(lines.render_line(0))).style != before

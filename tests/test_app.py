from collections.abc import Callable
from pathlib import Path

import pytest

from tests.view.story import Story
from tui.app import WhoopsApp, _keep
from tui.screens.desk import Desk
from tui.screens.page import Page
from tui.screens.source import FileSource
from tui.view.lines import plain
from tui.view.look import Look
from tui.widgets.lines import Lines


@pytest.fixture
def reading(tmp_path: Path) -> Callable[..., WhoopsApp]:
    path = tmp_path / "asker.jsonl"
    path.write_bytes(Story().asker().data)

    def make(**options: object) -> WhoopsApp:
        return WhoopsApp(Desk([FileSource(path)], Look(), tmp_path), **options)  # type: ignore[arg-type]

    return make


Reading = Callable[..., WhoopsApp]


async def test_the_language_changes_on_the_spot(reading: Reading) -> None:
    app = reading()
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.3)
        await pilot.press("L")
        await pilot.pause(0.2)
        assert "个会话" in plain(app.main.query_one("#top", Lines).lines[0])
        assert "已断开" in plain(app.main.shown[1].head.lines[0])
        await pilot.press("L")
        await pilot.pause(0.2)
        assert "sessions" in plain(app.main.query_one("#top", Lines).lines[0])


async def test_themes_take_turns(reading: Reading) -> None:
    app = reading(theme="whoops-light")
    async with app.run_test(size=(120, 40)) as pilot:
        assert app.theme == "whoops-light"
        await pilot.press("t")
        assert app.theme == "whoops-dark"


async def test_an_unknown_theme_is_the_default(reading: Reading) -> None:
    assert reading(theme="nope").theme == "whoops-dark"


async def test_every_binding_has_an_id_of_its_own(reading: Reading) -> None:
    app = reading()
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.3)
        found = [
            binding
            for owner in (app, app.main, app.main.shown[0].table)
            for bindings in owner._bindings.key_to_bindings.values()
            for binding in bindings
            if type(owner).BINDINGS and binding in _own(owner)
        ]
        assert all(binding.id for binding in found)
        keys_of: dict[str, set[str]] = {}
        for binding in found:
            keys_of.setdefault(str(binding.id), set()).add(binding.action)
        assert all(len(actions) == 1 for actions in keys_of.values())


def _own(owner: object) -> list[object]:
    from textual.binding import Binding

    return [each for one in type(owner).BINDINGS if isinstance(one, Binding) for each in Binding.make_bindings([one])]  # type: ignore[attr-defined]


@pytest.mark.parametrize("key", ["question_mark", "o", "d"])
async def test_pages_open_and_close(reading: Reading, key: str) -> None:
    app = reading()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause(0.3)
        await pilot.press("2", key)
        await pilot.pause()
        assert isinstance(app.screen, Page)
        await pilot.press("escape")
        assert app.screen_stack[-1] is app.main


async def test_the_palette_offers_what_the_keys_do(reading: Reading) -> None:
    app = reading()
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.3)
        commands = {command.title: command for command in app.get_system_commands(app.screen)}
        assert "Hide or show STOMP beats" in commands
        commands["Hide or show STOMP beats"].callback()
        await pilot.pause()
        assert "beat" in app.main.shown[0].pane.table.hidden


async def test_a_recording_is_quit_without_a_question(reading: Reading) -> None:
    app = reading()
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.3)
        await pilot.press("q")
        await pilot.pause()
    assert app.return_code == 0


def test_a_saved_recording_goes_on_growing(tmp_path: Path) -> None:
    recording = tmp_path / "rec.jsonl"
    recording.write_text("one\n")
    assert not _keep(recording, tmp_path / "saved.jsonl")
    with recording.open("a") as file:
        file.write("two\n")
    assert (tmp_path / "saved.jsonl").read_text() == "one\ntwo\n"

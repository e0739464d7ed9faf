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
from tui.screens.source import FileSource
from tui.view.lines import plain
from tui.view.look import Look
from tui.widgets.lines import Lines


@pytest.fixture
def reading(tmp_path: Path) -> Callable[..., WhoopsApp]:
    path = tmp_path / "asker.jsonl"
    path.write_bytes(Story().asker().data)

    def make(theirs: Path | None = None, **options: object) -> WhoopsApp:
        program = ProgramOptions(**options)  # type: ignore[arg-type]
        return WhoopsApp(Desk([FileSource(path)], Look(), tmp_path), program, theirs=theirs)

    return make


Reading = Callable[..., WhoopsApp]


def top(app: WhoopsApp) -> str:
    return plain(app.main.query_one("#top", Lines).lines[0])


def bottom(app: WhoopsApp) -> str:
    return "".join(map(plain, app.main.query_one("#bottom", Lines).lines))


async def test_the_language_changes_on_the_spot(reading: Reading) -> None:
    app = reading()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot, app)
        await pilot.press("L")
        await comes(pilot, lambda: "个会话" in top(app) and "已断开" in plain(app.main.shown[1].head.lines[0]))
        await pilot.press("L")
        await comes(pilot, lambda: "sessions" in top(app))


async def test_themes_take_turns(reading: Reading) -> None:
    app = reading(theme="whoops-light")
    async with app.run_test(size=(120, 40)) as pilot:
        assert app.theme == "whoops-light"
        await pilot.press("t")
        assert app.theme == "whoops-dark"


async def test_every_binding_has_an_id_of_its_own(reading: Reading) -> None:
    app = reading()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot, app)
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
        await settled(pilot, app)
        await pilot.press("2", key)
        await pilot.pause()
        assert isinstance(app.screen, Page)
        await pilot.press("escape")
        assert app.screen_stack[-1] is app.main


async def test_the_palette_offers_what_the_keys_do(reading: Reading) -> None:
    app = reading()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot, app)
        commands = {command.title: command for command in app.get_system_commands(app.screen)}
        assert "Hide or show STOMP beats" in commands
        commands["Hide or show STOMP beats"].callback()
        await pilot.pause()
        assert "beat" in app.main.shown[0].pane.table.hidden


async def test_a_recording_is_quit_without_a_question(reading: Reading) -> None:
    app = reading()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot, app)
        await pilot.press("q")
        await pilot.pause()
    assert app.return_code == 0


async def test_a_theme_that_is_not_known_is_said_and_the_default_stays(reading: Reading) -> None:
    app = reading(theme="nope")
    async with app.run_test(size=(120, 40)) as pilot:
        await comes(pilot, lambda: "no theme is called nope; there are whoops-dark" in bottom(app))
        assert app.theme == "whoops-dark"


async def test_themes_of_the_users_own_take_turns_with_ours(reading: Reading, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[colors]\nprimary = "red"\nforeground = "white"\nbackground = "black"\n')
    (tmp_path / "spoilt.toml").write_text("[colors")
    app = reading(theirs=tmp_path, theme="mine")
    async with app.run_test(size=(120, 40)) as pilot:
        await comes(pilot, lambda: "theme spoilt.toml:" in bottom(app))
        seen = [app.theme]
        for _ in range(3):
            await pilot.press("t")
            seen.append(app.theme)
        assert seen == ["mine", "whoops-dark", "whoops-light", "mine"]


async def test_what_was_noticed_at_the_start_is_said(tmp_path: Path) -> None:
    recording = tmp_path / "asker.jsonl"
    recording.write_bytes(Story().asker().data)
    app = WhoopsApp(Desk([FileSource(recording)], Look(), tmp_path), notices=["glyphs_ascii"])
    async with app.run_test(size=(120, 40)) as pilot:
        await comes(pilot, lambda: "--glyphs ascii" in bottom(app))

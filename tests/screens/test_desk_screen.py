from collections.abc import Callable

import pytest

from tests.waiting import comes
from tui.app import WhoopsApp
from tui.screens import desk_screen
from tui.view.lines import plain

Reading = Callable[..., WhoopsApp]


async def test_the_pane_in_focus_and_its_model(reading: Reading) -> None:
    app = reading()
    assert app.main.here is None and app.main.pane is None
    async with app.run_test(size=(120, 40)) as pilot:
        await comes(pilot, lambda: len(app.main.shown) == 2)
        app.main.focus_pane(1)
        assert app.main.here is app.main.shown[1] and app.main.pane is app.main.shown[1].pane


async def test_what_is_said_goes_by_itself(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_screen, "_SAID_S", 0.05)
    app = reading()
    async with app.run_test(size=(120, 40)) as pilot:
        app.main.tell("hello")
        assert plain(app.main.said) == "hello"
        await comes(pilot, lambda: not app.main.said)


@pytest.mark.parametrize("role", ["error", "late"])
async def test_what_went_wrong_stands_until_a_key(reading: Reading, role: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_screen, "_SAID_S", 0.0)
    app = reading()
    async with app.run_test(size=(120, 40)) as pilot:
        await comes(pilot, lambda: len(app.main.shown) == 2)
        app.main.tell("oh no", role)  # type: ignore[arg-type]
        await pilot.pause()
        assert plain(app.main.said) == "oh no"
        await pilot.press("f12")
        assert not app.main.said

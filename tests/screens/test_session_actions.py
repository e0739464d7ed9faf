import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.screens.conftest import settled
from tests.view.story import Story
from tests.waiting import comes
from tui.app import WhoopsApp
from tui.facts.redaction import Redactor
from tui.screens.desk import Desk
from tui.screens.recent import Recent
from tui.screens.source import ProbeSource
from tui.view.lines import plain
from tui.view.look import Look
from tui.widgets.lines import Lines


@pytest.fixture
def live(tmp_path: Path) -> Iterator[WhoopsApp]:
    """The inspector with a probe that says the asker's story, then writes down what it is told."""
    story = tmp_path / "story.jsonl"
    story.write_bytes(Story().asker().data)
    recent = Recent(tmp_path / "recent.json", Redactor())
    command = ("sh", "-c", f"cat {story}; cat > {tmp_path}/told")
    desk = Desk([ProbeSource(command=command)], Look(), tmp_path / "rec", recent=recent)
    assert desk.child is not None
    desk.child.opened += [{"name": "A", "url": "ws://a/"}, {"name": "B", "url": "ws://b/"}]
    yield WhoopsApp(desk)
    desk.child.stop()
    desk.child.close()


def told(app: WhoopsApp) -> list[dict[str, Any]]:
    """What the probe was told, whole lines of it."""
    path = app.desk.child.path.parent.parent / "told" if app.desk.child is not None else Path()
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]] if path.exists() else []


def bottom(app: WhoopsApp) -> str:
    return plain(app.main.query_one("#bottom", Lines).lines[0])


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (["p"], {"cmd": "ping", "s": "A"}),
        (["r"], {"cmd": "reconnect", "s": "A"}),
        (["x"], {"cmd": "disconnect", "s": "A"}),
        (["2", "r"], {"cmd": "reconnect", "s": "B"}),
        (["colon", *"close", "space", *"1001", "enter"], {"cmd": "close 1001", "s": "A"}),
        (["colon", *"B:", "space", *"hold-beats", "enter"], {"cmd": "hold-beats", "s": "B"}),
    ],
)
async def test_a_key_tells_the_session_in_focus(live: WhoopsApp, keys: list[str], said: dict[str, str]) -> None:
    async with live.run_test(size=(120, 40)) as pilot:
        await settled(pilot, live)
        await pilot.press(*keys)
        await comes(pilot, lambda: told(live) == [said])
        assert f"told {said['s']}: {said['cmd']}" in bottom(live)


async def test_what_has_ended_is_not_closed_again(live: WhoopsApp) -> None:
    async with live.run_test(size=(120, 40)) as pilot:
        await settled(pilot, live)
        await pilot.press("2", "x")
        assert "B has ended; r connects it again" in bottom(live)
        await pilot.press("p")
        await comes(pilot, lambda: told(live) == [{"cmd": "ping", "s": "B"}])


async def test_quit_is_a_question_while_a_session_is_open(live: WhoopsApp) -> None:
    async with live.run_test(size=(120, 40)) as pilot:
        await settled(pilot, live)
        await pilot.press("colon", *"quit", "enter")
        await pilot.pause()
        await pilot.press("n")
        assert live.screen_stack[-1] is live.main and told(live) == []


async def test_a_session_that_is_added_gets_a_free_name_and_is_remembered(live: WhoopsApp) -> None:
    assert live.desk.recent is not None
    async with live.run_test(size=(120, 40)) as pilot:
        await settled(pilot, live)
        await pilot.press("a")
        await pilot.pause()
        await pilot.press(*"ws://c/?token=hunter2", "enter")
        url = "ws://c/?token=hunter2"
        await comes(pilot, lambda: told(live) == [{"cmd": "open", "session": {"name": "C", "url": url}}])
        assert live.desk.recent.lines() == ["'ws://c/?token=***'"]
        await pilot.press("a")
        await pilot.pause()
        await pilot.press("down", "enter")
        assert "*** stands for a secret" in plain(live.screen.query_one("#wrong", Lines).lines[0])
        await pilot.press("escape")


async def test_digits_and_tab_go_from_pane_to_pane(live: WhoopsApp) -> None:
    async with live.run_test(size=(120, 40)) as pilot:
        await settled(pilot, live)
        seen = []
        for key in ("2", "9", "1", "tab", "tab", "shift+tab"):
            await pilot.press(key)
            seen.append(live.main.current)
        assert seen == [1, 1, 0, 1, 0, 1]

from pathlib import Path

import pytest

from tests.view.story import Story
from tui.options.program import ProgramOptions
from tui.screens.alarm import Alarm, notification
from tui.screens.desk import Desk
from tui.screens.log import Log
from tui.screens.source import FileSource
from tui.view.look import Look
from tui.view.replay import Drop


@pytest.fixture
def drop(tmp_path: Path) -> Drop:
    """B's, of the asker's story."""
    path = tmp_path / "asker.jsonl"
    path.write_bytes(Story().asker().data)
    desk = Desk([FileSource(path)], Look(), tmp_path)
    return next(drop for drops in iter(desk.poll, None) for drop in drops)


def rung(drops: list[Drop], **options: object) -> list[str]:
    """What is written to the terminal for drops."""
    written: list[str] = []
    Alarm(ProgramOptions(**options), Look(), Log()).ring(drops, Look(), written.append)  # type: ignore[arg-type]
    return written


def test_a_drop_rings_and_is_notified(drop: Drop) -> None:
    assert rung([drop]) == ["\a", "\x1b]9;whoops: B dropped: 1002 Protocol error Session closed.\a"]


def test_each_can_be_turned_off(drop: Drop) -> None:
    assert rung([drop], no_bell=True) == [notification("B dropped: 1002 Protocol error Session closed.")]
    assert rung([drop], no_notify=True) == ["\a"]
    assert rung([drop], no_bell=True, no_notify=True) == []


def test_drops_together_ring_once(drop: Drop) -> None:
    bell, said = rung([drop, drop])
    assert bell == "\a" and said.count("B dropped") == 2


def test_tmux_hands_it_on_only_where_asked(drop: Drop) -> None:
    [said] = rung([drop], no_bell=True, notify_tmux=True)
    assert said.startswith("\x1bPtmux;\x1b\x1b]9;whoops: B dropped") and said.endswith("\a\x1b\\")


def test_a_notification_holds_nothing_a_terminal_would_obey() -> None:
    said = notification("\x1b]52;c;x\a\n\x9b" + "x" * 10_000)
    assert said.removeprefix("\x1b]9;").removesuffix("\a").isprintable() and len(said) < 300


def test_the_command_runs_once_a_drop_and_its_failure_is_logged(drop: Drop, tmp_path: Path) -> None:
    log = Log()
    command = f"echo $WHOOPS_SESSION $WHOOPS_URL >> {tmp_path}/ran; exit 5"
    alarm = Alarm(ProgramOptions(on_drop=command, no_bell=True, no_notify=True), Look(), log)
    alarm.ring([drop, drop], Look(), lambda _: None)
    assert alarm.wait(10)
    assert (tmp_path / "ran").read_text().splitlines() == ["B stomp+ws://shop.local:8080/app"] * 2
    assert list(log) == ["whoops: --on-drop for B: the command ended with status 5"] * 2

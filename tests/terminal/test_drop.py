"""What a drop sets off on a real terminal: bell, notification, ``--on-drop``; and that nothing waits for it."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.servers import scripts
from tests.servers.scripted import ScriptedServer
from tests.terminal.conftest import Spawn
from tests.terminal.pty_terminal import Terminal
from tests.waiting import eventually

NOTICE = b"\x1b]9;whoops: bob dropped: 4001 enough"

Dropped = Callable[..., Terminal]


def rings(terminal: Terminal) -> int:
    """Bells, those that end a sequence not counted."""
    return terminal.raw.count(b"\a") - terminal.raw.count(b"\x1b]")


@pytest.fixture
def dropped(spawn: Spawn) -> Iterator[Callable[..., Terminal]]:
    """The inspector once a session has dropped, with these options and variables."""
    with ScriptedServer(scripts.closes(4001, "enough", scripts.truncated)) as server:

        def drop(*options: str, **environment: str) -> Terminal:
            terminal = spawn([sys.executable, "-m", "tui", f"bob={server.url}", *options], **environment)
            terminal.shows("DROPPED", "4001")
            return terminal

        yield drop


def test_a_drop_rings_notifies_and_runs_the_command_once(dropped: Dropped, tmp_path: Path) -> None:
    command = (
        f"cat >> {tmp_path}/reports; echo $WHOOPS_SESSION $WHOOPS_CODE >> {tmp_path}/ran; echo its own words; exit 7"
    )
    terminal = dropped("--on-drop", command)
    terminal.until(lambda _: NOTICE in terminal.raw)
    assert rings(terminal) == 1 and terminal.raw.count(NOTICE) == 1
    terminal.send("o")
    terminal.shows("log: what the probe said", "its own words", "--on-drop for bob: the command ended with status 7")
    assert (tmp_path / "ran").read_text() == "bob 4001\n"
    [report] = [json.loads(line) for line in (tmp_path / "reports").read_text().splitlines()]
    assert (report["type"], report["s"], report["code"]) == ("close", "bob", 4001)
    assert "ended with status 7" in (tmp_path / "state/whoops/whoops.log").read_text()


def test_all_of_it_can_be_turned_off(dropped: Dropped, tmp_path: Path) -> None:
    """By a flag, by a variable, by the config file."""
    config = tmp_path / "config.toml"
    config.write_text("no-bell = true\n")
    terminal = dropped("--no-notify", WHOOPS_ON_DROP="", WHOOPS_CONFIG=str(config))
    terminal.send("o")
    terminal.shows("nothing")
    assert rings(terminal) == 0 and b"\x1b]9;" not in terminal.raw


def test_the_probe_does_not_run_the_command_too(dropped: Dropped, tmp_path: Path) -> None:
    terminal = dropped(WHOOPS_ON_DROP=f"echo ran >> {tmp_path}/ran", WHOOPS_NO_BELL="1")
    terminal.until(lambda _: (tmp_path / "ran").exists())
    terminal.send("q")
    assert terminal.ends() == 0
    assert (tmp_path / "ran").read_text() == "ran\n" and rings(terminal) == 0


def test_a_command_that_hangs_holds_up_neither_the_screen_nor_its_end(dropped: Dropped, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    terminal = dropped("--on-drop", f"touch {tmp_path}/ran; cat {fifo}")
    eventually((tmp_path / "ran").exists)
    terminal.send("?")
    terminal.shows("keys and signs", seconds=3)
    terminal.send("\x1b")
    terminal.until(lambda text: "keys and signs" not in text)
    terminal.send("q")
    assert terminal.ends() == 0
    assert "left to itself" in terminal.text
    with fifo.open("w"):
        pass


def test_tmux_is_asked_to_hand_it_on_only_on_demand(dropped: Dropped) -> None:
    terminal = dropped("--notify-tmux")
    terminal.until(lambda _: b"\x1bPtmux;\x1b" + NOTICE in terminal.raw)

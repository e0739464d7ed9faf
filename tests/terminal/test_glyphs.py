"""Terminals that draw our signs two cells wide, and terminals that do not say."""

import sys
import time
from pathlib import Path

import pytest

from tests.terminal.conftest import Spawn
from tests.view.story import Story

SAID = "this terminal draws signs two cells wide"


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """The inspector on a recording."""
    path = tmp_path / "asker.jsonl"
    path.write_bytes(Story().asker().data)
    return [sys.executable, "-m", "tui", "open", str(path)]


def test_signs_two_cells_wide_are_not_used(spawn: Spawn, command: list[str]) -> None:
    terminal = spawn(command, cells=2)
    text = terminal.shows("* OPEN", "x DROPPED", SAID)
    assert text.isascii()
    assert b"\x1b[6n" in terminal.raw


def test_signs_one_cell_wide_are(spawn: Spawn, command: list[str]) -> None:
    terminal = spawn(command, cells=1)
    assert SAID not in terminal.shows("● OPEN", "✖ DROPPED")


def test_a_terminal_that_never_answers_is_not_waited_for(spawn: Spawn, command: list[str]) -> None:
    began = time.monotonic()
    terminal = spawn(command)
    assert SAID not in terminal.shows("● OPEN", "✖ DROPPED")
    assert b"\x1b[6n" in terminal.raw and time.monotonic() - began < 15


@pytest.mark.parametrize(("glyphs", "sign"), [("unicode", "✖ DROPPED"), ("ascii", "x DROPPED")])
def test_who_says_which_signs_is_not_asked(spawn: Spawn, command: list[str], glyphs: str, sign: str) -> None:
    terminal = spawn([*command, "--glyphs", glyphs], cells=2)
    assert SAID not in terminal.shows(sign)
    assert b"\x1b[6n" not in terminal.raw


def test_the_question_leaves_nothing_behind(spawn: Spawn, command: list[str]) -> None:
    """What was printed to be measured is erased before the screen begins, and nothing of it is there after its end."""
    terminal = spawn(command, cells=2)
    terminal.shows("* OPEN")
    terminal.send("q")
    assert terminal.ends() == 0
    assert terminal.text.isascii() and "●" not in terminal.text

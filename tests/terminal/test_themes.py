"""The user's own themes on a real terminal."""

import sys
from pathlib import Path

import pytest

from tests.terminal.conftest import Spawn
from tests.view.story import Story

GOOD = '[colors]\nprimary = "#123456"\nforeground = "#eeeeee"\nbackground = "#010203"\n'


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """The inspector on a recording, with a good theme and a bad one in the config folder."""
    path = tmp_path / "asker.jsonl"
    path.write_bytes(Story().asker().data)
    folder = tmp_path / "config/whoops/themes"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text('name = "mine"\n' + GOOD)
    (folder / "spoilt.toml").write_text(GOOD.replace("primary", "primry"))
    return [sys.executable, "-m", "tui", "open", str(path)]


def test_a_theme_of_the_users_own_is_used_and_a_bad_one_is_said(spawn: Spawn, command: list[str]) -> None:
    terminal = spawn([*command, "--theme", "mine"])
    terminal.shows("DROPPED", "mine", "colors.primry is unknown; did you mean primary?")
    assert b"48;2;1;2;3" in terminal.raw


def test_without_it_the_default_stays(spawn: Spawn, command: list[str]) -> None:
    terminal = spawn([*command, "--theme", "spoilt"])
    terminal.shows("DROPPED", "whoops-dark", "colors.primry is unknown")
    terminal.send("ttt")
    terminal.until(lambda text: "whoops-dark" in text.splitlines()[0])

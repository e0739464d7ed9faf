"""Recordings on a real terminal."""

import sys
from pathlib import Path

import pytest

from tests.terminal.conftest import Spawn
from tests.terminal.panes import pane, read
from tests.view.story import Story

WHOOPS = (sys.executable, "-m", "tui")


@pytest.fixture
def asker(tmp_path: Path) -> Path:
    path = tmp_path / "asker.jsonl"
    path.write_bytes(Story().asker().data)
    return path


def test_a_recording_at_120_columns_shows_both_sessions_and_the_close_card(spawn: Spawn, asker: Path) -> None:
    terminal = spawn([*WHOOPS, "open", str(asker)])
    terminal.shows("1 dropped", "OPEN 0:50")
    said = (
        "DROPPED 0:42", "1002 Protocol error", "our heart-beats came too late", 'STOMP ERROR "Session closed."',
        "A, same server, lives",
    )  # fmt: skip
    terminal.until(lambda text: all(word in read(pane(text, left=False)) for word in said))
    terminal.send("q")
    assert terminal.ends() == 0


def test_a_recording_at_80_columns_shows_one_session_and_a_strip(spawn: Spawn, asker: Path) -> None:
    terminal = spawn([*WHOOPS, "open", str(asker)], columns=80, rows=24)
    terminal.shows("[1/2]", "A  stomp+ws://shop.local:8080/app", "OPEN 0:50")
    terminal.send("\t")
    text = terminal.shows("[2/2]", "DROPPED 0:42", "1002 Protocol error", "Session closed.")
    assert len(text.splitlines()) <= 24


def test_what_a_peer_sent_never_reaches_the_terminal_raw(spawn: Spawn, tmp_path: Path) -> None:
    story = Story()
    story.probe()
    story.open("A", url="ws://shop.local/\x1b]0;owned\x07")
    story.text("A", "in", "\x1b]52;c;b3duZWQ=\x07\x9b2Jevil\x1b[31m\u202e")
    story.control("A", "in", 8, b"", code=1000, reason="\x1b]0;owned\x07")
    story.end("A", how="reset", errno="ECONNRESET", detail="\x1b]0;owned\x07")
    path = tmp_path / "evil.jsonl"
    path.write_bytes(story.data)
    terminal = spawn([*WHOOPS, "open", str(path)])
    terminal.shows("evil", "DROPPED")
    terminal.send("\x1b[A\x1b[A\r")
    terminal.shows("esc closes")
    assert b"owned" not in terminal.raw.replace(b"\\x1b]0;owned\\x07", b"")
    assert b"\x1b]52" not in terminal.raw and b"\xc2\x9b" not in terminal.raw and "\u202e".encode() not in terminal.raw


def test_a_recording_that_grows_is_followed(spawn: Spawn, asker: Path) -> None:
    terminal = spawn([*WHOOPS, "open", str(asker)])
    terminal.shows("OPEN 0:50")
    story = Story().asker()
    before = len(story.data)
    story.at(61).message("A", "a later price")
    with asker.open("ab") as file:
        file.write(story.data[before:])
    terminal.shows("beat   back", "OPEN 1:01")


def test_lines_from_a_pipe_are_shown_and_keys_still_work(spawn: Spawn, asker: Path) -> None:
    piped = f"cat {asker} | {sys.executable} -m tui open -"
    terminal = spawn(["sh", "-c", piped])
    terminal.shows("1 dropped", "OPEN 0:50", "DROPPED 0:42")
    terminal.until(lambda text: "A, same server, lives" in read(pane(text, left=False)))
    terminal.send("?")
    terminal.shows("esc closes")
    terminal.send("\x1b")
    terminal.until(lambda text: "esc closes" not in text)
    terminal.send("q")
    terminal.ends()

"""The inspector with a probe of its own and the lab's broker, on a real terminal."""

import itertools
import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.terminal.conftest import Spawn

INSPECTOR = (sys.executable, "-m", "tests.terminal.inspector")


def recorded(folder: Path) -> list[dict[str, object]]:
    [path] = (folder / "rec").glob("*.jsonl")
    return [json.loads(line) for line in path.read_bytes().splitlines()]


@pytest.mark.parametrize(("columns", "rows"), [(120, 40), (80, 24)])
def test_the_drop_and_its_card_can_be_read_off_the_screen(
    spawn: Spawn, tmp_path: Path, columns: int, rows: int
) -> None:
    terminal = spawn([*INSPECTOR, "lab", str(tmp_path / "rec")], columns=columns, rows=rows)
    terminal.shows("alice", "bob", "OPEN")
    if columns < 100:
        terminal.send("\t")
    text = terminal.shows(
        "DROPPED", "1002 Protocol error", "server closed first", "MISSED", "alice, same server, lives"
    )
    assert 'STOMP ERROR "Session closed."' in text
    assert "\a" in terminal.raw.decode("utf-8", "replace")
    terminal.send("q")
    terminal.shows("Quitting closes it.")
    terminal.send("y")
    assert terminal.ends() == 0
    assert "recording:" in terminal.text
    ends = [line for line in recorded(tmp_path) if line["type"] == "end"]
    assert {line["s"] for line in ends} == {"alice", "bob"}


def test_no_beat_is_late_while_the_terminal_is_not_read(spawn: Spawn, tmp_path: Path) -> None:
    terminal = spawn([*INSPECTOR, "lab", str(tmp_path / "rec")])
    terminal.shows("alice", "OPEN 0:02")
    stalled = time.monotonic()
    while time.monotonic() - stalled < 5:  # nobody reads the terminal
        time.sleep(0.1)
    terminal.shows("DROPPED")
    beats = [
        line["m"]
        for line in recorded(tmp_path)
        if line["type"] == "frame" and line["s"] == "alice" and line["dir"] == "out" and line.get("text") == "\n"
    ]
    assert len(beats) >= 4
    gaps = [later - before for before, later in itertools.pairwise(beats)]  # type: ignore[operator]
    assert max(gaps) < 2.25


def test_a_lost_terminal_ends_the_probe(spawn: Spawn, tmp_path: Path) -> None:
    terminal = spawn([*INSPECTOR, "lab", str(tmp_path / "rec")])
    terminal.shows("alice", "OPEN 0:01")
    assert len(probes(tmp_path)) == 1
    terminal.hang_up()
    deadline = time.monotonic() + 15
    while probes(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert probes(tmp_path) == []


def test_a_lost_probe_is_said_and_started_again(spawn: Spawn, tmp_path: Path) -> None:
    terminal = spawn([*INSPECTOR, "lab", str(tmp_path / "rec")])
    terminal.shows("alice", "OPEN 0:01")
    [pid] = probes(tmp_path)
    os.kill(pid, signal.SIGKILL)
    terminal.shows("PROBE LOST", "probe lost, r starts it again", "status -9")
    terminal.send("r")
    terminal.until(lambda text: "PROBE LOST" not in text and text.count("OPEN 0:0") == 2)
    assert [line["type"] for line in recorded(tmp_path)].count("probe") == 2


def probes(home: Path) -> list[int]:
    """The probes whose home is this test's."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdecimal() else []
            if b"--facts" in words and f"HOME={home}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:  # it has just ended
            continue
    return found

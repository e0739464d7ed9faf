"""``whoops demo`` on a real terminal: screen, probe and lab, each a process of its own."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.terminal.conftest import Spawn


def demo(folder: Path) -> list[str]:
    return [sys.executable, "-m", "tui", "demo", "--record", str(folder / "demo.jsonl")]


def recorded(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "demo.jsonl").read_bytes().splitlines()]


@pytest.mark.parametrize(("columns", "rows"), [(120, 40), (80, 24)])
def test_the_drop_and_its_card_can_be_read_off_the_screen(
    spawn: Spawn, tmp_path: Path, columns: int, rows: int
) -> None:
    terminal = spawn(demo(tmp_path), columns=columns, rows=rows)
    terminal.shows("alice", "bob", "OPEN")
    if columns < 100:
        terminal.send("\t")
    terminal.shows(
        "DROPPED", "1002 Protocol error", "server closed first", "MISSED", 'STOMP ERROR "Session closed."',
        "alice, same server, lives",
    )  # fmt: skip
    assert "\a" in terminal.raw.decode("utf-8", "replace")
    terminal.send("q")
    terminal.shows("Quitting closes it.")
    terminal.send("y")
    assert terminal.ends() == 0
    assert "recording:" in terminal.text
    ends = [line for line in recorded(tmp_path) if line["type"] == "end"]
    assert {line["s"] for line in ends} == {"alice", "bob"}


def test_no_beat_is_late_while_the_terminal_is_not_read(spawn: Spawn, tmp_path: Path) -> None:
    terminal = spawn(demo(tmp_path))
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
    terminal = spawn(demo(tmp_path))
    terminal.shows("alice", "OPEN 0:01")
    probe = probe_of(terminal.pid)
    terminal.hang_up()
    deadline = time.monotonic() + 15
    while runs(probe) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not runs(probe)
    assert [line["why"] for line in recorded(tmp_path) if line["type"] == "stop"] == ["eof"]


def test_a_lost_probe_is_said_and_started_again(spawn: Spawn, tmp_path: Path) -> None:
    terminal = spawn(demo(tmp_path))
    terminal.shows("alice", "OPEN 0:01")
    os.kill(probe_of(terminal.pid), signal.SIGKILL)
    terminal.shows("PROBE LOST", "probe lost, r starts it again", "status -9")
    terminal.send("r")
    terminal.until(lambda text: "PROBE LOST" not in text and text.count("OPEN 0:0") == 2)
    assert [line["type"] for line in recorded(tmp_path)].count("probe") == 2


def probe_of(screen: int) -> int:
    """The probe a screen has started."""
    listing = subprocess.run(["ps", "-axo", "pid=,ppid=,args="], check=True, capture_output=True, text=True).stdout
    processes = [line.split(None, 2) for line in listing.splitlines()]
    [pid] = [int(pid) for pid, parent, command in processes if parent == str(screen) and "--facts" in command]
    return pid


def runs(pid: int) -> bool:
    """Whether a process is there and has not ended."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], check=False, capture_output=True, text=True).stdout
    return bool(state.strip()) and not state.startswith("Z")

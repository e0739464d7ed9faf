"""``whoops demo`` on a real terminal: screen, probe and lab, each a process of its own."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.terminal.conftest import Spawn
from tests.terminal.panes import pane, read
from tests.waiting import eventually


def demo(folder: Path) -> list[str]:
    return [sys.executable, "-m", "tui", "demo", "--record", str(folder / "demo.jsonl")]


def recorded(folder: Path) -> list[dict[str, Any]]:
    """The whole lines of the recording so far."""
    *lines, _ = (folder / "demo.jsonl").read_bytes().split(b"\n")
    return [json.loads(line) for line in lines]


def beats_of(folder: Path, session: str) -> list[float]:
    """When the session's beats left."""
    return [
        line["m"]
        for line in recorded(folder)
        if line["type"] == "frame" and line["s"] == session and line["dir"] == "out" and line.get("text") == '["\\n"]'
    ]


@pytest.mark.parametrize(("columns", "rows"), [(120, 40), (80, 24)])
def test_the_drop_and_its_card_can_be_read_off_the_screen(
    spawn: Spawn, tmp_path: Path, columns: int, rows: int
) -> None:
    terminal = spawn(demo(tmp_path), columns=columns, rows=rows)
    terminal.shows("alice", "bob", "OPEN")
    if columns < 100:
        terminal.send("\t")
    words = (
        "DROPPED", "1002 Protocol error", "server closed first", "MISSED", "our heart-beats came too late",
        "ERROR “Session closed.”", "alice, same server, lives",
    )  # fmt: skip
    if columns < 100:
        terminal.shows(*words)
    else:
        said = (*words, 'STOMP ERROR "Session closed."')
        terminal.until(lambda text: all(word in read(pane(text, left=False)) for word in said))
    assert "\a" in terminal.raw.decode("utf-8", "replace")
    terminal.send("q")
    terminal.shows("Quitting closes it.")
    terminal.send("y")
    assert terminal.ends() == 0
    assert "recording:" in terminal.text
    ends = [line for line in recorded(tmp_path) if line["type"] == "end"]
    assert {line["s"] for line in ends} == {"alice", "bob"}


@pytest.mark.alone
def test_no_beat_is_late_while_the_terminal_is_not_read(spawn: Spawn, tmp_path: Path) -> None:
    terminal = spawn(demo(tmp_path))
    terminal.shows("alice", "OPEN 0:02")
    already = len(beats_of(tmp_path, "alice"))
    eventually(lambda: len(beats_of(tmp_path, "alice")) >= already + 3)  # nobody reads the terminal meanwhile
    terminal.shows("DROPPED")
    beats = beats_of(tmp_path, "alice")
    gaps = [later - before for before, later in itertools.pairwise(beats)]
    assert max(gaps) < 2.25


def test_a_lost_terminal_ends_the_probe(spawn: Spawn, tmp_path: Path) -> None:
    terminal = spawn(demo(tmp_path))
    terminal.shows("alice", "OPEN 0:01")
    probe = probe_of(terminal.pid)
    terminal.hang_up()
    eventually(lambda: not runs(probe), seconds=15)
    assert [line["why"] for line in recorded(tmp_path) if line["type"] == "stop"] == ["eof"]


def test_a_terminal_that_is_lost_while_nobody_reads_it_ends_the_probe(spawn: Spawn, tmp_path: Path) -> None:
    """A bad SSH link stalls first and breaks then: what the screen still has to write is no reason to stay."""
    terminal = spawn(demo(tmp_path))
    terminal.shows("alice", "OPEN 0:01")
    probe = probe_of(terminal.pid)
    eventually(lambda: blocked(terminal.pid))
    terminal.hang_up()
    eventually(lambda: not runs(probe), seconds=15)


def test_a_lost_probe_is_said_and_started_again(spawn: Spawn, tmp_path: Path) -> None:
    terminal = spawn(demo(tmp_path))
    terminal.shows("alice", "OPEN 0:01")
    os.kill(probe_of(terminal.pid), signal.SIGKILL)
    terminal.shows("PROBE LOST", "probe lost, r starts it again", "status -9")
    terminal.send("r")
    terminal.until(lambda text: "PROBE LOST" not in text and text.count("OPEN 0:0") == 2)
    assert [line["type"] for line in recorded(tmp_path)].count("probe") == 2


def probe_of(screen: int) -> int:
    """The probe a screen has started. ``-ww``: where COLUMNS is set, ps cuts what it prints to that width."""
    listing = subprocess.run(["ps", "-axwwo", "pid=,ppid=,args="], check=True, capture_output=True, text=True).stdout
    processes = [line.split(None, 2) for line in listing.splitlines()]
    [pid] = [int(pid) for pid, parent, command in processes if parent == str(screen) and "--facts" in command]
    return pid


def blocked(pid: int) -> bool:
    """Whether a process's main thread has stood still for a while: it writes, and nobody takes it."""
    began = switches(pid)
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        if switches(pid) != began:
            return False
    return True


def switches(pid: int) -> str:
    """How often the main thread has been given the processor."""
    return "".join(line for line in Path(f"/proc/{pid}/task/{pid}/status").read_text().splitlines() if "ctxt" in line)


def runs(pid: int) -> bool:
    """Whether a process is there and has not ended."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], check=False, capture_output=True, text=True).stdout
    return bool(state.strip()) and not state.startswith("Z")

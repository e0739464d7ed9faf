"""The keys that do something to a session, on a real terminal against the lab: ``a x r p`` and ``:``."""

import json
import sys
from pathlib import Path
from typing import Any

from tests.terminal.conftest import Spawn
from tests.waiting import eventually


def facts(path: Path) -> list[dict[str, Any]]:
    """The whole lines of the recording so far."""
    *lines, _ = path.read_bytes().split(b"\n")
    return [json.loads(line) for line in lines]


def test_a_session_is_added_pinged_closed_and_connected_again(spawn: Spawn, tmp_path: Path) -> None:
    path = tmp_path / "keys.jsonl"
    terminal = spawn([sys.executable, "-m", "tui", "demo", "--record", str(path)], columns=200)
    terminal.shows("alice", "bob", "OPEN 0:0")
    url = next(fact["url"] for fact in facts(path) if fact["type"] == "target" and fact["s"] == "alice")

    terminal.send("a")
    terminal.shows("add a session")
    terminal.send(f"carol={url} --heart-beat 0,0\r")
    terminal.shows("3 sessions", "carol")
    terminal.until(lambda text: text.count("OPEN 0:0") == 3)
    terminal.send("3p")
    terminal.shows("told carol: ping", "pong")
    pings = [fact["opcode"] for fact in facts(path) if fact["type"] == "frame" and fact["s"] == "carol"]
    assert pings.count(9) == 1 and pings.count(10) == 1

    terminal.send("x")
    terminal.shows("CLOSED", "we closed first")
    ways = [fact["do"] for fact in facts(path) if fact["type"] == "command" and fact["s"] == "carol"]
    assert ways == ["open", "ping", "disconnect"]
    terminal.send("x")
    terminal.shows("carol has ended; r connects it again")
    terminal.send("r")
    terminal.shows("connection 2")
    terminal.until(lambda text: "CLOSED" not in text)

    terminal.send(":alice: mark hello\r")
    terminal.shows("told alice: mark hello")
    eventually(lambda: [fact["s"] for fact in facts(path) if fact.get("do") == "mark hello"] == ["alice"])


def test_targets_opened_before_are_offered_where_no_target_is_given(spawn: Spawn, tmp_path: Path) -> None:
    path = tmp_path / "keys.jsonl"
    lab = spawn([sys.executable, "-m", "tui", "demo", "--record", str(path)])
    lab.shows("alice", "OPEN")
    url = next(fact["url"] for fact in facts(path) if fact["type"] == "target" and fact["s"] == "alice")
    recent = tmp_path / "state/whoops/recent.json"
    assert not recent.exists()

    secret = url.replace("//", "//me:hunter2@")
    for given in (
        [secret, "--passcode", "hunter2"],
        [url, "--heart-beat", "2000,0"],
        [f"bob={url}", "--no-compression"],
    ):
        terminal = spawn([sys.executable, "-m", "tui", *given])
        terminal.shows("OPEN 0:0")
        terminal.send("q")
        terminal.shows("Quitting closes it.")
        terminal.send("y")
        assert terminal.ends() == 0
    assert "hunter2" not in recent.read_text()

    terminal = spawn([sys.executable, "-m", "tui"], columns=80, rows=24)
    text = terminal.shows("add a session", "opened last", "--passcode '***'", "2000,0", "--no-compression")
    assert text.index("--no-compression") < text.index("2000,0") < text.index("--passcode")
    terminal.send("\x1b[B" * 3)
    terminal.shows("▸ 'stomp+http://***@")
    terminal.send("\r")
    terminal.shows("*** stands for a secret")
    terminal.send("\x1b[A")
    terminal.shows(f"▸ {url} --heart-beat 2000,0")
    terminal.send("\r")
    terminal.shows("OPEN 0:0")
    assert "hunter2" not in recent.read_text()
    assert json.loads(recent.read_text())["targets"][0] == f"{url} --heart-beat 2000,0"

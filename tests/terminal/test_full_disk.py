"""A disk that is full, under a screen: it says so, and the sessions go on."""

import json
import shlex
import sys
import threading
from pathlib import Path

from websockets.frames import Opcode

from tests.servers import scripts
from tests.servers.scripted import Connection, ScriptedServer
from tests.terminal.conftest import Spawn


def test_a_disk_that_fills_up_stops_the_recording_only(spawn: Spawn, tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk."""
    path, said = tmp_path / "rec.jsonl", threading.Event()

    def floods(connection: Connection) -> None:
        for number in range(200):
            connection.frame(Opcode.TEXT, b"frame-%03d" % number + b"x" * 100)
        assert said.wait(30)
        connection.frame(Opcode.TEXT, b"after the end of the recording")
        connection.close(4001, "enough")
        scripts.truncated(connection)

    with ScriptedServer(scripts.after_upgrade(floods)) as server:
        whoops = shlex.join([sys.executable, "-m", "tui", server.url, "--record", str(path)])
        # So wide that the last line, which names a file, is not broken at a space.
        terminal = spawn(["sh", "-c", f"ulimit -f 32; exec {whoops}"], columns=200)
        terminal.shows("recording stopped: EFBIG", "the recording stops at byte", "the sessions go on", "frame-199")
        said.set()
        terminal.shows("DROPPED", "4001", "after the end of the recording")
    terminal.send("g")
    terminal.shows("frame-000", "paused")
    terminal.send("Gk\r")
    terminal.shows("row 21", "esc closes")
    terminal.send("\x1b")
    terminal.until(lambda text: "esc closes" not in text)
    terminal.send("q")
    assert terminal.ends() == 0
    size = path.stat().st_size
    assert f"it stops at byte {size}: File too large" in terminal.text.replace("\n", "")
    lines = path.read_bytes().splitlines(keepends=True)
    assert all(line.endswith(b"\n") and json.loads(line)["type"] for line in lines) and size <= 32 * 1024

    again = spawn([sys.executable, "-m", "tui", "open", str(path)])
    again.shows("OPEN", "frame-0")


def test_a_disk_that_is_full_from_the_start(spawn: Spawn) -> None:
    with ScriptedServer(scripts.closes(4001, "enough", scripts.truncated)) as server:
        terminal = spawn([sys.executable, "-m", "tui", server.url, "--record", "/dev/full"], columns=80, rows=24)
        terminal.shows("recording stopped: ENOSPC", "the recording stops at byte 0: No space left on device")
        terminal.shows("DROPPED", "4001")


def test_a_state_folder_that_cannot_be_written_is_one_line(spawn: Spawn, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    terminal = spawn([sys.executable, "-m", "tui", "demo"])
    assert terminal.ends() == 2
    assert "Traceback" not in terminal.text
    said = terminal.text.replace("\n", "")
    assert said.startswith("whoops: the recording") and str(tmp_path / "state") in said and "--record FILE" in said

"""Servers that flood: the probe stays small and its beats leave on time, whatever comes how fast."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from websockets.frames import Opcode

from tests.servers import scripts
from tests.servers.scripted import Connection, Script, ScriptedServer
from tests.watching import Line, clean_environment

pytestmark = pytest.mark.alone

MIB = 1 << 20

BOUND = 192 * MIB
"""More than twice what was seen: about 45 MiB for frames and pings, 75 for STOMP over TCP."""

BLOCK = 50_000
"""Frames sent at once."""

CONNECTED = b"CONNECTED\nversion:1.2\nheart-beat:0,500\n\n\0"


class Flooded(NamedTuple):
    """What a run left behind."""

    status: int
    largest: int
    """Bytes of the probe's resident memory at its peak."""
    path: Path

    def lines(self) -> Iterator[bytes]:
        """What it said; too much to be held at once."""
        with self.path.open("rb") as file:
            yield from file

    def of(self, kind: bytes, holding: bytes = b"") -> list[Line]:
        """Its lines of one type, in which some bytes stand, decoded."""
        found = (line for line in self.lines() if line.startswith(b'{"type":"%s"' % kind) and holding in line)
        return [msgspec.json.decode(line) for line in found]


@pytest.fixture
def lines(tmp_path: Path) -> Iterator[Path]:
    """Where a run's lines go: hundreds of MB, which nobody wants to keep."""
    path = tmp_path / "lines"
    yield path
    path.unlink()


def flooded(script: Script, path: Path, *args: str, tcp: bool = False) -> Flooded:
    """One session that beats every half second with a server that floods; its lines go to ``path``."""
    command = [sys.executable, "-m", "tui", "watch", "--json", "--heart-beat", "500,0", "--close-timeout", "0.5", *args]
    with ScriptedServer(script) as server, path.open("wb") as out:
        command.append(server.stomp_url if tcp else f"stomp+{server.url}")
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, env=clean_environment()) as process:
            largest = 0
            while process.poll() is None:
                largest = max(largest, resident(process.pid))
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.02)
    return Flooded(process.returncode, largest, path)


def resident(pid: int) -> int:
    """The most memory a process has had so far, bytes; 0 if it is gone, or just now, where only that is known.

    ``getrusage`` would count the test's own memory: a child has it until it runs another program.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        said = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
        return int(said or 0) * 1024
    peak = re.search(r"VmHWM:\s*(\d+) kB", status)
    return int(peak[1]) * 1024 if peak else 0


def connected(act: Callable[[Connection], None]) -> Script:
    """A broker over WebSocket that answers CONNECT, then ``act``."""

    def script(connection: Connection) -> None:
        connection.upgrade(subprotocol="v12.stomp")
        connection.receive()
        connection.frame(Opcode.TEXT, CONNECTED)
        act(connection)

    return script


def floods(piece: bytes, count: int) -> Callable[[Connection], None]:
    """Says ``piece`` so many times, as fast as it is taken, without reading; then ends and reads to the end."""

    def act(connection: Connection) -> None:
        for _ in range(count // BLOCK):
            connection.send(piece * BLOCK)
        scripts.truncated(connection)

    return act


def assert_on_time(run: Flooded) -> None:
    """Beats left all the while: none was missed, and hardly one late, on whatever machine this runs."""
    ready, end = run.of(b"stomp", b'"CONNECTED"')[0]["m"], run.of(b"end")[0]["m"]
    beats = run.of(b"stomp", b'"dir":"out","command":"beat"')
    assert len(beats) >= (end - ready) / 0.5 - 2
    assert "missed" not in {beat["state"] for beat in run.of(b"heartbeat")}


FLOODS = {
    "empty messages": (b"\x81\x00", 1_000_000),
    "pings": (b"\x89\x00", 50_000),
    "pongs": (b"\x8a\x00", 50_000),
    "fragments": (b"\x01\x00\x80\x00", 50_000),
}


@pytest.mark.parametrize("name", FLOODS)
def test_tiny_frames(name: str, lines: Path) -> None:
    piece, count = FLOODS[name]
    run = flooded(connected(floods(piece, count)), lines)

    assert run.status == 1
    came = sum(line.startswith(b'{"type":"frame"') and b'"dir":"in"' in line for line in run.lines())
    assert came == count * (2 if name == "fragments" else 1) + 1, "each is a fact, and CONNECTED"
    assert run.largest < BOUND
    assert_on_time(run)


@pytest.mark.parametrize("piece", [b"\0", b"A\n\n\0"])
def test_tiny_stomp_frames_over_tcp(piece: bytes, lines: Path) -> None:
    count = 100_000
    run = flooded(scripts.after_connected(floods(piece, count), beats="0,500"), lines, tcp=True)

    assert run.status == 1
    assert sum(line.startswith(b'{"type":"stomp"') and b'"dir":"in"' in line for line in run.lines()) == count + 1
    assert len(run.of(b"note")) <= 20, "what is wrong is said a few times, not as often as it is"
    assert run.largest < BOUND
    assert_on_time(run)


@pytest.mark.parametrize("tcp", [False, True])
def test_a_stomp_frame_of_a_hundred_mib(tcp: bool, lines: Path) -> None:
    def act(connection: Connection) -> None:
        send = connection.send if tcp else lambda data: connection.frame(Opcode.TEXT, data)
        send(b"MESSAGE\n\n")
        for _ in range(100):
            send(b"x" * MIB)
        scripts.truncated(connection)

    script = scripts.after_connected(act, beats="0,500") if tcp else connected(act)
    run = flooded(script, lines, tcp=tcp)

    assert run.status == 1
    assert [note["key"] for note in run.of(b"note")] == ["note.stomp_flaw_too_big", "note.stomp_unfinished"]
    assert run.largest < BOUND
    assert_on_time(run)


def test_a_message_of_nuls_as_large_as_may_be(lines: Path) -> None:
    """Each NUL is six bytes in a line; each could have been a STOMP frame."""
    size = 8 * MIB
    head = b"\x81\x7f" + size.to_bytes(8, "big")

    def act(connection: Connection) -> None:
        connection.send(head + bytes(size))
        scripts.truncated(connection)

    run = flooded(connected(act), lines)

    assert run.status == 1
    assert run.of(b"frame", b'"dir":"in"')[-1]["size"] == size
    assert "note.stomp_flaw_too_many" in {note["key"] for note in run.of(b"note")}
    assert run.largest < 2 * BOUND

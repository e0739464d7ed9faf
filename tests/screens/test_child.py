import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.waiting import eventually
from tui.screens.child import Child
from tui.screens.log import Log
from tui.screens.source import ProbeSource

ECHO = "import sys\nprint('hello', file=sys.stderr, flush=True)\nfor line in sys.stdin: print(line, end='', flush=True)"
DEAF = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_DFL)\nsignal.pause()"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], Child]]:
    running: list[Child] = []

    def one(script: str) -> Child:
        child = Child(ProbeSource(command=(sys.executable, "-c", script)), tmp_path / "rec.jsonl", Log())
        running.append(child)
        return child

    yield one
    for child in running:
        child.stop()
        child.close()


def test_commands_are_lines_and_stderr_is_a_log(start: Callable[[str], Child]) -> None:
    child = start(ECHO)
    child.open({"name": "A", "url": "ws://a/"})
    child.command("send hi", "A")
    child.command("quit", None)
    eventually(lambda: child.path.read_bytes().count(b"\n") == 3)
    assert child.path.read_text().splitlines() == [
        '{"cmd":"open","session":{"name":"A","url":"ws://a/"}}',
        '{"cmd":"send hi","s":"A"}',
        '{"cmd":"quit"}',
    ]
    eventually(lambda: list(child.log) == ["hello"])
    assert child.clock() is not None and not child.ended


def test_it_ends_when_its_stdin_does(start: Callable[[str], Child]) -> None:
    child = start(ECHO)
    child.stop()
    assert child.status == 0


def test_one_that_does_not_is_told_to(start: Callable[[str], Child], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.screens.child._GRACE_S", 0.2)
    child = start(DEAF)
    child.opened.append({"name": "A", "close-timeout": 0.1})
    began = time.monotonic()
    child.stop()
    assert child.status != 0 and time.monotonic() - began < 8


def test_started_again_it_opens_what_it_had_but_what_was_forgotten(start: Callable[[str], Child]) -> None:
    child = start("import sys\nfor _ in range(3): print(sys.stdin.readline(), end='', flush=True)")
    child.open({"name": "A", "url": "ws://a/"})
    child.open({"name": "B", "url": "ws://b/"})
    child.command("forget", "A")
    eventually(lambda: not [*child.poll(0.1)] and child.ended)
    child.restart()
    assert not child.ended
    eventually(lambda: child.path.read_bytes().count(b'"url":"ws://b/"') == 2)
    assert child.path.read_bytes().count(b'"url":"ws://a/"') == 1


def test_a_probe_that_cannot_be_started(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        Child(ProbeSource(command=("/nonexistent/probe",)), tmp_path / "rec.jsonl", Log())


def test_what_is_meant_for_the_screen_is_not_for_the_probe(
    start: Callable[[str], Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second recorder of the same file would spoil it, a second ``--on-drop`` would ring twice, and a session that is
    not to reconnect would."""
    for name in (
        "WHOOPS_RECONNECT",
        "WHOOPS_RECORD",
        "WHOOPS_ON_DROP",
        "WHOOPS_DURATION",
        "WHOOPS_CONFIG",
        "WHOOPS_LANG",
        "WHOOPS_PASS",
    ):
        monkeypatch.setenv(name, "given")
    child = start("import os; print(*(f'{k}={v}' for k, v in sorted(os.environ.items()) if 'WHOOPS' in k))")
    eventually(lambda: child.path.read_bytes().endswith(b"\n"))
    assert child.path.read_text().split() == ["WHOOPS_CONFIG=/dev/null", "WHOOPS_LANG=given", "WHOOPS_PASS=given"]

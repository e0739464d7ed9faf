"""Our own probe: a child in a process session of its own, so that nothing the terminal does stops its sockets.

Its stdout is a feed, its stdin takes commands, its stderr is kept as log lines.
"""

import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import msgspec

from tui.options.layers import variable
from tui.options.program import ProgramOptions
from tui.options.spec import SessionSpec
from tui.options.values import fields
from tui.screens.feed import PipeFeed
from tui.screens.log import Log
from tui.screens.source import ProbeSource

WATCH = (sys.executable, "-m", "tui", "watch", "--json", "--stdin", "--facts")

_OURS = frozenset(map(variable, fields(ProgramOptions) | fields(SessionSpec))) - {"WHOOPS_LANG"}
"""What of the environment is meant for the screen: a probe that read it would record and ring a second time, and give
sessions options that they were not to have."""

_GRACE_S = 3.0
"""How long a probe may take to close its sessions beyond their own close timeouts, before it is told to end."""


class Child(PipeFeed):
    """A probe that is running, or has ended.

    Args:
        log: takes what it says on stderr.

    Raises:
        OSError: it cannot be started, or the recording cannot be written.
    """

    def __init__(self, source: ProbeSource, record: Path, log: Log) -> None:
        self.source = source
        self.log = log
        self.opened: list[dict[str, Any]] = []
        """The tables of the sessions it was told to open."""
        self._process = self._start()
        assert self._process.stdout is not None
        super().__init__(self._process.stdout.fileno(), record)

    def _start(self) -> "subprocess.Popen[bytes]":
        kept = {name: value for name, value in os.environ.items() if name not in _OURS}
        process = subprocess.Popen(
            [*(self.source.command or WATCH), *self.source.args],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, bufsize=0,
            env={**kept, "WHOOPS_CONFIG": os.devnull, **self.source.environment},
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stderr is not None
        self._words: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        threading.Thread(target=_write, args=(process.stdin, self._words), name="commands", daemon=True).start()
        threading.Thread(target=self._read_log, args=(process.stderr,), name="probe log", daemon=True).start()
        return process

    def _read_log(self, pipe: IO[bytes]) -> None:
        with pipe:
            for line in pipe:
                self.log.append(line.rstrip(b"\r\n").decode("utf-8", "backslashreplace"))

    def clock(self) -> float | None:
        """The probe's clock is this machine's monotonic one; None once it has ended."""
        return None if self._ended else time.monotonic()

    def open(self, table: Mapping[str, Any]) -> None:
        """Opens a session."""
        self.opened.append(dict(table))
        self._say({"cmd": "open", "session": dict(table)})

    def command(self, words: str, session: str | None) -> None:
        """Tells a session, or all of them, to do something."""
        if words.split(None, 1)[:1] == ["forget"]:
            self.opened = [table for table in self.opened if table.get("name") != session]
        self._say({"cmd": words, "s": session} if session else {"cmd": words})

    def _say(self, line: Mapping[str, Any]) -> None:
        self._words.put(msgspec.json.encode(line) + b"\n")

    @property
    def status(self) -> int | None:
        """The exit status of a probe that has ended."""
        return self._process.poll()

    def restart(self) -> None:
        """Starts it again after it was lost, with the sessions it had.

        Raises:
            OSError: it cannot be started.
        """
        self._over()
        self._process = self._start()
        assert self._process.stdout is not None
        self.listen(self._process.stdout.fileno())
        for table in self.opened:
            self._say({"cmd": "open", "session": table})

    def stop(self) -> None:
        """Closes its stdin: it closes the sessions and ends. Waits for that as long as it may take."""
        self._words.put(None)
        patience = max([5.0, *(float(table.get("close-timeout", 5)) for table in self.opened)]) + _GRACE_S
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE_S)
            if self._process.poll() is None:
                self._process.kill()
        self._over()

    def _over(self) -> None:
        """The process has ended: so does its pipe."""
        self._process.wait()
        self.join(_GRACE_S)
        assert self._process.stdout is not None
        self._process.stdout.close()


def _write(pipe: IO[bytes], words: "queue.SimpleQueue[bytes | None]") -> None:
    """Writes commands until there are no more: a probe that does not read makes this thread wait, not the screen."""
    with suppress(OSError), pipe:
        while (line := words.get()) is not None:
            pipe.write(line)

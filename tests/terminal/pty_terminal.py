"""A program in a real pseudo-terminal, with pyte as the terminal that draws it."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence

import pyte

DEADLINE_S = 30.0

_TAKE_TERMINAL = "import fcntl,os,sys,termios; fcntl.ioctl(0,termios.TIOCSCTTY,0); os.execvp(sys.argv[1],sys.argv[1:])"
"""The leader of a new process session takes the terminal as its own, as a shell's child has it."""


class Terminal:
    """A program and what it has drawn. Nothing is read from it but inside ``until`` and ``read``.

    Args:
        cells: in how many cells it draws what is no ASCII, when it is asked where its cursor is; None for a terminal
            that does not answer.
    """

    def __init__(
        self, command: Sequence[str], columns: int, rows: int, environment: Mapping[str, str], cells: int | None = None
    ) -> None:
        self._cells = cells
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        """Every byte it has written."""
        self.status: int | None = None
        """Its exit status, once it has ended."""
        self._fd, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._process = subprocess.Popen(
            [sys.executable, "-c", _TAKE_TERMINAL, *command], stdin=terminal, stdout=terminal, stderr=terminal,
            env={**environment, "TERM": "xterm-256color", "COLORTERM": "truecolor"}, start_new_session=True,
        )  # fmt: skip
        os.close(terminal)
        self.pid = self._process.pid

    @property
    def text(self) -> str:
        """The screen, line by line."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def send(self, keys: str) -> None:
        """Types."""
        os.write(self._fd, keys.encode())

    def read(self, seconds: float) -> None:
        """Draws what it writes, for that long or until it ends."""
        end = time.monotonic() + seconds
        while self.status is None and (left := end - time.monotonic()) > 0:
            if not select.select([self._fd], [], [], left)[0]:
                continue
            try:
                data = os.read(self._fd, 65536)
            except OSError:
                data = b""
            if not data:
                self._reap()
                return
            self.raw += data
            self._answer(data)
            # pyte does not know private sequences with "<", ">" or "=" parameters, which draw nothing.
            self._stream.feed(_drawn(data))

    def _answer(self, data: bytes) -> None:
        """Says where the cursor is, as often as that is asked (ECMA-48 §8.3.35)."""
        for before in data.split(b"\x1b[6n")[:-1] if self._cells is not None else ():
            drawn = before.rpartition(b"\r")[2].decode()
            column = 1 + sum(1 if char.isascii() else self._cells or 0 for char in drawn)
            os.write(self._fd, f"\x1b[1;{column}R".encode())

    @property
    def rss(self) -> int:
        """Bytes of memory the program has."""
        kib = subprocess.run(["ps", "-o", "rss=", "-p", str(self.pid)], check=True, capture_output=True).stdout
        return int(kib) * 1024

    def until(self, holds: Callable[[str], bool], *, seconds: float = DEADLINE_S) -> str:
        """Reads until the screen is as it should be; its text.

        Raises:
            AssertionError: it never was; the message is the screen.
        """
        end = time.monotonic() + seconds
        while not holds(self.text):
            if time.monotonic() > end or self.status is not None:
                raise AssertionError(f"status {self.status}, the screen is\n{self.text}")
            self.read(0.1)
        return self.text

    def shows(self, *words: str, seconds: float = DEADLINE_S) -> str:
        """Reads until all these words are on the screen; its text."""
        return self.until(lambda text: all(word in text for word in words), seconds=seconds)

    def ends(self, *, seconds: float = DEADLINE_S) -> int:
        """Reads until it has ended; its exit status."""
        end = time.monotonic() + seconds
        while self.status is None and time.monotonic() < end:
            self.read(0.1)
        assert self.status is not None, f"still running, the screen is\n{self.text}"
        return self.status

    def hang_up(self) -> None:
        """The terminal goes away, as when its window is closed."""
        os.close(self._fd)
        self._fd = -1

    def close(self) -> None:
        """Ends the program, if it has not ended."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if self.status is None:
            self._process.kill()
            self._reap()

    def _reap(self) -> None:
        self.status = self._process.wait()


def _drawn(data: bytes) -> bytes:
    out = bytearray()
    at = 0
    while (start := data.find(b"\x1b[", at)) >= 0:
        out += data[at:start]
        end = start + 2
        while end < len(data) and not 0x40 <= data[end] <= 0x7E:
            end += 1
        if data[start + 2 : start + 3] not in (b"<", b">", b"="):
            out += data[start : end + 1]
        at = end + 1
    return bytes(out + data[at:])

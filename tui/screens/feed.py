"""Lines on their way to the screen: a thread owns the pipe and writes the recording, the screen reads the file.

A screen that stands still therefore costs no memory and loses nothing: what it has not read is on disk. A
recording that grows is read in the same way, without the thread.
"""

import io
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from tui.recording.reader import BadRow, Line, Reader
from tui.recording.writer import Writer

CHUNK = 1 << 16
LINE = 4096
"""Bytes read at first when one line is read back."""


class Fed(NamedTuple):
    """One line, and whether it can be read back from the recording."""

    row: Line | BadRow
    stored: bool


class Feed(Protocol):
    """A stream of lines and the file they are in."""

    path: Path

    def poll(self, seconds: float) -> Iterator[Fed]:
        """The lines there are, until there are no more or ``seconds`` have gone by."""
        ...

    def read_line(self, offset: int) -> bytes:
        """One line again."""
        ...

    @property
    def behind(self) -> bool:
        """Whether there are lines that were not polled."""
        ...

    @property
    def position(self) -> int:
        """Bytes that were polled."""
        ...

    @property
    def size(self) -> int:
        """Bytes that have come."""
        ...

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        ...

    def clock(self) -> float | None:
        """The probe's clock, where it can be read here."""
        ...


class StoredLines:
    """The reading side: whole lines out of a file that may grow."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._position = 0
        self._reader = Reader(io.BytesIO())

    def poll_to(self, end: int, seconds: float) -> Iterator[Line | BadRow]:
        """The lines up to byte ``end``, for at most about ``seconds``."""
        deadline = time.monotonic() + seconds
        while self._position < end and time.monotonic() < deadline:
            chunk = os.pread(self._fd, min(CHUNK, end - self._position), self._position)
            if not chunk:
                return
            self._position += len(chunk)
            yield from self._reader.feed(chunk)

    def feed(self, data: bytes, at: int) -> Iterator[Line | BadRow]:
        """Lines that come from somewhere else, the stream's bytes from ``at`` on."""
        data = data[self._position - at :]
        self._position += len(data)
        yield from self._reader.feed(data)

    def finish(self) -> Iterator[Line | BadRow]:
        """What stands there without an end of line."""
        yield from self._reader.finish()

    @property
    def position(self) -> int:
        """Bytes taken in."""
        return self._position

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return os.fstat(self._fd).st_size

    def read_line(self, offset: int) -> bytes:
        """The line that starts at ``offset``.

        Raises:
            OSError: it cannot be read.
        """
        line, step = b"", LINE
        while (end := line.find(b"\n")) < 0:
            more = os.pread(self._fd, step, offset + len(line))
            if not more:
                return line
            line += more
            step *= 4
        return line[:end]

    def close(self) -> None:
        """Closes the file."""
        os.close(self._fd)


class FileFeed:
    """A recording on disk, followed while it grows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines = StoredLines(path)

    def poll(self, seconds: float) -> Iterator[Fed]:
        """The lines there are, until there are no more or ``seconds`` have gone by."""
        for row in self._lines.poll_to(self._lines.size, seconds):
            yield Fed(row, True)

    def read_line(self, offset: int) -> bytes:
        """One line again."""
        return self._lines.read_line(offset)

    @property
    def behind(self) -> bool:
        """Whether there are lines that were not polled."""
        return self._lines.position < self._lines.size

    @property
    def position(self) -> int:
        """Bytes that were polled."""
        return self._lines.position

    @property
    def size(self) -> int:
        """Bytes that have come."""
        return self._lines.size

    @property
    def ended(self) -> bool:
        """A file may always grow."""
        return False

    def clock(self) -> float | None:
        """Its own lines are its only clock."""
        return None

    def close(self) -> None:
        """Closes the file."""
        self._lines.close()


class PipeFeed:
    """Lines from a pipe, written to the recording as they come.

    Args:
        record: the recording, begun anew.

    Raises:
        OSError: the recording cannot be written.
    """

    def __init__(self, fd: int, record: Path) -> None:
        self.path = record
        self.writer = Writer(record)
        self.began = time.time()
        self._lines = StoredLines(record)
        self._loose: deque[tuple[int, bytes]] = deque()
        """Where the disk takes no more: bytes, by their place in the stream."""
        self._total = 0
        """Bytes of the stream so far."""
        self._tail = b""
        """Those of its last line that is not whole."""
        self._ended = False
        self._finished = False
        self._thread: threading.Thread | None = None
        self.listen(fd)

    def listen(self, fd: int) -> None:
        """Takes lines from this pipe from here on; the one before has ended."""
        self._ended = self._finished = False
        self._thread = threading.Thread(target=self._pump, args=(fd,), name="lines", daemon=True)
        self._thread.start()

    def _pump(self, fd: int) -> None:
        while True:
            try:
                data = os.read(fd, CHUNK)
            except OSError:
                data = b""
            if not data:
                break
            self._keep(data)
        if self._tail:
            self._keep(b"\n")  # what follows a torn line is a line of its own
        self._ended = True

    def _keep(self, data: bytes) -> None:
        begins = self._total - len(self._tail)
        whole = self._tail + data
        if self.writer.stopped is not None:
            self._loose.append((self._total, data))
        elif not self.writer.write(data):
            # The file ends with a whole line; from there on the stream is in memory.
            assert self.writer.stopped is not None
            at = self.writer.stopped.at
            self._loose.append((at, whole[at - begins :]))
        self._total += len(data)
        self._tail = whole[whole.rfind(b"\n") + 1 :]

    def poll(self, seconds: float) -> Iterator[Fed]:
        """The lines there are, until there are no more or ``seconds`` have gone by."""
        ended = self._ended
        for row in self._lines.poll_to(self._stored, seconds):
            yield Fed(row, True)
        while self._loose and self._lines.position >= self._stored:
            at, data = self._loose.popleft()
            for row in self._lines.feed(data, at):
                yield Fed(row, False)
        self._finished = ended and not self.behind

    def read_line(self, offset: int) -> bytes:
        """One line again."""
        return self._lines.read_line(offset)

    @property
    def behind(self) -> bool:
        """Whether there are lines that were not polled."""
        return self._lines.position < self._stored or bool(self._loose)

    @property
    def position(self) -> int:
        """Bytes that were polled."""
        return self._lines.position

    @property
    def size(self) -> int:
        """Bytes that have come."""
        return self._total

    @property
    def _stored(self) -> int:
        """Bytes of the stream that are in the file."""
        stopped = self.writer.stopped
        return self.writer.position if stopped is None else stopped.at

    @property
    def ended(self) -> bool:
        """Whether the pipe has ended and all of it was polled."""
        return self._finished

    def clock(self) -> float | None:
        """Unknown: the lines may come from another machine."""
        return None

    def join(self, seconds: float) -> None:
        """Waits until the pipe has ended, at most ``seconds``."""
        if self._thread is not None:
            self._thread.join(seconds)

    def close(self) -> None:
        """Closes the recording."""
        self.writer.close()
        self._lines.close()

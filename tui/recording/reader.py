"""Reads a recording back: lines decoded, with their place in the file. A growing file is followed by asking again.

``whoops open``, the screen's scroll-back and the scenario tests read with it. Findings are passed over: they are
computed again. Memory holds one chunk and the line that is not whole yet.
"""

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from tui.facts import codec
from tui.facts.facts import KNOWN, Unknown
from tui.facts.findings import Finding

CHUNK = 1 << 20

LONGEST = 1 << 28
"""Bytes of a line before it is given up on: room for a message of --max-size 16 MiB in its longest writing."""


class Line(NamedTuple):
    """One fact and where it stands."""

    number: int
    """From 1, findings and bad lines counted."""
    offset: int
    """Byte offset of its first byte."""
    fact: KNOWN | Unknown


class BadRow(NamedTuple):
    """A line that could not be read and was skipped."""

    number: int
    offset: int
    why: str
    torn: bool
    """It is the last line and has no end: its writer was stopped in the middle."""


class Reader:
    """The lines of one file or pipe, from wherever it stands.

    Args:
        file: binary; need not be seekable.
        offset: where in the recording ``file`` stands, if not at its beginning.
        number: the number of the line that begins there.
        longest: bytes of a line before it is given up on.
    """

    def __init__(self, file: BinaryIO, *, offset: int = 0, number: int = 1, longest: int = LONGEST) -> None:
        self._longest = longest
        self._file = file
        self._offset = offset
        self._number = number
        self._tail = bytearray()
        self._skipping = False

    @property
    def pending(self) -> int:
        """Bytes read of a line that is not whole."""
        return len(self._tail)

    def poll(self) -> Iterator[Line | BadRow]:
        """Every whole line there is until the file has no more for now. Asked again, it goes on from there."""
        # A pipe's read waits until all of it is there, its read1 takes what there is.
        read = getattr(self._file, "read1", self._file.read)
        while chunk := read(CHUNK):
            yield from self.feed(chunk)

    def feed(self, chunk: bytes) -> Iterator[Line | BadRow]:
        """Every line that became whole with these bytes; for whoever reads the file or pipe itself."""
        start = 0
        while (newline := chunk.find(b"\n", start)) >= 0:
            if self._tail:
                self._tail += chunk[start:newline]
                raw = bytes(self._tail)
                self._tail.clear()
            else:
                raw = chunk[start:newline]
            start = newline + 1
            if self._skipping:
                self._skipping = False
                self._pass(len(raw) + 1)
                continue
            row = self._read(raw)
            self._pass(len(raw) + 1)
            if row is not None:
                yield row
        self._tail += chunk[start:]
        if len(self._tail) > self._longest:
            if not self._skipping:
                yield BadRow(self._number, self._offset, f"longer than {self._longest} bytes", False)
            self._skipping = True
            self._offset += len(self._tail)
            self._tail.clear()

    def finish(self) -> Iterator[Line | BadRow]:
        """The file will not grow: its last line, whole but for its newline, or reported as torn."""
        if self._tail and not self._skipping:
            raw = bytes(self._tail)
            row = self._read(raw, torn=True)
            self._pass(len(raw))
            if row is not None:
                yield row
        self._tail.clear()

    def _pass(self, size: int) -> None:
        self._offset += size
        self._number += 1

    def _read(self, raw: bytes, *, torn: bool = False) -> Line | BadRow | None:
        if not raw.strip():
            return None
        try:
            line = codec.decode(raw)
        except codec.BadLine as error:
            return BadRow(self._number, self._offset, str(error), torn)
        return None if isinstance(line, Finding) else Line(self._number, self._offset, line)


def read(file: BinaryIO) -> Iterator[Line | BadRow]:
    """Every line of a file that does not grow any more."""
    reader = Reader(file)
    yield from reader.poll()
    yield from reader.finish()

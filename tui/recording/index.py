"""A sparse index of rows: byte offsets of some of them, so that row k of a million is found with one seek.

A row is whatever its owner counts: the lines of a recording, or the frames of one session. Memory grows by 16 bytes
per checkpoint, not per row. The screen's scroll-back reads from ``checkpoint`` on with ``tui.recording.reader``.
"""

from array import array
from bisect import bisect_right
from typing import NamedTuple

ROWS = 256
"""Rows between two checkpoints at most, but for a line that holds more."""

SPAN = 1 << 20
"""Bytes between two checkpoints at most, but for a gap that holds no row."""


class Checkpoint(NamedTuple):
    """A row whose place is known."""

    row: int
    """From 0."""
    offset: int
    """Byte offset of its line."""


class Index:
    """The places of rows, added in the order of the file.

    Args:
        rows: rows between two checkpoints at most.
        span: bytes between two checkpoints at most.
    """

    def __init__(self, *, rows: int = ROWS, span: int = SPAN) -> None:
        self._rows = rows
        self._span = span
        self._row_of = array("Q")
        self._offset_of = array("Q")
        self._count = 0
        self._next_row = 0
        self._next_offset = 0
        self._last_offset = -1

    def __len__(self) -> int:
        """Rows added."""
        return self._count

    @property
    def checkpoints(self) -> int:
        """Places kept."""
        return len(self._row_of)

    def add(self, offset: int) -> int:
        """The next row begins at ``offset``; its number, from 0. Rows of one line share its offset."""
        row = self._count
        # Only a line's first row can be found by its offset.
        if offset != self._last_offset and (row >= self._next_row or offset >= self._next_offset):
            self._row_of.append(row)
            self._offset_of.append(offset)
            self._next_row = row + self._rows
            self._next_offset = offset + self._span
        self._last_offset = offset
        self._count = row + 1
        return row

    def checkpoint(self, row: int) -> Checkpoint:
        """The nearest known place at or before ``row``.

        Raises:
            IndexError: there is no such row.
        """
        if not 0 <= row < self._count:
            raise IndexError(row)
        at = bisect_right(self._row_of, row) - 1
        return Checkpoint(self._row_of[at], self._offset_of[at])

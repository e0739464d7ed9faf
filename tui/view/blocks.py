"""Every row a session ever had, in flat memory: blocks of rows, the recent ones here, the older ones in the file.

A block remembers where its facts stand in the recording and what the session was like before the first of them
(a checkpoint). A row of an old block is made again by feeding those facts to that session, so nothing a person
could scroll to is dropped. Filled by ``replay``, read by ``table``.
"""

from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tui.view.rows import Kind, Row

ROWS_PER_BLOCK = 512
RECENT = 6
"""Newest blocks whose rows stay in memory."""
REREAD = 6
"""Older blocks kept after they were read back."""

KINDS: tuple[Kind, ...] = ("data", "control", "beat", "event", "trace")

_DELTA_LIMIT = 2**32


@dataclass(slots=True)
class Block:
    """Consecutive rows of one session and where they come from."""

    first: int
    """The number of its first row, counted over the whole session."""
    checkpoint: bytes | None
    """The session before the block's first fact; None before its first one ever."""
    base: int = -1
    """The file offset of its first fact."""
    deltas: "array[int]" = field(default_factory=lambda: array("I"))
    """Offsets of its facts, from ``base``."""
    kinds: bytearray = field(default_factory=bytearray)
    """The kind of each row, as an index of ``KINDS``."""
    rows: list[Row] | None = field(default_factory=list)
    pinned: bool = False
    """Some of its facts are in no file: its rows are all there is."""

    @property
    def offsets(self) -> list[int]:
        """Where its facts stand in the file."""
        return [self.base + delta for delta in self.deltas]


Remake = Callable[[Block], list[Row]]
"""Makes the rows of a block again from the file."""


class Blocks:
    """The rows of one session.

    Args:
        remake: called for a block whose rows are not in memory.
        checkpoint: called when a block is full: the session as it is then, or None where it cannot be kept small
            at this point, in which case the block goes on.
    """

    def __init__(self, remake: Remake, checkpoint: Callable[[], bytes | None]) -> None:
        self._remake = remake
        self._checkpoint = checkpoint
        self._blocks = [Block(0, None)]
        self._reread: OrderedDict[int, list[Row]] = OrderedDict()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, rows: Sequence[Row], offset: int | None) -> None:
        """Adds the rows of one fact that stands at ``offset`` of the file; None where it stands in no file.

        A fact without rows is named too: it may be a part of what a later row shows.
        """
        self.found(rows)
        self.fact_at(offset)
        if len(self._blocks[-1].kinds) >= ROWS_PER_BLOCK:
            self._seal()

    def found(self, rows: Sequence[Row]) -> None:
        """Adds rows that time made, not a fact: they come again when the facts around them are fed again."""
        block = self._blocks[-1]
        assert block.rows is not None
        block.rows.extend(rows)
        block.kinds.extend(KINDS.index(row.kind) for row in rows)
        self._length += len(rows)

    def fact_at(self, offset: int | None) -> None:
        """Names the place of a fact whose rows were added."""
        block = self._blocks[-1]
        if offset is None:
            block.pinned = True
            return
        if block.base < 0:
            block.base = offset
        delta = offset - block.base
        if 0 <= delta < _DELTA_LIMIT:
            block.deltas.append(delta)
        else:
            block.pinned = True

    def kinds(self, first: int, end: int) -> Iterator[tuple[int, Kind]]:
        """The rows from ``first`` up to ``end`` by number, and their kinds, without reading any back."""
        for which in range(self._which(first) if first < end else 0, len(self._blocks)):
            block = self._blocks[which]
            if block.first >= end:
                return
            start = max(0, first - block.first)
            for number, kind in enumerate(block.kinds[start : end - block.first], block.first + start):
                yield number, KINDS[kind]

    def row(self, number: int) -> Row:
        """One row, from memory or from the file.

        Raises:
            IndexError: there is no such row.
        """
        if not 0 <= number < self._length:
            raise IndexError(number)
        which = self._which(number)
        rows = self._rows(which)
        return rows[number - self._blocks[which].first]

    def block_of(self, number: int) -> Block:
        """The block a row is in: where its facts are."""
        return self._blocks[self._which(number)]

    def row_of(self, n: int) -> int | None:
        """The number of the first row that shows the fact ``n``; None where none does."""
        low, high = 0, len(self._blocks)
        while low < high:
            middle = (low + high) // 2
            first = next((row.n for row in self._rows(middle) if row.n), None)
            low, high = (middle + 1, high) if first is not None and first <= n else (low, middle)
        for which in range(max(0, low - 1), min(len(self._blocks), low + 1)):
            for at, row in enumerate(self._rows(which)):
                if row.n == n:
                    return self._blocks[which].first + at
        return None

    @property
    def resident(self) -> int:
        """Rows in memory."""
        own = sum(len(block.rows) for block in self._blocks if block.rows is not None)
        return own + sum(map(len, self._reread.values()))

    def _which(self, number: int) -> int:
        return bisect_right(self._blocks, number, key=lambda block: block.first) - 1

    def _rows(self, which: int) -> list[Row]:
        block = self._blocks[which]
        if block.rows is not None:
            return block.rows
        rows = self._reread.get(which)
        if rows is None:
            rows = self._remake(block)
            wanted = len(block.kinds)
            if len(rows) < wanted:  # the file was changed under us: the numbers of later rows must stay true
                rows += [rows[-1] if rows else Row(0, 0, 0, "?", "?", "event", key="row_lost")] * (wanted - len(rows))
            self._reread[which] = rows
            while len(self._reread) > REREAD:
                self._reread.popitem(last=False)
        else:
            self._reread.move_to_end(which)
        return rows

    def _seal(self) -> None:
        block = self._blocks[-1]
        checkpoint = self._checkpoint()
        if checkpoint is None:
            return
        self._blocks.append(Block(block.first + len(block.kinds), checkpoint))
        if len(self._blocks) > RECENT:
            old = self._blocks[-RECENT - 1]
            if not old.pinned:
                old.rows = None

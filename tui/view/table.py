"""The rows a person wants to see, as lines: what is hidden, what is searched for, how times are written.

A model for ``tui.widgets.frame_table``; it reads ``blocks`` and draws with ``rows``.
"""

from array import array
from collections.abc import Iterable

from tui.view.blocks import Blocks
from tui.view.lines import Line
from tui.view.look import Look
from tui.view.rows import Kind, Row, draw, summary

HIDDEN_AT_FIRST: frozenset[Kind] = frozenset({"trace"})

_SEARCHED_AT_ONCE = 1000
"""Rows a text search reads in one go: old ones come from the file."""


class Table:
    """Rows of one session that pass the filter. ``refresh`` takes in what is new; all else reads."""

    def __init__(self, blocks: Blocks, look: Look) -> None:
        self.blocks = blocks
        self.look = look
        self.hidden: frozenset[Kind] = HIDDEN_AT_FIRST
        self.query = ""
        self.opened: float | None = None
        """When the session was ready, on the probe's clock: times since open count from here."""
        self.version = 0
        """Changes when lines that were drawn before would be drawn differently."""
        self._shown = array("I")
        self._scanned = 0

    def __len__(self) -> int:
        return len(self._shown)

    @property
    def searched(self) -> float:
        """How much of all rows the filter has read, 0 to 1."""
        return self._scanned / len(self.blocks) if len(self.blocks) else 1.0

    def refresh(self, *, limit: int = _SEARCHED_AT_ONCE) -> int:
        """Takes in new rows; how many there are to see."""
        end = len(self.blocks)
        if self.query:
            end = min(end, self._scanned + limit)
        hidden, query, blocks = self.hidden, self.query.casefold(), self.blocks
        for number, kind in blocks.kinds(self._scanned, end):
            if kind in hidden:
                continue
            if not query or self._matches(blocks.row(number), query):
                self._shown.append(number)
        self._scanned = end
        return len(self._shown)

    def _matches(self, row: Row, query: str) -> bool:
        return query in f"{row.layer} {row.type} {summary(row, self.look)}".casefold()

    def show(self, *, hidden: Iterable[Kind] | None = None, query: str | None = None) -> None:
        """Another filter: everything is looked at again."""
        self.hidden = self.hidden if hidden is None else frozenset(hidden)
        self.query = self.query if query is None else query
        self._shown = array("I")
        self._scanned = 0
        self.version += 1
        self.refresh()

    def use(self, look: Look) -> None:
        """Another language, other signs, another form of time."""
        if look != self.look:
            self.look = look
            self.version += 1

    def number(self, index: int) -> int:
        """The row's number over the whole session: what it is known by whatever the filter is."""
        return self._shown[index]

    def index_of(self, number: int) -> int:
        """Where a row of that number is, or the next one after it, among the rows shown."""
        low, high = 0, len(self._shown)
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self._shown[middle] < number else (low, middle)
        return low

    def row(self, index: int) -> Row:
        """The row itself."""
        return self.blocks.row(self._shown[index])

    def line(self, index: int, room: int, *, marked: bool = False) -> Line:
        """The row as a line of ``room`` cells."""
        previous = self.row(index - 1) if index and self.look.time == "since-previous" else None
        return draw(self.row(index), room, self.look, opened=self.opened, previous=previous, marked=marked)

"""The model of one pane: a session, what was seen of it, its rows. Fed by ``replay``, drawn by ``head``, ``card``,
``timer_rows`` and ``table``.
"""

import pickle
import zlib
from collections.abc import Callable, Iterable
from typing import NamedTuple

from tui.facts import codec
from tui.facts.facts import Bytes, Fact, Frame, Probe, Target, Unknown
from tui.facts.findings import Compare, Finding, Heartbeat, Note, Verdict
from tui.session.session import Session
from tui.view.blocks import Block, Blocks
from tui.view.event_rows import event_rows
from tui.view.frame_rows import Decoded, frame_rows
from tui.view.look import Look
from tui.view.rows import Row
from tui.view.seen import Seen
from tui.view.table import Table

ReadLine = Callable[[int], bytes]
"""Reads the line that starts at an offset of the recording.

Raises:
    OSError: it cannot be read any more.
"""

CHECKPOINT_LIMIT = 64 * 1024
"""Bytes a checkpoint may take; a session in the middle of something bigger is asked again after the next fact."""

_OF_THE_STREAM = frozenset({"note.line_lost", "note.unknown_line", "note.later_schema"})
"""Notes the engine makes about the lines themselves: they are no rows of a session."""


class Whole(NamedTuple):
    """All there is of a row."""

    fact: Fact | Unknown
    decoded: Decoded | None
    """What the row shows of it, where that is not the fact itself."""


class Pane:
    """One session as it is seen."""

    def __init__(self, session: Session, look: Look, read_line: ReadLine, *, origin: str = "") -> None:
        self.session = session
        self.origin = origin
        """Which source it comes from, where there are several."""
        self.seen = Seen()
        self.lost = False
        """Its probe is gone, and nothing more will come."""
        self.verdict: Verdict | None = None
        """The last one on its current connection."""
        self.comparison: Compare | None = None
        self._look = look
        self._read_line = read_line
        self.blocks = Blocks(self._remake, self._checkpoint)
        self.table = Table(self.blocks, look)

    @property
    def name(self) -> str:
        """What it is called on the screen."""
        return f"{self.session.name}@{self.origin}" if self.origin else self.session.name

    def use(self, look: Look) -> None:
        """Another look, for every line from here on."""
        self._look = look
        self.table.use(look)

    def feed(self, fact: Fact | Unknown, findings: Iterable[Finding], offset: int | None) -> None:
        """One fact that the session has been fed, and what was found with it."""
        if isinstance(fact, Fact):
            self.seen.notice(fact)
        self.blocks.append(self._rows(self.session, fact, findings), offset)
        if self.table.opened != self.session.ready_at and self.session.ready_at is not None:
            self.table.opened = self.session.ready_at

    def found(self, findings: Iterable[Finding]) -> None:
        """What time alone has changed."""
        self.blocks.found(self._finding_rows(findings))

    def judge(self, finding: Verdict | Compare) -> None:
        """What was made of the session: of an earlier connection only while the current one has no end."""
        if isinstance(finding, Compare):
            self.comparison = finding
        elif finding.c == self.session.connection or self.session.ended_at is None:
            self.verdict = finding

    def row_of(self, n: int) -> int | None:
        """The number of the first row of the fact ``n``; None where it has none."""
        return self.blocks.row_of(n)

    def whole(self, number: int) -> "Whole | None":
        """What a row was made of, read again from the file; None where it is in no file."""
        wanted = self.blocks.row(number)
        for fact, session, _ in self._fold(self.blocks.block_of(number)):
            if (fact.n, fact.m) == (wanted.n, wanted.m):
                decoded = session.decoded[wanted.part : wanted.part + 1] if wanted.part >= 0 else []
                return Whole(fact, decoded[0] if decoded else None)
        return None

    def _rows(self, session: Session, fact: Fact | Unknown, findings: Iterable[Finding]) -> list[Row]:
        if isinstance(fact, Frame | Bytes):
            rows = frame_rows(fact, session.decoded, self._look, stomp=session.spoken.stomp)
        else:
            rows = event_rows(fact, self._look)
        return [*rows, *self._finding_rows(findings)]

    def _finding_rows(self, findings: Iterable[Finding]) -> list[Row]:
        return [
            row
            for finding in findings
            if isinstance(finding, Heartbeat) or (isinstance(finding, Note) and finding.key not in _OF_THE_STREAM)
            for row in event_rows(finding, self._look)
        ]

    def _checkpoint(self) -> bytes | None:
        saved = zlib.compress(pickle.dumps(self.session), 1)
        return saved if len(saved) <= CHECKPOINT_LIMIT else None

    def _remake(self, block: Block) -> list[Row]:
        rows: list[Row] = []
        for fact, session, findings in self._fold(block):
            rows += self._finding_rows(findings[0])
            rows += self._rows(session, fact, findings[1])
        return rows

    def _fold(self, block: Block) -> Iterable[tuple[Fact | Unknown, Session, tuple[list[Finding], list[Finding]]]]:
        """Feeds the block's facts to the session of its checkpoint, the way the engine did."""
        session = Session(self.session.name)
        if block.checkpoint is not None:
            # Our own bytes, made a moment ago in this process and never written anywhere.
            session = pickle.loads(zlib.decompress(block.checkpoint))
        for offset in block.offsets:
            fact = self._fact_at(offset)
            if fact is None:
                continue
            due: list[Finding] = []
            while (deadline := session.next_deadline()) is not None and deadline <= fact.m:
                due += session.advance(deadline)
            if isinstance(fact, Probe):
                session.abandon()
            if isinstance(fact, Unknown):
                yield fact, session, (due, [])
                continue
            if isinstance(fact, Target) and session.url:
                session = Session(session.name)
            yield fact, session, (due, session.feed(fact))

    def _fact_at(self, offset: int) -> Fact | Unknown | None:
        try:
            return codec.decode(self._read_line(offset))
        except (OSError, codec.BadLine):
            return None

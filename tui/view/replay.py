"""Fact lines in, panes out: the screen's own engine over one stream of lines, live, from a file or from far away.

Driven by ``tui.screens``; the tests drive it too. It has no clock: whoever drives it says what time it is.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from tui.diagnosis.engine import Engine
from tui.facts import facts
from tui.facts.findings import Close, Compare, Finding, Verdict
from tui.recording.reader import BadRow, Line
from tui.view.look import Look
from tui.view.pane import Pane, ReadLine


@dataclass(frozen=True, slots=True)
class Drop:
    """A session that had been ready ended, and nobody here had asked for it."""

    name: str
    """What it is called on the screen."""
    url: str
    """Redacted."""
    close: Close


class Replay:
    """One stream of lines, folded.

    Args:
        read_line: reads a line back from the recording, by its offset.
        origin: a name for the stream, where there are several.
    """

    def __init__(self, look: Look, read_line: ReadLine, *, origin: str = "") -> None:
        self.engine = Engine()
        self.panes: dict[str, Pane] = {}
        self.origin = origin
        self.host = ""
        """The probe's host."""
        self.first_t: float | None = None
        self.last_t = 0.0
        self.last_m = 0.0
        """The newest moment known on the probe's clock."""
        self.bad: deque[BadRow] = deque(maxlen=100)
        """Lines that were no facts at all: the last of them."""
        self.missing = 0
        """Facts that were lost on the way, by the gaps in their numbers."""
        self._number = 0
        self._look = look
        self._read_line = read_line
        self._drops: list[Drop] = []

    def use(self, look: Look) -> None:
        """Another look for every pane."""
        self._look = look
        for pane in self.panes.values():
            pane.use(look)

    def feed(self, row: Line | BadRow, *, stored: bool = True) -> None:
        """One line as the reader gives it; ``stored`` is False where it is in no file to read back from."""
        if isinstance(row, BadRow):
            self.bad.append(row)
            return
        fact = row.fact
        if isinstance(fact, facts.Probe):
            self.host, self._number = fact.host, 0
            # Another probe has another clock.
            self.last_m = fact.m
        self.advance(fact.m)
        self.missing += max(0, fact.n - self._number - 1) if self._number else 0
        self._number = fact.n or self._number
        self.first_t = fact.t if self.first_t is None else self.first_t
        self.last_t = fact.t
        findings = self.engine.feed(fact)
        for pane in self._panes_of(fact):
            own = [finding for finding in findings if finding.s == pane.session.name]
            pane.feed(fact, own, row.offset if stored else None)
        self._note(findings)

    def advance(self, m: float) -> None:
        """The probe's clock has come to ``m``, and no fact before it is still to come."""
        found = self.engine.advance(m)
        self.last_m = max(self.last_m, m)
        for pane in self.panes.values() if found else ():
            pane.found(finding for finding in found if finding.s == pane.session.name)
        self._note(found)

    def lose(self) -> None:
        """The probe is gone: what was open will say nothing more."""
        for pane in self.panes.values():
            if pane.session.ended_at is None:
                pane.lost = True

    def drops(self) -> list[Drop]:
        """The drops since the last call."""
        drops, self._drops = self._drops, []
        return drops

    def _panes_of(self, fact: facts.Fact | facts.Unknown) -> Iterable[Pane]:
        if not fact.s:
            return self.panes.values()
        session = self.engine.sessions.get(fact.s)
        if session is None:
            return ()
        pane = self.panes.get(fact.s)
        if pane is None:
            pane = self.panes[fact.s] = Pane(session, self._look, self._read_line, origin=self.origin)
        elif pane.session is not session:
            pane.session, pane.lost = session, False
        return (pane,)

    def _note(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            if isinstance(finding, Verdict | Compare) and finding.s in self.panes:
                self.panes[finding.s].judge(finding)
            if isinstance(finding, Close) and finding.dropped:
                self._drops.append(Drop(self.panes[finding.s].name, self.engine.sessions[finding.s].url, finding))

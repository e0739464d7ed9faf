"""The engine: facts in, findings out. The probe, the screen, a replay and the tests run this same code.

It has three doors, ``feed``, ``next_deadline`` and ``advance``, and no clock. Whoever drives it calls
``advance(fact.m)`` before ``feed(fact)``; a finding that time triggers carries its deadline's own ``m`` and the
number of the last fact before it, so it stands at the same place live and in replay.
"""

import math

from tui.diagnosis.diagnosis import Diagnosis
from tui.facts.facts import Fact, Probe, Target, Unknown
from tui.facts.findings import Finding, Verdict
from tui.session.notes import note
from tui.session.session import Session


class Engine:
    """Every session of one stream of lines."""

    def __init__(self) -> None:
        self.sessions: dict[str, Session] = {}
        """By name, in the order they came."""
        self._last: Fact = Fact(t=0.0, m=0.0)
        self._number = 0
        self._soonest = math.inf
        """No deadline comes before this; a deadline may come later."""
        self._strange: set[str] = set()
        self._diagnosis = Diagnosis()

    def feed(self, line: Fact | Unknown) -> list[Finding]:
        """One line. A finding is ignored: it is computed again."""
        if isinstance(line, Finding):
            return []
        findings: list[Finding] = []
        if line.n > self._number + 1 > 1 and type(line) is not Probe:
            missing = line.n - self._number - 1
            findings.append(note(line, "note.line_lost", [line.n], count=missing))
        self._number = line.n or self._number
        if isinstance(line, Unknown):
            return findings + self._unknown(line)
        if type(line) is Probe:
            self._new_probe()
        self._last = line
        if line.s:
            session = self._session(line)
            found = session.feed(line)
            self._watch(session)
            return findings + found + self._diagnosis.feed(line, session, found)
        findings += self._diagnosis.about_all(line)
        for session in self.sessions.values():
            findings += session.feed(line)
        return findings

    def verdict(self, name: str) -> Verdict | None:
        """The last verdict on a session's current connection; None where there is none."""
        return self._diagnosis.verdict(name)

    def next_deadline(self) -> float | None:
        """When ``advance`` is to be called if no fact comes before; None for never.

        It may be early by one call: after ``advance(m)`` it is later than ``m``.
        """
        return None if self._soonest == math.inf else self._soonest

    def advance(self, m: float) -> list[Finding]:
        """Everything that time changes up to ``m``, deadlines at ``m`` included, in the order of time.

        ``m`` is never later than the ``m`` of a fact that is still to be fed.
        """
        findings: list[Finding] = []
        while self._soonest <= m:
            deadlines = [(at, s) for s in self.sessions.values() if (at := s.next_deadline()) is not None]
            self._soonest, session = min(deadlines, key=lambda due: due[0], default=(math.inf, None))
            ailing = self._diagnosis.next_deadline()
            if ailing < self._soonest:
                self._soonest = ailing
                if ailing <= m:
                    findings += self._diagnosis.advance(ailing, self._last)
            elif session is not None and self._soonest <= m:
                found = session.advance(self._soonest, self._last)
                findings += found
                self._diagnosis.timed(session, found)
        return findings

    def _session(self, fact: Fact) -> Session:
        session = self.sessions.get(fact.s)
        if session is None or (type(fact) is Target and session.url):
            session = self.sessions[fact.s] = Session(fact.s)
        return session

    def _watch(self, session: Session) -> None:
        deadline = session.next_deadline()
        if deadline is not None and deadline < self._soonest:
            self._soonest = deadline

    def _new_probe(self) -> None:
        """Another probe's lines follow: its clock is its own, and the sockets of the one before are gone."""
        for session in self.sessions.values():
            session.abandon()
        self._diagnosis = Diagnosis()
        self._soonest = math.inf

    def _unknown(self, line: Unknown) -> list[Finding]:
        """Said once per type; a ``probe`` line is unknown only where its schema is a later one."""
        if line.type in self._strange:
            return []
        self._strange.add(line.type)
        key = "note.later_schema" if line.type == "probe" else "note.unknown_line"
        return [note(line, key, [line.n], type=line.type)]

"""Where every fact is stamped, numbered, folded and handed on. The probe has one."""

import asyncio
import math
from collections.abc import Callable
from typing import Any, TypeVar

from tui.diagnosis.engine import Engine
from tui.facts.clocks import Moment, now
from tui.facts.facts import Fact
from tui.facts.findings import Finding
from tui.facts.redaction import Redactor

F = TypeVar("F", bound=Fact)


class Journal:
    """Writes facts in the order of their time and drives the engine with them.

    Args:
        sink: takes every fact and finding, in order.
        redactor: what takes secrets out before a fact exists.
    """

    def __init__(self, sink: Callable[[Fact], None], redactor: Redactor) -> None:
        self.engine = Engine()
        self.redactor = redactor
        self._sink = sink
        self._count = 0
        self._last = 0.0
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._due = math.inf

    def write(self, kind: type[F], *, at: Moment | None = None, **fields: Any) -> tuple[F, list[Finding]]:
        """Writes one fact, at a given moment or this one; the fact and what it led to.

        Time never runs backwards in a journal: a moment before the last fact's is moved up to it.
        """
        t, m = at or now()
        self.pass_time(m)
        self._count += 1
        fact = kind(t=t, m=self._last, n=self._count, **fields)
        findings = self.engine.feed(fact)
        self._sink(fact)
        for finding in findings:
            self._sink(finding)
        self._arm()
        return fact, findings

    def pass_time(self, m: float) -> None:
        """Emits what time alone has led to by ``m``."""
        # No fact may be stamped before a moment that has been passed: a replay would find something else.
        self._last = max(m, self._last)
        for finding in self.engine.advance(self._last):
            self._sink(finding)

    def _arm(self) -> None:
        """Wakes at the engine's next deadline, where that is sooner than what was known of."""
        due = self.engine.next_deadline()
        if due is not None and due < self._due:
            if self._timer is not None:
                self._timer.cancel()
            self._due = due
            self._timer = self._loop.call_at(due, self._wake)

    def _wake(self) -> None:
        self._timer, self._due = None, math.inf
        self.pass_time(now().m)
        self._arm()

    def close(self) -> None:
        """Time changes nothing any more."""
        if self._timer is not None:
            self._timer.cancel()

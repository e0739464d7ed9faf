"""``whoops experiment``: the probe under a planner's orders, its progress on stderr, its report on stdout."""

import asyncio
import signal
import sys
from contextlib import suppress

import msgspec

from tui.experiments.idle import Idle
from tui.experiments.life import Life, life_of
from tui.experiments.progress import Progress
from tui.experiments.report import report_data, report_lines
from tui.facts.facts import Fact
from tui.facts.findings import Close, Verdict
from tui.facts.redaction import Redactor
from tui.knowledge.catalogue import Language, phrase
from tui.options.program import ProgramOptions
from tui.options.spec import SessionSpec
from tui.probe.probe import Probe
from tui.view.look import Look
from tui.view.verdict import headline

INTERRUPTED = 130
ANSWERED = 0
NO_SESSION = 1
UNDECIDED = 3

_TICK = 0.2
"""Seconds between two looks at the clock."""


class Run:
    """One experiment on the running loop.

    Args:
        plan: what to open and when it is over.
        options: how to run.
        lang: the language.
    """

    def __init__(self, plan: Idle, options: ProgramOptions, lang: Language) -> None:
        self._plan = plan
        self._json = options.json
        # JSON is English unless another language was asked for in so many words, whatever the locale.
        self._lang: Language = (options.lang or "en") if options.json else lang
        self._redactor = Redactor(options.redact, enabled=not options.no_redact)
        self._probe = Probe(self._take, self._redactor, {})
        self._progress = Progress(sys.stderr, lang)
        self._news = asyncio.Event()
        self._why = ""
        self._loop = asyncio.get_running_loop()

    async def run(self, spec: SessionSpec) -> int:
        """Runs it to its end; the exit status: 0 for an answer, 1 where no session came to be, 3 where the twins
        contradict each other, 130 interrupted."""
        for number in (signal.SIGINT, signal.SIGTERM):
            self._loop.add_signal_handler(number, self._probe.stop, "signal")
        probe = asyncio.create_task(self._probe.run([(one, 0.0) for one in self._plan.begin()], stay=True))
        probe.add_done_callback(lambda _: self._news.set())
        while not self._plan.over and not probe.done() and self._probe.stopped is None:
            self._news.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), _TICK)
            self._look()
        reading = self._plan.reading(self._loop.time(), self._lives())
        self._progress.clear()
        interrupted = self._probe.stopped is not None
        self._probe.stop("quit")
        await probe
        if interrupted:
            return INTERRUPTED
        url = self._redactor.url(spec.url)
        if reading.answer == "failed":
            sys.stderr.write(phrase("experiment.no_session", self._lang, url=url, why=self._why) + "\n")
            return NO_SESSION
        if self._json:
            said = msgspec.json.encode(report_data(self._plan, reading, url, self._lang)).decode()
        else:
            said = "\n".join(report_lines(self._plan, reading, self._lang))
        sys.stdout.write(said + "\n")
        return UNDECIDED if reading.answer in ("unclear", "too_slow") else ANSWERED

    def _look(self) -> None:
        m, lives = self._loop.time(), self._lives()
        for spec in self._plan.step(m, lives):
            self._probe.open(spec)
        self._progress.show(self._plan.stage(m, lives))

    def _lives(self) -> dict[str, Life]:
        return {name: life_of(session) for name, session in self._probe.journal.engine.sessions.items()}

    def _take(self, said: Fact) -> None:
        if isinstance(said, Verdict):
            self._why = headline(said, Look(self._lang))
        if isinstance(said, Close):
            self._news.set()

"""``whoops watch``: runs the probe, hands its lines to whoever asked, and says by its exit status how it went.

This program is also the child the screen starts. It never imports a terminal library.
"""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tui.facts.codec import encode
from tui.facts.facts import Fact
from tui.facts.findings import Close, Finding
from tui.facts.redaction import Redactor
from tui.knowledge.catalogue import Language, phrase
from tui.options.errors import BadOption
from tui.options.program import ProgramOptions
from tui.options.spec import SessionSpec
from tui.probe.probe import Probe, StopReason
from tui.recording.writer import Writer
from tui.view.glyphs import named
from tui.view.look import Look
from tui.watch.language import in_language
from tui.watch.log import Log
from tui.watch.on_drop import OnDrop
from tui.watch.output import Output, write_all
from tui.watch.stdin import read_lines
from tui.watch.summary import summary_lines

INTERRUPTED = 130
ENDED_UNASKED = 1
NEVER_READY = 3

PATIENCE = 2.0
"""Seconds a reader who has stopped reading may hold up our end after a signal."""


COMMAND_PATIENCE = 10.0
"""Seconds a command of ``--on-drop`` may hold up our end."""


class Watch:
    """One run.

    Args:
        options: how to run.
        lang: the language of what a person reads.
        standing: the options of sessions that are opened later, as a session table.
    """

    def __init__(self, options: ProgramOptions, lang: Language, standing: Mapping[str, Any]) -> None:
        self._options = options
        self._lang: Language = lang
        self._closes: list[Close] = []
        self._loop = asyncio.get_running_loop()
        redactor = Redactor(options.redact, enabled=not options.no_redact)
        self._probe = Probe(self._take, redactor, standing)
        self._log = Log(self._probe.journal.engine, Look(lang, named(options.glyphs or "unicode")))
        self._signals = 0
        self._flushing = False
        self._fault: BaseException | None = None
        self._written = asyncio.Event()
        self._on_drop = OnDrop(options.on_drop, lang, self._tell) if options.on_drop else None
        self._recording: Writer | None = None
        self._record: Output | None = None
        self._writing = 1
        if options.record is not None:
            self._writing = 2
            self._recording = _begin(options.record)
            self._record = Output(self._write_record, self._pressed, self._record_ended)
        self._stdout = Output(partial(write_all, sys.stdout.fileno()), self._pressed, self._stdout_ended)

    async def run(self, specs: list[tuple[SessionSpec, float]]) -> int:
        """Runs until everything has ended or it is stopped; the exit status."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._loop.add_signal_handler(number, self._signalled)
        if self._options.duration is not None:
            self._loop.call_later(self._options.duration, self._stop, "duration")
        probe = asyncio.ensure_future(self._probe.run(specs, stay=self._options.stdin, linger=self._options.linger))
        self._cancel: Callable[[], object] = probe.cancel
        self._loop.set_exception_handler(self._broken)
        if self._options.stdin:
            read_lines(self._loop, self._probe.said, self._stdin_ended)
        with contextlib.suppress(asyncio.CancelledError):
            await probe
        if self._options.summary:
            self._print("\n".join(summary_lines(self._probe.journal.engine, self._lang)))
        await self._flush()
        patience = PATIENCE if self._signals else COMMAND_PATIENCE
        if self._on_drop is not None and not await asyncio.to_thread(self._on_drop.wait, patience):
            self._tell(phrase("log.on_drop_left", self._lang))
        if self._fault is not None:
            raise self._fault
        return self._status()

    async def _flush(self) -> None:
        """Waits until everything was written; after a signal not for ever, and not at all after a second one."""
        self._stdout.close()
        if self._record is not None:
            self._record.close()
        self._flushing = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE if self._signals else None):
                await self._written.wait()

    def _status(self) -> int:
        """Design §3, "Exit status of watch"."""
        if self._signals:
            return INTERRUPTED
        if any(close.dropped for close in self._closes):
            return ENDED_UNASKED
        ready = {close.s for close in self._closes if close.age is not None}
        never = {close.s for close in self._closes} - ready
        sessions = self._probe.journal.engine.sessions
        unready = any(session.ready_at is None for name, session in sessions.items() if name not in ready)
        return NEVER_READY if never or unready else 0

    # What the probe says.

    def _take(self, said: Fact) -> None:
        if isinstance(said, Close):
            self._closes.append(said)
            if self._on_drop is not None and said.dropped:
                self._on_drop.run(said, said.s, self._probe.journal.engine.sessions[said.s].url)
        finding = isinstance(said, Finding)
        if self._record is not None and not finding:
            self._record.write(encode(said))
        if not self._options.json:
            wide = max((len(name) for name in self._probe.journal.engine.sessions), default=1)
            for line in self._log.lines(said, wide=wide):
                self._stdout.write(f"{line}\n".encode())
        elif not (finding and self._options.facts):
            # JSON is English unless another language was asked for in so many words, whatever the locale.
            self._stdout.write(encode(in_language(said, self._options.lang or "en")))

    def _print(self, text: str) -> None:
        """Words for a person: on stderr where stdout carries lines for a program."""
        if self._options.json:
            sys.stderr.write(text + "\n")
        else:
            self._stdout.write(f"{text}\n".encode())

    # What comes from outside.

    def _signalled(self) -> None:
        self._signals += 1
        if self._signals > 1:
            self._cancel()
        if self._signals > 1 or self._flushing:
            self._written.set()
        self._stop("signal")

    def _stdin_ended(self) -> None:
        self._stop("eof")

    def _stop(self, why: StopReason) -> None:
        """Has the probe stop, unless its last line was said already."""
        if not self._flushing:
            self._probe.stop(why)

    # What the writing threads say.

    def _on_loop(self, call: Callable[..., object], *args: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(call, *args)

    def _pressed(self, pressed: bool) -> None:
        self._on_loop(self._probe.hold_reading, pressed)

    def _stdout_ended(self, error: OSError | None) -> None:
        if error is not None:
            if not isinstance(error, BrokenPipeError):
                why = error.strerror or str(error)
                self._tell(phrase("log.write_failed", self._lang, path="stdout", error=why))
            self._on_loop(self._stop, "signal")
        self._on_loop(self._one_written)

    def _write_record(self, data: bytes) -> OSError | None:
        assert self._recording is not None
        self._recording.write(data)
        return self._recording.stopped.error if self._recording.stopped is not None else None

    def _record_ended(self, error: OSError | None) -> None:
        assert self._recording is not None
        if error is not None and self._recording.stopped is not None:
            at, why = self._recording.stopped.at, error.strerror or str(error)
            self._tell(phrase("log.record_stopped", self._lang, path=self._options.record, at=at, error=why))
        self._recording.close()
        self._on_loop(self._one_written)

    def _one_written(self) -> None:
        self._writing -= 1
        if not self._writing:
            self._written.set()

    def _broken(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A fault of ours in a callback: said whole, and the run ends; a probe that limps would tell half a story."""
        loop.default_exception_handler(context)
        self._fault = context.get("exception") or RuntimeError(context["message"])
        self._cancel()

    def _tell(self, line: str) -> None:
        """A line on stderr, from any thread; nobody may be there to read it."""
        with contextlib.suppress(OSError):
            sys.stderr.write(line + "\n")
            sys.stderr.flush()


def _begin(path: str) -> Writer:
    try:
        return Writer(Path(path))
    except OSError as error:
        raise BadOption("option.writable", option="--record", given=path, error=error.strerror or str(error)) from None

"""The probe: every session on one event loop, commands in, facts out. ``tui.watch`` runs it."""

import asyncio
import platform
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from tui import __version__
from tui.facts import clocks, facts
from tui.facts.commands import BadCommand, SessionCommand, parse
from tui.facts.facts import SCHEMA, Fact
from tui.facts.redaction import Redactor
from tui.options.errors import BadOption
from tui.options.spec import SessionSpec, read_spec
from tui.options.targets import letters
from tui.probe.cookies import Jar
from tui.probe.journal import Journal
from tui.probe.live import LiveSession
from tui.probe.stalls import watch_for_stalls

StopReason = Literal["duration", "eof", "signal", "quit"]


class Probe:
    """Runs sessions until it is told to stop.

    Args:
        sink: takes every fact and finding, in order.
        redactor: what takes secrets out before a fact exists.
        standing: the options a session that is opened later has where its own table is silent, as a session table.
    """

    def __init__(self, sink: Callable[[Fact], None], redactor: Redactor, standing: Mapping[str, Any]) -> None:
        self._standing = standing
        self.journal = Journal(sink, redactor)
        self.stopped: StopReason | None = None
        self._sessions: dict[str, LiveSession] = {}
        self._shared_jar = Jar()
        """Of the sessions that share their cookies, as tabs of one browser do."""
        self._group: asyncio.TaskGroup
        self._stop_asked = asyncio.Event()
        self._changed = asyncio.Event()
        self._reading_since: clocks.Moment | None = None

    async def run(self, specs: Iterable[tuple[SessionSpec, float]], *, stay: bool, linger: float = 0.0) -> None:
        """Opens sessions, each after its delay in seconds, and returns once all have ended or it is stopped.

        Args:
            specs: what to open first.
            stay: go on when no session is up, until stopped.
            linger: seconds to stay after the last session ended.
        """
        self.journal.write(facts.Probe, schema=SCHEMA, version=__version__, host=platform.node(), clock=clocks.source())
        stalls = asyncio.create_task(watch_for_stalls(self.journal))
        try:
            async with asyncio.TaskGroup() as self._group:
                for spec, delay in specs:
                    self.open(spec, delay)
                while not self._stop_asked.is_set() and (stay or not self._all_over()):
                    self._changed.clear()
                    await self._changed.wait()
                if linger and not self._stop_asked.is_set():
                    await self._stay(linger)
                self._leave()
        finally:
            stalls.cancel()
            await asyncio.gather(stalls, return_exceptions=True)
            self.journal.close()

    def open(self, spec: SessionSpec, delay: float = 0.0) -> None:
        """Adds a session; ``spec.name`` is set and new."""
        jar = self._shared_jar if spec.share_cookies else Jar()
        live = LiveSession(
            spec, self.journal, self.do, lambda: self._ended(live), jar, lambda: self._sibling_up(live)
        )  # fmt: skip
        live.hold_reading(self._reading_since is not None)
        self._sessions[spec.name] = live
        self._group.create_task(live.run(delay))

    def _ended(self, live: LiveSession) -> None:
        if live.forgotten:
            self._sessions.pop(live.spec.name, None)
        self._changed.set()

    def _sibling_up(self, live: LiveSession) -> bool:
        """Whether another session to the same host and port is up."""
        host, port = live.spec.endpoint.host, live.spec.endpoint.port
        others = [other for other in self._sessions.values() if other is not live and other.up]
        return any((other.spec.endpoint.host, other.spec.endpoint.port) == (host, port) for other in others)

    def _all_over(self) -> bool:
        return all(live.over for live in self._sessions.values())

    def stop(self, why: StopReason) -> None:
        """Begins to stop: what is done from here on never changes a verdict. A second call is ignored."""
        if self.stopped is None:
            self.stopped = why
            self.journal.write(facts.Stop, why=why)
            self._stop_asked.set()
            self._changed.set()

    async def _stay(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop_asked.wait()
        except TimeoutError:
            return

    def _leave(self) -> None:
        """Ends what is up, politely; each session's task ends with its connection."""
        m = clocks.now().m
        for live in list(self._sessions.values()):
            live.forget(m)
            live.moved()

    # Commands.

    def said(self, line: str) -> None:
        """A line of stdin, or of the screen's prompt."""
        if not line.strip():
            return
        try:
            command = parse(line)
        except BadCommand as error:
            self._answer(error.id, error.text, error.key, error.args_)
            return
        self.do(command)

    def do(self, command: SessionCommand) -> None:
        """Carries a command out and answers it with one ``command`` fact for each session it is for."""
        if command.verb == "quit":
            self._answer(command.id, command.text)
            self.stop("quit")
            return
        if command.verb == "open":
            self._open(command)
            return
        if command.session is not None and command.session not in self._sessions:
            self._answer(
                command.id, command.text, "command.no_session",
                {"name": command.session, "names": ", ".join(self._sessions) or "–"},
            )  # fmt: skip
            return
        names = list(self._sessions) if command.session is None else [command.session]
        if not names:
            self._answer(command.id, command.text, "command.no_session", {"name": "*", "names": "–"})
        for name in names:
            live = self._sessions[name]
            why = live.do(command, clocks.now().m)
            self._answer(command.id, command.text, why, {}, s=name, c=live.connection_number)
            live.moved()

    def _open(self, command: SessionCommand) -> None:
        if self.stopped is not None:
            self._answer(command.id, command.text, "command.stopping")
            return
        table = {**self._standing, **(command.spec or {})}
        if command.session is not None:
            table.setdefault("name", command.session)
        try:
            spec = read_spec(table)
            if not spec.name:
                spec = read_spec({**table, "name": next(iter(letters(self._sessions)))})
            if spec.name in self._sessions:
                raise BadOption("option.duplicate_name", option="name", given=spec.name)
        except BadOption as error:
            self._answer(command.id, command.text, error.key, error.args_)
            return
        self._answer(command.id, command.text, s=spec.name)
        self.open(spec)

    def _answer(
        self, name: str | int | None, do: str, why: str | None = None, args: dict[str, Any] | None = None, **where: Any
    ) -> None:
        shown = self.journal.redactor.typed(do.encode("utf-8", "surrogateescape").decode(errors="backslashreplace"))
        self.journal.write(
            facts.Command, id=name, do=shown, ok=why is None, why=why, args=args or {}, redacted=shown != do, **where
        )

    # Pressure.

    def hold_reading(self, held: bool) -> None:
        """Whoever takes our lines cannot keep up (or can again): nothing is read meanwhile, which is a fact."""
        moment = clocks.now()
        for live in self._sessions.values():
            live.hold_reading(held)
        if held:
            self._reading_since = moment
        elif self._reading_since is not None:
            since, self._reading_since = self._reading_since, None
            wall, mono = round(moment.t - since.t, 6), round(moment.m - since.m, 6)
            self.journal.write(facts.Stall, at=moment, why="reading", wall=wall, mono=mono)

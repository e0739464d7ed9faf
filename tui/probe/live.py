"""One session of the probe: its connections one after the other, its ``--do`` schedule, its commands."""

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from functools import partial

import msgspec

from tui.client.commands import carry_out
from tui.facts import facts
from tui.facts.commands import SessionCommand
from tui.facts.redaction import Redactor
from tui.options.spec import SessionSpec
from tui.probe.connection import Connection
from tui.probe.cookies import Jar
from tui.probe.journal import Journal
from tui.probe.postmortem import Wanted, examine, tell_of_process, tell_of_those_behind
from tui.probe.sockjs import SockjsConnection

FIRST_S = 1.0
MOST_S = 30.0
"""Seconds before the first attempt of ``--reconnect``, doubled each time, and before any."""

LIVED_S = 10.0
"""A connection that was ready for so long, s, counts as a success: the next back-off begins anew."""


def backoff(attempt: int) -> float:
    """Seconds before an attempt, from 1: doubled each time up to a cap, a third of it by chance, so that the clients
    of a server that comes back do not come all at once."""
    most = min(MOST_S, FIRST_S * 2.0 ** min(attempt - 1, 16))
    return most * (2 + secrets.randbelow(1001) / 1000) / 3


class LiveSession:
    """A session somebody asked for.

    Args:
        spec: its options; ``name`` is set.
        journal: where its facts go.
        do: carries out a command as if it had been typed.
        on_over: called each time a connection has ended and none follows by itself.
        jar: its cookies, over all its connections.
        sibling_up: whether another session to the same origin is up.
    """

    def __init__(
        self,
        spec: SessionSpec,
        journal: Journal,
        do: Callable[[SessionCommand], None],
        on_over: Callable[[], None],
        jar: Jar,
        sibling_up: Callable[[], bool],
    ) -> None:
        self.spec = msgspec.structs.replace(spec, passcode=spec.secret(), passcode_env=None, passcode_file=None)
        self._journal = journal
        self._do = do
        self._on_over = on_over
        self._jar = jar
        self._sibling_up = sibling_up
        self._examining = False
        self._retrying = False
        self._attempts = 0
        self._connection: Connection | None = None
        self._count = 0
        self._again = asyncio.Event()
        self.forgotten = False
        self._held = False
        self._was_ready = False
        self._schedule: list[asyncio.TimerHandle] = []
        url = journal.redactor.url(spec.url)
        shown = spec.shown(journal.redactor)
        redacted = url != spec.url or shown != spec.shown(Redactor(enabled=False))
        journal.write(facts.Target, s=spec.name, url=url, spec=shown, redacted=redacted)

    async def run(self, delay: float = 0.0) -> None:
        """Connects, after ``delay`` seconds, and again whenever asked, until forgotten."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._again.wait()
        while not self.forgotten:
            self._again.clear()
            self._count += 1
            self._connection = self._make_connection()
            self._connection.hold_reading(self._held)
            await self._connection.run()
            for handle in self._schedule:
                handle.cancel()
            self._schedule.clear()
            if self.spec.reconnect and not self._asked:
                await self._wait_to_retry()
                continue
            await self._examine()
            if not self._again.is_set():
                self._on_over()
            await self._again.wait()
        self._on_over()

    @property
    def _asked(self) -> bool:
        """Somebody here asked for the end of the last connection."""
        close = self._journal.engine.sessions[self.spec.name].close
        return self.forgotten or self._again.is_set() or (close is not None and close.asked)

    async def _wait_to_retry(self) -> None:
        """Announces the next attempt, which is the post-mortem too, and waits for it or whoever wants it sooner; the
        process at the other end has had that time to go."""
        close = self._journal.engine.sessions[self.spec.name].close
        if close is not None and close.age is not None and close.age > LIVED_S:
            self._attempts = 0
        self._attempts += 1
        delay = round(backoff(self._attempts), 3)
        self._journal.write(facts.Retry, s=self.spec.name, c=self._count, in_s=delay, attempt=self._attempts)
        self._retrying = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._again.wait()
        peer = self._connection.peer if self._connection is not None else None
        if peer is not None and not self.spec.no_postmortem:
            write = partial(self._journal.write, s=self.spec.name, c=self._count)
            await tell_of_process(peer, await peer.after(), write)
            await tell_of_those_behind(peer, write)
        self._retrying = False

    async def _examine(self) -> None:
        """The post-mortem of an unexplained drop; whoever asks for anything else ends it."""
        engine, spec = self._journal.engine, self.spec
        close, verdict = engine.sessions[spec.name].close, engine.verdict(spec.name)
        explained = verdict is not None and verdict.grade == "certain"
        if spec.no_postmortem or self._again.is_set() or close is None or not close.dropped:
            return
        if explained:
            return
        wanted = Wanted(
            alone=lambda: not self._sibling_up(), credentials=spec.postmortem == "full", control=spec.control,
            peer=self._connection.peer if self._connection is not None else None,
        )  # fmt: skip
        self._examining = True
        write = partial(self._journal.write, s=spec.name, c=self._count)
        tasks = [asyncio.ensure_future(examine(spec, wanted, write)), asyncio.ensure_future(self._again.wait())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._examining = False

    def _make_connection(self) -> Connection:
        if self.spec.endpoint.scheme.transport == "sockjs":
            return SockjsConnection(self.spec, self._count, self._journal, self._ready, self._jar)
        return Connection(self.spec, self._count, self._journal, self._ready)

    @property
    def over(self) -> bool:
        """Nothing is connected and nothing will be unless somebody asks."""
        done = self._connection is not None and self._connection.over
        return done and not (self._examining or self._retrying or self._again.is_set())

    @property
    def up(self) -> bool:
        """It is ready on its connection, and the connection lives."""
        session = self._journal.engine.sessions[self.spec.name]
        return self._connection is not None and not self._connection.over and session.ready_at is not None

    def _ready(self) -> None:
        """Starts the ``--do`` clock, on the first connection only that gets as far."""
        if self._was_ready:
            return
        self._was_ready = True
        loop = asyncio.get_running_loop()
        for after, command in self.spec.schedule:
            if command.session in (None, self.spec.name):
                own = msgspec.structs.replace(command, session=self.spec.name)
                self._schedule.append(loop.call_later(after, self._do, own))

    def do(self, command: SessionCommand, m: float) -> str | None:
        """Carries a command out; the catalogue key of why not, where it cannot be."""
        connection = self._connection
        if command.verb == "reconnect":
            self._again.set()
            self.leave(m)
            return None
        if command.verb == "forget":
            self.forget(m)
            return None
        if command.verb == "mark":
            return None
        if connection is None or connection.over:
            return "command.not_open"
        if connection.client is None:
            if command.verb in ("close", "abort", "reset", "disconnect"):
                connection.stop_dialling()
                return None
            return "command.not_open_yet"
        return carry_out(connection.client, command, m)

    def leave(self, m: float) -> None:
        """Ends what is connected, politely."""
        connection = self._connection
        if connection is None or connection.over:
            return
        if connection.client is None:
            connection.stop_dialling()
        else:
            connection.client.leave(m)

    def forget(self, m: float) -> None:
        """Ends what is connected, politely, and the session with it."""
        self.forgotten = True
        self._again.set()
        self.leave(m)

    def moved(self) -> None:
        """Lets the connection do what a command has put before it."""
        if self._connection is not None and not self._connection.over:
            self._connection.moved()

    def hold_reading(self, held: bool) -> None:
        """Stops or resumes reading while whoever takes the lines cannot keep up."""
        self._held = held
        if self._connection is not None and not self._connection.over:
            self._connection.hold_reading(held)

    @property
    def connection_number(self) -> int:
        """The number of the connection that is up, or was last."""
        return self._count

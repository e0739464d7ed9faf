"""``whoops watch`` as a child process, driven and read by a test: lines in as they come, words out to its stdin."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

Line = dict[str, Any]
"""One JSON line of the probe: a fact or a finding."""

POSTMORTEM = {"WHOOPS_NO_POSTMORTEM": "0"}
"""The environment of a run that looks after a drop, as everybody's does who does not say otherwise."""

_LONGEST_LINE = 1 << 26
_COMMAND = (sys.executable, "-m", "tui", "watch")


def clean_environment() -> dict[str, str]:
    """This process's environment without anything that configures ``whoops`` or sends it through a proxy.

    No look is taken after a drop unless a test asks for it: a scripted server would take it for another session.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("WHOOPS_") and not name.lower().endswith("_proxy")
    }
    return kept | {
        "WHOOPS_CONFIG": "/nonexistent/whoops.toml", "WHOOPS_NO_POSTMORTEM": "1", "PYTHONUNBUFFERED": "1"
    }  # fmt: skip


class Watch:
    """A running ``watch … --json``. Made by ``watching``; every line it said so far is in ``lines``."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[Line] = []
        self.raw: list[bytes] = []
        self.stderr = b""
        self._news = asyncio.Condition()
        self._readers = asyncio.gather(self._read_lines(), self._read_stderr())

    async def _read_lines(self) -> None:
        assert self.process.stdout is not None
        async for raw in self.process.stdout:
            async with self._news:
                self.raw.append(raw)
                self.lines.append(json.loads(raw))
                self._news.notify_all()
        async with self._news:
            self._news.notify_all()

    async def _read_stderr(self) -> None:
        assert self.process.stderr is not None
        self.stderr = await self.process.stderr.read()

    async def until(self, wanted: Callable[[Line], bool], within: float = 20, *, count: int = 1) -> Line:
        """The ``count``-th line that ``wanted`` accepts, past or future.

        Raises:
            AssertionError: the probe ended, or ``within`` seconds passed, before such a line came.
        """
        found: list[Line] = []
        read = 0

        async def look() -> None:
            nonlocal read
            async with self._news:
                while True:
                    found.extend(line for line in self.lines[read:] if wanted(line))
                    read = len(self.lines)
                    assert self.process.stdout is not None
                    if len(found) >= count or self.process.stdout.at_eof():
                        return
                    await self._news.wait()

        with suppress(TimeoutError):
            await asyncio.wait_for(look(), within)
        assert len(found) >= count, f"{len(found)} of {count} wanted lines came; the last were:\n{self.tail()}"
        return found[count - 1]

    async def command(self, words: str) -> None:
        """Says ``words`` on the probe's stdin (it was started with ``--stdin``)."""
        assert self.process.stdin is not None
        self.process.stdin.write(words.encode() + b"\n")
        await self.process.stdin.drain()

    async def finish(self, within: float = 20) -> int:
        """Closes its stdin, waits for its end and returns its exit status."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            async with asyncio.timeout(within):
                status = await self.process.wait()
                await self._readers
        except TimeoutError:
            raise AssertionError(f"watch did not end; its last lines were:\n{self.tail()}") from None
        return status

    def of(self, kind: str, /, session: str | None = None, **fields: Any) -> list[Line]:
        """The lines of one type said so far, of one session if named, whose ``fields`` are as given."""
        return [
            line
            for line in self.lines
            if line["type"] == kind
            and session in (None, line.get("s"))
            and all(line.get(name) == value for name, value in fields.items())
        ]

    def the(self, kind: str, /, session: str | None = None, **fields: Any) -> Line:
        """The one line of which there must be exactly one."""
        found = self.of(kind, session, **fields)
        assert len(found) == 1, f"{len(found)} lines {kind} {session} {fields}; the last lines:\n{self.tail()}"
        return found[0]

    def tail(self, count: int = 12) -> str:
        """The last lines and what it said on stderr, for a failing test's message."""
        said = b"".join(self.raw[-count:]).decode()
        return f"{said}stderr: {self.stderr.decode()}"


@asynccontextmanager
async def watching(*args: str, on: Sequence[str] = (), **environment: str) -> AsyncIterator[Watch]:
    """``watch ARGS --json`` in a process group of its own; killed at the end if it still runs.

    Args:
        on: words in front of the command, such as those that run it on another host.
        environment: what is set besides, or otherwise.
    """
    process = await asyncio.create_subprocess_exec(
        *on,
        *_COMMAND,
        *args,
        "--json",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=clean_environment() | environment,
        start_new_session=True,
        limit=_LONGEST_LINE,
    )
    watch = Watch(process)
    try:
        yield watch
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
        await watch.finish()


class Said(NamedTuple):
    """What a finished run printed, and its exit status."""

    out: bytes
    err: bytes
    status: int


async def said_by(*words: str, within: float = 30) -> Said:
    """``whoops WORDS``, run to its end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tui",
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=clean_environment(),
        start_new_session=True,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), within)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        raise
    assert process.returncode is not None
    return Said(out, err, process.returncode)


async def watch_for_people(*args: str, within: float = 30) -> Said:
    """``watch ARGS`` without ``--json``, run to its end."""
    return await said_by("watch", *args, within=within)

"""Runs of ``watch`` here or on another host, until its drops were looked after; pools, supervisors, doors to them."""

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from websockets.asyncio.server import serve

from tests.probing import open_session, seen
from tests.servers.between import Table, opened
from tests.servers.child import Child, Daemon
from tests.servers.house import House, Rule, echo
from tests.servers.lines import leave
from tests.servers.looks import Strike
from tests.servers.ports import LOOPBACK
from tests.servers.routed import Host, Routed
from tests.watching import POSTMORTEM, Line, Watch, watching

QUIET_S = 0.8
"""Seconds without a further fact after which a look counts as over."""

HEAD = 'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";'
"""What an upgrade needs at nginx."""


def pool(name: str, *ports: int, more: str = "") -> str:
    """An ``upstream`` of nginx."""
    servers = " ".join(f"server {LOOPBACK}:{port} max_fails=0;" for port in ports)
    return f"upstream {name} {{ {servers} {more} }}"


async def settled(watch: Watch, *gone: str, within: float = 8) -> None:
    """Returns when the looks after these sessions' ends say no more."""
    before, since = -1, time.monotonic()
    end = since + within
    while (now := time.monotonic()) < end and now - since < QUIET_S:
        count = sum(line["type"] in ("postmortem", "close", "end") and line.get("s") in gone for line in watch.lines)
        if count != before:
            before, since = count, now
        await asyncio.sleep(0.05)


async def run(
    tables: Mapping[str, Table],
    *gone: str,
    strike: Strike | None = None,
    back: Sequence[str] = (),
    late: Mapping[str, Table] | None = None,
    on: Sequence[str] = (),
    words: Sequence[str] = (),
) -> Watch:
    """Sessions that are let in, then ``strike``, until those that are ``gone`` were looked after; then all is left.

    Args:
        back: those that must have come back before.
        late: sessions that are opened after the strike, whatever becomes of them.
        on: words in front, such as those of a host.
        words: further options of the run.
    """

    async with watching("--stdin", *words, on=on, **POSTMORTEM) as watch:
        await opened(watch, **tables)
        if strike is not None:
            await strike(watch)
        for name, table in (late or {}).items():
            await open_session(watch, name=name, **table)
        for name in gone:
            await watch.until(lambda line, name=name: line["type"] == "close" and line["s"] == name, 40)  # type: ignore[misc]
        await settled(watch, *gone)
        for name in back:
            await again(watch, name, {**tables, **(late or {})}[name]["url"])
        await leave(watch, *(name for name in tables if name not in gone))
    return watch


async def again(watch: Watch, session: str, url: str) -> None:
    """Returns when a session was let in a second time."""
    if url.startswith("stomp"):
        await seen(watch, "stomp", session, command="CONNECTED", count=2)
    elif url.startswith("http"):
        await seen(watch, "sockjs", session, kind="o", count=2)
    else:
        await seen(watch, "open", session, count=2)


async def refusals(
    refused: Mapping[str, Table],
    /,
    *,
    after: float = 0.9,
    before: float = 0.7,
    on: Sequence[str] = (),
    closes: int = 1,
    **well: Table,
) -> Watch:
    """Sessions that are let in, and then some that are not, as ``between.refused``, on any host."""

    async with watching("--stdin", on=on, **POSTMORTEM) as watch:
        await opened(watch, **well)
        await asyncio.sleep(after)
        for name, table in refused.items():
            await open_session(watch, name=name, **table)
        for name in refused:
            for count in range(1, closes + 1):
                await watch.until(partial(_closes, name), 40, count=count)
        await settled(watch, *refused)
        await asyncio.sleep(before)
        await leave(watch, *well)
    for name in refused:
        assert not watch.of("open", name)
    return watch


def struck(sign: signal.Signals, pid: int, session: str, count: int, *, group: bool = False) -> Strike:
    """That signal, once the session has heard so many messages."""

    async def strike(watch: Watch) -> None:
        await heard(watch, session, count)
        (os.killpg if group else os.kill)(pid, sign)

    return strike


async def heard(watch: Watch, session: str, count: int) -> None:
    """Returns once so many text messages came in."""
    await seen(watch, "frame", session, dir="in", opcode=1, count=count)


def cut(watch: Watch, *sessions: str, how: tuple[str, ...] = ("fin", "reset")) -> None:
    """Their last drop was without a Close, from afar."""
    for name in sessions:
        close = next(line for line in watch.of("close", name) if not line.get("asked"))
        assert close["initiator"] == "remote" and close["received"] is None, close
        assert close["transport"]["how"] in how, close


def told(watch: Watch, code: int, *sessions: str, reason: str | None = None) -> None:
    """The peer's Close had that code."""
    for name in sessions:
        received = watch.of("close", name)[0]["received"]
        assert received is not None and received["code"] == code, received
        assert reason is None or received["reason"] == reason, received


@asynccontextmanager
async def homes(*hosts: Routed, rule: Rule = echo, **options: object) -> AsyncIterator[House]:
    """An application on python-websockets: on the server host of ``hosts``, where given, otherwise here."""
    made = House(rule)

    def listen() -> socket.socket:
        return socket.create_server((LOOPBACK, 0))

    if hosts:
        with hosts[0].server.inside():
            sock = listen()
    else:
        sock = listen()
    given: dict[str, object] = {"ping_interval": None} | options
    async with serve(made.admit, sock=sock, **given):  # type: ignore[arg-type]
        made.port = sock.getsockname()[1]
        yield made


def again_on(host: Host, server: Daemon) -> None:
    """Starts a server of that host once more."""
    with host.inside():
        server.begin()


class Supervised:
    """A command that a supervisor starts anew ``pause`` seconds after it ended. ``pid`` is who runs now.

    Args:
        home: an empty directory for its files.
        server: the server to take over: it is ended and started by the supervisor from now on.
        pause: seconds.
    """

    def __init__(self, home: Path, server: Daemon, pause: float) -> None:
        server.stop()
        self.port = server.port
        self._pid = home / "pid"
        words = " ".join(f"'{word}'" for word in server._argv)
        script = f"while :; do {words} & echo $! > {self._pid}; wait $!; sleep {pause}; done"
        self._child = Child(["sh", "-c", script], log=home / "supervisor.log", env=server._env, cwd=server._log.parent)
        self._child.wait_for_port(self.port)

    @property
    def pid(self) -> int:
        """The process that serves."""
        return int(self._pid.read_text())

    def stop(self) -> None:
        """Ends both."""
        self._child.stop(signal.SIGKILL)


def run_on(host: Host, *command: str) -> str:
    """What a command said on a host."""
    done = subprocess.run([*host.words, *command], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def local_port(watch: Watch, session: str) -> int:
    """The port a session's connection has on its own host."""
    return int(watch.of("tcp", session, role="main")[-1]["local"].rpartition(":")[2])


def _closes(session: str, line: Line) -> bool:
    return bool(line["type"] == "close" and line["s"] == session)

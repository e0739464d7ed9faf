"""What the perch tests share: STOMP through TLS doors, sessions that ail until their user leaves, what was said."""

import asyncio
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from tests.probing import open_session, seen
from tests.servers.between import Table, opened
from tests.servers.joined import GUEST
from tests.servers.lines import leave
from tests.servers.looks import Strike
from tests.servers.nginx import Certificate
from tests.servers.pond import settled
from tests.servers.ports import LOOPBACK
from tests.watching import POSTMORTEM, Watch, watching


def secure(port: int, certificate: Certificate, beats: str, path: str = "/ws", **options: object) -> Table:
    """STOMP over WebSocket at a door that speaks TLS."""
    table = {"url": f"stomp+wss://localhost:{port}{path}", "heart_beat": beats, "cacert": str(certificate.ca)}
    return table | options


def spring_ws(port: int, beats: str, **options: object) -> Table:
    """STOMP over WebSocket at a Spring application."""
    return {"url": f"stomp+ws://{LOOPBACK}:{port}/ws", "heart_beat": beats} | options


def spring_sockjs(port: int, transport: str, beats: str, **options: object) -> Table:
    """STOMP over SockJS at a Spring application."""
    return {
        "url": f"stomp+http://{LOOPBACK}:{port}/sockjs", "sockjs_transport": transport, "heart_beat": beats
    } | options  # fmt: skip


def as_guest(table: Table) -> Table:
    """That table, logged in to RabbitMQ."""
    return table | GUEST


@contextmanager
def held(*pids: int) -> Iterator[None]:
    """Processes that stand still as long as the block."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


async def lasting(
    tables: Mapping[str, Table],
    strike: Strike,
    *,
    ails: Sequence[str] = (),
    gone: Sequence[str] = (),
    on: Sequence[str] = (),
    words: Sequence[str] = (),
    late: Mapping[str, Table] | None = None,
) -> Watch:
    """Sessions that are let in, then ``strike``, which lasts as long as the fault; then the user leaves them all.

    Args:
        ails: those that are ill and open when the user leaves.
        gone: those that must have ended before.
        on: words in front, such as those of a host.
        words: further options of the run.
        late: sessions that are opened at once after the others.
    """
    async with watching("--stdin", *words, on=on, **POSTMORTEM) as watch:
        await opened(watch, **tables)
        for name, table in (late or {}).items():
            await open_session(watch, name=name, **table)
        await strike(watch)
        for name in gone:
            await watch.until(lambda line, name=name: line["type"] == "close" and line["s"] == name, 40)  # type: ignore[misc]
        await settled(watch, *gone)
        await leave(watch, *(name for name in tables if name not in gone))
    assert not set(ails) & {line["s"] for line in watch.of("close") if not line.get("asked")}
    return watch


async def spoke(watch: Watch, session: str, count: int, command: str = "SEND") -> None:
    """Returns once it has said so many frames of that kind."""
    await seen(watch, "stomp", session, dir="out", command=command, count=count)


async def got(watch: Watch, session: str, count: int, command: str = "MESSAGE") -> None:
    """Returns once it has been told so many frames of that kind."""
    await seen(watch, "stomp", session, dir="in", command=command, count=count)


async def silent(watch: Watch, seconds: float, *sessions: str) -> None:
    """Returns when these have missed their server's beats, and so many seconds later."""
    for session in sessions:
        await seen(watch, "heartbeat", session, layer="stomp-in", state="missed")
    await asyncio.sleep(seconds)


def errors(watch: Watch, session: str) -> list[str]:
    """The messages of the ERRORs it was told."""
    return [str(line.get("headers")) for line in watch.of("stomp", session, dir="in", command="ERROR")]

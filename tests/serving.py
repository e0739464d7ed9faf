"""Honest servers on loopback, in the test's own process: python-websockets and the lab's broker."""

import datetime
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import trustme
from websockets.asyncio.server import ServerConnection, serve

from tui.lab.lab import running
from tui.lab.policy import Policy
from tui.protocols.heartbeat import Pair

LOOPBACK = "127.0.0.1"


async def echo(connection: ServerConnection) -> None:
    """Says back every message."""
    async for message in connection:
        await connection.send(message)


async def silent(connection: ServerConnection) -> None:
    """Says nothing of its own; pings and Close are answered all the same."""
    await connection.wait_closed()


@asynccontextmanager
async def serving(handler: Callable[[ServerConnection], Awaitable[None]], **options: Any) -> AsyncIterator[str]:
    """A python-websockets server on a free port, without pings of its own; its ``ws:`` or ``wss:`` URL."""
    async with serve(handler, LOOPBACK, 0, **{"ping_interval": None, **options}) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"wss://localhost:{port}/" if options.get("ssl") else f"ws://{LOOPBACK}:{port}/"


@asynccontextmanager
async def brokering(policy: Policy | None = None) -> AsyncIterator[str]:
    """The lab's broker; without a policy it beats every second and is patient. Its ``stomp+ws:`` URL."""
    async with running(policy or Policy(beats=Pair(1000, 1000), grace=0)) as urls:
        yield urls["stomp"]


def server_context(leaf: trustme.LeafCert) -> ssl.SSLContext:
    """A server's TLS settings with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    return context


def expired(authority: trustme.CA) -> trustme.LeafCert:
    """A certificate for ``localhost`` that was good until yesterday."""
    yesterday = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    return authority.issue_cert("localhost", not_after=yesterday)

"""Runs on the client host of a ``Routed``, and home-made applications that listen on its server host."""

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from websockets.asyncio.server import serve

from tests.servers.between import Table, opened
from tests.servers.house import House, Rule, echo
from tests.servers.lines import leave, over, within
from tests.servers.looks import Strike
from tests.servers.routed import SERVER, Routed
from tests.watching import POSTMORTEM, Watch, watching


def there(port: int, path: str = "/", **options: object) -> Table:
    """A raw session at a port of the server host."""
    return {"url": f"ws://{SERVER}:{port}{path}"} | options


def there_stomp(port: int, beats: str, path: str = "/", **options: object) -> Table:
    """STOMP over WebSocket at a port of the server host."""
    return {"url": f"stomp+ws://{SERVER}:{port}{path}", "heart_beat": beats} | options


def there_sockjs(port: int, transport: str, **options: object) -> Table:
    """A SockJS session at a port of the server host."""
    return {"url": f"http://{SERVER}:{port}/echo", "sockjs_transport": transport} | options


@asynccontextmanager
async def house_there(hosts: Routed, rule: Rule = echo, port: int = 8090, **options: object) -> AsyncIterator[House]:
    """The application, in the test's process, whose door is on the server host."""
    with hosts.server.inside():
        listener = socket.create_server(("0.0.0.0", port))
    made = House(rule)
    made.port = port
    async with serve(made.admit, sock=listener, **options):  # type: ignore[arg-type]
        yield made


async def outside(
    hosts: Routed,
    tables: Mapping[str, Table],
    *gone: str,
    strike: Strike | None = None,
    patience: float = 4.0,
    stage: str = "tcp",
    wait: float = 30,
) -> Watch:
    """Sessions of the client host, all let in, then ``strike``, until those that are ``gone`` were looked after."""
    async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
        await opened(watch, **tables)
        if strike is not None:
            await strike(watch)
        for name in gone:
            await within(watch, wait, "close", name)
        await over(watch, *gone, patience=patience, stage=stage)
        await leave(watch, *(name for name in tables if name not in gone))
    return watch

"""Runs whose servers are on the server host of ``Routed``: of their processes nothing is known where the client is."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from tests.probing import open_session
from tests.servers.between import Table, opened
from tests.servers.house import House, Rule, echo, house
from tests.servers.lines import leave, open_doors, over
from tests.servers.routed import Routed
from tests.watching import POSTMORTEM, Watch, watching


@asynccontextmanager
async def house_abroad(hosts: Routed, rule: Rule = echo, **options: object) -> AsyncIterator[House]:
    """``house`` on the server host, its door open."""
    made = house(rule, **options)
    with hosts.server.inside():
        app = await made.__aenter__()
    try:
        open_doors(hosts.server, app.port)
        yield app
    finally:
        await made.__aexit__(None, None, None)


async def kept_out(hosts: Routed, refusals: Mapping[str, Table], after: float = 0.9, **well: Table) -> Watch:
    """Sessions that are let in, and then some that are not."""
    async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
        await opened(watch, **well)
        await asyncio.sleep(after)
        for name, table in refusals.items():
            await open_session(watch, name=name, **table)
        await over(watch, *refusals, patience=2.0)
        await leave(watch, *well, status=3)
    for name in refusals:
        assert not watch.of("open", name)
    return watch


async def seen_off(hosts: Routed, tables: Mapping[str, Table], *gone: str) -> Watch:
    """Sessions that are all let in, until those that are ``gone`` have been looked after; the rest is left well."""
    async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
        await opened(watch, **tables)
        await over(watch, *gone, patience=2.0)
        await leave(watch, *(set(tables) - set(gone)), status=1)
    return watch

"""Runs in which some are turned away and others are well, until the looks after the ends are wholly over."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress

from tests.probing import open_session
from tests.servers.between import Table, opened
from tests.servers.lines import leave
from tests.servers.looks import Strike
from tests.servers.pond import settled
from tests.watching import POSTMORTEM, Line, Watch, watching


def answered(session: str, line: Line) -> bool:
    """Whether a session's look has come to its last stage, or failed at one."""
    return bool(line["type"] == "postmortem" and line["s"] == session and (not line["ok"] or line["stage"] == "http"))


async def ended(watch: Watch, *sessions: str, patience: float = 6.0) -> None:
    """Returns when these sessions have ended, and the look after each is over, where one is taken."""

    async def one(session: str) -> None:
        await watch.until(lambda line: line["type"] == "close" and line["s"] == session, 40)
        with suppress(AssertionError):  # none is taken after some ends
            await watch.until(lambda line: line["type"] == "postmortem" and line["s"] == session, 1.3)
            await watch.until(lambda line: answered(session, line), patience)

    await asyncio.gather(*map(one, sessions))
    await settled(watch, *sessions)


async def knocked(
    refused: Mapping[str, Table],
    /,
    *,
    after: float = 0.8,
    before: float = 0.5,
    on: Sequence[str] = (),
    strike: Strike | None = None,
    words: Sequence[str] = (),
    **well: Table,
) -> Watch:
    """Sessions that are let in, then those that are not: so many seconds ``after``, and ``before`` all is left."""
    async with watching("--stdin", *words, on=on, **POSTMORTEM) as watch:
        await opened(watch, **well)
        await asyncio.sleep(after)
        if strike is not None:
            await strike(watch)
        for name, table in refused.items():
            await open_session(watch, name=name, **table)
        await ended(watch, *refused)
        await asyncio.sleep(before)
        await leave(watch, *well)
    return watch


async def lived(
    tables: Mapping[str, Table], *gone: str, strike: Strike | None = None, on: Sequence[str] = (), before: float = 0.4
) -> Watch:
    """Sessions that are all let in, then ``strike``, until those that are ``gone`` were looked after."""
    async with watching("--stdin", on=on, **POSTMORTEM) as watch:
        await opened(watch, **tables)
        if strike is not None:
            await strike(watch)
        await ended(watch, *gone)
        await asyncio.sleep(before)
        await leave(watch, *(name for name in tables if name not in gone))
    return watch

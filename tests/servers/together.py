"""Runs side by side, for what is mostly waiting for a timeout."""

import asyncio
from collections.abc import Coroutine, Iterable


async def together(runs: Iterable[Coroutine[object, object, None]]) -> None:
    """Returns when all have ended; the first that fails ends the others."""
    async with asyncio.TaskGroup() as group:
        for run in runs:
            group.create_task(run)

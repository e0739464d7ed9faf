"""Notices when this process was not scheduled, or the machine slept: beats of ours are late then, and nobody else is to
blame.

A wake-up every quarter of a second compares both clocks: Linux's and macOS's monotonic clocks stand still while the
machine sleeps, the wall clock does not.
"""

import asyncio

from tui.facts import facts
from tui.facts.clocks import now
from tui.probe.journal import Journal

EVERY = 0.25
"""Seconds between looks."""

TOLERATED = 0.5
"""Seconds a look may come late before it is a stall; a loaded machine is often 0.1 s late."""


async def watch_for_stalls(journal: Journal) -> None:
    """Writes a ``stall`` fact whenever time passed without us. Runs until cancelled."""
    before = now()
    while True:
        await asyncio.sleep(EVERY)
        after = now()
        wall, mono = after.t - before.t, after.m - before.m
        asleep = wall - mono
        if asleep > TOLERATED:
            journal.write(facts.Stall, at=after, why="sleep", wall=round(wall, 6), mono=round(mono, 6))
        elif mono > EVERY + TOLERATED:
            journal.write(facts.Stall, at=after, why="scheduling", wall=round(wall, 6), mono=round(mono, 6))
        before = after

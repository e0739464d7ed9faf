"""The machine, shared by the tests of all workers, or had by one test alone.

Tests that say when something must have happened say nothing of us where other tests take the processor. Two locks
(flock(2)) on files that are there anyway keep these apart, whatever process runs them: everyone passes the door, and
one who wants to be alone keeps it shut while those inside finish.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DOOR = Path(__file__)
ROOM = Path(__file__).with_name("conftest.py")


@contextmanager
def inside(*, alone: bool) -> Iterator[None]:
    """Runs its block among others, or alone; waits until that is so."""
    with ROOM.open() as room:
        with DOOR.open() as door:
            fcntl.flock(door, fcntl.LOCK_EX)
            fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield

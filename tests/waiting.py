"""Waiting in a test: for what must become true, until a deadline; never for a while and then hoping."""

import time
from collections.abc import Callable

from textual.pilot import Pilot

DEADLINE_S = 10.0

_POLL_S = 0.005


def eventually(holds: Callable[[], object], *, seconds: float = DEADLINE_S) -> None:
    """Returns once ``holds()`` is true.

    Raises:
        AssertionError: it was not within ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(_POLL_S)


async def comes(pilot: Pilot[None], holds: Callable[[], object], *, seconds: float = DEADLINE_S) -> None:
    """Lets the application work until ``holds()`` is true.

    Raises:
        AssertionError: it was not within ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        await pilot.pause()

"""``strictd.py`` and ``node/strict.mjs`` as children: servers that answer nothing and have clocks of their own."""

import json
import sys
from pathlib import Path

from tests.servers.child import Daemon
from tests.servers.node import program
from tests.servers.ports import LOOPBACK, free_ports

SCRIPT = Path(__file__).parent / "strictd.py"

Ending = tuple[int, str] | str
"""``(CODE, REASON)`` or ``fin``."""


class Strict(Daemon):
    """A server with clocks of its own."""

    @property
    def url(self) -> str:
        """Its ``ws:`` target."""
        return f"ws://{LOOPBACK}:{self.port}/"


class StrictPython(Strict):
    """python-websockets with clocks.

    Args:
        home: an empty directory for its files.
        options: ``says``, ``pings``, ``idle``, ``first``, ``life`` in seconds, and ``ending``: see ``strictd.py``.
    """

    def __init__(self, home: Path, /, **options: float | Ending) -> None:
        (port,) = free_ports(1)
        words = [sys.executable, str(SCRIPT), str(port), json.dumps(options)]
        super().__init__(port, words, log=home / "strict.log", says="up")


class StrictNode(Strict):
    """Node's ws with clocks.

    Args:
        home: an empty directory for its files.
        options: as ``StrictPython``'s, without ``pings``.
    """

    def __init__(self, home: Path, /, **options: float | Ending) -> None:
        (port,) = free_ports(1)
        words = [*program("strict.mjs"), str(port), json.dumps(options)]
        super().__init__(port, words, log=home / "strict.log", says="listening")

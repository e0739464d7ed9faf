"""``websocketd.py`` and ``endingd.py``, servers that use python-websockets, as children."""

import json
import sys
from pathlib import Path

from tests.servers.child import Daemon
from tests.servers.ports import LOOPBACK, free_ports

SCRIPT = Path(__file__).parent / "websocketd.py"


def command(host: str, port: int, **options: object) -> list[str]:
    """The words that run it; ``options`` are the library's own, such as ``ping_interval`` and ``max_size``."""
    return [sys.executable, str(SCRIPT), host, str(port), json.dumps(options)]


class PythonWs(Daemon):
    """The server on a loopback port.

    Args:
        home: an empty directory for its files.
        options: the library's own, such as ``ping_interval``, ``ping_timeout`` (s) and ``max_size`` (bytes).
    """

    def __init__(self, home: Path, /, **options: object) -> None:
        (port,) = free_ports(1)
        super().__init__(port, command(LOOPBACK, port, **options), log=home / "websocketd.log", says="up")

    @property
    def url(self) -> str:
        """Its ``ws:`` target."""
        return f"ws://{LOOPBACK}:{self.port}/"


class PythonEndings(Daemon):
    """A program that ends its clients as they tell it; its words and options are in its script, ``endingd.py``.

    Args:
        home: an empty directory for its files.
        options: the script's and the library's own.
    """

    def __init__(self, home: Path, /, **options: object) -> None:
        (port,) = free_ports(1)
        script = SCRIPT.with_name("endingd.py")
        super().__init__(
            port,
            [sys.executable, str(script), LOOPBACK, str(port), json.dumps(options)],
            log=home / "endingd.log",
            says="up",
        )

    @property
    def url(self) -> str:
        """Its ``ws:`` target, without the path."""
        return f"ws://{LOOPBACK}:{self.port}"

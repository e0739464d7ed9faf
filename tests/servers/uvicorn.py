"""uvicorn as a child, with the application of ``asgi.py``."""

import sys
from pathlib import Path

from tests.servers.child import Daemon
from tests.servers.ports import LOOPBACK, free_ports


class Uvicorn(Daemon):
    """uvicorn on a loopback port.

    Args:
        home: an empty directory for its files.
        options: those of its command line without ``--`` and with ``_`` for ``-``, such as ``ws_max_size`` (bytes).
    """

    def __init__(self, home: Path, /, **options: object) -> None:
        (port,) = free_ports(1)
        words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
        super().__init__(
            port,
            [
                sys.executable, "-m", "uvicorn", "asgi:application", "--app-dir", str(Path(__file__).parent),
                "--host", LOOPBACK, "--port", str(port), *words,
            ],
            log=home / "uvicorn.log", says="Uvicorn running",
        )  # fmt: skip

    @property
    def url(self) -> str:
        """Its ``ws:`` target, without the path."""
        return f"ws://{LOOPBACK}:{self.port}"

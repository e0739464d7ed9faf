"""The programs of ``goapps/`` as children: melody and gobwas/ws in a net/http server."""

import json
from pathlib import Path

from tests.servers.built import built
from tests.servers.child import Daemon
from tests.servers.ports import LOOPBACK, free_ports

SOURCES = Path(__file__).parent / "goapps"
_BUILD = ("go", "build", "-o", "goapps", ".")


def command(program: str, host: str, port: int, **options: object) -> list[str]:
    """The words that run it; its ``main.go`` lists the options, the durations are in seconds here."""
    given = {name: round(value * 1000) if isinstance(value, float) else value for name, value in options.items()}
    return [str(built(SOURCES, _BUILD) / "goapps"), program, host, str(port), json.dumps(given)]


class _GoApp(Daemon):
    """A program of ``goapps/`` on the loopback.

    Args:
        home: an empty directory for its files.
        options: what its ``main.go`` lists; the durations are in seconds here.
    """

    _PROGRAM: str

    def __init__(self, home: Path, /, **options: object) -> None:
        (port,) = free_ports(1)
        words = command(self._PROGRAM, LOOPBACK, port, **options)
        super().__init__(port, words, log=home / "goapps.log", says="listening")

    @property
    def url(self) -> str:
        """Its ``ws:`` target."""
        return f"ws://{LOOPBACK}:{self.port}/ws"


class Melody(_GoApp):
    """melody; options such as ``PongWait`` and ``MaxMessage`` (bytes)."""

    _PROGRAM = "melody"


class Gobwas(_GoApp):
    """gobwas/ws; the option ``Idle``."""

    _PROGRAM = "gobwas"

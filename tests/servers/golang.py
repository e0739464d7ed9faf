"""The programs of ``golang/`` as children: gorilla/websocket, coder/websocket and centrifuge, in a net/http server."""

import json
from collections.abc import Sequence
from pathlib import Path

from tests.servers.built import built
from tests.servers.child import Daemon
from tests.servers.ports import LOOPBACK, free_ports

SOURCES = Path(__file__).parent / "golang"
_BUILD = "go build -o ground . && go build -o nats-server github.com/nats-io/nats-server/v2"


def program(name: str) -> str:
    """The path of what ``golang/`` is built to."""
    return str(built(SOURCES, ("sh", "-c", _BUILD)) / name)


class _GoServer(Daemon):
    """A program of ``golang/``.

    Args:
        home: an empty directory for its files.
        limits: the words of ``prlimit``, such as ``--nofile=20``.
        options: what its ``main.go`` lists; the durations are in seconds here.
    """

    _PROGRAM: str

    def __init__(self, home: Path, /, limits: Sequence[str] = (), **options: object) -> None:
        (port,) = free_ports(1)
        given = {name: round(value * 1000) if isinstance(value, float) else value for name, value in options.items()}
        words = [program("ground"), self._PROGRAM, str(port), json.dumps(given)]
        limited = ["prlimit", *limits, "--", *words] if limits else words
        super().__init__(port, limited, log=home / "ground.log", says="listening")

    @property
    def url(self) -> str:
        """Its ``ws:`` target."""
        return f"ws://{LOOPBACK}:{self.port}/ws"

    @property
    def tls_url(self) -> str:
        """Its ``wss:`` target, by the name in its certificate."""
        return f"wss://localhost:{self.port}/ws"


class Gorilla(_GoServer):
    """The chat example of gorilla/websocket; options such as ``PongWait`` and ``PingPeriod``."""

    _PROGRAM = "gorilla"


class Coder(_GoServer):
    """coder/websocket; options such as ``ReadWait`` and ``ReadLimit``."""

    _PROGRAM = "coder"


class Centrifuge(_GoServer):
    """The library under Centrifugo; options such as ``Stale``, ``Expires`` and ``Queue``."""

    _PROGRAM = "centrifuge"

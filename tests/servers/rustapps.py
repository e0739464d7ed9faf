"""The programs of ``rustapps/`` as children: axum, and tokio-tungstenite in a loop that serves one client at a time."""

from pathlib import Path

from tests.servers.built import built
from tests.servers.child import Daemon
from tests.servers.ports import LOOPBACK, free_ports

SOURCES = Path(__file__).parent / "rustapps"
_BUILD = ("cargo", "build", "--release", "--quiet")


class _RustServer(Daemon):
    """A program of ``rustapps/``.

    Args:
        home: an empty directory for its files.
        wait_s: how long it waits for a message; for ever where none is given.
        most: bytes of a message.
    """

    _PROGRAM: str
    _PATH: str

    def __init__(self, home: Path, wait_s: float = 0, most: int = 0) -> None:
        (port,) = free_ports(1)
        program = str(built(SOURCES, _BUILD) / "target" / "release" / "rustapps")
        words = [program, self._PROGRAM, str(port), str(round(wait_s * 1000)), str(most)]
        super().__init__(port, words, log=home / "rustapps.log", says="listening")

    @property
    def url(self) -> str:
        """Its ``ws:`` target."""
        return f"ws://{LOOPBACK}:{self.port}{self._PATH}"


class Axum(_RustServer):
    """axum, whose sockets end without a Close when their handler does."""

    _PROGRAM, _PATH = "axum", "/ws"


class OneByOne(_RustServer):
    """tokio-tungstenite, awaited in the accept loop: who comes second is accepted by the kernel alone."""

    _PROGRAM, _PATH = "single", "/"

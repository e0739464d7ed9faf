"""An application on Node's ws with the rules teams write, as a child; what it does is in ``idenode/app.cjs``."""

import json
import os
from pathlib import Path

from tests.servers.built import built
from tests.servers.child import Daemon, installed
from tests.servers.node import _INSTALL, SOURCES
from tests.servers.ports import LOOPBACK, free_ports

_SCRIPT = Path(__file__).parent / "idenode" / "app.cjs"


class App(Daemon):
    """The application on a loopback port.

    Args:
        home: an empty directory for its files.
        options: the script's, and ws's own.
    """

    def __init__(self, home: Path, /, **options: object) -> None:
        (port,) = free_ports(1)
        words = [installed("node", "nodejs"), str(_SCRIPT), str(port), json.dumps(options)]
        modules = str(built(SOURCES, _INSTALL) / "node_modules")
        super().__init__(port, words, log=home / "app.log", env=os.environ | {"NODE_PATH": modules}, says="listening")

    @property
    def url(self) -> str:
        """Its ``ws:`` target."""
        return f"ws://{LOOPBACK}:{self.port}/"

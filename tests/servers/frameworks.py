"""Python web frameworks as children: aiohttp, Tornado and Sanic, by ``hosted.py``."""

import json
import sys
from pathlib import Path

from tests.servers.child import Daemon
from tests.servers.ports import LOOPBACK, free_ports


class _Framework(Daemon):
    """A framework's server.

    Args:
        home: an empty directory for its files.
        options: the framework's own; ``hosted.py`` says whose.
    """

    _NAME: str

    def __init__(self, home: Path, /, **options: object) -> None:
        (port,) = free_ports(1)
        script = Path(__file__).with_name("hosted.py")
        words = [sys.executable, str(script), self._NAME, str(port), json.dumps(options)]
        super().__init__(port, words, log=home / "hosted.log", says="up", timeout=20)

    @property
    def url(self) -> str:
        """Its ``ws:`` target, without the path."""
        return f"ws://{LOOPBACK}:{self.port}"


class Aiohttp(_Framework):
    """aiohttp; options such as ``heartbeat`` (s), ``receive_timeout`` (s) and ``says_bye``."""

    _NAME = "aiohttp"


class Tornado(_Framework):
    """Tornado; options such as ``websocket_ping_interval`` and ``websocket_ping_timeout`` (s)."""

    _NAME = "tornado"


class Sanic(_Framework):
    """Sanic; options such as ``WEBSOCKET_PING_INTERVAL`` and ``WEBSOCKET_PING_TIMEOUT`` (s)."""

    _NAME = "sanic"

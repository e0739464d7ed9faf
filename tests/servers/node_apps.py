"""The programs of ``apps/`` as children: a home-made gateway, Socket.IO, development servers, Node-RED, a broker."""

import json
import re
import urllib.request
from pathlib import Path

from tests.servers.built import built
from tests.servers.child import Daemon, installed
from tests.servers.ports import LOOPBACK, free_ports

SOURCES = Path(__file__).parent / "apps"
_INSTALL = ("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock")


def _home() -> Path:
    return built(SOURCES, _INSTALL)


class _App(Daemon):
    """A program of ``apps/``.

    Args:
        home: an empty directory for its files.
        options: what it takes.
    """

    _SCRIPT: str
    _PATH = "/"

    def __init__(self, home: Path, /, **options: object) -> None:
        (port,) = free_ports(1)
        words = [installed("node", "nodejs npm"), str(_home() / self._SCRIPT), str(port), json.dumps(options)]
        super().__init__(port, words, log=home / "node.log", says="listening", timeout=30)

    @property
    def url(self) -> str:
        """Its ``ws:`` target."""
        return f"ws://{LOOPBACK}:{self.port}{self._PATH}"


class Gateway(_App):
    """The home-made gateway: who shows a token that is good is let in."""

    _SCRIPT = "gateway.mjs"

    def token(self, user: str, lasts: int = 600) -> str:
        """A token of ``user`` that is good for so many seconds."""
        where = f"http://{LOOPBACK}:{self.port}/token?user={user}&lasts={lasts}"
        with urllib.request.urlopen(where, timeout=10) as answer:
            return str(answer.read().decode())

    def of(self, user: str, lasts: int = 600) -> str:
        """The target of ``user``, with a token of its own."""
        return f"{self.url}?token={self.token(user, lasts)}"


class SocketIo(_App):
    """Socket.IO; a session over WebSocket alone."""

    _SCRIPT = "socketio.mjs"
    _PATH = "/socket.io/?EIO=4&transport=websocket"


class WebpackDevServer(_App):
    """webpack-dev-server; the socket of its live reloading."""

    _SCRIPT = "webpack.mjs"
    _PATH = "/ws"


class Vite(_App):
    """Vite's development server; the socket of its hot updates, with the token that it asks for."""

    _SCRIPT = "vite.mjs"

    @property
    def url(self) -> str:
        found = re.search(r"token=(\S+)", self.log)
        assert found is not None, self.log
        return f"ws://{LOOPBACK}:{self.port}/?token={found[1]}"


class StompBroker(_App):
    """stomp-broker-js."""

    _SCRIPT = "stompbroker.mjs"

    @property
    def url(self) -> str:
        """Its ``stomp+ws:`` target."""
        return f"stomp+ws://{LOOPBACK}:{self.port}/stomp"

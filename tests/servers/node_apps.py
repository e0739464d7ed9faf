"""Node programs as children: those of ``apps/`` (a home-made gateway, Socket.IO, development servers, a broker) and
those of ``webapps/`` (what applications do on ws, Fastify, faye-websocket and hapi)."""

import json
import re
import urllib.request
from pathlib import Path

from tests.servers.built import built
from tests.servers.child import Daemon, installed
from tests.servers.ports import LOOPBACK, free_ports

SOURCES = Path(__file__).parent / "apps"
WEB_APPS = Path(__file__).parent / "webapps"
_INSTALL = ("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock")


class _App(Daemon):
    """A program of ``apps/``, or of other sources that say so.

    Args:
        home: an empty directory for its files.
        options: what it takes.
    """

    _SCRIPT: str
    _PATH = "/"
    _SOURCES = SOURCES
    _FLAGS: tuple[str, ...] = ()

    def __init__(self, home: Path, /, **options: object) -> None:
        (port,) = free_ports(1)
        script = built(self._SOURCES, _INSTALL) / self._SCRIPT
        words = [installed("node", "nodejs npm"), *self._FLAGS, str(script), str(port), json.dumps(options)]
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


class Rules(_App):
    """Node's ws under the rules that applications make up; they are listed in its script. It has little memory."""

    _SOURCES = WEB_APPS
    _SCRIPT = "rules.mjs"
    _FLAGS = ("--max-old-space-size=48",)


class Fastify(_App):
    """Fastify with @fastify/websocket; options such as ``drain`` (ms) and ``maxPayload`` (bytes)."""

    _SOURCES = WEB_APPS
    _SCRIPT = "fastify.mjs"
    _PATH = "/ws"

    def at(self, path: str) -> str:
        """The target that is another path."""
        return f"ws://{LOOPBACK}:{self.port}{path}"


class Faye(_App):
    """faye-websocket; options such as ``ping`` (s) and ``maxLength`` (bytes)."""

    _SOURCES = WEB_APPS
    _SCRIPT = "faye.mjs"


class Nes(_App):
    """@hapi/nes; options such as ``heartbeat`` (``interval`` and ``timeout`` in ms)."""

    _SOURCES = WEB_APPS
    _SCRIPT = "nes.mjs"

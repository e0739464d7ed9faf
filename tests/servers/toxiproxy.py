"""Toxiproxy as a child: a TCP proxy whose administrator makes the way behind it bad. Built from its Go module."""

import json
import urllib.request
from pathlib import Path

from tests.servers.child import Daemon
from tests.servers.fetched import from_go
from tests.servers.ports import LOOPBACK, free_ports


class Toxiproxy(Daemon):
    """A proxy in front of the loopback port ``backend``.

    Args:
        home: an empty directory for its files.
        backend: the loopback port the bytes go to.
    """

    def __init__(self, home: Path, backend: int) -> None:
        program = from_go("github.com/Shopify/toxiproxy/v2/cmd/server@v2.5.0", "server")
        port, self._admin = free_ports(2)
        conf = home / "toxiproxy.json"
        front = {"name": "way", "listen": f"{LOOPBACK}:{port}", "upstream": f"{LOOPBACK}:{backend}", "enabled": True}
        conf.write_text(json.dumps([front]))
        words = [program, "-host", LOOPBACK, "-port", str(self._admin), "-config", str(conf)]
        super().__init__(port, words, log=home / "toxiproxy.log")

    def poison(self, kind: str, stream: str = "downstream", **attributes: float) -> None:
        """Puts a toxic on all connections, present and future: ``limit_data``, ``reset_peer``, ``timeout`` …"""
        toxic = {"name": kind, "type": kind, "stream": stream, "attributes": attributes}
        self._ask("POST", "proxies/way/toxics", toxic)

    def cure(self, kind: str) -> None:
        """Takes it away."""
        self._ask("DELETE", f"proxies/way/toxics/{kind}")

    def turn(self, *, on: bool) -> None:
        """Turns the proxy off, with all its connections, or on again."""
        self._ask("POST", "proxies/way", {"enabled": on})

    def _ask(self, method: str, path: str, body: object = None) -> None:
        data = None if body is None else json.dumps(body).encode()
        url = f"http://{LOOPBACK}:{self._admin}/{path}"
        with urllib.request.urlopen(urllib.request.Request(url, data, method=method), timeout=10) as answer:
            answer.read()

    @property
    def url(self) -> str:
        """Its ``ws:`` target."""
        return f"ws://{LOOPBACK}:{self.port}/"

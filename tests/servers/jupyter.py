"""Jupyter Server as a child: its kernels and terminals on a loopback port."""

import json
import os
import sys
import urllib.request
from pathlib import Path

from tests.servers.child import Daemon
from tests.servers.ports import LOOPBACK, free_ports

TOKEN = "crew"


class Jupyter(Daemon):
    """The server, with a token.

    Args:
        home: an empty directory for its files.
        options: its own, such as ``ServerApp.websocket_ping_interval=1000``.
    """

    def __init__(self, home: Path, *options: str) -> None:
        (port,) = free_ports(1)
        words = [
            sys.executable, "-m", "jupyter_server", "--allow-root", "--no-browser", f"--ServerApp.port={port}",
            f"--ServerApp.ip={LOOPBACK}", f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={home}",
            "--ServerApp.terminado_settings={'shell_command':['/bin/sh']}",  # its prompt does not name this machine
            *(f"--{option}" for option in options),
        ]  # fmt: skip
        env = os.environ | {"HOME": str(home), "JUPYTER_RUNTIME_DIR": str(home / "run"), "JUPYTER_PLATFORM_DIRS": "1"}
        super().__init__(port, words, log=home / "jupyter.log", env=env, timeout=40)

    def ask(self, method: str, path: str) -> dict[str, object]:
        """What its REST interface answers."""
        where = f"http://{LOOPBACK}:{self.port}/api/{path}?token={TOKEN}"
        request = urllib.request.Request(where, method=method, data=b"{}" if method == "POST" else None)
        with urllib.request.urlopen(request, timeout=30) as answer:
            said = answer.read()
        return dict(json.loads(said)) if said else {}

    def kernel(self) -> str:
        """A new kernel's id."""
        return str(self.ask("POST", "kernels")["id"])

    def terminal(self) -> str:
        """A new terminal's name."""
        return str(self.ask("POST", "terminals")["name"])

    def of_kernel(self, kernel: str, token: str = TOKEN) -> str:
        """The ``ws:`` target of a kernel's channels."""
        return f"ws://{LOOPBACK}:{self.port}/api/kernels/{kernel}/channels?token={token}"

    def of_terminal(self, name: str) -> str:
        """The ``ws:`` target of a terminal."""
        return f"ws://{LOOPBACK}:{self.port}/terminals/websocket/{name}?token={TOKEN}"

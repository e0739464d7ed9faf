"""The servers of ``node/`` as children, and the packages they and the ecosystem's clients need."""

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.servers.built import built
from tests.servers.child import Daemon, installed
from tests.servers.ports import LOOPBACK, free_ports

SOURCES = Path(__file__).parent / "node"
_INSTALL = ("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock")


def program(name: str) -> tuple[str, str]:
    """The words that run the script ``name`` of ``node/``, next to the packages it needs."""
    return installed("node", "nodejs npm"), str(built(SOURCES, _INSTALL) / name)


async def converse(script: str, *args: str) -> list[dict[str, Any]]:
    """Runs ``script`` of ``node/`` to its end, which is soon; what it said, line by line."""
    node = await asyncio.create_subprocess_exec(
        *program(script), *args, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        out, err = await asyncio.wait_for(node.communicate(), 30)
    except TimeoutError:
        node.kill()
        out, err = await node.communicate()
        raise AssertionError(f"the conversation did not end:\n{out.decode()}{err.decode()}") from None
    assert node.returncode == 0, err.decode()
    return [json.loads(line) for line in out.splitlines()]


def command(script: str, host: str, port: int, **options: object) -> list[str]:
    """The words that run a server of ``node/`` elsewhere than on the loopback."""
    return [*program(script), str(port), json.dumps(options | {"host": host})]


class _NodeServer(Daemon):
    """A server that is a script of ``node/``.

    Args:
        home: an empty directory for its files.
        options: what its script takes.
    """

    _SCRIPT: str

    def __init__(self, home: Path, /, **options: object) -> None:
        (port,) = free_ports(1)
        command = [*program(self._SCRIPT), str(port), json.dumps(options)]
        super().__init__(port, command, log=home / "node.log", says="listening")

    @property
    def url(self) -> str:
        """Its ``ws:`` target."""
        return f"ws://{LOOPBACK}:{self.port}/"


class SockJsNode(_NodeServer):
    """sockjs-node, the reference server; options such as ``heartbeat_delay`` and ``disconnect_delay`` are in ms."""

    _SCRIPT = "sockjs.mjs"

    @property
    def url(self) -> str:
        """Its SockJS target."""
        return f"http://{LOOPBACK}:{self.port}/echo"


class NodeWs(_NodeServer):
    """Node's ws; options such as ``pingEvery`` (ms), ``tokenLasts`` (ms) and ``maxPayload`` (bytes)."""

    _SCRIPT = "ws.mjs"


class NodeStomp(_NodeServer):
    """A home-made STOMP server that promises beats every ``beatEvery`` ms and stops after ``beats`` of them."""

    _SCRIPT = "stomp.mjs"

    @property
    def url(self) -> str:
        """Its ``stomp+ws:`` target."""
        return f"stomp+ws://{LOOPBACK}:{self.port}/"


class NodeEndings(_NodeServer):
    """Node's ws in a program that ends its clients as they tell it; its words and options are in its script."""

    _SCRIPT = "endings.mjs"

    @property
    def tls_url(self) -> str:
        """Its ``wss:`` target, by the name in its certificate."""
        return f"wss://localhost:{self.port}/"


class GraphqlWs(_NodeServer):
    """graphql-ws on ws; options such as ``keepAlive`` and ``connectionInitWaitTimeout`` are in ms."""

    _SCRIPT = "graphql.mjs"

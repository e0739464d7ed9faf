"""A service on Node as a team writes it (``roachapps/shop.cjs``), here or on another host, and what its tests share."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.between import Table
from tests.servers.child import Daemon
from tests.servers.node import program
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.routed import SERVER, Routed, routed
from tests.servers.starting import Starter

SCRIPT = Path(__file__).parent / "roachapps" / "shop.cjs"


class Shop(Daemon):
    """The service; its options are in its script.

    Args:
        home: an empty directory for its files.
        flags: Node's own, such as ``--max-old-space-size=40``.
        host: where it listens.
        options: the script's.
    """

    def __init__(self, home: Path, /, flags: tuple[str, ...] = (), host: str = LOOPBACK, **options: object) -> None:
        (port,) = free_ports(1)
        node, script = program("ws.mjs")
        self._ctl = home / "ctl"
        self._at = SERVER if host == "0.0.0.0" else LOOPBACK
        given = options | {"host": host, "port": port} | ({} if "workers" in options else {"ctl": str(self._ctl)})
        env = os.environ | {"NODE_PATH": str(Path(script).parent / "node_modules")}
        super().__init__(
            port, [node, *flags, str(SCRIPT), json.dumps(given)], log=home / "shop.log", env=env, says="listening"
        )

    def tell(self, act: str, *users: str, **words: object) -> None:
        """Has it do something to these users, or to all."""
        said = {"act": act} | ({"users": users} if users else {}) | words
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(5)
            door.connect(str(self._ctl))
            door.sendall(json.dumps(said).encode() + b"\n")
            assert door.recv(16)

    def ends(self, how: object, *users: str) -> None:
        """Has it end these users, or all: by a Close of ``[code, reason]``, or by a word of its script's."""
        self.tell("end", *users, how=how)

    def of(self, user: str, *do: str, path: str = "/", **options: object) -> Table:
        """A user's raw session."""
        return {"url": f"ws://{self._at}:{self.port}{path}?user={user}", "do": list(do)} | options

    def sockjs(self, transport: str, *do: str, **options: object) -> Table:
        """A SockJS session."""
        return {"url": f"http://{self._at}:{self.port}/echo", "sockjs_transport": transport, "do": list(do)} | options


@contextmanager
def shop_afar(start: Starter, **options: object) -> Iterator[tuple[Routed, Shop]]:
    """The service on the server host of hosts of the test's own."""
    program("ws.mjs")
    with routed() as hosts:
        with hosts.server.inside():
            shop = start(Shop, host="0.0.0.0", **options)  # type: ignore[arg-type]
        yield hosts, shop

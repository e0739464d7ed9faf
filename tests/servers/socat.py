"""socat as a child: a loopback port that forwards to another, as ``kubectl port-forward`` and its like do."""

from pathlib import Path

from tests.servers.child import Daemon, installed
from tests.servers.ports import LOOPBACK, free_ports


class Socat(Daemon):
    """A forwarder that has a process for each connection.

    Args:
        home: an empty directory for its files.
        backend: the loopback port it leads to.
        idle: seconds of silence after which it ends a connection; 0: never.
    """

    def __init__(self, home: Path, backend: int, *, idle: float = 0) -> None:
        (port,) = free_ports(1)
        words = [
            installed("socat", "socat"),
            *(("-T", str(idle)) if idle else ()),
            f"TCP-LISTEN:{port},bind={LOOPBACK},reuseaddr,fork",
            f"TCP:{LOOPBACK}:{backend}",
        ]
        super().__init__(port, words, log=home / "socat.log")

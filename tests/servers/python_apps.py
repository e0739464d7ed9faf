"""Python servers from PyPI as children: sockjs-tornado and CoilMQ."""

import json
import sys
from pathlib import Path

from tests.servers.child import Daemon
from tests.servers.ports import LOOPBACK, free_ports


class SockJsTornado(Daemon):
    """sockjs-tornado; options such as ``heartbeat_delay`` and ``disconnect_delay`` are in seconds.

    Args:
        home: an empty directory for its files.
        options: sockjs-tornado's own.
    """

    def __init__(self, home: Path, /, **options: object) -> None:
        (port,) = free_ports(1)
        script = Path(__file__).with_name("sockjstornadod.py")
        words = [sys.executable, str(script), LOOPBACK, str(port), json.dumps(options)]
        super().__init__(port, words, log=home / "tornado.log", says="up")

    @property
    def url(self) -> str:
        """Its SockJS target."""
        return f"http://{LOOPBACK}:{self.port}/echo"


class CoilMq(Daemon):
    """CoilMQ, a small STOMP broker over TCP, with the user ``ground`` whose passcode is ``crew``."""

    def __init__(self, home: Path) -> None:
        (port,) = free_ports(1)
        (home / "auth.ini").write_text("[auth]\nground = crew\n")
        conf = home / "coilmq.cfg"
        conf.write_text(
            f"[coilmq]\nauth.factory = coilmq.auth.simple.make_simple\nauth.simple.file = {home}/auth.ini\n"
        )
        words = [sys.executable, "-m", "coilmq.start", "-c", str(conf), "-b", LOOPBACK, "-p", str(port)]
        super().__init__(port, words, log=home / "coilmq.log")

    @property
    def url(self) -> str:
        """Its ``stomp:`` target."""
        return f"stomp://{LOOPBACK}:{self.port}"

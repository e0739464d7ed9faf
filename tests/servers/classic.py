"""ActiveMQ Classic with its WebSocket connector, from Maven, as a child: Debian's package has none."""

import os
import signal
import urllib.request
from pathlib import Path

from tests.servers.built import built
from tests.servers.child import Daemon, installed
from tests.servers.ports import LOOPBACK, free_ports

_SOURCES = Path(__file__).parent / "classic"
_BUILD = ("mvn", "-q", "-B", "-ntp", "package")


class ActiveMqWs(Daemon):
    """A broker that speaks STOMP over WebSocket and keeps nothing.

    Args:
        home: an empty directory for its files.
    """

    def __init__(self, home: Path) -> None:
        java = installed("java", "default-jdk-headless maven")
        port, self._admin = free_ports(2)
        target = built(_SOURCES, _BUILD) / "target"
        super().__init__(
            port,
            [
                java, "-Xmx128m", "-XX:TieredStopAtLevel=1", f"-Djava.io.tmpdir={home}",
                "-Dactivemq.idgenerator.hostname=ground",  # its session ids would hold this machine's name
                "-cp", f"{target}/classes:{target}/lib/*", "ClassicGround", str(port), str(self._admin),
            ],
            log=home / "classic.log", env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(home)},
            says="listening", timeout=60,
        )  # fmt: skip

    @property
    def url(self) -> str:
        """Its ``stomp+ws:`` target."""
        return f"stomp+ws://{LOOPBACK}:{self.port}/"

    def stop_connection(self, client_id: str) -> None:
        """Stops the one connection that has this client-id, as an operator does."""
        where = f"http://{LOOPBACK}:{self._admin}/"
        with urllib.request.urlopen(where, client_id.encode(), timeout=10) as answer:
            said = answer.read()
        assert said == b"1", said

    def stop(self) -> None:
        """Ends it. What it held is thrown away, so nobody waits for it."""
        self._child.stop(signal.SIGKILL)

"""nats-server as a child, its WebSocket listener plain; a client speaks NATS's lines in its messages."""

import os
import signal
from pathlib import Path

from tests.servers.child import Daemon
from tests.servers.golang import program
from tests.servers.ports import LOOPBACK, free_ports

_CONF = """\
server_name: ground
listen: "{loopback}:{tcp}"
websocket {{
  listen: "{loopback}:{port}"
  no_tls: true
}}
accounts {{
  APP: {{ users: [ {{user: anna, password: {password}}}, {{user: bert, password: crew}} ] }}
  SYS: {{ users: [ {{user: operator, password: crew}} ] }}
}}
system_account: SYS
{options}
"""


def connect(user: str = "anna", password: str = "crew") -> str:
    """The line a client begins with."""
    return f'CONNECT {{"verbose":false,"lang":"ground","user":"{user}","pass":"{password}"}}\\r\\n'


class Nats(Daemon):
    """A NATS server with the users anna, bert and (of the system account) operator, all with the password ``crew``.

    Args:
        home: an empty directory for its files.
        options: further lines of its configuration, such as ``ping_interval: "1s"``.

    Its ``port`` is that of its WebSockets, its ``tcp_port`` the one where NATS is spoken plainly.
    """

    def __init__(self, home: Path, options: str = "") -> None:
        port, self.tcp_port = free_ports(2)
        self._conf, self._options = home / "nats.conf", options
        self.port = port
        self.configure()
        words = [program("nats-server"), "-c", str(self._conf)]
        super().__init__(port, words, log=home / "nats.log", says="Server is ready")

    def configure(self, password: str = "crew") -> None:
        """Writes its configuration, anna's password as given."""
        self._conf.write_text(
            _CONF.format(loopback=LOOPBACK, tcp=self.tcp_port, port=self.port, password=password, options=self._options)
        )

    def reload(self) -> None:
        """Has it read its configuration again."""
        os.kill(self.pid, signal.SIGHUP)

    def drain(self) -> None:
        """Lame duck mode: it accepts nobody and closes its clients one after the other."""
        os.kill(self.pid, signal.SIGUSR2)

    @property
    def url(self) -> str:
        """Its ``ws:`` target."""
        return f"ws://{LOOPBACK}:{self.port}/"

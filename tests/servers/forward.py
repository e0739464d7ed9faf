"""Forward proxies as children: SOCKS5 (microsocks) and HTTP CONNECT (tinyproxy), with a login or without."""

from pathlib import Path
from typing import NamedTuple

from tests.servers.child import Daemon, installed
from tests.servers.ports import LOOPBACK, free_ports


class Login(NamedTuple):
    """Who may use a proxy."""

    user: str
    password: str


class Socks(Daemon):
    """A SOCKS5 proxy. Its log has a line for each connection.

    Args:
        home: an empty directory for its files.
        login: whom it lets through; anybody where none is given.
    """

    def __init__(self, home: Path, login: Login | None = None) -> None:
        program = installed("microsocks", "microsocks")
        (port,) = free_ports(1)
        who = ["-u", login.user, "-P", login.password] if login else []
        super().__init__(port, [program, "-i", LOOPBACK, "-p", str(port), *who], log=home / "socks.log")


_CONF = """\
Listen {loopback}
Port {port}
Timeout {idle}
MaxClients 20
LogLevel Connect
{login}
"""


class Connect(Daemon):
    """A proxy for HTTP CONNECT. Its log has every request.

    Args:
        home: an empty directory for its files.
        login: whom it lets through; anybody else is answered 407. Anybody where none is given.
        idle: whole seconds of silence after which it ends a tunnel.
    """

    def __init__(self, home: Path, login: Login | None = None, *, idle: int = 600) -> None:
        program = installed("tinyproxy", "tinyproxy-bin")
        (port,) = free_ports(1)
        conf = home / "tinyproxy.conf"
        conf.write_text(
            _CONF.format(
                loopback=LOOPBACK,
                port=port,
                idle=idle,
                login=f"BasicAuth {login.user} {login.password}" if login else "",
            )
        )
        super().__init__(port, [program, "-d", "-c", str(conf)], log=home / "tinyproxy.log")

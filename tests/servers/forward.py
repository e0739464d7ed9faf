"""Forward proxies as children: SOCKS5 (microsocks) and HTTP CONNECT (tinyproxy and Squid), with a login or without."""

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


_SQUID = """\
http_port {loopback}:{port}
http_access allow all
read_timeout {read_timeout} seconds
client_lifetime {lifetime} seconds
shutdown_lifetime 0 seconds
memory_cache_shared off
cache deny all
access_log none
cache_log /dev/null
pid_filename none
pinger_enable off
netdb_filename none
cache_effective_user proxy
"""


class Squid(Daemon):
    """A proxy for HTTP CONNECT.

    Args:
        home: an empty directory for its files.
        read_timeout: whole seconds of ``read_timeout``.
        lifetime: whole seconds of ``client_lifetime``.
    """

    def __init__(self, home: Path, *, read_timeout: int = 900, lifetime: int = 86400) -> None:
        program = installed("squid", "squid")
        (port,) = free_ports(1)
        conf = home / "squid.conf"
        conf.write_text(_SQUID.format(loopback=LOOPBACK, port=port, read_timeout=read_timeout, lifetime=lifetime))
        # Its shared memory is named by this service name: two without one would meet.
        self._service = f"port{port}"
        words = [program, "-N", "-n", self._service, "-f", str(conf), "-d", "1"]
        super().__init__(port, words, log=home / "squid.log")

    def stop(self) -> None:
        """Ends it and takes away what a killed one leaves."""
        super().stop()
        for left in Path("/dev/shm").glob(f"{self._service}-cf__*"):
            left.unlink()

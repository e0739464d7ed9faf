"""stunnel as a child: TLS in front of a plain loopback port."""

from pathlib import Path

from tests.servers.child import Daemon, installed
from tests.servers.nginx import Certificate
from tests.servers.ports import LOOPBACK, free_ports

_CONF = """\
foreground = yes
pid =
debug = info
[front]
accept = {loopback}:{port}
connect = {loopback}:{backend}
cert = {certificate.chain}
key = {certificate.key}
TIMEOUTidle = {idle}
TIMEOUTclose = 0
{client}
"""


class Stunnel(Daemon):
    """TLS in front of the loopback port ``backend``.

    Args:
        home: an empty directory for its files.
        backend: the loopback port the plain bytes go to.
        certificate: what it shows.
        idle: whole seconds of silence after which it ends a connection (``TIMEOUTidle``).
        client_ca: the authority a client's own certificate must be of, where one is asked for.
    """

    def __init__(
        self, home: Path, backend: int, certificate: Certificate, *, idle: int = 43200, client_ca: Path | None = None
    ) -> None:
        program = installed("stunnel4", "stunnel4")
        (port,) = free_ports(1)
        conf = home / "stunnel.conf"
        conf.write_text(
            _CONF.format(
                loopback=LOOPBACK,
                port=port,
                backend=backend,
                certificate=certificate,
                idle=idle,
                client=f"CAfile = {client_ca}\nverifyChain = yes" if client_ca else "",
            )
        )
        super().__init__(port, [program, str(conf)], log=home / "stunnel.log")


_CLIENT = """\
foreground = yes
pid =
debug = info
TIMEOUTclose = 0
TIMEOUTidle = {idle}
[tunnel]
client = yes
accept = {loopback}:{port}
connect = {at}:{far}
CAfile = {ca}
verifyChain = yes
"""


class StunnelClient(Daemon):
    """The near end of a TLS tunnel: a plain port that leads to another stunnel's.

    Args:
        home: an empty directory for its files.
        far: the port of the other.
        certificate: what the other shows.
        idle: whole seconds of silence after which it ends a connection.
        at: the address of the other.
    """

    def __init__(
        self, home: Path, far: int, certificate: Certificate, *, idle: int = 43200, at: str = LOOPBACK
    ) -> None:
        (port,) = free_ports(1)
        conf = home / "stunnel.conf"
        conf.write_text(_CLIENT.format(loopback=LOOPBACK, port=port, at=at, far=far, ca=certificate.ca, idle=idle))
        super().__init__(port, [installed("stunnel4", "stunnel4"), str(conf)], log=home / "stunnel.log")

"""HAProxy as a child: a reverse proxy for WebSockets with timeouts of its own, plain or with TLS."""

import os
import signal
import socket
from pathlib import Path

from tests.servers.child import Daemon, installed
from tests.servers.nginx import Certificate
from tests.servers.ports import LOOPBACK, free_ports

_CONF = """\
global
    stats socket {home}/admin level admin
    hard-stop-after {hard_stop}ms
    log stdout format raw local0
defaults
    mode http
    log global
    option httplog
    timeout connect 5s
    timeout client {client}ms
    timeout server {server}ms
    {tunnel}
    {options}
frontend front
    bind {loopback}:{port}{tls}
    {rules}
    default_backend back
backend back
    {servers}
"""


class HaProxy(Daemon):
    """A proxy in front of loopback ports. Its log has a line for each session that ended, and how.

    Args:
        home: an empty directory for its files.
        backends: the loopback ports requests are passed to, one after the other: the servers ``back/1``, ``back/2`` …
        client: ``timeout client`` in seconds; it and the next hold for a tunnel that has no timeout of its own.
        server: ``timeout server`` in seconds; the client's where none is given.
        tunnel: ``timeout tunnel`` in seconds, where given.
        hard_stop: ``hard-stop-after`` in seconds: what sessions are left after a reload.
        options: further lines of its ``defaults``.
        rules: further lines of its ``frontend``.
        certificate: speaks TLS with it, where given.
        strict: with nobody who asks for a name that is not the certificate's (``strict-sni``).
    """

    def __init__(
        self,
        home: Path,
        *backends: int,
        client: float = 30,
        server: float | None = None,
        hard_stop: float = 60,
        options: str = "",
        rules: str = "",
        tunnel: float | None = None,
        certificate: Certificate | None = None,
        strict: bool = False,
    ) -> None:
        program = installed("haproxy", "haproxy")
        (port,) = free_ports(1)
        tls = ""
        if certificate:
            pem = home / "front.pem"
            pem.write_text(certificate.chain.read_text() + certificate.key.read_text())
            tls = f" ssl {'strict-sni ' if strict else ''}crt {pem}"
        conf = home / "haproxy.cfg"
        conf.write_text(
            _CONF.format(
                home=home,
                loopback=LOOPBACK,
                port=port,
                servers="\n    ".join(f"server {n} {LOOPBACK}:{one}" for n, one in enumerate(backends, 1)),
                tls=tls,
                client=round(client * 1000),
                server=round((client if server is None else server) * 1000),
                hard_stop=round(hard_stop * 1000),
                options=options,
                rules=rules,
                tunnel="" if tunnel is None else f"timeout tunnel {round(tunnel * 1000)}ms",
            )
        )
        self._admin = home / "admin"
        super().__init__(port, [program, "-W", "-db", "-f", str(conf)], log=home / "haproxy.log")

    def reload(self) -> None:
        """Has its master start new workers and tell the old ones to end when their sessions have (``-sf``)."""
        os.kill(self.pid, signal.SIGUSR2)

    def say(self, command: str) -> str:
        """What its administrator's socket answers to ``command``, such as ``shutdown sessions server back/1``."""
        with socket.socket(socket.AF_UNIX) as admin:
            admin.connect(str(self._admin))
            admin.sendall(command.encode() + b"\n")
            return b"".join(iter(lambda: admin.recv(4096), b"")).decode()

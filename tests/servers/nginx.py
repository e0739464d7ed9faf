"""nginx as a child: a reverse proxy for WebSockets with a short ``proxy_read_timeout``, plain or with TLS."""

import os
import signal
from pathlib import Path
from typing import NamedTuple

from tests.servers.child import Daemon, installed
from tests.servers.ports import LOOPBACK, free_ports

LAZY = 0.3
"""Seconds a timeout of nginx may come early: it does not set a timer anew that would move by less than 300 ms (its
``NGX_TIMER_LAZY_DELAY``), so that bytes in quick succession count from the first of them."""


class Certificate(NamedTuple):
    """Files of a server certificate: the chain and its key, and the CA a client must trust."""

    chain: Path
    key: Path
    ca: Path


_CONF = """\
daemon off;
user root;
worker_processes 1;
worker_shutdown_timeout {shutdown_timeout}ms;
pid {home}/nginx.pid;
error_log stderr info;
events {{ worker_connections 64; }}
http {{
    access_log off;
    map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    {http}
    server {{
        listen {loopback}:{port}{tls};
        {certificate}
        {rules}
        location / {{
            proxy_pass http://{loopback}:{backend};
            proxy_http_version 1.1;
            {upgrade}
            proxy_read_timeout {read_timeout}ms;
        }}
    }}
}}
"""

_UPGRADE = """proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;"""


class Nginx(Daemon):
    """A proxy in front of the loopback port ``backend``; it runs from construction to ``stop``.

    Args:
        home: an empty directory for its files.
        backend: the loopback port everything is passed to.
        read_timeout: ``proxy_read_timeout`` in seconds.
        certificate: speaks TLS with it, where given.
        upgrades: whether it passes the headers that make an upgrade; a plain ``proxy_pass`` does not.
        shutdown_timeout: ``worker_shutdown_timeout`` in seconds: what sessions are left after a reload.
        rules: further lines of its ``server`` block.
        http: further lines of its ``http`` block.
    """

    def __init__(
        self,
        home: Path,
        backend: int,
        read_timeout: float = 60,
        certificate: Certificate | None = None,
        *,
        upgrades: bool = True,
        shutdown_timeout: float = 60,
        rules: str = "",
        http: str = "",
    ) -> None:
        program = installed("nginx", "nginx-light")
        (port,) = free_ports(1)
        conf = home / "nginx.conf"
        conf.write_text(
            _CONF.format(
                home=home,
                loopback=LOOPBACK,
                port=port,
                tls=" ssl" if certificate else "",
                certificate=f"ssl_certificate {certificate.chain}; ssl_certificate_key {certificate.key};"
                if certificate
                else "",
                backend=backend,
                upgrade=_UPGRADE if upgrades else 'proxy_set_header Connection "";',
                read_timeout=round(read_timeout * 1000),
                shutdown_timeout=round(shutdown_timeout * 1000),
                rules=rules,
                http=http,
            )
        )
        super().__init__(port, [program, "-p", str(home), "-c", str(conf), "-e", "stderr"], log=home / "nginx.log")

    def reload(self) -> None:
        """Has it read its configuration again, as its administrator's ``nginx -s reload`` does."""
        os.kill(self.pid, signal.SIGHUP)

"""nginx as a child: a reverse proxy for WebSockets with a short ``proxy_read_timeout``, plain or with TLS."""

import shutil
from pathlib import Path
from typing import NamedTuple

from tests.servers.child import Child
from tests.servers.ports import LOOPBACK, free_ports


class Certificate(NamedTuple):
    """Files of a server certificate: the chain and its key, and the CA a client must trust."""

    chain: Path
    key: Path
    ca: Path


_CONF = """\
daemon off;
worker_processes 1;
pid {home}/nginx.pid;
error_log stderr info;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    server {{
        listen {loopback}:{port}{tls};
        {certificate}
        location / {{
            proxy_pass http://{loopback}:{backend};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
            proxy_read_timeout {read_timeout}s;
        }}
    }}
}}
"""


class Nginx:
    """A proxy in front of the loopback port ``backend``; it runs from construction to ``stop``.

    Args:
        home: an empty directory for its files.
        backend: the loopback port everything is passed to.
        read_timeout: ``proxy_read_timeout`` in seconds.
        certificate: speaks TLS with it, where given.
    """

    def __init__(self, home: Path, backend: int, read_timeout: float, certificate: Certificate | None = None) -> None:
        program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
        assert program is not None, "nginx is not installed: apt-get install nginx-light"
        (self.port,) = free_ports(1)
        conf = home / "nginx.conf"
        conf.write_text(
            _CONF.format(
                home=home,
                loopback=LOOPBACK,
                port=self.port,
                tls=" ssl" if certificate else "",
                certificate=f"ssl_certificate {certificate.chain}; ssl_certificate_key {certificate.key};"
                if certificate
                else "",
                backend=backend,
                read_timeout=read_timeout,
            )
        )
        self._child = Child([program, "-p", str(home), "-c", str(conf), "-e", "stderr"], log=home / "nginx.log")
        try:
            self._child.wait_for_port(self.port)
        except BaseException:
            self.stop()
            raise

    @property
    def log(self) -> str:
        """What nginx has logged so far."""
        return self._child.log.read_text(errors="replace")

    def stop(self) -> None:
        """Ends it and its workers."""
        self._child.stop()

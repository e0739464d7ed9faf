"""Apache httpd as a child: a reverse proxy for WebSockets (mod_proxy_http, which tunnels an upgrade)."""

from pathlib import Path

from tests.servers.child import Daemon, installed
from tests.servers.ports import LOOPBACK, free_ports

MODULES = "/usr/lib/apache2/modules"
HEAD = """\
ServerRoot {home}
ServerName {loopback}
Listen {loopback}:{port}
PidFile {home}/apache.pid
User www-data
Group www-data
Mutex posixsem
ErrorLog /dev/stderr
StartServers 1
ServerLimit 1
ThreadsPerChild 8
MinSpareThreads 1
MaxSpareThreads 8
MaxRequestWorkers 8
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
"""
"""What every configuration begins with: a handful of threads, and the modules none does without."""

_CONF = (
    HEAD
    + """\
LogLevel proxy:debug
LoadModule proxy_module {modules}/mod_proxy.so
LoadModule proxy_http_module {modules}/mod_proxy_http.so
{further}
Timeout {timeout}
ProxyTimeout {timeout}
{rules}
ProxyPass / http://{loopback}:{backend}/{upgrade}
"""
)


class Apache(Daemon):
    """A proxy in front of the loopback port ``backend``.

    Args:
        home: an empty directory for its files.
        backend: the loopback port everything is passed to.
        timeout: whole seconds of ``Timeout`` and ``ProxyTimeout``: a tunnel lasts as long as the longer of them.
        upgrades: whether it passes an upgrade; a plain ``ProxyPass`` does not.
        modules: those it has besides, such as ``alias``.
        rules: further lines of its configuration, above what passes everything.
    """

    def __init__(
        self,
        home: Path,
        backend: int,
        *,
        timeout: int = 60,
        upgrades: bool = True,
        modules: tuple[str, ...] = (),
        rules: str = "",
    ) -> None:
        program = installed("apache2", "apache2-bin")
        (port,) = free_ports(1)
        conf = home / "apache.conf"
        conf.write_text(
            _CONF.format(
                home=home,
                loopback=LOOPBACK,
                port=port,
                backend=backend,
                upgrade=" upgrade=websocket" if upgrades else "",
                timeout=timeout,
                modules=MODULES,
                further="\n".join(f"LoadModule {one}_module {MODULES}/mod_{one}.so" for one in modules),
                rules=rules,
            )
        )
        super().__init__(port, [program, "-f", str(conf), "-DFOREGROUND"], log=home / "apache.log")

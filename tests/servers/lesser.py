"""Reverse proxies that are met less often, as children: Varnish, lighttpd, nghttpx, hitch, redir and rinetd."""

import os
import signal
from pathlib import Path

from tests.servers.child import Daemon, installed
from tests.servers.nginx import Certificate
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.starting import Starter

_VCL = """\
vcl 4.1;
backend default {{ .host = "{loopback}"; .port = "{backend}"; {limits} }}
sub vcl_recv {{
    {rules}
    if (req.http.upgrade ~ "(?i)websocket") {{ return (pipe); }}
    return (pass);
}}
sub vcl_pipe {{
    {pipe}
}}
"""

_PIPE = """set bereq.http.upgrade = req.http.upgrade;
    set bereq.http.connection = req.http.connection;"""


class Varnish(Daemon):
    """Varnish, which pipes an upgrade to the loopback port ``backend``.

    Args:
        home: an empty directory for its files.
        backend: the loopback port everything is passed to.
        idle: ``pipe_timeout`` in seconds.
        upgrades: whether its VCL passes the headers that make an upgrade.
        rules: further lines of its ``vcl_recv``.
        limits: further fields of its backend.
        parameters: further ones of ``varnishd``, as ``NAME=VALUE``.
    """

    def __init__(
        self,
        home: Path,
        backend: int,
        *,
        idle: float = 60,
        upgrades: bool = True,
        rules: str = "",
        limits: str = "",
        parameters: tuple[str, ...] = (),
    ) -> None:
        program = installed("varnishd", "varnish")
        (port,) = free_ports(1)
        vcl = home / "front.vcl"
        vcl.write_text(
            _VCL.format(loopback=LOOPBACK, backend=backend, limits=limits, rules=rules, pipe=_PIPE if upgrades else "")
        )
        words = [program, "-F", "-j", "none", "-a", f"{LOOPBACK}:{port}", "-f", str(vcl), "-n", str(home / "work")]
        words += ["-s", "malloc,8M"]
        for parameter in (f"pipe_timeout={idle}", *parameters):
            words += ["-p", parameter]
        super().__init__(port, words, log=home / "varnish.log", says="Child launched OK")


_LIGHTTPD = """\
server.port = {port}
server.bind = "{loopback}"
server.document-root = "{home}"
server.errorlog = "{home}/error.log"
server.modules = ( "mod_access", "mod_proxy" )
{rules}
proxy.header = ( "upgrade" => "{upgrade}" )
proxy.server = ( "" => ( ( "host" => "{loopback}", "port" => {backend}, "read-timeout" => {idle} ) ) )
"""


class Lighttpd(Daemon):
    """lighttpd with mod_proxy in front of the loopback port ``backend``.

    Args:
        home: an empty directory for its files.
        backend: the loopback port everything is passed to.
        idle: whole seconds it waits for the backend to say something.
        upgrades: whether it passes an upgrade; it does not unless told so.
        rules: further lines of its configuration.
    """

    def __init__(self, home: Path, backend: int, *, idle: int = 60, upgrades: bool = True, rules: str = "") -> None:
        program = installed("lighttpd", "lighttpd")
        (port,) = free_ports(1)
        conf = home / "lighttpd.conf"
        conf.write_text(
            _LIGHTTPD.format(
                port=port,
                loopback=LOOPBACK,
                home=home,
                backend=backend,
                idle=idle,
                upgrade="enable" if upgrades else "disable",
                rules=rules,
            )
        )
        super().__init__(port, [program, "-D", "-f", str(conf)], log=home / "lighttpd.log")


class Nghttpx(Daemon):
    """nghttpx (of nghttp2) in front of the loopback port ``backend``.

    Args:
        home: an empty directory for its files.
        backend: the loopback port everything is passed to.
        options: its own, without the dashes: ``"backend-read-timeout=2100ms"``.
    """

    def __init__(self, home: Path, backend: int, *options: str) -> None:
        program = installed("nghttpx", "nghttp2-proxy")
        (port,) = free_ports(1)
        words = [
            program,
            f"--conf={home}/none",
            f"--frontend={LOOPBACK},{port};no-tls",
            f"--backend={LOOPBACK},{backend}",
            "--workers=1",
            *(f"--{option}" for option in options),
        ]
        super().__init__(port, words, log=home / "nghttpx.log")


class Hitch(Daemon):
    """hitch: TLS in front of the loopback port ``backend``.

    Args:
        home: an empty directory for its files.
        backend: the loopback port the plain bytes go to.
        certificate: what it shows.
    """

    def __init__(self, home: Path, backend: int, certificate: Certificate) -> None:
        program = installed("hitch", "hitch")
        (port,) = free_ports(1)
        pem = home / "front.pem"
        pem.write_text(certificate.key.read_text() + certificate.chain.read_text())
        words = [program, f"--frontend=[{LOOPBACK}]:{port}", f"--backend=[{LOOPBACK}]:{backend}", "--workers=1"]
        super().__init__(port, [*words, "--user=nobody", str(pem)], log=home / "hitch.log")

    def reload(self) -> None:
        """Has it read its configuration again: workers that hold sessions live on until these have ended."""
        os.kill(self.pid, signal.SIGHUP)


class Redir(Daemon):
    """redir: a loopback port that leads to another, with a process for each connection.

    Args:
        home: an empty directory for its files.
        backend: the loopback port it leads to.
        options: its own, such as ``--timeout=3``.
    """

    def __init__(self, home: Path, backend: int, *options: str) -> None:
        (port,) = free_ports(1)
        words = [installed("redir", "redir"), "-n", *options, f"{LOOPBACK}:{port}", f"{LOOPBACK}:{backend}"]
        super().__init__(port, words, log=home / "redir.log")


class Rinetd(Daemon):
    """rinetd: a loopback port that leads to another, in one process.

    Args:
        home: an empty directory for its files.
        backend: the loopback port it leads to.
    """

    def __init__(self, home: Path, backend: int) -> None:
        (port,) = free_ports(1)
        self._conf = home / "rinetd.conf"
        self._conf.write_text(f"{LOOPBACK} {port} {LOOPBACK} {backend}\npidlogfile {home}/pid\n")
        super().__init__(port, [installed("rinetd", "rinetd"), "-f", "-c", str(self._conf)], log=home / "rinetd.log")

    def reload(self) -> None:
        """Has it read its configuration again, as SIGHUP does."""
        os.kill(self.pid, signal.SIGHUP)


def at(port: int) -> str:
    """The ``ws:`` target at a loopback port."""
    return f"ws://{LOOPBACK}:{port}/"


def front(start: Starter, kind: str, backend: int, certificate: Certificate) -> tuple[Daemon, str]:
    """A proxy of that kind in front of ``backend``, and its target."""
    if kind == "hitch":
        hitch: Daemon = start(Hitch, backend, certificate)
        return hitch, f"wss://localhost:{hitch.port}/"
    plain = {"varnish": Varnish, "lighttpd": Lighttpd, "nghttpx": Nghttpx, "redir": Redir, "rinetd": Rinetd}
    proxy: Daemon = start(plain[kind], backend)
    return proxy, at(proxy.port)

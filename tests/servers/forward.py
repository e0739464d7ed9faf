"""Forward proxies as children: SOCKS5 (microsocks, Dante), HTTP CONNECT (tinyproxy, Squid, Privoxy, Apache)."""

from pathlib import Path
from typing import NamedTuple

from tests.servers.apache import HEAD, MODULES
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
{rules}
"""


class Connect(Daemon):
    """A proxy for HTTP CONNECT. Its log has every request.

    Args:
        home: an empty directory for its files.
        login: whom it lets through; anybody else is answered 407. Anybody where none is given.
        idle: whole seconds of silence after which it ends a tunnel.
        rules: further lines of its configuration, such as ``ConnectPort 443``.
    """

    def __init__(self, home: Path, login: Login | None = None, *, idle: int = 600, rules: str = "") -> None:
        program = installed("tinyproxy", "tinyproxy-bin")
        (port,) = free_ports(1)
        conf = home / "tinyproxy.conf"
        conf.write_text(
            _CONF.format(
                loopback=LOOPBACK,
                port=port,
                idle=idle,
                login=f"BasicAuth {login.user} {login.password}" if login else "",
                rules=rules,
            )
        )
        super().__init__(port, [program, "-d", "-c", str(conf)], log=home / "tinyproxy.log")


_SQUID = """\
http_port {loopback}:{port}
http_access {access} all
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
        access: ``allow`` or ``deny``, for everybody.
    """

    def __init__(self, home: Path, *, read_timeout: int = 900, lifetime: int = 86400, access: str = "allow") -> None:
        program = installed("squid", "squid")
        (port,) = free_ports(1)
        conf = home / "squid.conf"
        conf.write_text(
            _SQUID.format(loopback=LOOPBACK, port=port, read_timeout=read_timeout, lifetime=lifetime, access=access)
        )
        # Its shared memory is named by this service name: two without one would meet.
        self._service = f"port{port}"
        words = [program, "-N", "-n", self._service, "-f", str(conf), "-d", "1"]
        super().__init__(port, words, log=home / "squid.log")

    def stop(self) -> None:
        """Ends it and takes away what a killed one leaves."""
        super().stop()
        for left in Path("/dev/shm").glob(f"{self._service}-cf__*"):
            left.unlink()


_DANTE = """\
logoutput: stdout
internal: {loopback} port = {port}
external: {loopback}
clientmethod: none
socksmethod: {method}
user.unprivileged: nobody
timeout.io: {idle}
client pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}
{rules}
socks pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}
"""


class Dante(Daemon):
    """A SOCKS5 proxy of several processes.

    Args:
        home: an empty directory for its files.
        idle: whole seconds of silence after which it ends a connection; 0: never.
        method: how it wants to be told who we are: ``none`` or ``username``.
        rules: rules that come before the one that lets everything pass.
    """

    def __init__(self, home: Path, *, idle: int = 0, method: str = "none", rules: str = "") -> None:
        program = installed("danted", "dante-server")
        (port,) = free_ports(1)
        conf = home / "danted.conf"
        conf.write_text(_DANTE.format(loopback=LOOPBACK, port=port, idle=idle, method=method, rules=rules))
        words = [program, "-f", str(conf), "-p", str(home / "danted.pid")]
        super().__init__(port, words, log=home / "danted.log")


_PRIVOXY = """\
confdir {home}
logdir {home}
templdir /etc/privoxy/templates
actionsfile rules.action
listen-address {loopback}:{port}
socket-timeout {idle}
"""


class Privoxy(Daemon):
    """A proxy for HTTP CONNECT that has a thread for each tunnel.

    Args:
        home: an empty directory for its files.
        idle: whole seconds of silence after which it ends a tunnel.
        ports: where a tunnel may lead, such as ``443``.
    """

    def __init__(self, home: Path, *, idle: int = 300, ports: str = "-") -> None:
        program = installed("privoxy", "privoxy")
        (port,) = free_ports(1)
        (home / "rules.action").write_text(f"{{+limit-connect{{{ports}}}}}\n/\n")
        conf = home / "privoxy.conf"
        conf.write_text(_PRIVOXY.format(home=home, loopback=LOOPBACK, port=port, idle=idle))
        super().__init__(port, [program, "--no-daemon", str(conf)], log=home / "privoxy.log")


_APACHE = (
    HEAD
    + """\
LoadModule authz_user_module {modules}/mod_authz_user.so
LoadModule auth_basic_module {modules}/mod_auth_basic.so
LoadModule authn_core_module {modules}/mod_authn_core.so
LoadModule authn_anon_module {modules}/mod_authn_anon.so
LoadModule proxy_module {modules}/mod_proxy.so
LoadModule proxy_connect_module {modules}/mod_proxy_connect.so
ProxyRequests On
AllowCONNECT 1-65535
<Proxy *>
    AuthType Basic
    AuthName "{realm}"
    AuthBasicProvider anon
    Anonymous {user}
    Anonymous_MustGiveEmail Off
    Require valid-user
</Proxy>
"""
)


class ApacheConnect(Daemon):
    """Apache httpd as a proxy for HTTP CONNECT that wants a login; anybody else is answered 407.

    Args:
        home: an empty directory for its files.
        user: whom it lets through, with any password.
        realm: what it says the login is for.
    """

    def __init__(self, home: Path, user: str, *, realm: str = "Way out") -> None:
        program = installed("apache2", "apache2-bin")
        (port,) = free_ports(1)
        conf = home / "apache.conf"
        conf.write_text(
            _APACHE.format(home=home, loopback=LOOPBACK, port=port, user=user, realm=realm, modules=MODULES)
        )
        super().__init__(port, [program, "-f", str(conf), "-DFOREGROUND"], log=home / "apache.log")

"""RabbitMQ with its STOMP plugins as a child: its own epmd, directories and loopback ports, nothing shared."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests.servers.child import Child
from tests.servers.nginx import Certificate
from tests.servers.ports import LOOPBACK, free_ports

_PROGRAMS = "/usr/lib/rabbitmq/bin"
"""The programs themselves: those in PATH change to a system user first."""
_START_SECONDS = 60

LOGIN = ("--login", "guest", "--passcode", "guest", "--vhost", "/")
"""The options that log a client in. Without ``--vhost`` the URL's host is asked for: no vhost here."""


def _program(name: str, path: str | None = None) -> str:
    found = shutil.which(name, path=path)
    assert found is not None, f"{name} is not installed: apt-get install rabbitmq-server"
    return found


class RabbitMq:
    """A broker that runs from construction to ``stop``; it speaks STOMP over WebSocket, TCP and TLS.

    ``trust`` holds the options that have a session believe its certificate.

    Args:
        home: an empty directory for its files.
        certificate: what it shows on the TLS port.
        plugins: more plugins than those that speak STOMP.
        conf: further lines of its configuration.
    """

    def __init__(
        self, home: Path, certificate: Certificate, *, plugins: Sequence[str] = (), conf: Sequence[str] = ()
    ) -> None:
        self._home = home
        self.trust = ("--cacert", str(certificate.ca))
        self.amqp_port, dist, epmd, self.stomp_port, self._tls_port, self.port = free_ports(6)
        self._pid_file = home / "pid"
        self._env = self._environment(dist, epmd)
        (home / "plugins").write_text(f"[{','.join(('rabbitmq_stomp', 'rabbitmq_web_stomp', *plugins))}].\n")
        (home / "rabbit.conf").write_text(
            f"listeners.tcp.default = {LOOPBACK}:{self.amqp_port}\n"
            f"stomp.listeners.tcp.1 = {LOOPBACK}:{self.stomp_port}\n"
            f"stomp.listeners.ssl.1 = {LOOPBACK}:{self._tls_port}\n"
            f"ssl_options.cacertfile = {certificate.ca}\n"
            f"ssl_options.certfile = {certificate.chain}\n"
            f"ssl_options.keyfile = {certificate.key}\n"
            f"web_stomp.tcp.ip = {LOOPBACK}\n"
            f"web_stomp.tcp.port = {self.port}\n" + "".join(f"{line}\n" for line in conf)
        )
        server = _program("rabbitmq-server", _PROGRAMS)
        self._broker: Child | None = None
        # An epmd of our own: otherwise the broker daemonises one that nobody ends.
        self._epmd = Child([_program("epmd"), "-port", str(epmd), "-address", LOOPBACK], log=home / "epmd.log")
        try:
            self._epmd.wait_for_port(epmd)
            self._broker = Child([server], log=home / "broker.log", env=self._env, cwd=home)
            self._broker.wait_until(self._logs_in, _START_SECONDS, "RabbitMQ")
        except BaseException:
            self.stop()
            raise

    def _environment(self, dist: int, epmd: int) -> dict[str, str]:
        home = self._home
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(home),
            "RABBITMQ_NODENAME": "ground@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": LOOPBACK,
            "RABBITMQ_NODE_PORT": str(self.amqp_port),
            "RABBITMQ_DIST_PORT": str(dist),
            "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
            "RABBITMQ_LOG_BASE": str(home / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONFIG_FILE": str(home / "rabbit"),
            "RABBITMQ_CONF_ENV_FILE": str(home / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
            "RABBITMQ_PID_FILE": str(self._pid_file),
            "ERL_EPMD_PORT": str(epmd),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        }

    def _logs_in(self) -> bool:
        """Whether the broker accepts a login, on web-stomp's port too: listening comes before being ready."""
        connect = b"CONNECT\naccept-version:1.2\nhost:/\nlogin:guest\npasscode:guest\n\n\0"
        try:
            socket.create_connection((LOOPBACK, self.port), 1).close()
            with socket.create_connection((LOOPBACK, self.stomp_port), 1) as plain:
                plain.settimeout(2)
                plain.sendall(connect)
                return plain.recv(4096).startswith(b"CONNECTED")
        except OSError:
            return False

    @property
    def url(self) -> str:
        """The WebSocket endpoint, as a ``stomp+ws:`` target."""
        return f"stomp+ws://{LOOPBACK}:{self.port}/ws"

    @property
    def tcp_url(self) -> str:
        """Its ``stomp:`` target."""
        return f"stomp://{LOOPBACK}:{self.stomp_port}"

    @property
    def tls_url(self) -> str:
        """Its ``stomps:`` target, by the name in its certificate."""
        return f"stomps://localhost:{self._tls_port}"

    def at(self, transport: str) -> str:
        """Its target over ``ws``, ``tcp`` or ``tls``."""
        return {"ws": self.url, "tcp": self.tcp_url, "tls": self.tls_url}[transport]

    @property
    def pid(self) -> int:
        """Its Erlang machine, for a test that holds it."""
        return int(self._pid_file.read_text())

    @property
    def log(self) -> str:
        """What the broker has logged so far."""
        return (self._home / "broker.log").read_text(errors="replace")

    def ctl(self, *args: str) -> str:
        """What ``rabbitmqctl ARGS`` printed.

        Raises:
            AssertionError: it failed.
        """
        done = subprocess.run(
            [_program("rabbitmqctl", _PROGRAMS), "--quiet", *args],
            env=self._env,
            cwd=self._home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, f"rabbitmqctl {' '.join(args)}: {done.stdout}{done.stderr}"
        return done.stdout

    def sigkill(self) -> float:
        """Kills the broker's Erlang machine at once and returns the monotonic second at which it did."""
        pid = self.pid
        moment = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        return moment

    def stop(self) -> None:
        """Ends the broker and its epmd. What it held is thrown away, so nobody waits for it to say goodbye."""
        if self._broker is not None:
            with suppress(FileNotFoundError, ProcessLookupError):
                self.sigkill()
            self._broker.wait(_START_SECONDS)  # its start script takes note of the end
            self._broker.stop()
        self._epmd.stop()

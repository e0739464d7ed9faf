"""ssh through an sshd of the test's own, both as children: a tunnel in front of a loopback port, or a SOCKS proxy."""

import getpass
import os
import shlex
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.servers.child import Child, children, installed
from tests.servers.ports import LOOPBACK, free_ports

_CONF = """\
ListenAddress {loopback}
Port {port}
HostKey {home}/host
AuthorizedKeysFile {home}/user.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
AllowTcpForwarding yes
{rules}
"""


class SshTunnel:
    """A loopback ``port`` that leads to ``backend`` through ssh; it stands from construction to ``stop``.

    Args:
        home: an empty directory for its files.
        backend: the loopback port at its far end.
        alive: whole seconds after which the near half asks a silent far half whether it is there, and gives up after as
            many (``ServerAliveInterval`` with a count of 1); 0: never.
        rules: further lines of sshd's configuration.
        way: ``-L``; ``-R``, whose port is sshd's; ``-D``, whose port is a SOCKS proxy's.
        jump: the near half goes to sshd by way of sshd, as through a jump host (``-J``).
        afar: the host sshd is on, such as a ``Routed``'s server; the near half is where this thread lives.
        at: the address of that host; the backend is there too.
    """

    def __init__(
        self,
        home: Path,
        backend: int,
        *,
        alive: int = 0,
        rules: str = "",
        way: str = "-L",
        jump: bool = False,
        afar: Sequence[str] = (),
        at: str = LOOPBACK,
    ) -> None:
        (home / "known").touch()
        self._way, self._jump, self._at = way, jump, at
        sshd_port, self.port = free_ports(2)
        for key in ("host", "user"):
            words = [installed("ssh-keygen", "openssh-client"), "-q", "-t", "ed25519", "-N", "", "-f", str(home / key)]
            subprocess.run(words, check=True, stdin=subprocess.DEVNULL, capture_output=True)
        conf = home / "sshd.conf"
        conf.write_text(_CONF.format(home=home, loopback=at, port=sshd_port, rules=rules))
        Path("/run/sshd").mkdir(exist_ok=True)  # where sshd locks its unprivileged half in
        self._client: Child | None = None
        self._home, self._sshd_port, self._backend, self._alive = home, sshd_port, backend, alive
        words = [*afar, installed("sshd", "openssh-server"), "-D", "-e", "-f", str(conf)]
        self._server = Child(words, log=home / "sshd.log")
        try:
            self._server.wait_until(lambda: "listening on" in self._server.tail(), 10, "sshd")
            self.begin_client()
        except BaseException:
            self.stop()
            raise

    def begin_client(self) -> None:
        """Starts the near half, which has not been or has ended."""
        who = f"{getpass.getuser()}@{self._at}"
        ssh = [
            installed("ssh", "openssh-client"), "-F", "none", "-i", str(self._home / "user"),
            "-p", str(self._sshd_port),
            "-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={self._home}/known", "-o", "BatchMode=yes",
        ]  # fmt: skip
        to = "" if self._way == "-D" else f":{self._at}:{self._backend}"
        words = [
            *ssh, "-N", "-o", "ExitOnForwardFailure=yes",
            "-o", f"ServerAliveInterval={self._alive}", "-o", "ServerAliveCountMax=1",
            *(("-o", f"ProxyCommand={shlex.join([*ssh, '-W', '%h:%p', who])}") if self._jump else ()),
            self._way, f"{LOOPBACK}:{self.port}{to}", who,
        ]  # fmt: skip
        self._client = Child(words, log=self._home / "ssh.log")
        self._client.wait_for_port(self.port)

    def kill_client(self, sign: signal.Signals = signal.SIGKILL) -> None:
        """Ends the near half, as when its terminal is closed."""
        assert self._client is not None
        self._client.stop(sign)

    @property
    def near_pid(self) -> int:
        """The near half's process, for a test that holds it."""
        assert self._client is not None
        return self._client.pid

    def signal_far_half(self, sign: signal.Signals) -> None:
        """Signals the processes that sshd has for this tunnel."""
        for pid in children(self._server.pid):
            os.kill(pid, sign)

    def signal_jump_host(self, sign: signal.Signals) -> None:
        """Signals the process that sshd has for the way to it: the older one."""
        os.kill(min(children(self._server.pid)), sign)

    def far_half_is_gone(self) -> bool:
        """Whether sshd has no process for this tunnel any more."""
        return not children(self._server.pid)

    def end_listener(self) -> None:
        """The sshd that lets people in ends; the process it has for this tunnel goes on."""
        os.kill(self._server.pid, signal.SIGTERM)
        self._server.wait(5)

    def stop(self) -> None:
        """Ends both halves."""
        if self._client is not None:
            self._client.stop()  # what sshd started for it ends with it
        self._server.stop()

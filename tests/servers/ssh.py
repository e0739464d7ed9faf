"""``ssh -L`` through an sshd of the test's own, both as children: a tunnel in front of a loopback port."""

import getpass
import os
import signal
import subprocess
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
    """

    def __init__(self, home: Path, backend: int, *, alive: int = 0, rules: str = "") -> None:
        (home / "known").touch()
        sshd_port, self.port = free_ports(2)
        for key in ("host", "user"):
            words = [installed("ssh-keygen", "openssh-client"), "-q", "-t", "ed25519", "-N", "", "-f", str(home / key)]
            subprocess.run(words, check=True, stdin=subprocess.DEVNULL, capture_output=True)
        conf = home / "sshd.conf"
        conf.write_text(_CONF.format(home=home, loopback=LOOPBACK, port=sshd_port, rules=rules))
        Path("/run/sshd").mkdir(exist_ok=True)  # where sshd locks its unprivileged half in
        self._client: Child | None = None
        self._home, self._sshd_port, self._backend, self._alive = home, sshd_port, backend, alive
        self._server = Child([installed("sshd", "openssh-server"), "-D", "-e", "-f", str(conf)], log=home / "sshd.log")
        try:
            self._server.wait_for_port(sshd_port)
            self.begin_client()
        except BaseException:
            self.stop()
            raise

    def begin_client(self) -> None:
        """Starts the near half, which has not been or has ended."""
        self._client = Child(
            [
                installed("ssh", "openssh-client"), "-N", "-F", "none", "-i", str(self._home / "user"),
                "-p", str(self._sshd_port),
                "-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={self._home}/known",
                "-o", "ExitOnForwardFailure=yes", "-o", "BatchMode=yes",
                "-o", f"ServerAliveInterval={self._alive}", "-o", "ServerAliveCountMax=1",
                "-L", f"{LOOPBACK}:{self.port}:{LOOPBACK}:{self._backend}", f"{getpass.getuser()}@{LOOPBACK}",
            ],
            log=self._home / "ssh.log",
        )  # fmt: skip
        self._client.wait_for_port(self.port)

    def kill_client(self, sign: signal.Signals = signal.SIGKILL) -> None:
        """Ends the near half, as when its terminal is closed."""
        assert self._client is not None
        self._client.stop(sign)

    def signal_far_half(self, sign: signal.Signals) -> None:
        """Signals the processes that sshd has for this tunnel."""
        for pid in children(self._server.pid):
            os.kill(pid, sign)

    def stop(self) -> None:
        """Ends both halves."""
        if self._client is not None:
            self._client.stop()  # what sshd started for it ends with it
        self._server.stop()

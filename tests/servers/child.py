"""A server as a child process of the test: started by hand, waited for, ended by its pid."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.servers.ports import LOOPBACK

_TICK = 0.05


class Child:
    """A process in a group of its own, its output in ``log``. ``stop`` ends the whole group."""

    def __init__(
        self, argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> None:
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=cwd,
                start_new_session=True,
            )
        self.pid = self._process.pid

    def wait_until(self, ready: Callable[[], bool], timeout: float, what: str) -> None:
        """Returns when ``ready()`` is true.

        Raises:
            AssertionError: the process ended or ``timeout`` seconds passed first; with the end of its log.
        """
        deadline = time.monotonic() + timeout
        while not ready():
            assert time.monotonic() < deadline, f"{what} not ready after {timeout} s:\n{self.tail()}"
            try:
                status = self._process.wait(_TICK)
            except subprocess.TimeoutExpired:
                continue
            raise AssertionError(f"{what} ended with {status} before it was ready:\n{self.tail()}")

    def wait_for_port(self, port: int, timeout: float = 10) -> None:
        """Returns when something answers on the loopback ``port``."""
        self.wait_until(lambda: answers(port), timeout, f"port {port}")

    def tail(self) -> str:
        """The end of its output."""
        return self.log.read_text(errors="replace")[-4000:]

    def wait(self, timeout: float) -> None:
        """Returns when the process has ended, or after ``timeout`` seconds."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout)

    def stop(self, sign: signal.Signals = signal.SIGTERM, timeout: float = 10) -> None:
        """Sends ``sign`` to the process, waits, and kills what is left of its group."""
        if self._process.poll() is None:
            os.kill(self.pid, sign)
            self.wait(timeout)
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()


class Daemon:
    """A server that is one child and listens on the loopback ``port`` from construction to ``stop``.

    Args:
        port: where it was told to listen.
        argv: its command.
        log: where its output goes.
        env: its environment; this process's where none is given.
        says: what its output holds when it is ready; where none is given, it is once its port answers.
        timeout: seconds within which it must be.

    Raises:
        AssertionError: it ended or was not ready in time; with the end of its log.
    """

    def __init__(
        self,
        port: int,
        argv: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        says: str | None = None,
        timeout: float = 10,
    ) -> None:
        self.port = port
        self._argv, self._log, self._env, self._says, self._timeout = argv, log, env, says, timeout
        self._child = self._begin()

    def _begin(self) -> Child:
        child = Child(self._argv, log=self._log, env=self._env, cwd=self._log.parent)
        says = self._says
        try:
            if says is None:
                child.wait_for_port(self.port, self._timeout)
            else:
                ready = says.encode()
                child.wait_until(lambda: ready in self._log.read_bytes(), self._timeout, Path(self._argv[0]).name)
        except BaseException:
            child.stop()
            raise
        return child

    @property
    def log(self) -> str:
        """What it has said so far."""
        return self._log.read_text(errors="replace")

    @property
    def pid(self) -> int:
        """Its process, for a test that ends it or holds it."""
        return self._child.pid

    def end(self, sign: signal.Signals = signal.SIGKILL) -> None:
        """Ends it by ``sign``, and kills what it started and is left of it."""
        self._child.stop(sign)

    def begin(self) -> None:
        """Starts it once more on its port, its log anew."""
        self._child = self._begin()

    def stop(self) -> None:
        """Ends it and what it started."""
        self._child.stop()


def installed(program: str, package: str) -> str:
    """The path of a program, wherever a system keeps its servers.

    Raises:
        AssertionError: it is not there; with the package to install.
    """
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin:/sbin")
    assert path is not None, f"{program} is not installed: apt-get install {package}"
    return path


def children(pid: int) -> list[int]:
    """The processes that a process started and that have not ended."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def answers(port: int) -> bool:
    """Whether a TCP connection to the loopback ``port`` is accepted."""
    try:
        socket.create_connection((LOOPBACK, port), 1).close()
    except OSError:
        return False
    return True

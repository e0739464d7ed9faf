"""The processes of this machine by the TCP connections they have, as far as the OS tells: not another user's, and on
macOS none to other than root. To find one every process is looked at (8 ms with 60 processes)."""

import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psutil

EVERYWHERE = ("0.0.0.0", "::")

Place = tuple[str, int]
"""Host and port."""


class Program(NamedTuple):
    """A process, told from a later one with the same number."""

    pid: int
    started: float
    """Unix seconds, on Linux up to a second off, and always by as much (``run_s`` is exact)."""
    name: str


class Held(NamedTuple):
    """The far end of a connection: who listens there, and who has it."""

    at: Place
    listens: Program | None
    holds: Program

    def now(self, *, listening: bool) -> str:
        """What has become of the process that had it.

        Args:
            listening: whether a connection to where it listened is accepted.

        Returns:
            ``lives``; ``stopped`` where it is there and stands still, by a signal or a debugger; ``gone`` where nobody
            listens any more; ``replaced`` where whoever listened then runs on (a master, whose worker it was);
            ``restarted`` where another listens.
        """
        if runs(self.holds):
            return "stopped" if _stands_still(self.holds) else "lives"
        if not listening:
            return "gone"
        return "replaced" if self.listens is not None and runs(self.listens) else "restarted"


def runs(program: Program) -> bool:
    """Whether a process has not ended, reaped or not."""
    try:
        process = psutil.Process(program.pid)
        return process.create_time() == program.started and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _stands_still(program: Program) -> bool:
    try:
        return psutil.Process(program.pid).status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
    except psutil.Error:
        return False


def connections() -> Sequence[Any]:
    """Every TCP socket there is, with its process's number where that is told; none where nothing is."""
    try:
        return psutil.net_connections("tcp")
    except psutil.Error:
        return ()


def listener(at: Place, table: Sequence[Any]) -> Program | None:
    """Who listens at a place."""
    places = [(where, at[1]) for where in (at[0], *EVERYWHERE)]
    return _having(lambda one: one.status == psutil.CONN_LISTEN and place(one.laddr) in places, table)


def holder(near: Place | None, far: Place | None, table: Sequence[Any]) -> Program | None:
    """Who has the far end of the connection between two places."""
    return _having(lambda one: (place(one.laddr), place(one.raddr)) == (far, near), table)


def family(program: Program) -> set[int]:
    """The numbers of a process and of those it has begun."""
    try:
        return {program.pid, *(child.pid for child in psutil.Process(program.pid).children(recursive=True))}
    except psutil.Error:
        return {program.pid}


def run_s(pid: int) -> float | None:
    """How long a process has run, seconds: to 10 ms on Linux, from its start in ticks since boot (proc_pid_stat(5),
    field 22); None of one that has ended. Of one that was forked, since then."""
    try:
        if sys.platform != "linux":
            return time.time() - _started(psutil.Process(pid))
        ticks = int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19])
        return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, psutil.Error):
        return None


def youngest_s(at: Place) -> float | None:
    """How long the youngest process of whoever listens at a place has run, seconds: of a proxy that has workers the
    newest of them; None where that is not known."""
    listens = listener(at, connections())
    runs_for = [run_s(pid) for pid in family(listens)] if listens is not None else []
    return min((age for age in runs_for if age is not None), default=None)


def place(address: Any) -> Place | None:
    """Host and port; an IPv4 address that came through IPv6 as itself."""
    return (address[0].removeprefix("::ffff:"), address[1]) if address else None


def _having(wanted: Callable[[Any], bool], table: Sequence[Any]) -> Program | None:
    """The process that has a socket; of a family that shares it, the eldest, whose children need not be known for
    its own: redir's have left it, and keep the socket it listens on."""
    try:
        pid = next((one.pid for one in table if wanted(one)), None)
        process = psutil.Process(pid) if pid else None
        if process is None:
            return None
        while (parent := process.parent()) is not None and _has(parent, wanted):
            process = parent
        process = min(filter(lambda one: _has(one, wanted), _elder(process)), key=_started, default=process)
        return Program(process.pid, _started(process), process.name())
    except psutil.Error:
        return None


def _elder(process: psutil.Process) -> list[psutil.Process]:
    """The processes of the same name that began before it."""
    named = [one for one in psutil.process_iter(["name", "create_time"]) if one.info["name"] == process.name()]
    return [one for one in named if (one.info["create_time"] or math.inf) < _started(process)]


def _started(process: psutil.Process) -> float:
    return float(process.create_time())


def _has(process: psutil.Process, wanted: Callable[[Any], bool]) -> bool:
    try:
        return any(map(wanted, process.net_connections("tcp")))
    except psutil.Error:
        return False  # it is none of ours to look into

"""Who is at the other end, where that is this machine: an ``ssh -L``, a ``kubectl port-forward`` or a stunnel accepts
every connection itself, and what the server behind it does comes through second-hand. And whether it is still there
after a drop: a process that runs on has ended the connection of its own will, one that is gone has ended with it.
"""

import asyncio
import ipaddress
from collections.abc import Callable
from typing import Any, NamedTuple, Self

import psutil

EVERYWHERE = ("0.0.0.0", "::")


class Program(NamedTuple):
    """A process, told from a later one with the same number."""

    pid: int
    started: float
    """Unix seconds."""
    name: str


class Peer:
    """The programs at the other end of one connection, if that is this machine and the OS tells whose they are: not
    another user's, and on macOS none to other than root.

    To find one every process is looked at, which takes some milliseconds (8 with 60 processes), so it is done in a
    thread.
    """

    def __init__(self, remote: tuple[Any, ...] | str, listens: Program | None) -> None:
        self._remote = remote
        self._listens = listens
        self._holds: Program | None = None

    @classmethod
    async def at(cls, remote: tuple[Any, ...] | str) -> Self:
        """Whoever listens at an address, as ``getpeername`` says it."""
        return cls(remote, await asyncio.to_thread(_listening, remote) if _here(remote) else None)

    @property
    def name(self) -> str | None:
        """The name of the program that listens; None where that is not known."""
        return self._listens.name if self._listens is not None else None

    async def accepted(self, local: tuple[Any, ...] | str) -> None:
        """Finds the process that holds the other end of a connection of ours, once it has answered: a worker, where
        its master listens."""
        if self._listens is not None:
            self._holds = await asyncio.to_thread(_holding, local, self._remote)

    async def after(self) -> str | None:
        """``now``, where nothing shows yet whether anybody listens."""
        gone = self._holds is not None and not _runs(self._holds)
        return self.now(listening=gone and await asyncio.to_thread(_listening, self._remote) is not None)

    def now(self, *, listening: bool) -> str | None:
        """What has become of the process that held the other end.

        Args:
            listening: whether a connection to where it listened is accepted.

        Returns:
            ``lives``; ``gone`` where nobody listens any more; ``replaced`` where whoever listened then runs on (a
            master, whose worker it was); ``restarted`` where another listens. None where it never was known.
        """
        if self._holds is None:
            return None
        if _runs(self._holds):
            return "lives"
        if not listening:
            return "gone"
        return "replaced" if self._listens is not None and _runs(self._listens) else "restarted"


def _here(remote: tuple[Any, ...] | str) -> bool:
    return not isinstance(remote, str) and ipaddress.ip_address(remote[0].partition("%")[0]).is_loopback


def _runs(program: Program) -> bool:
    """Whether a process has not ended, reaped or not."""
    try:
        process = psutil.Process(program.pid)
        return process.create_time() == program.started and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _listening(remote: Any) -> Program | None:
    places = [(where, remote[1]) for where in (remote[0], *EVERYWHERE)]
    return _having(lambda one: one.status == psutil.CONN_LISTEN and _place(one.laddr) in places)


def _holding(local: tuple[Any, ...] | str, remote: tuple[Any, ...] | str) -> Program | None:
    ends = _place(remote), _place(local)
    return _having(lambda one: (_place(one.laddr), _place(one.raddr)) == ends)


def _having(wanted: Callable[[Any], bool]) -> Program | None:
    """The process that has a socket; of a family that shares it, the eldest."""
    try:
        pid = next((one.pid for one in psutil.net_connections("tcp") if wanted(one)), None)
        process = psutil.Process(pid) if pid else None
        if process is None:
            return None
        while (parent := process.parent()) is not None and _has(parent, wanted):
            process = parent
        return Program(process.pid, process.create_time(), process.name())
    except psutil.Error:
        return None


def _has(process: psutil.Process, wanted: Callable[[Any], bool]) -> bool:
    try:
        return any(map(wanted, process.net_connections("tcp")))
    except psutil.Error:
        return False  # it is none of ours to look into


def _place(address: Any) -> tuple[str, int] | None:
    """Host and port; an IPv4 address that came through IPv6 as itself."""
    return (address[0].removeprefix("::ffff:"), address[1]) if address else None

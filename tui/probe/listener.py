"""Who is at the other end, where that is this machine: an ``ssh -L``, a ``kubectl port-forward`` or a stunnel accepts
every connection itself, and what the server behind it does comes through second-hand. And whether it is still there
after a drop: a process that runs on has ended the connection of its own will, one that is gone has ended with it.
"""

import asyncio
import ipaddress
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

    async def now(self) -> str | None:
        """What has become of the process that held the other end.

        ``lives``; ``replaced`` where it is gone and the one that listened still does (a master's worker);
        ``restarted`` where another listens; ``gone`` where nobody does. None where it never was known.
        """
        if self._holds is None:
            return None
        if _same(_program(self._holds.pid), self._holds):
            return "lives"
        listens = await asyncio.to_thread(_listening, self._remote)
        if listens is None:
            return "gone"
        return "replaced" if _same(listens, self._listens) else "restarted"


def _here(remote: tuple[Any, ...] | str) -> bool:
    return not isinstance(remote, str) and ipaddress.ip_address(remote[0].partition("%")[0]).is_loopback


def _program(pid: int | None) -> Program | None:
    """A process that runs; None for one that has ended, reaped or not."""
    try:
        process = psutil.Process(pid) if pid else None
        if process is None or process.status() == psutil.STATUS_ZOMBIE:
            return None
        return Program(process.pid, process.create_time(), process.name())
    except psutil.Error:
        return None


def _same(one: Program | None, other: Program | None) -> bool:
    return one is not None and other is not None and one[:2] == other[:2]  # names change


def _listening(remote: Any) -> Program | None:
    places = [(where, remote[1]) for where in (remote[0], *EVERYWHERE)]
    return next(
        (_program(one.pid) for one in _sockets() if one.status == psutil.CONN_LISTEN and _place(one.laddr) in places),
        None,
    )


def _holding(local: tuple[Any, ...] | str, remote: tuple[Any, ...] | str) -> Program | None:
    ends = _place(remote), _place(local)
    return next((_program(one.pid) for one in _sockets() if (_place(one.laddr), _place(one.raddr)) == ends), None)


def _place(address: Any) -> tuple[str, int] | None:
    """Host and port; an IPv4 address that came through IPv6 as itself."""
    return (address[0].removeprefix("::ffff:"), address[1]) if address else None


def _sockets() -> list[Any]:
    try:
        return psutil.net_connections("tcp")
    except psutil.Error:
        return []

"""Happy eyeballs (RFC 8305): several addresses, one connection, every attempt a fact.

IPv6 goes first and the families alternate (§4); the next attempt begins 250 ms after the last one, or as soon as that
has failed (§5). The first that connects is the session's. The others are facts too: one that another address beat, or
that the open-timeout ended, has ``ECANCELED``, because it was we who gave it up.
"""

import asyncio
import errno
import itertools
import os
import socket
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tui.facts import facts
from tui.facts.facts import Role
from tui.probe import errnos
from tui.probe.dialling import DialError, Write, ms_since, show

STAGGER = 0.25
"""Seconds between two attempts (RFC 8305 §5, "Connection Attempt Delay")."""


class Candidate(NamedTuple):
    """One address to try, as ``getaddrinfo`` gives it."""

    family: int
    kind: int
    protocol: int
    name: str
    address: tuple[Any, ...]


class Attempt:
    """One attempt at one address."""

    def __init__(self, candidate: Candidate) -> None:
        self._candidate = candidate
        self.remote = show(candidate.address)
        self.local: str | None = None
        """This end of it, once it is known."""
        self.started = time.monotonic()

    async def connect(self) -> socket.socket:
        """The connected socket.

        Raises:
            ConnectionResetError: it connected, and was reset before anybody saw that: a SYN that is answered with a RST
                is ``ECONNREFUSED`` (RFC 9293 §3.10.7.3; Linux ``tcp_reset``).
            OSError: it did not connect.
        """
        sock = socket.socket(self._candidate.family, self._candidate.kind, self._candidate.protocol)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().sock_connect(sock, self._candidate.address)
            self.local = show(sock.getsockname())
        except ConnectionResetError:
            self.local = show(sock.getsockname())
            sock.close()
            raise
        except BaseException:
            sock.close()
            raise
        return sock

    def connected(self, role: Role, write: Write) -> None:
        """Writes that it did."""
        write(facts.Tcp, role=role, remote=self.remote, local=self.local, ms=ms_since(self.started))

    def failed(self, error: OSError, write: Write) -> DialError:
        """Writes that it failed; the error it would end the connection with."""
        name = errnos.name(error)
        write(facts.Tcp, role="attempt", remote=self.remote, local=None, ms=ms_since(self.started), errno=name)
        return DialError(errnos.how(error), "tcp", name, os.strerror(error.errno or 0))


def in_order(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The families in turns, IPv6 first, each in the resolver's order (RFC 8305 §4)."""
    six = [one for one in candidates if one.family == socket.AF_INET6]
    others = [one for one in candidates if one.family != socket.AF_INET6]
    pairs = itertools.zip_longest(six, others)
    return [one for pair in pairs for one in pair if one is not None]


async def first_to_connect(candidates: Sequence[Candidate], write: Write, role: Role) -> socket.socket:
    """The socket that connected first, with Nagle off.

    Raises:
        ConnectionResetError: the first that connected was reset at once.
        DialError: none did; the error of the attempt that failed last.
    """
    waiting = deque(in_order(candidates))
    running: dict[asyncio.Task[socket.socket], Attempt] = {}
    failure = DialError("dns", "dns", "EAI_NODATA", None)
    try:
        while waiting or running:
            if waiting:
                attempt = Attempt(waiting.popleft())
                running[asyncio.ensure_future(attempt.connect())] = attempt
            stagger = STAGGER if waiting else None
            done, _ = await asyncio.wait(running, timeout=stagger, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                attempt = running.pop(task)
                try:
                    sock = task.result()
                except ConnectionResetError:
                    attempt.connected(role, write)
                    raise
                except OSError as error:
                    failure = attempt.failed(error, write)
                else:
                    attempt.connected(role, write)
                    return sock
    finally:
        await _give_up(running, write)
    raise failure


async def _give_up(running: Mapping[asyncio.Task[socket.socket], Attempt], write: Write) -> None:
    """Ends the attempts that nobody waits for any more; one that connected meanwhile is closed."""
    for task in running:
        task.cancel()
    for outcome in await asyncio.gather(*running, return_exceptions=True):
        if isinstance(outcome, socket.socket):
            outcome.close()
    for attempt in running.values():
        attempt.failed(OSError(errno.ECANCELED, os.strerror(errno.ECANCELED)), write)

"""From a host name to a connected socket: resolve, then try each address in the resolver's order, every step a fact."""

import asyncio
import os
import socket
import time
from collections.abc import Callable

from tui.facts import facts
from tui.facts.facts import How, Phase, Role
from tui.options.spec import SessionSpec, split_address
from tui.probe import errnos

Write = Callable[..., object]


class DialError(Exception):
    """No connection: what the ``end`` fact will say."""

    def __init__(self, how: How, phase: Phase, errno: str | None, detail: str | None) -> None:
        super().__init__(how, errno)
        self.how = how
        self.phase = phase
        self.errno = errno
        self.detail = detail


def show(address: tuple[object, ...]) -> str:
    """A socket address as ``HOST:PORT``, an IPv6 host in brackets."""
    host, port = address[0], address[1]
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"


async def dial(spec: SessionSpec, write: Write, role: Role = "main") -> socket.socket:
    """A connected, non-blocking TCP socket to a session's target, with Nagle off.

    Args:
        spec: whose target it is, and how to get there.
        write: writes a fact of the connection.
        role: what the socket is for, as its ``tcp`` fact says.

    Raises:
        DialError: the name did not resolve, or no address answered (the last one's error).
    """
    host, port = spec.endpoint.host, spec.endpoint.port
    if spec.connect_to is not None:
        host, port = split_address("--connect-to", spec.connect_to)
    loop = asyncio.get_running_loop()
    started = time.monotonic()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        name = _resolver_error(error)
        write(facts.Resolved, host=host, addresses=[], ms=_ms(started), error=name)
        raise DialError("dns", "dns", name, str(error.args[-1])) from None
    write(facts.Resolved, host=host, addresses=[str(entry[4][0]) for entry in found], ms=_ms(started))
    failure = DialError("dns", "dns", "EAI_NODATA", None)
    for family, kind, protocol, _, address in found:
        try:
            return await _connect(family, kind, protocol, address, write, role)
        except DialError as error:
            failure = error
    raise failure


async def _connect(
    family: int, kind: int, protocol: int, address: tuple[object, ...], write: Write, role: Role
) -> socket.socket:
    started = time.monotonic()
    sock = socket.socket(family, kind, protocol)
    sock.setblocking(False)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, address)
    except OSError as error:
        sock.close()
        name = errnos.name(error)
        write(facts.Tcp, role="attempt", remote=show(address), local=None, ms=_ms(started), errno=name)
        raise DialError(errnos.how(error), "tcp", name, os.strerror(error.errno or 0)) from None
    except BaseException:
        sock.close()
        raise
    write(facts.Tcp, role=role, remote=show(address), local=show(sock.getsockname()), ms=_ms(started))
    return sock


def _resolver_error(error: socket.gaierror | UnicodeError) -> str:
    names = {value: name for name, value in vars(socket).items() if name.startswith("EAI_")}
    return names.get(error.args[0], "EAI_NONAME") if isinstance(error, socket.gaierror) else "EAI_NONAME"


def _ms(started: float) -> float:
    return round((time.monotonic() - started) * 1000, 3)

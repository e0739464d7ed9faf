"""From a session's target to a connected socket: resolve, connect, pass the proxy. Every step is a fact."""

import asyncio
import os
import socket
import time
from typing import Any

from tui.facts import facts
from tui.facts.facts import Phase, Role
from tui.options.proxies import Proxy
from tui.options.spec import SessionSpec, split_address
from tui.probe import errnos
from tui.probe.dialling import DialError, Write, ms_since, show
from tui.probe.eyeballs import Candidate, first_to_connect
from tui.probe.proxy import through

__all__ = ["OPEN_TIMEOUT", "DialError", "Write", "dial", "show"]

OPEN_TIMEOUT = "open-timeout"
"""The ``detail`` of an end by ``--open-timeout``."""


async def dial(spec: SessionSpec, write: Write, role: Role = "main", within: float | None = None) -> socket.socket:
    """A connected, non-blocking socket to a session's target, past its proxy.

    Args:
        spec: whose target it is, and how to get there.
        write: writes a fact of the connection.
        role: what the socket is for, as its ``tcp`` fact says.
        within: seconds it may take; the session's ``--open-timeout`` where none are given.

    Raises:
        DialError: the name did not resolve, no address answered (the last one's error), the one that did reset the
            connection at once, the proxy did not let us through, or the time is up.
    """
    phase: Phase = "dns"

    def step(kind: type[facts.Fact], **fields: Any) -> None:
        """Once a name is resolved what follows is TCP, and past TCP the proxy."""
        nonlocal phase
        write(kind, **fields)
        if kind is facts.Resolved:
            phase = "tcp"
        elif kind is facts.Tcp and fields.get("errno") is None:
            phase = "proxy"

    try:
        async with asyncio.timeout(spec.open_timeout if within is None else within):
            if spec.unix_socket is not None:
                return await _unix(spec.unix_socket, step, role)
            host, port = spec.endpoint.host, spec.endpoint.port
            if spec.connect_to is not None:
                host, port = split_address("--connect-to", spec.connect_to)
            proxy = spec.outbound_proxy
            if proxy is None:
                return await first_to_connect(await _resolve(host, port, step), step, role)
            return await _proxied(proxy, host, port, step, role)
    except ConnectionResetError as error:
        raise DialError("reset", _after_tcp(spec), errnos.name(error), os.strerror(error.errno or 0)) from None
    except TimeoutError:
        raise DialError("timeout", phase, None, OPEN_TIMEOUT) from None


def _after_tcp(spec: SessionSpec) -> Phase:
    """How far a session is once TCP is up, before anything was said."""
    scheme = spec.endpoint.scheme
    return "tls" if scheme.tls else "open" if scheme.transport == "tcp" else "http"


async def _resolve(host: str, port: int, write: Write) -> list[Candidate]:
    started = time.monotonic()
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        name = _resolver_error(error)
        write(facts.Resolved, host=host, addresses=[], ms=ms_since(started), error=name)
        raise DialError("dns", "dns", name, str(error.args[-1])) from None
    write(facts.Resolved, host=host, addresses=[str(entry[4][0]) for entry in found], ms=ms_since(started))
    return [Candidate(*entry) for entry in found]


async def _proxied(proxy: Proxy, host: str, port: int, write: Write, role: Role) -> socket.socket:
    """By way of a proxy; one that cannot be reached has its ``proxy`` fact too."""
    if proxy.kind == "socks5":
        host = str((await _resolve(host, port, write))[0].address[0])
    try:
        sock = await first_to_connect(await _resolve(proxy.host, proxy.port, write), write, role)
    except DialError as error:
        write(facts.Proxy, url=proxy.shown, ok=False, error=error.errno)
        raise
    except ConnectionResetError as error:
        name = errnos.name(error)
        write(facts.Proxy, url=proxy.shown, ok=False, error=name)
        raise DialError("proxy", "proxy", name, os.strerror(error.errno or 0)) from None
    try:
        await through(proxy, sock, host, port, write)
    except BaseException:
        sock.close()
        raise
    return sock


async def _unix(path: str, write: Write, role: Role) -> socket.socket:
    """To a socket of this machine's file system; its ``tcp`` fact says ``unix:PATH``."""
    started = time.monotonic()
    remote = f"unix:{path}"
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, path)
    except OSError as error:
        sock.close()
        name = errnos.name(error)
        write(facts.Tcp, role="attempt", remote=remote, local=None, ms=ms_since(started), errno=name)
        raise DialError(errnos.how(error), "tcp", name, os.strerror(error.errno or 0)) from None
    except BaseException:
        sock.close()
        raise
    write(facts.Tcp, role=role, remote=remote, local=None, ms=ms_since(started))
    return sock


def _resolver_error(error: socket.gaierror | UnicodeError) -> str:
    names = {value: name for name, value in vars(socket).items() if name.startswith("EAI_")}
    return names.get(error.args[0], "EAI_NONAME") if isinstance(error, socket.gaierror) else "EAI_NONAME"

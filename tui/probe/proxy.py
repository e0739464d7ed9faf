"""Through an outbound proxy, on a socket that is connected to it: HTTP CONNECT read by h11, SOCKS5 by python-socks.

Nothing is read past the proxy's own words: what follows them is the target's. ``tui.probe.dial`` calls it; every
outcome is a ``proxy`` fact.
"""

import asyncio
import socket
import time

import h11
from python_socks import ProxyType
from python_socks._abc import AsyncResolver, AsyncSocketStream
from python_socks._connectors.factory_async import create_connector
from python_socks._protocols.errors import ReplyError
from websockets.headers import build_authorization_basic

from tui import __version__
from tui.facts import facts
from tui.options.proxies import Proxy
from tui.probe import errnos
from tui.probe.dialling import DialError, Write, ms_since, show_pair

HEAD_LIMIT = 16 * 1024
"""Bytes of an answer to CONNECT beyond which it is given up on."""

REASONS = (b"proxy-status", b"x-squid-error")
"""Headers in which proxies say why they did not connect."""

CLOSED = "the proxy closed the connection without an answer"
SILENT = "the proxy did not answer"
NO_HTTP = "what the proxy answered is no HTTP"
NO_SOCKS = "what the proxy answered is no SOCKS5"


class _Refused(Exception):
    """The proxy's answer is no yes: its status (HTTP's, or the number of SOCKS5's reply) and its words."""

    def __init__(self, status: int | None, words: str, why: str | None = None) -> None:
        super().__init__(words)
        self.status = status
        self.words = words
        self.why = why


async def through(proxy: Proxy, sock: socket.socket, host: str, port: int, write: Write) -> None:
    """Has the proxy connect ``sock`` to the target.

    Raises:
        DialError: it did not.
    """
    started = time.monotonic()

    def answered(status: int | None, error: str | None, why: str | None = None) -> None:
        ms = ms_since(started)
        write(facts.Proxy, url=proxy.shown, ok=error is None, status=status, error=error, why=why, ms=ms)

    try:
        status = await (_connect if proxy.kind == "http" else _socks)(proxy, sock, host, port)
    except _Refused as refusal:
        answered(refusal.status, refusal.words, refusal.why)
        words = refusal.words if refusal.status is None else f"{refusal.status} {refusal.words}"
        raise DialError("proxy", "proxy", None, words) from None
    except OSError as error:
        answered(None, errnos.name(error))
        raise DialError("proxy", "proxy", errnos.name(error), error.strerror) from None
    except asyncio.CancelledError:
        answered(None, SILENT)
        raise
    answered(status, None)


async def _connect(proxy: Proxy, sock: socket.socket, host: str, port: int) -> int:
    """RFC 9110 §9.3.6; the answer's status."""
    target = show_pair(host, port)
    headers = [("Host", target), ("User-Agent", f"whoops/{__version__}")]
    if proxy.user is not None:
        headers.append(("Proxy-Authorization", build_authorization_basic(proxy.user, proxy.password)))
    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_LIMIT)
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, http.send(h11.Request(method="CONNECT", target=target, headers=headers)) or b"")
    came = False
    while True:
        try:
            event = http.next_event()
            while event is h11.NEED_DATA:
                # A byte at a time: what follows the blank line is the target's.
                data = await loop.sock_recv(sock, 1)
                came = came or bool(data)
                http.receive_data(data)
                event = http.next_event()
        except h11.RemoteProtocolError:
            raise _Refused(None, NO_HTTP if came else CLOSED) from None
        if isinstance(event, h11.Response):
            words = event.reason.decode("latin-1")
            if not 200 <= event.status_code < 300:
                raise _Refused(event.status_code, words, _why(event))
            return event.status_code
        if isinstance(event, h11.ConnectionClosed):
            raise _Refused(None, CLOSED)


def _why(answer: h11.Response) -> str | None:
    said = dict(answer.headers)  # h11 lower-cases the names
    return next((said[name].decode("latin-1") for name in REASONS if name in said), None)


class _Stream(AsyncSocketStream):
    """A socket as python-socks wants it."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    async def write(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._sock, data)

    async def read_exactly(self, n: int) -> bytes:
        data = b""
        while len(data) < n:
            piece = await asyncio.get_running_loop().sock_recv(self._sock, n - len(data))
            if not piece:
                raise _Refused(None, CLOSED)
            data += piece
        return data


async def _socks(proxy: Proxy, sock: socket.socket, host: str, port: int) -> int:
    """RFC 1928, with the login of RFC 1929; the reply's number, which is 0."""
    connector = create_connector(ProxyType.SOCKS5, proxy.user, proxy.password, True, AsyncResolver())
    try:
        await connector.connect(_Stream(sock), host, port)
    except ReplyError as error:
        words = str(error)
        foreign = words.startswith(("Unexpected SOCKS version", "Invalid", "Malformed", "The reserved"))
        raise _Refused(error.error_code, NO_SOCKS if foreign else words) from None
    except (UnicodeError, ValueError) as error:  # a login or a name that SOCKS5 has no room for
        raise _Refused(None, str(error)) from None
    return 0

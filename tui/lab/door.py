"""One port for both: what asks for a WebSocket gets one, any other request to a SockJS path is answered as HTTP."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from websockets.asyncio.server import ServerConnection

HEAD_LIMIT = 16 * 1024
"""Bytes of a request's head that are waited for."""

PATIENCE = 10.0
"""Seconds a client has to send it."""


@dataclass(slots=True, frozen=True)
class Front:
    """What is behind a door besides WebSocket."""

    is_http: Callable[[str], bool]
    """Whether a path, its query left out, is answered as HTTP."""
    take: Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]
    """Gets a connection that speaks HTTP."""
    waiting: set[asyncio.Transport] = field(default_factory=set)
    """Connections whose head has not come yet."""


class Door(ServerConnection):
    """Reads the head of the first request and decides whose the connection is. A subclass says what is behind it."""

    front: ClassVar[Front]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._head: bytearray | None = bytearray()
        self._incoming: asyncio.Transport
        self._timer: asyncio.TimerHandle

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Nothing is known about it yet."""
        assert isinstance(transport, asyncio.Transport)
        self._incoming = transport
        self.front.waiting.add(transport)
        self._timer = self.loop.call_later(PATIENCE, transport.abort)

    def data_received(self, data: bytes) -> None:
        """The head, until it is whole; after that it is as if it had come in one piece."""
        if self._head is None:
            super().data_received(data)
            return
        self._head += data
        if b"\r\n\r\n" not in self._head and len(self._head) < HEAD_LIMIT:
            return
        head, self._head = bytes(self._head), None
        self._decided()
        if wants_websocket(head) or not self.front.is_http(path_of(head)):
            super().connection_made(self._incoming)
            super().data_received(head)
            return
        reader = asyncio.StreamReader(loop=self.loop)
        protocol = asyncio.StreamReaderProtocol(reader, self.front.take, loop=self.loop)
        self._incoming.set_protocol(protocol)
        protocol.connection_made(self._incoming)
        protocol.data_received(head)

    def eof_received(self) -> None:
        """Before the head was whole nobody has to be told."""
        if self._head is None:
            super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Before the head was whole nobody has to be told."""
        if self._head is None:
            super().connection_lost(exc)
        else:
            self._decided()

    def _decided(self) -> None:
        self._timer.cancel()
        self.front.waiting.discard(self._incoming)


def path_of(head: bytes) -> str:
    """The path of a request's first line, without its query; empty where there is none."""
    words = head.split(b"\r\n", 1)[0].split(b" ")
    return words[1].split(b"?")[0].decode("latin-1") if len(words) == 3 else ""


def wants_websocket(head: bytes) -> bool:
    """Whether it has an ``Upgrade: websocket`` (RFC 6455 §4.2.1)."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"upgrade" and b"websocket" in value.lower():
            return True
    return False

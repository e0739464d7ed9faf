"""HTTP/1.1 as far as SockJS needs it: requests with their bodies in, answers that may take their time out."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import h11

from tui.lab.driver import UNREAD_LIMIT
from tui.lab.reset import reset

BODY_LIMIT = 1024 * 1024
"""Bytes a request's body may have."""

_CHUNK = 64 * 1024


class Exchange:
    """One request, and the answer to it, which is written without waiting."""

    def __init__(
        self, connection: h11.Connection, transport: asyncio.WriteTransport, request: h11.Request, body: bytes
    ) -> None:
        self._connection = connection
        self._transport = transport
        self.method = request.method.decode()
        self.path, _, self.query = request.target.decode("latin-1").partition("?")
        self.headers = {name.decode(): value.decode("latin-1") for name, value in request.headers}
        """By name in lower case."""
        self.body = body
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.gone: Callable[[], None] = lambda: None
        """What to do when the client has left before its answer was whole."""

    def answer(self, status: int, headers: Sequence[tuple[str, str]], body: bytes = b"") -> None:
        """The whole answer."""
        length = [] if status == 204 else [("content-length", str(len(body)))]
        self.begin(status, [*headers, *length])
        if body and self.method != "HEAD":
            self.write(body)
        self.finish()

    def begin(self, status: int, headers: Sequence[tuple[str, str]]) -> None:
        """The head of the answer; chunked where it has no length."""
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
        self._send(h11.Response(status_code=status, reason=HTTPStatus(status).phrase, headers=raw))

    def write(self, data: bytes) -> None:
        """A piece of the answer's body."""
        if self._transport.get_write_buffer_size() > UNREAD_LIMIT:
            self.reset()
        self._send(h11.Data(data=data))

    def finish(self) -> None:
        """The answer is whole."""
        if not self.finished.done():
            self._send(h11.EndOfMessage())
            self.finished.set_result(None)

    def fin(self) -> None:
        """TCP FIN in the middle of the answer."""
        if not self.finished.done():
            if self._transport.can_write_eof():
                self._transport.write_eof()
            self.finished.set_result(None)

    def reset(self) -> None:
        """TCP RST in the middle of the answer."""
        if not self.finished.done():
            reset(self._transport)
            self.finished.set_result(None)

    def _send(self, event: h11.Response | h11.Data | h11.EndOfMessage) -> None:
        if self.finished.done() or self._transport.is_closing():
            return
        self._transport.write(self._connection.send(event) or b"")


async def converse(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Callable[[Exchange], None]
) -> None:
    """One HTTP connection to its end: request after request, each handed to ``answer``, which does not wait."""
    conversation = _Conversation(reader, writer)
    try:
        with suppress(OSError):
            await conversation.run(answer)
    except h11.RemoteProtocolError as error:
        conversation.refuse(error.error_status_hint)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


class _Conversation:
    """Reads on while an answer is being written: that is how a client's leaving is noticed."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._transport = writer.transport
        self._connection = h11.Connection(h11.SERVER)
        self._reading: asyncio.Task[bytes] | None = None

    async def run(self, answer: Callable[[Exchange], None]) -> None:
        try:
            while (exchange := await self._request()) is not None:
                answer(exchange)
                if not await self._answered(exchange) or self._connection.our_state is not h11.DONE:
                    return
                self._connection.start_next_cycle()
        finally:
            if self._reading is not None:
                self._reading.cancel()

    def refuse(self, status: int) -> None:
        """The last answer: what came is no request, or more than is taken."""
        if self._connection.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            headers = [(b"connection", b"close"), (b"content-length", b"0")]
            refusal = h11.Response(status_code=status, reason=HTTPStatus(status).phrase, headers=headers)
            self._transport.write(self._connection.send(refusal) or b"")

    async def _request(self) -> Exchange | None:
        request, body = None, bytearray()
        while True:
            event = self._connection.next_event()
            if event is h11.NEED_DATA:
                if self._connection.they_are_waiting_for_100_continue:
                    continued = h11.InformationalResponse(status_code=100, headers=[])
                    self._transport.write(self._connection.send(continued) or b"")
                self._connection.receive_data(await self._read())
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > BODY_LIMIT:
                    raise h11.RemoteProtocolError("the body is too large", error_status_hint=413)
            elif isinstance(event, h11.EndOfMessage) and request is not None:
                return Exchange(self._connection, self._transport, request, bytes(body))
            else:
                return None

    async def _answered(self, exchange: Exchange) -> bool:
        """Whether the client was there until the answer was whole."""
        while not exchange.finished.done():
            self._reading = self._reading or asyncio.create_task(self._reader.read(_CHUNK))
            either: set[asyncio.Future[Any]] = {exchange.finished, self._reading}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not exchange.finished.done():
                data = await self._read()
                if not data:
                    exchange.gone()
                    return False
                self._connection.receive_data(data)
        return True

    async def _read(self) -> bytes:
        reading = self._reading or asyncio.create_task(self._reader.read(_CHUNK))
        self._reading = reading
        try:
            return await reading
        finally:
            self._reading = None

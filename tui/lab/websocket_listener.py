"""The lab over WebSocket: the broker at ``/stomp`` and an echo at ``/echo``, both of which take ``faults``.

The same two by SockJS on the same port: ``/sockjs`` and ``/sockjs-echo``, and without SockJS's frames below them at
``/websocket``, as every SockJS server has it.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from urllib.parse import urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from tui.knowledge.catalogue import Language, phrase
from tui.lab.door import Door, Front
from tui.lab.driver import Driver
from tui.lab.faults import BadFault, parse_query
from tui.lab.http_exchange import Exchange, converse
from tui.lab.policy import Policy
from tui.lab.sockjs import SockjsService
from tui.lab.sockjs_applications import Echo, Stomp
from tui.lab.websocket_link import WebSocketLink

STOMP_PATH, ECHO_PATH = "/stomp", "/echo"
SOCKJS_PATH, SOCKJS_ECHO_PATH = "/sockjs", "/sockjs-echo"

_SPEAKING_STOMP = (STOMP_PATH, f"{SOCKJS_PATH}/websocket")
_ECHOING = (ECHO_PATH, f"{SOCKJS_ECHO_PATH}/websocket")

SUBPROTOCOLS = ("v12.stomp", "v11.stomp", "v10.stomp")
"""Best first."""

MAX_MESSAGE = 16 * 1024 * 1024
"""The largest message taken, bytes; the broker's own limit on frames is smaller."""


@asynccontextmanager
async def listening(driver: Driver, policy: Policy, host: str, port: int, lang: Language) -> AsyncIterator[int]:
    """A server for ``driver``'s broker while the context lasts; its port. At its end every WebSocket gets 1001.

    Args:
        policy: how long SockJS waits.
        lang: the language of its HTTP refusals.

    Raises:
        OSError: the address cannot be listened on.
    """
    services = (
        SockjsService(SOCKJS_PATH, policy, lambda session: Stomp(driver, session), lang),
        SockjsService(SOCKJS_ECHO_PATH, policy, Echo, lang),
    )
    conversations: set[asyncio.Task[None]] = set()

    def owner(path: str) -> SockjsService | None:
        return next((service for service in services if service.owns(path)), None)

    def answer(exchange: Exchange) -> None:
        service = owner(exchange.path)
        if service is None:
            exchange.answer(404, [])
        else:
            service.answer(exchange)

    def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversation = asyncio.create_task(converse(reader, writer, answer))
        conversations.add(conversation)
        conversation.add_done_callback(conversations.discard)

    class OurDoor(Door):
        """The door of this server."""

        front = Front(lambda path: owner(path) is not None, take)

    async def handle(ws: ServerConnection) -> None:
        assert ws.request is not None
        parts = urlsplit(ws.request.path)
        service = owner(parts.path)
        if service is not None and service.carries_websocket(parts.path):
            await service.serve(ws, parse_query(parts.query))
        else:
            await _Session(ws, driver).run()

    def screen(ws: ServerConnection, request: Request) -> Response | None:
        parts = urlsplit(request.path)
        service = owner(parts.path)
        framed = service is not None and service.carries_websocket(parts.path)
        if not framed and parts.path not in (*_SPEAKING_STOMP, *_ECHOING):
            paths = f"{STOMP_PATH} {ECHO_PATH} {SOCKJS_PATH} {SOCKJS_ECHO_PATH}"
            said = phrase("lab.unknown_path", lang, path=parts.path, paths=paths)
            return ws.respond(HTTPStatus.NOT_FOUND, said + "\n")
        try:
            parse_query(parts.query)
        except BadFault as bad:
            return ws.respond(HTTPStatus.BAD_REQUEST, phrase(bad.key, lang, **bad.args_) + "\n")
        return None

    server = await serve(
        handle,
        host,
        port,
        process_request=screen,
        select_subprotocol=_select_subprotocol,
        ping_interval=None,
        close_timeout=2,
        max_size=MAX_MESSAGE,
        create_connection=OurDoor,
    )
    raw: socket.socket = next(iter(server.sockets))
    bound: int = raw.getsockname()[1]
    try:
        yield bound
    finally:
        server.close()
        for transport in list(OurDoor.front.waiting):
            transport.abort()
        for service in services:
            service.stop()
        for conversation in conversations:
            conversation.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)
        await server.wait_closed()


def _select_subprotocol(ws: ServerConnection, offers: Sequence[Subprotocol]) -> Subprotocol | None:
    """The best STOMP version offered, or at the echo whatever is offered first; none is fine too."""
    best = next((offer for name in SUBPROTOCOLS for offer in offers if offer == name), None)
    if best is None and offers and ws.request is not None and urlsplit(ws.request.path).path in _ECHOING:
        return offers[0]
    return best


class _Session:
    """One connection from its 101 to its end: reading, misbehaving and ending side by side."""

    def __init__(self, ws: ServerConnection, driver: Driver) -> None:
        assert ws.request is not None
        self._parts = urlsplit(ws.request.path)
        self._link = WebSocketLink(ws)
        self._driver = driver

    async def run(self) -> None:
        """Returns when the connection has ended."""
        speak = self._echo if self._parts.path in _ECHOING else self._stomp
        speaking = asyncio.create_task(speak())
        ending = asyncio.create_task(self._link.ended())
        misbehaving = asyncio.create_task(self._link.misbehave(parse_query(self._parts.query), self._link.end))
        try:
            await asyncio.wait({speaking, ending}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (speaking, ending, misbehaving):
                task.cancel()
            results = await asyncio.gather(speaking, ending, misbehaving, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def _stomp(self) -> None:
        connection = self._driver.open(self._link)
        try:
            async for message in self._link.messages():
                self._driver.receive(connection, message.encode() if isinstance(message, str) else message)
        finally:
            self._driver.lost(connection)

    async def _echo(self) -> None:
        async for message in self._link.messages():
            self._link.send(message)

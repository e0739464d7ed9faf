"""The lab over WebSocket: the broker at ``/stomp`` and an echo at ``/echo``, both of which take ``faults``.

The same two by SockJS on the same port: ``/sockjs`` and ``/sockjs-echo``, and without SockJS's frames below them at
``/websocket``, as every SockJS server has it.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from urllib.parse import urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from tui.knowledge.catalogue import Language, phrase
from tui.lab.applications import Application, Echo, Stomp
from tui.lab.door import Door, Front
from tui.lab.driver import Driver
from tui.lab.faults import BadFault, parse_query
from tui.lab.http_exchange import Exchange, converse
from tui.lab.policy import Policy
from tui.lab.sockjs import SockjsService
from tui.lab.websocket_link import WebSocketLink

STOMP_PATH, ECHO_PATH = "/stomp", "/echo"
SOCKJS_PATH, SOCKJS_ECHO_PATH = "/sockjs", "/sockjs-echo"

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
    paths = _Paths(driver, policy, lang)

    class OurDoor(Door):
        """The door of this server."""

        front = Front(lambda path: paths.service(path) is not None, paths.take)

    server = await serve(
        paths.serve,
        host,
        port,
        process_request=paths.refuse,
        select_subprotocol=paths.select_subprotocol,
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
        await paths.stop()
        await server.wait_closed()


class _Paths:
    """What is served where."""

    def __init__(self, driver: Driver, policy: Policy, lang: Language) -> None:
        stomp = partial(Stomp, driver)
        self._lang = lang
        self._services = (
            SockjsService(SOCKJS_PATH, policy, stomp, lang), SockjsService(SOCKJS_ECHO_PATH, policy, Echo, lang),
        )  # fmt: skip
        self._plain: Mapping[str, Callable[[WebSocketLink], Application]] = {
            STOMP_PATH: stomp, f"{SOCKJS_PATH}/websocket": stomp,
            ECHO_PATH: Echo, f"{SOCKJS_ECHO_PATH}/websocket": Echo,
        }  # fmt: skip
        self._conversations: set[asyncio.Task[None]] = set()

    def service(self, path: str) -> SockjsService | None:
        """The SockJS endpoint ``path`` is below of, if it is."""
        return next((service for service in self._services if service.owns(path)), None)

    def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A connection that speaks HTTP came."""
        conversation = asyncio.create_task(converse(reader, writer, self._answer))
        self._conversations.add(conversation)
        conversation.add_done_callback(self._conversations.discard)

    def _answer(self, exchange: Exchange) -> None:
        service = self.service(exchange.path)
        if service is None:
            exchange.answer(404, [])
        else:
            service.answer(exchange)

    def refuse(self, ws: ServerConnection, request: Request) -> Response | None:
        """The answer to an upgrade that is not to be had, or whose faults make no sense."""
        parts = urlsplit(request.path)
        if self._framed(parts.path) is None and parts.path not in self._plain:
            paths = f"{STOMP_PATH} {ECHO_PATH} {SOCKJS_PATH} {SOCKJS_ECHO_PATH}"
            said = phrase("lab.unknown_path", self._lang, path=parts.path, paths=paths)
            return ws.respond(HTTPStatus.NOT_FOUND, said + "\n")
        try:
            parse_query(parts.query)
        except BadFault as bad:
            return ws.respond(HTTPStatus.BAD_REQUEST, phrase(bad.key, self._lang, **bad.args_) + "\n")
        return None

    def select_subprotocol(self, ws: ServerConnection, offers: Sequence[Subprotocol]) -> Subprotocol | None:
        """The best STOMP version offered, or at the echo whatever is offered first; none is fine too."""
        best = next((offer for name in SUBPROTOCOLS for offer in offers if offer == name), None)
        if best is None and offers and ws.request is not None:
            return offers[0] if self._plain.get(urlsplit(ws.request.path).path) is Echo else None
        return best

    async def serve(self, ws: ServerConnection) -> None:
        """One WebSocket, from its 101 to its end."""
        assert ws.request is not None
        parts = urlsplit(ws.request.path)
        faults, service = parse_query(parts.query), self._framed(parts.path)
        if service is not None:
            await service.serve(ws, faults)
            return
        link = WebSocketLink(ws)
        application = self._plain[parts.path](link)
        try:
            await link.run(_listen(link, application), faults, link.end)
        finally:
            application.lost()

    def _framed(self, path: str) -> SockjsService | None:
        service = self.service(path)
        return service if service is not None and service.carries_websocket(path) else None

    async def stop(self) -> None:
        """Every HTTP connection ends, and no timer is left running."""
        for service in self._services:
            service.stop()
        for conversation in self._conversations:
            conversation.cancel()
        await asyncio.gather(*self._conversations, return_exceptions=True)


async def _listen(link: WebSocketLink, application: Application) -> None:
    async for message in link.messages():
        application.receive(message)

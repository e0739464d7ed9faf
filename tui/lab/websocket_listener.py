"""The lab over WebSocket: the broker at ``/stomp`` and an echo at ``/echo``, both of which take ``faults``."""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from tui.knowledge.catalogue import Language, phrase
from tui.lab.driver import Driver
from tui.lab.faults import BadFault, parse_query
from tui.lab.websocket_link import WebSocketLink

STOMP_PATH, ECHO_PATH = "/stomp", "/echo"

SUBPROTOCOLS = ("v12.stomp", "v11.stomp", "v10.stomp")
"""Best first."""

MAX_MESSAGE = 16 * 1024 * 1024
"""The largest message taken, bytes; the broker's own limit on frames is smaller."""


async def listen(driver: Driver, host: str, port: int, lang: Language) -> Server:
    """A server for ``driver``'s broker; ``lang`` is the language of its HTTP refusals.

    Raises:
        OSError: the address cannot be listened on.
    """

    async def handle(ws: ServerConnection) -> None:
        await _Session(ws, driver).run()

    def screen(ws: ServerConnection, request: Request) -> Response | None:
        parts = urlsplit(request.path)
        if parts.path not in (STOMP_PATH, ECHO_PATH):
            paths = f"{STOMP_PATH} {ECHO_PATH}"
            said = phrase("lab.unknown_path", lang, path=parts.path, paths=paths)
            return ws.respond(HTTPStatus.NOT_FOUND, said + "\n")
        try:
            parse_query(parts.query)
        except BadFault as bad:
            return ws.respond(HTTPStatus.BAD_REQUEST, phrase(bad.key, lang, **bad.args_) + "\n")
        return None

    return await serve(
        handle,
        host,
        port,
        process_request=screen,
        select_subprotocol=_select_subprotocol,
        ping_interval=None,
        close_timeout=2,
        max_size=MAX_MESSAGE,
    )


def _select_subprotocol(ws: ServerConnection, offers: Sequence[Subprotocol]) -> Subprotocol | None:
    """The best STOMP version offered, or at the echo whatever is offered first; none is fine too."""
    best = next((offer for name in SUBPROTOCOLS for offer in offers if offer == name), None)
    if best is None and offers and ws.request is not None and urlsplit(ws.request.path).path == ECHO_PATH:
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
        speak = self._echo if self._parts.path == ECHO_PATH else self._stomp
        speaking = asyncio.create_task(speak())
        ending = asyncio.create_task(self._link.ended())
        misbehaving = asyncio.create_task(self._link.misbehave(parse_query(self._parts.query)))
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

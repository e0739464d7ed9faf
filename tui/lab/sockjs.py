"""SockJS at one base path: ``/info``, the greeting, and sessions by WebSocket, xhr-streaming and xhr-polling."""

import asyncio
import random
import re
from collections.abc import Callable

import msgspec
from websockets.asyncio.server import ServerConnection

from tui.knowledge.catalogue import Language, phrase
from tui.lab.applications import Application
from tui.lab.endings import Close
from tui.lab.faults import BadFault, Faults, parse_query
from tui.lab.http_exchange import Exchange
from tui.lab.policy import Policy
from tui.lab.sockjs_carriers import PRELUDE, STREAM_LIMIT, ResponseCarrier, WebSocketCarrier
from tui.lab.sockjs_session import SockjsSession
from tui.lab.websocket_link import WebSocketLink
from tui.protocols.sockjs import decode_upward

_SESSION = re.compile(r"/[^/.]+/(?P<session>[^/.]+)/(?P<transport>\w+)")
_TEXT = ("content-type", "text/plain; charset=UTF-8")
_SCRIPT = ("content-type", "application/javascript; charset=UTF-8")
_FRESH = ("cache-control", "no-store, no-cache, no-transform, must-revalidate, max-age=0")


class SockjsService:
    """The sessions of one base path.

    Args:
        base: the path, without a slash at its end.
        application: makes what a session is for.
        lang: the language of its HTTP refusals.
    """

    def __init__(
        self, base: str, policy: Policy, application: Callable[[SockjsSession], Application], lang: Language
    ) -> None:
        self.base = base
        self._policy = policy
        self._application = application
        self._lang = lang
        self._sessions: dict[str, SockjsSession] = {}
        self._faulty: set[asyncio.Task[None]] = set()

    def owns(self, path: str) -> bool:
        """Whether ``path`` is below its base."""
        return path == self.base or path.startswith(self.base + "/")

    def carries_websocket(self, path: str) -> bool:
        """Whether a session by WebSocket is to be had at ``path``."""
        found = _SESSION.fullmatch(path.removeprefix(self.base))
        return found is not None and found["transport"] == "websocket"

    async def serve(self, ws: ServerConnection, faults: Faults) -> None:
        """A session over one WebSocket, to its end."""
        link = WebSocketLink(ws)
        session = SockjsSession(self._policy, self._application, lambda: None)
        session.attach(WebSocketCarrier(link))
        try:
            await link.run(_listen(link, session), faults, session.end)
        finally:
            session.end(Close())
            session.stop()

    def answer(self, exchange: Exchange) -> None:
        """Any other request below its base."""
        path = exchange.path.removeprefix(self.base)
        headers = _cors(exchange)
        if exchange.method == "OPTIONS":
            allowed = ("access-control-allow-methods", "OPTIONS, GET, POST")
            exchange.answer(204, [*headers, allowed, ("access-control-max-age", "31536000")])
        elif path in ("", "/"):
            exchange.answer(200, [_TEXT], b"Welcome to SockJS!\n")
        elif path == "/info":
            exchange.answer(200, [*headers, _FRESH, ("content-type", "application/json; charset=UTF-8")], _info())
        elif (found := _SESSION.fullmatch(path)) is None:
            said = phrase("lab.unknown_path", self._lang, path=exchange.path, paths=self.base)
            exchange.answer(404, [*headers, _TEXT], f"{said}\n".encode())
        else:
            self._transport(exchange, found["session"], found["transport"])

    def stop(self) -> None:
        """No timer is left running."""
        for session in self._sessions.values():
            session.stop()
        for task in self._faulty:
            task.cancel()

    def _transport(self, exchange: Exchange, name: str, transport: str) -> None:
        headers = _cors(exchange)
        if transport == "websocket":
            exchange.answer(400, [*headers, _TEXT], b'Can "Upgrade" only to "WebSocket".\n')
        elif transport not in ("xhr", "xhr_streaming", "xhr_send"):
            exchange.answer(404, [*headers, _TEXT])
        elif exchange.method != "POST":
            exchange.answer(405, [*headers, ("allow", "OPTIONS, POST")])
        elif transport == "xhr_send":
            self._send(exchange, name)
        else:
            try:
                faults = parse_query(exchange.query)
                if faults.only_websocket:
                    raise BadFault("lab.fault_only_websocket", words=", ".join(faults.only_websocket))
            except BadFault as bad:
                exchange.answer(400, [*headers, _TEXT], f"{phrase(bad.key, self._lang, **bad.args_)}\n".encode())
                return
            self._receive(exchange, name, faults, streaming=transport == "xhr_streaming")

    def _send(self, exchange: Exchange, name: str) -> None:
        headers = [*_cors(exchange), _FRESH, _TEXT]
        session = self._sessions.get(name)
        if session is None:
            exchange.answer(404, headers)
        elif not exchange.body:
            exchange.answer(500, headers, b"Payload expected.\n")
        elif (frame := decode_upward(exchange.body.decode(errors="replace"))).flaw is not None:
            exchange.answer(500, headers, b"Broken JSON encoding.\n")
        else:
            exchange.answer(204, headers)
            session.receive(frame.messages)

    def _receive(self, exchange: Exchange, name: str, faults: Faults, *, streaming: bool) -> None:
        session = self._sessions.get(name)
        if session is None:
            session = SockjsSession(self._policy, self._application, lambda: self._forget(name))
            self._sessions[name] = session
            if faults.any_later:
                task = asyncio.create_task(_misbehave(session, faults))
                self._faulty.add(task)
                task.add_done_callback(self._faulty.discard)
        exchange.begin(200, [*_cors(exchange), _FRESH, _SCRIPT])
        if streaming:
            exchange.write(PRELUDE.encode())
        carrier = ResponseCarrier(exchange, STREAM_LIMIT if streaming else 0)
        exchange.gone = lambda: session.detach(carrier)
        session.attach(carrier)

    def _forget(self, name: str) -> None:
        self._sessions.pop(name, None)


async def _listen(link: WebSocketLink, session: SockjsSession) -> None:
    async for message in link.messages():
        if not message:
            continue
        frame = decode_upward(message if isinstance(message, str) else message.decode(errors="replace"))
        if frame.flaw is None:
            session.receive(frame.messages)
        else:
            session.end(Close(1007, "Broken JSON encoding."))


async def _misbehave(session: SockjsSession, faults: Faults) -> None:
    await asyncio.sleep(faults.after)
    session.mute = faults.mute
    if faults.ending is not None:
        session.end(faults.ending)


def _cors(exchange: Exchange) -> list[tuple[str, str]]:
    origin = exchange.headers.get("origin")
    headers = [("access-control-allow-origin", origin or "*")]
    if origin is not None:
        headers.append(("access-control-allow-credentials", "true"))
    if (asked := exchange.headers.get("access-control-request-headers")) is not None:
        headers.append(("access-control-allow-headers", asked))
    return headers


def _info() -> bytes:
    """What ``/info`` says ("Info"): no cookie is needed, and WebSocket is to be had."""
    entropy = random.getrandbits(32)
    return msgspec.json.encode(
        {"entropy": entropy, "origins": ["*:*"], "cookie_needed": False, "websocket": True},
    )

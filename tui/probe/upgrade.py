"""The opening handshake (RFC 6455 §4.1), sans-IO: the request, and whatever came back instead of a 101.

The answer is read by h11 and kept as it came; a 101 is then judged by websockets' ClientProtocol, fed exactly
to the blank line, so that what follows goes to our scanner.
"""

from dataclasses import dataclass, field

import h11
from websockets.client import ClientProtocol
from websockets.extensions import ClientExtensionFactory, Extension
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.headers import build_authorization_basic, build_host
from websockets.http11 import Request
from websockets.typing import Origin, Subprotocol
from websockets.uri import WebSocketURI

from tui import __version__
from tui.options.spec import SessionSpec
from tui.probe.redirect import location

KEPT = 4096
"""Bytes kept of a body, or of bytes that are no HTTP."""

HEAD_LIMIT = 64 * 1024
"""Bytes beyond which an answer that is not whole is given up on; browsers stop between 64 and 256 KiB of headers."""

NO_HTTP = "what came is no HTTP"

TOO_LONG = f"more than {HEAD_LIMIT} bytes came and the answer was not whole"

STOMP_SUBPROTOCOLS = ("v12.stomp", "v11.stomp", "v10.stomp")


@dataclass(slots=True)
class Answer:
    """What came back. ``status`` is None where it was no HTTP: ``raw`` holds its beginning then."""

    status: int | None = None
    phrase: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    raw: bytes = b""
    cut: bool = False
    rest: bytes = b""
    """What followed the head of a 101."""
    error: str | None = None
    """Why a 101 breaks the handshake's rules, or why this is no HTTP."""


class Upgrade:
    """One attempt to open a WebSocket.

    Args:
        spec: the session's options.
        resource: path and query, where they are not the target's.
        subprotocols: what is offered, where that is not the target's.
    """

    def __init__(
        self, spec: SessionSpec, *, resource: str | None = None, subprotocols: list[str] | None = None
    ) -> None:
        ending = spec.endpoint
        self._resource = ending.resource if resource is None else resource
        uri = WebSocketURI(ending.scheme.tls, ending.host, ending.port, "/", "", None, None)
        offered = subprotocols
        if offered is None:
            offered = spec.subprotocol or (list(STOMP_SUBPROTOCOLS) if spec.speaks_stomp else [])
        extensions: list[ClientExtensionFactory] = []
        if not spec.no_compression:
            extensions.append(ClientPerMessageDeflateFactory(client_max_window_bits=True))
        self._protocol = ClientProtocol(
            uri,
            origin=Origin(spec.origin) if spec.origin is not None else None,
            subprotocols=[Subprotocol(name) for name in offered] or None,
            extensions=extensions or None,
        )
        self.request = self._request(spec)
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_LIMIT)
        self._h11.send(h11.Request(method="GET", target="/", headers=[("Host", "-"), ("Upgrade", "websocket")]))
        self._follows = spec.follows
        self._received = b""
        self._answer = Answer()
        self.answer: Answer | None = None
        """Set once the answer is whole, or as whole as it gets."""

    def _request(self, spec: SessionSpec) -> Request:
        ending = spec.endpoint
        request = self._protocol.connect()
        request.path = self._resource
        headers = request.headers
        del headers["Host"]
        headers["Host"] = build_host(ending.host, ending.port, ending.scheme.tls)
        headers["User-Agent"] = f"whoops/{__version__}"
        user, password = spec.user.split(":", 1) if spec.user else (ending.user, ending.password or "")
        if user is not None:
            headers["Authorization"] = build_authorization_basic(user, password or "")
        if spec.cookie:
            headers["Cookie"] = "; ".join(spec.cookie)
        replaced: set[str] = set()
        for name, value in spec.headers:
            if name.lower() not in replaced and name in headers:
                del headers[name]
            replaced.add(name.lower())
            headers[name] = value
        return request

    @property
    def data(self) -> bytes:
        """The request's bytes."""
        return self.request.serialize()

    @property
    def received(self) -> int:
        """Bytes that came so far."""
        return len(self._received)

    def feed(self, data: bytes) -> None:
        """Bytes of the answer came; empty for the end of the stream."""
        if self.answer is not None:
            return
        self._received += data
        answer = self._answer
        try:
            self._h11.receive_data(data)
            whole = self._read(answer)
        except h11.RemoteProtocolError as error:
            if answer.status is None and self._received:
                # Of h11's words only these: the bytes themselves are in ``raw``.
                self._no_http(str(error).partition(": bytearray")[0] if self._http_came() else NO_HTTP)
            whole = bool(self._received)
        too_long = len(self._received) > HEAD_LIMIT and answer.status != 101
        if too_long and (not whole or answer.error is not None):
            answer.error = TOO_LONG
        if not whole and not self._http_came() and b"\n" in self._received:
            self._no_http(NO_HTTP)  # a banner: whoever said it waits for an answer in its own protocol
            whole = True
        if whole or too_long:
            self.answer = answer

    def _no_http(self, words: str) -> None:
        """What came is evidence as it is."""
        self._answer.error = words
        self._answer.raw = self._received[:KEPT]
        self._answer.cut = len(self._received) > KEPT

    def _http_came(self) -> bool:
        """Whether what came is, or may become, a status line (RFC 9112 §4)."""
        return self._received[:5] == b"HTTP/"[: len(self._received)]

    def _read(self, answer: Answer) -> bool:
        """Takes what h11 made of the bytes into ``answer``; whether that is all of it."""
        while True:
            event = self._h11.next_event()
            if isinstance(event, h11.InformationalResponse | h11.Response):
                answer.status = event.status_code
                answer.phrase = event.reason.decode("latin-1")
                answer.headers = [
                    (name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers.raw_items()
                ]
                if event.status_code == 101:
                    answer.rest = self._h11.trailing_data[0]
                    self._judge(answer)
                    return True
                if self._follows and location(answer.status, answer.headers) is not None:
                    return True  # the body of a redirect that is followed is of no use
            elif isinstance(event, h11.Data):
                answer.cut = len(answer.body) + len(event.data) > KEPT
                answer.body = (answer.body + bytes(event.data))[:KEPT]
                if answer.cut:
                    return True
            else:
                return isinstance(event, h11.EndOfMessage | h11.ConnectionClosed)

    def give_up(self) -> None:
        """No more will be waited for: what came is the answer, if it has a head or is no HTTP at all."""
        if self._answer.status is None and not self._http_came():
            self._no_http(NO_HTTP)
        if self._answer.status is not None or self._answer.error is not None:
            self.answer = self._answer

    def _judge(self, answer: Answer) -> None:
        """Whether a 101 keeps the handshake's rules (accept key, subprotocol, extensions)."""
        end = len(self._received) - len(answer.rest)
        self._protocol.receive_data(self._received[:end])
        if self._protocol.handshake_exc is not None:
            answer.error = _words(self._protocol.handshake_exc)

    @property
    def subprotocol(self) -> str | None:
        """The one the server chose."""
        return self._protocol.subprotocol

    @property
    def extensions(self) -> list[Extension]:
        """What was negotiated: nothing, or permessage-deflate."""
        return list(self._protocol.extensions)


def _words(error: Exception) -> str:
    return f"{error}: {error.__cause__}" if error.__cause__ is not None else str(error)

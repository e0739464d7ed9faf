"""The SockJS half of our client, as sockjs-client 1.6 does it (lib/main.js, lib/transport): what goes up is quoted into
an array; over XHR what comes down is asked for again and again, and what goes up waits for its turn.

Over WebSocket it is a WebSocket that quotes. Over XHR there is no close handshake: who leaves stops asking.
"""

from collections import deque

from tui.client.outgoing import Act, Out, OutRequest
from tui.client.websocket import WebSocketClient
from tui.protocols import sockjs

SEND_PAUSE = 0.025
"""Seconds between an ``xhr_send`` that was answered and the next (lib/transport/lib/buffered-sender.js)."""

PARTING = 0.5
"""Seconds the server has to close after its ``c`` before we do."""


class SockjsWebSocket(WebSocketClient):
    """SockJS framing over WebSocket."""

    carries_bytes = False

    def message(self, payload: bytes, *, binary: bool = False, composed: bool = False) -> None:
        """One message, quoted into an array."""
        super().message(sockjs.encode([payload.decode()]).encode(), composed=composed)

    def raw(self, payload: bytes, *, composed: bool = False) -> None:
        """One text message as it is."""
        super().message(payload, composed=composed)


class XhrClient:
    """One connection's behaviour over ``xhr-streaming`` or ``xhr-polling``: what is to be asked, and when."""

    carries_bytes = False
    parting = 0.0

    def __init__(self) -> None:
        self.out: deque[Out] = deque()
        self.close_sent = False
        self._buffer: list[str] = []
        self._composed = False
        self._sending = False
        self._receiving = False
        self._send_at: float | None = None
        self._poll_at: float | None = None
        self._paused_until = 0.0

    def opened(self) -> None:
        """The transport is to be opened: the first request for what comes."""
        self._poll()

    def message(self, payload: bytes, *, binary: bool = False, composed: bool = False) -> None:
        """One message: it leaves with those that wait, as soon as the send before it was answered."""
        del binary
        self._buffer.append(payload.decode())
        self._composed = self._composed or composed
        if not self._sending and self._send_at is None:
            self._send()

    def raw(self, payload: bytes, *, composed: bool = False) -> None:
        """The body of an ``xhr_send`` of its own, as it is."""
        self.out.append(OutRequest("send", payload, composed))

    def answered(self, kind: str, m: float) -> None:
        """A request was answered well: the next one follows."""
        if kind == "send":
            self._sending = False
            self._send_at = m + SEND_PAUSE
        else:
            self._receiving = False
            self._poll_at = max(m, self._paused_until)

    def pause(self, until: float) -> None:
        """Asks for nothing before ``until`` (``pause-polling``): the server gives such a client up."""
        self._paused_until = until
        if self._poll_at is not None:
            self._poll_at = max(self._poll_at, until)

    def close(self, code: int | None, reason: str, m: float) -> None:
        """Stops asking, at once: XHR has no words for a ``code`` and a ``reason``."""
        del code, reason, m
        if not self.close_sent:
            self.close_sent = True
            self.out.append(Act("finish", "local", "closed"))

    def next_wake(self) -> float | None:
        """When ``wake`` is to be called."""
        return min((at for at in (self._send_at, self._poll_at) if at is not None), default=None)

    def wake(self, m: float) -> None:
        """Time has come to ``m``."""
        if self._send_at is not None and m >= self._send_at:
            self._send_at = None
            self._send()
        if self._poll_at is not None and m >= self._poll_at:
            self._poll_at = None
            self._poll()

    def _send(self) -> None:
        if self._buffer and not self.close_sent:
            self.out.append(OutRequest("send", sockjs.encode(self._buffer).encode(), self._composed))
            self._buffer, self._composed, self._sending = [], False, True

    def _poll(self) -> None:
        if not self._receiving and not self.close_sent:
            self._receiving = True
            self.out.append(OutRequest("receive"))

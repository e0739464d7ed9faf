"""The WebSocket half of our client: frames, pings, pongs and the close handshake (RFC 6455 §5.5, §7).

It conforms: it answers pings, echoes a Close, and on a framing error sends 1002, 1007 or 1009 once and keeps reading
until the peer ends TCP or ``--close-timeout`` has passed. It sends no ping unless asked.
"""

import math
import secrets
from collections import deque
from typing import NamedTuple

from websockets.extensions import Extension
from websockets.frames import Frame, Opcode

from tui.client.outgoing import Act, Out, OutFrame
from tui.facts import facts
from tui.protocols.websocket import BINARY, CLOSE, ERRORS, PING, PONG, TEXT, is_close

PONGS = 1000
"""Pongs that may wait for a peer that does not read; of the pings beyond them only the latest is answered."""


class _Ping(NamedTuple):
    """A ping of our own that waits for its pong, and until when."""

    payload: bytes
    due: float


class WebSocketClient:
    """One connection's WebSocket behaviour.

    Args:
        deflate: the negotiated permessage-deflate, or None.
        close_timeout: seconds from our Close, or our echo, to ending TCP ourselves.
        ping_interval: seconds between pings of ours, counted from open; None for none.
        ping_timeout: seconds an own ping may stay unanswered before we close with 1011; None for ever.
    """

    carries_bytes = True
    """Whether a message may be anything but text."""

    parting = 0.0
    """Seconds the peer has to go first once it has acknowledged that we leave: our Close is ours to send."""

    def __init__(
        self,
        *,
        deflate: Extension | None,
        close_timeout: float,
        ping_interval: float | None = None,
        ping_timeout: float | None = None,
    ) -> None:
        self.out: deque[Out] = deque()
        self.close_sent = False
        self._deflate = deflate
        self._close_timeout = close_timeout
        self._ping_interval = ping_interval
        self._ping_timeout = ping_timeout
        self._next_ping: float | None = None
        self._unanswered: deque[_Ping] = deque()
        self._give_up_at: float | None = None
        self._pongs_held: list[bytes] | None = None
        self._pongs_waiting = 0
        self._pong_owed: bytes | None = None
        """Of the latest ping that came while too many pongs waited."""

    def opened(self, m: float) -> None:
        """The 101 came."""
        if self._ping_interval is not None:
            self._next_ping = m + self._ping_interval

    def received(self, frame: facts.Frame, payload: bytes, m: float) -> None:
        """A frame came in; ``payload`` is what its fact holds."""
        if is_close(frame.opcode, frame.error):
            if not self.close_sent:
                self._echo(frame)
            self._give_up_at = self._give_up_at or m + self._close_timeout
        elif frame.error is not None:
            self.close(ERRORS[frame.error], frame.error, m)
        elif frame.opcode == PING:
            if self._pongs_held is not None:
                self._pongs_held = [payload]
            elif not self.close_sent:
                self._answer(payload)
        elif frame.opcode == PONG:
            self._answered(payload)

    def _answer(self, payload: bytes) -> None:
        """A pong for each ping; where too many wait to be sent, one for the latest (RFC 6455 §5.5.3 allows that)."""
        if self._pongs_waiting < PONGS:
            self._pongs_waiting += 1
            self.frame(PONG, payload)
        else:
            self._pong_owed = payload

    def sent(self, frame: OutFrame) -> None:
        """The kernel took the last byte of a frame."""
        if frame.opcode != PONG:
            return
        self._pongs_waiting = max(0, self._pongs_waiting - 1)
        if not self._pongs_waiting and self._pong_owed is not None and not self.close_sent:
            payload, self._pong_owed = self._pong_owed, None
            self._answer(payload)

    def _answered(self, payload: bytes) -> None:
        """A pong answers its ping and all before it (RFC 6455 §5.5.3)."""
        if any(ping.payload == payload for ping in self._unanswered):
            while self._unanswered.popleft().payload != payload:
                pass

    def _echo(self, frame: facts.Frame) -> None:
        """RFC 6455 §5.5.1: a Close is answered with a Close, typically echoing its code."""
        if frame.error is not None:
            self._send_close(ERRORS[frame.error], "")
        else:
            self._send_close(frame.code, "")

    def close(self, code: int | None, reason: str, m: float) -> None:
        """Starts the close handshake, once."""
        if self.close_sent:
            return
        self._send_close(code, reason)
        self._give_up_at = m + self._close_timeout

    def _send_close(self, code: int | None, reason: str) -> None:
        encoded = reason.encode("utf-8", "surrogateescape")[:123]
        self.close_sent = True
        self._next_ping = None
        self._unanswered.clear()
        self.frame(CLOSE, b"" if code is None else code.to_bytes(2) + encoded, code=code, reason=reason)

    def message(self, payload: bytes, *, binary: bool = False, composed: bool = False) -> None:
        """One data message in one frame: text unless ``binary``."""
        self.frame(BINARY if binary else TEXT, payload, composed=composed)

    def raw(self, payload: bytes, *, composed: bool = False) -> None:
        """One message without any framing of an upper layer: here there is none."""
        self.message(payload, composed=composed)

    def frame(
        self, opcode: int, payload: bytes, *, code: int | None = None, reason: str | None = None, composed: bool = False
    ) -> None:
        """Queues one frame, masked (§5.3) and, for data, deflated if that was negotiated."""
        frame = Frame(Opcode(opcode), payload)
        deflated = self._deflate is not None and opcode in (TEXT, BINARY)
        data = frame.serialize(mask=True, extensions=[self._deflate] if deflated and self._deflate else None)
        length = data[1] & 127
        head = data[: 2 + (2 if length == 126 else 8 if length == 127 else 0) + 4]
        self.out.append(
            OutFrame(data, opcode, True, 4 if deflated else 0, True, head, payload, deflated, code, reason, composed)
        )

    def ping(self, payload: bytes) -> None:
        """A ping of the user's."""
        self.frame(PING, payload)

    def pong(self, payload: bytes) -> None:
        """An unsolicited pong (§5.5.3)."""
        self.frame(PONG, payload)

    def hold_pongs(self) -> None:
        """Pings are seen and not answered."""
        self._pongs_held = self._pongs_held if self._pongs_held is not None else []

    def release_pongs(self) -> None:
        """The latest held ping is answered (§5.5.3 allows only that), and those to come."""
        held, self._pongs_held = self._pongs_held, None
        if held and not self.close_sent:
            self.frame(PONG, held[-1])

    def next_wake(self) -> float | None:
        """When ``wake`` is to be called."""
        due = self._unanswered[0].due if self._unanswered else None
        return min((at for at in (self._next_ping, due, self._give_up_at) if at is not None), default=None)

    def wake(self, m: float) -> None:
        """Time has come to ``m``."""
        if self._unanswered and m >= self._unanswered[0].due:
            self.close(1011, "keepalive ping timeout", m)
        if self._next_ping is not None and m >= self._next_ping:
            self._keep_alive(m)
        if self._give_up_at is not None and m >= self._give_up_at:
            self._give_up_at = None
            self.out.append(Act("finish", "local", "close-timeout"))

    def _keep_alive(self, m: float) -> None:
        """A ping of our own, at a fixed cadence; none is made up for."""
        assert self._ping_interval is not None and self._next_ping is not None
        missed = math.floor((m - self._next_ping) / self._ping_interval)
        self._next_ping += self._ping_interval * (missed + 1)
        payload = secrets.token_hex(4).encode()
        if self._ping_timeout is not None:
            self._unanswered.append(_Ping(payload, m + self._ping_timeout))
        self.frame(PING, payload)

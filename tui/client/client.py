"""One connection's client: WebSocket or TCP, with STOMP on top where the target asks for it.

``tui.probe.connection`` feeds it what came in and carries out what it puts in ``out``; ``tui.client.commands`` carries
out the session commands on it.
"""

from collections import deque
from typing import Literal

from tui.client.outgoing import Act, Out, OutFrame
from tui.client.sockjs import PARTING, XhrClient
from tui.client.stomp import StompClient
from tui.client.tcp import TcpClient
from tui.client.websocket import WebSocketClient
from tui.facts import facts, findings
from tui.options.spec import SessionSpec

REFUSED = 2.0
"""Seconds the server has to close after an ERROR instead of CONNECTED before we do. It must (STOMP 1.2, "ERROR");
RabbitMQ does not where it refuses a login over WebSocket (measured with 3.10)."""


class Client:
    """What our side does on one connection, from the open transport to the end.

    Args:
        spec: the session's options.
        wire: the transport's half: WebSocket, SockJS over XHR, or plain TCP.
    """

    def __init__(self, spec: SessionSpec, wire: WebSocketClient | XhrClient | TcpClient) -> None:
        self._close_timeout = spec.close_timeout
        self.wire = wire
        self.stomp = StompClient(spec, self._send_stomp) if spec.speaks_stomp else None
        self.half_closed = False
        """Our FIN was asked for: nothing more can be sent."""
        self._frozen_until: float | None = None
        self._disconnect_due: float | None = None
        self._sockjs = spec.endpoint.scheme.transport == "sockjs"
        self._sockjs_open = False
        self._parting_due: float | None = None

    @property
    def out(self) -> deque[Out]:
        """What is to be done now, in order; whoever does it empties it."""
        return self.wire.out

    @property
    def frozen(self) -> bool:
        """Nothing is to be read, and nothing done, now (``freeze``)."""
        return self._frozen_until is not None

    @property
    def _beating(self) -> bool:
        """STOMP beats may leave: nothing has ended our half."""
        return not (self.wire.close_sent or self.half_closed)

    def _send_stomp(self, data: bytes) -> None:
        """STOMP goes in text messages, in binary ones where a body is no UTF-8, as stompjs does it."""
        try:
            data.decode()
        except UnicodeDecodeError:
            self.wire.message(data, binary=True, composed=True)
        else:
            self.wire.message(data, composed=True)

    def opened(self, m: float) -> None:
        """The transport is open: the 101 came, or TCP (and TLS) are up."""
        if isinstance(self.wire, WebSocketClient):
            self.wire.opened(m)
        elif isinstance(self.wire, XhrClient):
            self.wire.opened()
        if self.stomp is not None and not self._sockjs:
            self.stomp.opened()

    def received(self, frame: facts.Frame, payload: bytes, m: float) -> None:
        """A WebSocket frame came in."""
        if isinstance(self.wire, WebSocketClient):
            self.wire.received(frame, payload, m)

    def sent(self, frame: OutFrame) -> None:
        """The kernel took the last byte of a frame of ours."""
        if isinstance(self.wire, WebSocketClient):
            self.wire.sent(frame)

    def heard(self, finding: findings.Finding, m: float) -> None:
        """Something was computed from what came in."""
        if isinstance(finding, findings.Sockjs) and finding.dir == "in":
            self._heard_sockjs(finding, m)
        if self.stomp is None or not isinstance(finding, findings.Stomp) or finding.dir != "in":
            return
        self.stomp.heard(finding, m)
        if finding.command == "ERROR" and self.stomp.waits:
            self._parting_due = m + REFUSED
        if self.stomp.receipt_came(finding):
            self._disconnect_due = m + self.wire.parting if self.wire.parting else None
            if self._disconnect_due is None:
                self.wire.close(1000, "", m)

    def _heard_sockjs(self, frame: findings.Sockjs, m: float) -> None:
        if frame.kind == "o" and not self._sockjs_open:
            self._sockjs_open = True
            if self.stomp is not None:
                self.stomp.opened()
        elif frame.kind == "o":
            self.out.append(Act("finish", "local", "sockjs-lost-session"))
        elif frame.kind == "c" and frame.code is not None:
            self._parting_due = m if isinstance(self.wire, XhrClient) else m + PARTING

    def next_wake(self) -> float | None:
        """When ``wake`` is to be called, monotonic seconds; None for never."""
        if self._frozen_until is not None:
            return self._frozen_until
        beat = self.stomp.next_wake() if self.stomp is not None and self._beating else None
        wakes = [self.wire.next_wake(), beat, self._disconnect_due, self._parting_due]
        return min((at for at in wakes if at is not None), default=None)

    def wake(self, m: float) -> None:
        """Time has come to ``m``."""
        if self._frozen_until is not None:
            if m < self._frozen_until:
                return
            self._frozen_until = None
        if self.stomp is not None and self._beating:
            self.stomp.wake(m)
        if self._disconnect_due is not None and m >= self._disconnect_due:
            self._disconnect_due = None
            self.wire.close(1000, "", m)
        if self._parting_due is not None and m >= self._parting_due:
            self._parting_due = None
            self.wire.close(None, "", m)
        self.wire.wake(m)

    def freeze(self, until: float) -> None:
        """Does nothing at all before ``until``, monotonic seconds: no read, no beat, no pong."""
        self._frozen_until = until

    def half_close(self) -> None:
        """Ends our half of TCP; the peer may go on."""
        self.half_closed = True
        self.out.append(Act("half-close"))

    def end(self, how: Literal["reset", "abort"]) -> None:
        """Ends TCP at once, without a word, that of a frozen session too."""
        self._frozen_until = None
        self.out.append(Act(how))

    def leave(self, m: float) -> None:
        """Ends the session politely, a frozen one too: DISCONNECT where STOMP is up, a Close or a FIN otherwise."""
        self._frozen_until = None
        if self.stomp is None or not self.stomp.connected or self.wire.close_sent:
            self.wire.close(1000, "", m)
        elif not self.stomp.disconnecting:
            self.stomp.disconnect()
            self._disconnect_due = m + self._close_timeout

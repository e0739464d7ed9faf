"""The transport half of our client where there is no WebSocket: STOMP straight over TCP or TLS.

There are no frames of its own and no close handshake: what is said is bytes, and the end is a FIN.
"""

from collections import deque

from tui.client.outgoing import Act, Out, OutBytes

PARTING = 0.5
"""Seconds from the receipt of our DISCONNECT in which a peer that speaks TLS may end it first: one that closes right
behind the receipt (RabbitMQ does) would answer our close_notify with a RST, and the orderly end look like a reset."""


class TcpClient:
    """One connection's TCP behaviour.

    Args:
        close_timeout: seconds from our FIN to ending TCP ourselves.
        tls: our FIN has a close_notify in front of it.
    """

    carries_bytes = True

    def __init__(self, *, close_timeout: float, tls: bool) -> None:
        self.parting = PARTING if tls else 0.0
        """Seconds the peer has to go first once it has acknowledged that we leave."""
        self.out: deque[Out] = deque()
        self.close_sent = False
        self._close_timeout = close_timeout
        self._give_up_at: float | None = None

    def message(self, payload: bytes, *, binary: bool = False, composed: bool = False) -> None:
        """Some bytes; a stream knows no text or ``binary``."""
        del binary
        self.out.append(OutBytes(payload, composed))

    def raw(self, payload: bytes, *, composed: bool = False) -> None:
        """Bytes as they are."""
        self.message(payload, composed=composed)

    def close(self, code: int | None, reason: str, m: float) -> None:
        """Sends our FIN, once; TCP has no words for a ``code`` and a ``reason``."""
        del code, reason
        if self.close_sent:
            return
        self.close_sent = True
        self._give_up_at = m + self._close_timeout
        self.out.append(Act("half-close"))

    def next_wake(self) -> float | None:
        """When ``wake`` is to be called."""
        return self._give_up_at

    def wake(self, m: float) -> None:
        """Time has come to ``m``."""
        if self._give_up_at is not None and m >= self._give_up_at:
            self._give_up_at = None
            self.out.append(Act("finish", "local", "close-timeout"))

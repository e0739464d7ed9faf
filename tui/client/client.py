"""One connection's client: WebSocket with STOMP on top where the target asks for it, and the session commands.

``tui.probe.connection`` feeds it what came in and every command, and carries out what it puts in ``out``.
"""

from collections import deque
from collections.abc import Callable
from pathlib import Path

from websockets.extensions import Extension

from tui.client.outgoing import Act, Out, RawBytes
from tui.client.stomp import StompClient
from tui.client.websocket import WebSocketClient
from tui.facts import facts, findings
from tui.facts.commands import SessionCommand
from tui.options.spec import SessionSpec

Why = str | None
"""None where a command was carried out, else the catalogue key of why not."""


class Client:
    """What our side does on one connection, from the 101 to the end.

    Args:
        spec: the session's options.
        deflate: the negotiated permessage-deflate, or None.
    """

    def __init__(self, spec: SessionSpec, deflate: Extension | None) -> None:
        self._spec = spec
        self._ws = WebSocketClient(
            deflate=deflate,
            close_timeout=spec.close_timeout,
            ping_interval=spec.ping_interval,
            ping_timeout=spec.ping_timeout,
        )
        self._stomp = StompClient(spec, self._send_stomp) if spec.speaks_stomp else None
        self._frozen_until: float | None = None
        self._disconnect_due: float | None = None
        self._now = 0.0

    @property
    def out(self) -> deque[Out]:
        """What is to be done now, in order; whoever does it empties it."""
        return self._ws.out

    @property
    def frozen(self) -> bool:
        """Nothing is to be read now (``freeze``)."""
        return self._frozen_until is not None

    def _send_stomp(self, data: bytes) -> None:
        try:
            data.decode()
        except UnicodeDecodeError:
            self._ws.message(data, binary=True, composed=True)
        else:
            self._ws.message(data, composed=True)

    def opened(self, m: float) -> None:
        """The WebSocket handshake succeeded."""
        self._ws.opened(m)
        if self._stomp is not None:
            self._stomp.opened()

    def received(self, frame: facts.Frame, payload: bytes, m: float) -> None:
        """A frame came in."""
        self._ws.received(frame, payload, m)

    def heard(self, finding: findings.Finding, m: float) -> None:
        """Something was computed from what came in."""
        if self._stomp is None or not isinstance(finding, findings.Stomp) or finding.dir != "in":
            return
        self._stomp.heard(finding, m)
        if self._stomp.receipt_came(finding):
            self._disconnect_due = None
            self._ws.close(1000, "", m)

    def next_wake(self) -> float | None:
        """When ``wake`` is to be called, monotonic seconds; None for never."""
        if self._frozen_until is not None:
            return self._frozen_until
        wakes = [self._ws.next_wake(), self._stomp.next_wake() if self._stomp else None, self._disconnect_due]
        return min((at for at in wakes if at is not None), default=None)

    def wake(self, m: float) -> None:
        """Time has come to ``m``."""
        if self._frozen_until is not None:
            if m < self._frozen_until:
                return
            self._frozen_until = None
        if self._stomp is not None and not self._ws.close_sent:
            self._stomp.wake(m)
        if self._disconnect_due is not None and m >= self._disconnect_due:
            self._disconnect_due = None
            self._ws.close(1000, "", m)
        self._ws.wake(m)

    def leave(self, m: float) -> None:
        """Ends the session politely: DISCONNECT where STOMP is up, a Close 1000 otherwise."""
        if self._stomp is not None and self._stomp.connected and not self._ws.close_sent:
            self._stomp.disconnect()
            self._disconnect_due = m + self._spec.close_timeout
        else:
            self._ws.close(1000, "", m)

    def do(self, command: SessionCommand, m: float) -> Why:
        """Carries one command out; the catalogue key of why not, where it cannot be."""
        self._now = m
        if self._frozen_until is not None:
            return "command.frozen"
        handler = _HANDLERS[command.verb]
        if command.verb in _STOMP_VERBS and self._stomp is None:
            return "command.no_stomp"
        if self._ws.close_sent and command.verb in _SENDING:
            return "command.closing"
        return handler(self, command)

    def _send(self, command: SessionCommand) -> Why:
        data = _bytes(command)
        if command.verb == "send-raw" or self._stomp is None:
            self._ws.message(data)
            return None
        destination = next(iter(self._stomp.subscriptions.values()), None)
        if destination is None:
            return "command.no_destination"
        self._stomp.message(destination, data)
        return None

    def _send_repeat(self, command: SessionCommand) -> Why:
        times = command.args[1]
        data = _bytes(command)
        if not isinstance(times, int) or not 0 <= times * max(1, len(data)) <= 1 << 30:
            return "command.too_much"
        repeated = data.decode("utf-8", "surrogateescape") * times
        return self._send(SessionCommand(verb="send", args=(repeated,)))

    def _send_binary(self, command: SessionCommand) -> Why:
        self._ws.message(_bytes(command), binary=True)
        return None

    def _send_file(self, command: SessionCommand) -> Why:
        try:
            data = Path(str(command.args[0])).expanduser().read_bytes()
        except OSError:
            return "command.unreadable_file"
        try:
            data.decode()
        except UnicodeDecodeError:
            self._ws.message(data, binary=True)
            return None
        return self._send(SessionCommand(verb="send", args=(data.decode(),)))

    def _raw_frame(self, command: SessionCommand) -> Why:
        self.out.append(RawBytes(_bytes(command)))
        return None

    def _ping(self, command: SessionCommand) -> Why:
        data = _bytes(command)
        if len(data) > 125:
            return "command.control_too_long"
        (self._ws.ping if command.verb == "ping" else self._ws.pong)(data)
        return None

    def _close(self, command: SessionCommand) -> Why:
        code = command.args[0] if command.args else 1000
        reason = str(command.args[1]) if len(command.args) > 1 else ""
        if not isinstance(code, int) or not 0 <= code <= 65535:
            return "command.close_code"
        if len(reason.encode("utf-8", "surrogateescape")) > 123:
            return "command.control_too_long"
        self._ws.close(code, reason, self._now)
        return None

    def _act(self, command: SessionCommand) -> Why:
        acts = {"half-close": Act("half-close"), "reset": Act("reset"), "abort": Act("abort")}
        self.out.append(acts[command.verb])
        return None

    def _disconnect(self, command: SessionCommand) -> Why:
        assert self._stomp is not None
        if not self._stomp.connected:
            return "command.not_connected"
        self.leave(self._now)
        return None

    def _subscription(self, command: SessionCommand) -> Why:
        assert self._stomp is not None
        destination = str(command.args[0])
        if command.verb == "subscribe":
            self._stomp.subscribe(destination)
            return None
        return None if self._stomp.unsubscribe(destination) else "command.not_subscribed"

    def _stomp_send(self, command: SessionCommand) -> Why:
        assert self._stomp is not None
        self._stomp.message(str(command.args[0]), _bytes(command, 1))
        return None

    def _stomp_frame(self, command: SessionCommand) -> Why:
        self._send_stomp(_bytes(command))
        return None

    def _acknowledge(self, command: SessionCommand) -> Why:
        assert self._stomp is not None
        done = self._stomp.acknowledge(str(command.args[0]), positive=command.verb == "ack")
        return None if done else "command.nack_1_0"

    def _transaction(self, command: SessionCommand) -> Why:
        assert self._stomp is not None
        name = str(command.args[0]) if command.args else None
        if command.verb == "begin":
            self._stomp.begin(name)
            return None
        done = self._stomp.end_transaction(name, commit=command.verb == "commit")
        return None if done else "command.no_transaction"

    def _beats(self, command: SessionCommand) -> Why:
        assert self._stomp is not None
        if command.verb == "throttle-beats":
            milliseconds = command.args[0]
            if not isinstance(milliseconds, int) or milliseconds < 0:
                return "command.negative"
            self._stomp.throttle_beats(milliseconds / 1000, self._now)
        elif command.verb == "hold-beats":
            self._stomp.hold_beats()
        else:
            self._stomp.release_beats()
        return None

    def _pongs(self, command: SessionCommand) -> Why:
        (self._ws.hold_pongs if command.verb == "hold-pongs" else self._ws.release_pongs)()
        return None

    def _freeze(self, command: SessionCommand) -> Why:
        self._frozen_until = self._now + float(command.args[0])
        return None

    def _mark(self, command: SessionCommand) -> Why:
        """The ``command`` fact is the mark."""
        return None


def _bytes(command: SessionCommand, at: int = 0) -> bytes:
    if len(command.args) <= at:
        return b""
    value = command.args[at]
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")


_HANDLERS: dict[str, Callable[[Client, SessionCommand], Why]] = {
    "send": Client._send,
    "send-raw": Client._send,
    "send-repeat": Client._send_repeat,
    "send-binary": Client._send_binary,
    "send-file": Client._send_file,
    "raw-frame": Client._raw_frame,
    "ping": Client._ping,
    "pong": Client._ping,
    "close": Client._close,
    "half-close": Client._act,
    "reset": Client._act,
    "abort": Client._act,
    "disconnect": Client._disconnect,
    "subscribe": Client._subscription,
    "unsubscribe": Client._subscription,
    "stomp-send": Client._stomp_send,
    "stomp-frame": Client._stomp_frame,
    "ack": Client._acknowledge,
    "nack": Client._acknowledge,
    "begin": Client._transaction,
    "commit": Client._transaction,
    "abort-tx": Client._transaction,
    "hold-beats": Client._beats,
    "release-beats": Client._beats,
    "throttle-beats": Client._beats,
    "hold-pongs": Client._pongs,
    "release-pongs": Client._pongs,
    "freeze": Client._freeze,
    "mark": Client._mark,
}

_STOMP_VERBS = frozenset({
    "disconnect", "subscribe", "unsubscribe", "stomp-send", "stomp-frame", "ack", "nack", "begin", "commit",
    "abort-tx", "hold-beats", "release-beats", "throttle-beats",
})  # fmt: skip

_SENDING = frozenset({
    "send", "send-raw", "send-repeat", "send-binary", "send-file", "ping", "close", "disconnect", "subscribe",
    "unsubscribe", "stomp-send", "stomp-frame", "ack", "nack", "begin", "commit", "abort-tx",
})  # fmt: skip

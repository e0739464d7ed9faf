"""The STOMP broker (1.0, 1.1, 1.2), sans-IO: a client's bytes in, what to write to whom out, deadlines given.

``tui.lab.driver`` owns its clock and carries out what it says; it knows neither sockets nor WebSocket, SockJS or
TCP. A new command is a new row in ``_COMMANDS``, a new kind of destination a new class in ``destinations``.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from tui.lab.connection import Connection
from tui.lab.destinations import Destinations, Message, Subscription
from tui.lab.endings import Close, Ending
from tui.lab.framing import BEAT, encode
from tui.lab.negotiation import accept
from tui.lab.policy import Drop, Policy
from tui.lab.pulse import Pulse
from tui.lab.rejection import Rejected
from tui.protocols.stomp import StompFrame

_NOT_FORWARDED = frozenset({
    "destination", "receipt", "transaction", "content-length", "subscription", "message-id", "ack",
})  # fmt: skip
"""Headers of a SEND that are for the broker, or that MESSAGE sets itself."""

_FLAW_MESSAGES: Mapping[str, str] = {
    "no-blank-line": "Headers must end with a blank line",
    "header-without-colon": "Illegal header: no colon",
    "undefined-escape": "Illegal escape sequence in a header",
    "not-utf8": "Headers must be UTF-8",
    "unknown-command": "Unknown STOMP command",
    "bad-content-length": "Invalid content-length header",
    "missing-nul": "Frame must be terminated with a null octet",
    "body-not-allowed": "This command must not have a body",
    "too-big": "The maximum frame size was exceeded",
}


@dataclass(slots=True, frozen=True)
class Write:
    """Bytes for one client."""

    to: Connection
    data: bytes


@dataclass(slots=True, frozen=True)
class End:
    """One client's connection is to end, after what was written to it before."""

    to: Connection
    ending: Ending


Output = Write | End


class Broker:
    """One broker and its clients. Every door takes the monotonic time ``m`` and has no clock of its own."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.policy = policy or Policy()
        self._connections: list[Connection] = []
        self._destinations = Destinations()
        self._sessions = 0
        self._messages = 0

    def open(self, m: float) -> Connection:
        """A client came; it has not said anything yet."""
        self._sessions += 1
        connection = Connection(f"session-{self._sessions}", self.policy.frame_limit, m)
        self._connections.append(connection)
        return connection

    def receive(self, connection: Connection, data: bytes, m: float) -> list[Output]:
        """A client sent ``data``; after its DISCONNECT or its end nothing it says counts."""
        connection.pulse.heard(m)
        outputs: list[Output] = []
        for event in connection.decoder.feed(data):
            if connection.phase in ("leaving", "ended"):
                break
            if isinstance(event, StompFrame):
                try:
                    outputs += self._handle(connection, event, m)
                except Rejected as rejected:
                    outputs += self._reject(connection, rejected, event)
        return outputs

    def lost(self, connection: Connection) -> None:
        """A client's connection ended; nothing more is written to it."""
        if connection in self._connections:
            self._connections.remove(connection)
        self._forget(connection)

    def publish(self, destination: str, body: bytes, headers: Iterable[tuple[str, str]] = ()) -> list[Output]:
        """A message to everybody subscribed to ``destination``.

        Raises:
            Rejected: there can be no such destination.
        """
        topic = self._destinations.find(destination)
        self._messages += 1
        message = Message(str(self._messages), destination, tuple(headers), body)
        return [
            Write(subscription.connection, subscription.connection.message(subscription, message))
            for subscription in topic.receivers(message)
        ]

    def next_deadline(self) -> float | None:
        """When ``advance`` is to be called next, monotonic seconds; None for never."""
        first = min((connection.next_deadline for connection in self._connections), default=math.inf)
        return None if math.isinf(first) else first

    def advance(self, m: float) -> list[Output]:
        """What time brings until ``m``: beats, silent clients dropped, leaving ones closed."""
        outputs: list[Output] = []
        for connection in list(self._connections):
            if connection.phase == "leaving" and m >= connection.leave_by:
                outputs += self._drop(connection, Drop(Close(1000)))
            if connection.phase != "connected":
                continue
            if m >= connection.pulse.silent_at:
                outputs += self._drop(connection, self.policy.on_silence)
            elif connection.pulse.beat_due(m):
                outputs.append(Write(connection, BEAT))
        return outputs

    def _handle(self, connection: Connection, frame: StompFrame, m: float) -> list[Output]:
        """One frame carried out, and its receipt."""
        for flaw in frame.flaws:
            if flaw != "body-not-allowed" or connection.version != "1.0":
                raise Rejected(_FLAW_MESSAGES[flaw], _quote(frame))
        if frame.command in ("CONNECT", "STOMP"):
            return self._connect(connection, frame, m)
        if connection.phase == "new":
            raise Rejected("Not connected", f"{frame.command} before CONNECT")
        command = _COMMANDS.get(frame.command)
        if command is None:
            raise Rejected("Unsupported command", f"{frame.command}; this broker takes {', '.join(_COMMANDS)}")
        outputs = command(self, connection, frame, m)
        receipt = frame.header("receipt")
        if receipt is not None:
            data = encode("RECEIPT", [("receipt-id", receipt)], version=connection.version)
            outputs.append(Write(connection, data))
        return outputs

    def _connect(self, connection: Connection, frame: StompFrame, m: float) -> list[Output]:
        if connection.phase != "new":
            raise Rejected("Already connected", f"{frame.command} on a connected session")
        accepted = accept(frame, self.policy)
        connection.phase = "connected"
        connection.login = accepted.login
        connection.decoder.version = accepted.version
        connection.pulse = Pulse(accepted.beats, self.policy.grace, m)
        headers = [
            ("version", accepted.version),
            ("session", connection.session),
            ("server", self.policy.server),
        ]
        if accepted.version != "1.0":
            headers.append(("heart-beat", f"{self.policy.beats.can},{self.policy.beats.wants}"))
        return [Write(connection, encode("CONNECTED", headers, version=accepted.version))]

    def _send(self, connection: Connection, frame: StompFrame, m: float) -> list[Output]:
        destination = _required(frame, "destination")
        headers = [(name, value) for name, value in frame.headers if name not in _NOT_FORWARDED]
        return self.publish(destination, frame.body, headers)

    def _subscribe(self, connection: Connection, frame: StompFrame, m: float) -> list[Output]:
        destination = _required(frame, "destination")
        # STOMP 1.0 lets a client leave out the id: the destination stands for it.
        id_ = frame.header("id") or destination if connection.version == "1.0" else _required(frame, "id")
        if id_ in connection.subscriptions:
            raise Rejected("Subscription exists already", f"id is {id_}")
        if (mode := frame.header("ack") or "auto") != "auto":
            raise Rejected("Unsupported ack mode", f"ack is {mode}; a topic takes auto")
        subscription = Subscription(id_, destination, connection)
        self._destinations.find(destination).subscribe(subscription)
        connection.subscriptions[id_] = subscription
        return []

    def _unsubscribe(self, connection: Connection, frame: StompFrame, m: float) -> list[Output]:
        if connection.version == "1.0":
            id_ = frame.header("id") or _required(frame, "destination")
        else:
            id_ = _required(frame, "id")
        subscription = connection.subscriptions.pop(id_, None)
        if subscription is None:
            raise Rejected("No such subscription", f"id is {id_}")
        self._destinations.find(subscription.destination).unsubscribe(subscription)
        return []

    def _disconnect(self, connection: Connection, frame: StompFrame, m: float) -> list[Output]:
        """The client closes next; the broker only if it does not (STOMP 1.2, "Connection Lingering")."""
        connection.phase = "leaving"
        connection.leave_by = m + self.policy.linger
        self._unsubscribe_all(connection)
        return []

    def _reject(self, connection: Connection, rejected: Rejected, frame: StompFrame) -> list[Output]:
        headers = [*rejected.headers]
        receipt = frame.header("receipt")
        if receipt is not None:
            headers.append(("receipt-id", receipt))  # STOMP 1.2, "ERROR": SHOULD be there
        return self._drop(connection, Drop(self.policy.on_error, rejected.message), headers, rejected.detail)

    def _drop(
        self, connection: Connection, drop: Drop, headers: Iterable[tuple[str, str]] = (), detail: str = ""
    ) -> list[Output]:
        """ERROR, where the drop has one, then the end."""
        outputs: list[Output] = []
        if drop.message is not None:
            all_headers = [("message", drop.message), *headers]
            if detail:
                all_headers.append(("content-type", "text/plain"))
            body = detail.encode()
            outputs.append(Write(connection, encode("ERROR", all_headers, body, version=connection.version)))
        self._forget(connection)
        return [*outputs, End(connection, drop.ending)]

    def _forget(self, connection: Connection) -> None:
        connection.phase = "ended"
        self._unsubscribe_all(connection)

    def _unsubscribe_all(self, connection: Connection) -> None:
        for subscription in connection.subscriptions.values():
            self._destinations.find(subscription.destination).unsubscribe(subscription)
        connection.subscriptions.clear()


_COMMANDS: Mapping[str, Callable[[Broker, Connection, StompFrame, float], list[Output]]] = {
    "SEND": Broker._send,
    "SUBSCRIBE": Broker._subscribe,
    "UNSUBSCRIBE": Broker._unsubscribe,
    "DISCONNECT": Broker._disconnect,
}
"""What a connected client may say, and who answers."""


def _required(frame: StompFrame, name: str) -> str:
    value = frame.header(name)
    if not value:
        raise Rejected(f"Missing {name} header", f"{frame.command} needs {name}")
    return value


def _quote(frame: StompFrame) -> str:
    """The offending frame's command and header names; values may hold secrets."""
    return f"{frame.command} with headers {', '.join(name for name, _ in frame.headers) or 'none'}"

"""The STOMP broker (1.0, 1.1, 1.2), sans-IO: a client's bytes in, what to write to whom out, deadlines given.

``tui.lab.driver`` owns its clock and carries out what it says; it knows neither sockets nor WebSocket, SockJS or
TCP. A new command is a new row in ``_COMMANDS``, a new kind of destination a new class for ``destinations``. Headers
it has no use for (``durable``, ``persistent``, ``activemq.…``, ``x-…``) are no error: a broker ignores what it does
not know.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tui.lab.connection import Connection, message_frame
from tui.lab.destinations import Destinations, check_name, is_queue
from tui.lab.endings import Close, Ending
from tui.lab.framing import BEAT, encode
from tui.lab.grammar import ack_mode, check, expiry, required
from tui.lab.messages import Delivery, Message, Subscription
from tui.lab.negotiation import accept
from tui.lab.policy import Drop, Policy
from tui.lab.pulse import Pulse
from tui.lab.rejection import Rejected
from tui.protocols.stomp import StompFrame

_NOT_FORWARDED = frozenset({
    "destination", "receipt", "transaction", "content-length", "subscription", "message-id", "ack", "redelivered",
})  # fmt: skip
"""Headers of a SEND that are for the broker, or that MESSAGE sets itself."""

_IN_TRANSACTIONS = ("SEND", "ACK", "NACK")
"""The commands a ``transaction`` header holds back (STOMP 1.2, "BEGIN")."""


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
    """One broker and its clients. Every door takes the monotonic time ``m`` and has no clock of its own.

    Args:
        policy: what it is like.
        epoch: the wall clock where ``m`` is 0, seconds since 1970: what ``expires`` headers are held against.
    """

    def __init__(self, policy: Policy | None = None, *, epoch: float = 0.0) -> None:
        self.policy = policy or Policy()
        self._epoch = epoch
        self._connections: list[Connection] = []
        self._destinations = Destinations(self.policy)
        self._sessions = 0
        self._messages = 0

    def open(self, m: float) -> Connection:
        """A client came; it has not said anything yet."""
        self._sessions += 1
        connection = Connection(f"session-{self._sessions}", self.policy, m)
        self._connections.append(connection)
        return connection

    def receive(self, connection: Connection, data: bytes, m: float) -> list[Output]:
        """A client sent ``data``; after its DISCONNECT or its end nothing it says counts."""
        connection.pulse.heard(m)
        connection.touched = m
        outputs: list[Output] = []
        for event in connection.decoder.feed(data):
            if connection.phase in ("leaving", "ended"):
                break
            if isinstance(event, StompFrame):
                try:
                    outputs += self._handle(connection, event, m)
                except Rejected as rejected:
                    outputs += self._reject(connection, rejected, event, m)
        return _touching(outputs, m)

    def lost(self, connection: Connection, m: float) -> list[Output]:
        """A client's connection ended; nothing more is written to it, and others get what it did not acknowledge."""
        if connection in self._connections:
            self._connections.remove(connection)
        return _touching(self._forget(connection, m), m)

    def publish(
        self, destination: str, body: bytes, headers: Iterable[tuple[str, str]] = (), *, m: float
    ) -> list[Output]:
        """The broker's own message to ``destination``.

        Raises:
            Rejected: there can be no such destination, or no room to keep the message.
        """
        return _touching(self._route(destination, body, headers, None, m), m)

    def next_deadline(self) -> float | None:
        """When ``advance`` is to be called next, monotonic seconds; None for never."""
        first = min((connection.next_deadline for connection in self._connections), default=math.inf)
        return None if math.isinf(first) else first

    def advance(self, m: float) -> list[Output]:
        """What time brings until ``m``: beats, silent and idle clients dropped, leaving ones closed."""
        outputs: list[Output] = []
        for connection in list(self._connections):
            if connection.phase == "leaving" and m >= connection.leave_by:
                outputs += self._drop(connection, Drop(Close(1000)), m)
            if connection.phase not in ("new", "connected"):
                continue
            if m >= connection.idle_at:
                outputs += self._drop(connection, self.policy.on_idle, m)
            elif m >= connection.pulse.silent_at:
                outputs += self._drop(connection, self.policy.on_silence, m)
            elif connection.pulse.beat_due(m):
                outputs.append(Write(connection, BEAT))
        return _touching(outputs, m)

    def _handle(self, connection: Connection, frame: StompFrame, m: float) -> list[Output]:
        """One frame carried out, or held back by its transaction, and its receipt."""
        check(frame, connection.version, self.policy)
        if frame.command in ("CONNECT", "STOMP"):
            return self._connect(connection, frame, m)
        if connection.phase == "new":
            raise Rejected("Not connected", f"{frame.command} before CONNECT")
        command = _COMMANDS.get(frame.command)
        if command is None:
            raise Rejected("Unsupported command", f"{frame.command}; this broker takes {', '.join(_COMMANDS)}")
        if frame.command in _IN_TRANSACTIONS and frame.header("transaction") is not None:
            command = Broker._hold
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
        outputs = self._log_out(accepted.login, m)
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
        return [*outputs, Write(connection, encode("CONNECTED", headers, version=accepted.version))]

    def _log_out(self, login: str | None, m: float) -> list[Output]:
        """The other clients with this login let go, where only one may stay."""
        drop = self.policy.on_second_login
        if drop is None or login is None:
            return []
        others = [other for other in self._connections if other.phase == "connected" and other.login == login]
        return [output for other in others for output in self._drop(other, drop, m)]

    def _send(self, connection: Connection, frame: StompFrame, m: float) -> list[Output]:
        destination = required(frame, "destination")
        headers = [(name, value) for name, value in frame.headers if name not in _NOT_FORWARDED]
        return self._route(destination, frame.body, headers, expiry(frame), m)

    def _route(
        self, name: str, body: bytes, headers: Iterable[tuple[str, str]], expires: float | None, m: float
    ) -> list[Output]:
        """A message on its way; ``expires`` is in seconds since 1970, None for as long as the policy says."""
        destination = self._destinations.find(name)
        until = m + (self.policy.time_to_live or math.inf) if expires is None else expires - self._epoch
        self._messages += 1
        try:
            return _writes(destination.accept(Message(str(self._messages), name, tuple(headers), body, until), m))
        finally:
            self._destinations.release(name)

    def _subscribe(self, connection: Connection, frame: StompFrame, m: float) -> list[Output]:
        name = required(frame, "destination")
        # STOMP 1.0 lets a client leave out the id: the destination stands for it.
        id_ = frame.header("id") or name if connection.version == "1.0" else required(frame, "id")
        if id_ in connection.subscriptions:
            raise Rejected("Subscription exists already", f"id is {id_}")
        if len(connection.subscriptions) == self.policy.subscriptions_limit:
            raise Rejected("Too many subscriptions", f"a client may have {self.policy.subscriptions_limit}")
        mode = ack_mode(frame)
        destination = self._destinations.find(name)
        subscription = Subscription(id_, name, connection, mode, self.policy.unacknowledged_limit)
        connection.subscriptions[id_] = subscription
        destination.subscribe(subscription)
        return _writes(destination.dispatch(m))

    def _unsubscribe(self, connection: Connection, frame: StompFrame, m: float) -> list[Output]:
        if connection.version == "1.0":
            id_ = frame.header("id") or required(frame, "destination")
        else:
            id_ = required(frame, "id")
        subscription = connection.subscriptions.get(id_)
        if subscription is None:
            raise Rejected("No such subscription", f"id is {id_}")
        return self._end_subscriptions([subscription], m)

    def _acknowledge(self, connection: Connection, frame: StompFrame, m: float) -> list[Output]:
        delivery = _owed(connection, frame)
        destination = self._destinations.find(delivery.subscription.destination)
        messages = delivery.subscription.settle(delivery)
        if frame.command == "NACK":
            destination.take_back([message.again(refused=True) for message in messages])
        return _writes(destination.dispatch(m))

    def _begin(self, connection: Connection, frame: StompFrame, m: float) -> list[Output]:
        connection.transactions.begin(required(frame, "transaction"))
        return []

    def _hold(self, connection: Connection, frame: StompFrame, m: float) -> list[Output]:
        """A frame kept for COMMIT; what can be wrong with it is said at once."""
        if frame.command == "SEND":
            check_name(required(frame, "destination"))
            expiry(frame)
        else:
            _owed(connection, frame)
        connection.transactions.hold(required(frame, "transaction"), frame)
        return []

    def _commit(self, connection: Connection, frame: StompFrame, m: float) -> list[Output]:
        """All of it or, where the queues have no room, nothing."""
        held = connection.transactions.end(required(frame, "transaction"))
        sends = [one for one in held if one.command == "SEND"]
        self._destinations.room.need(sum(is_queue(one.header("destination") or "") for one in sends))
        # Messages first: what a NACK puts back into a queue may take the room that was just found.
        outputs = [output for one in sends for output in self._send(connection, one, m)]
        for one in held:
            # An UNSUBSCRIBE or a cumulative ACK may have settled it since.
            if one.command != "SEND" and connection.find_delivery(one) is not None:
                outputs += self._acknowledge(connection, one, m)
        return outputs

    def _abort(self, connection: Connection, frame: StompFrame, m: float) -> list[Output]:
        connection.transactions.end(required(frame, "transaction"))
        return []

    def _disconnect(self, connection: Connection, frame: StompFrame, m: float) -> list[Output]:
        """The client closes next; the broker only if it does not (STOMP 1.2, "Connection Lingering")."""
        connection.phase = "leaving"
        connection.leave_by = m + self.policy.linger
        return self._end_subscriptions(list(connection.subscriptions.values()), m)

    def _reject(self, connection: Connection, rejected: Rejected, frame: StompFrame, m: float) -> list[Output]:
        headers = [*rejected.headers]
        receipt = frame.header("receipt")
        if receipt is not None:
            headers.append(("receipt-id", receipt))  # STOMP 1.2, "ERROR": SHOULD be there
        return self._drop(connection, Drop(self.policy.on_error, rejected.message), m, headers, rejected.detail)

    def _drop(
        self, connection: Connection, drop: Drop, m: float, headers: Iterable[tuple[str, str]] = (), detail: str = ""
    ) -> list[Output]:
        """ERROR, where the drop has one, then the end."""
        outputs: list[Output] = []
        if drop.message is not None:
            all_headers = [("message", drop.message), *headers]
            if detail:
                all_headers.append(("content-type", "text/plain"))
            body = detail.encode()
            outputs.append(Write(connection, encode("ERROR", all_headers, body, version=connection.version)))
        return [*outputs, End(connection, drop.ending), *self._forget(connection, m)]

    def _forget(self, connection: Connection, m: float) -> list[Output]:
        connection.phase = "ended"
        return self._end_subscriptions(list(connection.subscriptions.values()), m)

    def _end_subscriptions(self, ended: Sequence[Subscription], m: float) -> list[Output]:
        """What they did not acknowledge goes to others; to none of them, so all of them end before."""
        owed: dict[str, list[Message]] = {}
        for subscription in ended:
            del subscription.connection.subscriptions[subscription.id]
            self._destinations.find(subscription.destination).unsubscribe(subscription)
            owed.setdefault(subscription.destination, []).extend(subscription.settle_all())
        outputs: list[Output] = []
        for name, messages in owed.items():
            destination = self._destinations.find(name)
            oldest_first = sorted(messages, key=lambda message: int(message.id))
            destination.take_back([message.again(refused=False) for message in oldest_first])
            outputs += _writes(destination.dispatch(m))
            self._destinations.release(name)
        return outputs


_COMMANDS: Mapping[str, Callable[[Broker, Connection, StompFrame, float], list[Output]]] = {
    "SEND": Broker._send,
    "SUBSCRIBE": Broker._subscribe,
    "UNSUBSCRIBE": Broker._unsubscribe,
    "ACK": Broker._acknowledge,
    "NACK": Broker._acknowledge,
    "BEGIN": Broker._begin,
    "COMMIT": Broker._commit,
    "ABORT": Broker._abort,
    "DISCONNECT": Broker._disconnect,
}
"""What a connected client may say, and who answers."""


def _owed(connection: Connection, frame: StompFrame) -> Delivery:
    """The delivery an ACK or NACK is about.

    Raises:
        Rejected: none such waits, or the version has no NACK.
    """
    if frame.command == "NACK" and connection.version == "1.0":
        raise Rejected("Unsupported command", "NACK; STOMP 1.0 has ACK only")
    delivery = connection.find_delivery(frame)
    if delivery is None:
        raise Rejected(f"Unexpected {frame.command}", "no message with these ids waits for one")
    return delivery


def _writes(deliveries: Iterable[Delivery]) -> list[Output]:
    return [Write(delivery.subscription.connection, message_frame(delivery)) for delivery in deliveries]


def _touching(outputs: Sequence[Output], m: float) -> list[Output]:
    """The outputs; whoever is written to is not idle."""
    for output in outputs:
        if isinstance(output, Write):
            output.to.touched = m
    return list(outputs)

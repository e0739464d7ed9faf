"""A message, a client's subscription to where messages go, and one brought to the other: what an ACK is about.

``topic`` and ``queues`` make deliveries, ``broker`` writes them and settles them when ACK or NACK comes.
"""

import itertools
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tui.lab.connection import Connection

AckMode = Literal["auto", "client", "client-individual"]
"""STOMP 1.2, "SUBSCRIBE ack Header": nothing is owed; an ACK covers all before it; an ACK covers one message."""


@dataclass(slots=True, frozen=True)
class Message:
    """What was sent to a destination."""

    id: str
    destination: str
    headers: tuple[tuple[str, str], ...]
    """The sender's own headers, in order."""
    body: bytes
    expires_at: float = math.inf
    """Until when it may be delivered, monotonic seconds."""
    redelivered: bool = False
    """Somebody had it before and did not acknowledge it."""
    refused: int = 0
    """How many NACKs it has had."""

    def again(self, *, refused: bool) -> "Message":
        """The message as it goes back to its queue."""
        return replace(self, redelivered=True, refused=self.refused + refused)


@dataclass(slots=True, frozen=True, eq=False)
class Delivery:
    """A message on its way to a subscription."""

    subscription: "Subscription"
    message: Message
    id: str | None
    """What an ACK of STOMP 1.2 calls it; None where none is owed."""


@dataclass(slots=True, eq=False)
class Subscription:
    """One client's interest in a destination, and the deliveries it owes an ACK for."""

    id: str
    destination: str
    connection: "Connection"
    mode: AckMode = "auto"
    limit: int = 100
    """The most deliveries that may be owed."""
    pending: dict[str, Delivery] = field(default_factory=dict)
    """By delivery id, oldest first."""
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    @property
    def ready(self) -> bool:
        """Whether it may get another message."""
        return len(self.pending) < self.limit

    def deliver(self, message: Message) -> Delivery:
        """``message`` for this subscription, to be acknowledged where its mode asks for that."""
        if self.mode == "auto":
            return Delivery(self, message, None)
        id_ = f"{self.id}/{next(self._numbers)}"
        self.pending[id_] = Delivery(self, message, id_)
        return self.pending[id_]

    def settle(self, delivery: Delivery) -> list[Message]:
        """What an ACK or NACK of a pending delivery is about, oldest first; none of it is owed any more."""
        owed = list(self.pending.values())
        last = owed.index(delivery)
        settled = owed[0 if self.mode == "client" else last : last + 1]
        self.pending = {id_: one for id_, one in self.pending.items() if one not in settled}
        return [one.message for one in settled]

    def settle_all(self) -> list[Message]:
        """Everything that is owed, oldest first; nothing is any more."""
        messages = [delivery.message for delivery in self.pending.values()]
        self.pending.clear()
        return messages

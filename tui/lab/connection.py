"""One client of the broker: what was agreed with it, what it is subscribed to and how far its conversation is."""

import math
from typing import Literal

from tui.lab.framing import encode
from tui.lab.messages import Delivery, Subscription
from tui.lab.policy import Policy
from tui.lab.pulse import Pulse
from tui.lab.transactions import Transactions
from tui.protocols.heartbeat import Agreed
from tui.protocols.stomp import StompDecoder, StompFrame

Phase = Literal["new", "connected", "leaving", "ended"]
"""Before CONNECTED; after it; after the client's DISCONNECT; when the broker has no more to say to it."""


class Connection:
    """The broker's side of one client. ``tui.lab.broker`` is the only one that changes it.

    Args:
        session: the ``session`` header of its CONNECTED.
        policy: the broker's settings.
        m: when it came, monotonic seconds.
    """

    def __init__(self, session: str, policy: Policy, m: float) -> None:
        self.session = session
        self.decoder = StompDecoder(limit=policy.frame_limit)
        self.phase: Phase = "new"
        self.login: str | None = None
        self.pulse = Pulse(Agreed(0, 0), 0, m)
        self.touched = m
        """When the last byte went either way."""
        self._idle = policy.idle
        self.leave_by = math.inf
        """When a client that said DISCONNECT is closed, if it has not closed before."""
        self.subscriptions: dict[str, Subscription] = {}
        self.transactions = Transactions(policy.transactions_limit)

    @property
    def version(self) -> str:
        """The STOMP version spoken; 1.2 before one is agreed."""
        return self.decoder.version

    @property
    def idle_at(self) -> float:
        """When it has stood idle too long, monotonic seconds; infinity for never."""
        return self.touched + self._idle if self._idle else math.inf

    @property
    def next_deadline(self) -> float:
        """The next moment this client wants attention, monotonic seconds; infinity for never."""
        if self.phase == "new":
            return self.idle_at
        if self.phase == "connected":
            return min(self.pulse.next_deadline, self.idle_at)
        return self.leave_by if self.phase == "leaving" else math.inf

    def find_delivery(self, frame: StompFrame) -> Delivery | None:
        """The delivery an ACK or NACK is about: by ``id`` in 1.2, by ``message-id`` before (and ``subscription`` in
        1.1); None where none such is owed."""
        if self.version == "1.2":
            key = frame.header("id") or ""
            subscription = self.subscriptions.get(key.rpartition("/")[0])
            return None if subscription is None else subscription.pending.get(key)
        message, name = frame.header("message-id"), frame.header("subscription")
        for subscription in self.subscriptions.values():
            if self.version == "1.0" or subscription.id == name:
                for delivery in subscription.pending.values():
                    if delivery.message.id == message:
                        return delivery
        return None


def message_frame(delivery: Delivery) -> bytes:
    """The MESSAGE frame that brings a delivery (STOMP 1.2, "MESSAGE")."""
    message, version = delivery.message, delivery.subscription.connection.version
    headers = [
        ("subscription", delivery.subscription.id),
        ("message-id", message.id),
        ("destination", message.destination),
        *([("ack", delivery.id)] if delivery.id is not None and version == "1.2" else []),
        *([("redelivered", "true")] if message.redelivered else []),
        *message.headers,
    ]
    return encode("MESSAGE", headers, message.body, version=version)

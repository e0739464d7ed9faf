"""One client of the broker: what was agreed with it, what it is subscribed to and how far its conversation is."""

import math
from typing import Literal

from tui.lab.destinations import Message, Subscription
from tui.lab.framing import encode
from tui.lab.pulse import Pulse
from tui.protocols.heartbeat import Agreed
from tui.protocols.stomp import StompDecoder

Phase = Literal["new", "connected", "leaving", "ended"]
"""Before CONNECTED; after it; after the client's DISCONNECT; when the broker has no more to say to it."""


class Connection:
    """The broker's side of one client. ``tui.lab.broker`` is the only one that changes it.

    Args:
        session: the ``session`` header of its CONNECTED.
        frame_limit: the largest frame accepted, bytes.
        m: when it came, monotonic seconds.
    """

    def __init__(self, session: str, frame_limit: int, m: float) -> None:
        self.session = session
        self.decoder = StompDecoder(limit=frame_limit)
        self.phase: Phase = "new"
        self.login: str | None = None
        self.pulse = Pulse(Agreed(0, 0), 0, m)
        self.leave_by = math.inf
        """When a client that said DISCONNECT is closed, if it has not closed before."""
        self.subscriptions: dict[str, Subscription] = {}

    @property
    def version(self) -> str:
        """The STOMP version spoken; 1.2 before one is agreed."""
        return self.decoder.version

    @property
    def next_deadline(self) -> float:
        """The next moment this client wants attention, monotonic seconds; infinity for never."""
        if self.phase == "connected":
            return self.pulse.next_deadline
        return self.leave_by if self.phase == "leaving" else math.inf

    def message(self, subscription: Subscription, message: Message) -> bytes:
        """The MESSAGE frame by which ``subscription`` gets ``message`` (STOMP 1.2, "MESSAGE")."""
        headers = [
            ("subscription", subscription.id),
            ("message-id", message.id),
            ("destination", message.destination),
            *message.headers,
        ]
        return encode("MESSAGE", headers, message.body, version=self.version)

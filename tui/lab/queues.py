"""A queue hands each message to one consumer, in turn, and keeps it until one comes."""

from collections import deque
from collections.abc import Iterable

from tui.lab.messages import Delivery, Message, Subscription
from tui.lab.rejection import Rejected


class Room:
    """The place all queues of a broker share: how many messages they may keep, and do.

    Args:
        limit: the most of them.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.kept = 0

    def need(self, count: int) -> None:
        """Is there room for so many messages?

        Raises:
            Rejected: there is not.
        """
        if self.kept + count > self.limit:
            raise Rejected("The queues are full", f"{self.kept} messages wait for a consumer; {self.limit} may")


class Queue:
    """Round robin between the consumers that may get another message; the oldest message first.

    Args:
        room: what it shares with the other queues.
        refusals: so many NACKs drop a message.
    """

    def __init__(self, room: Room, refusals: int) -> None:
        self._room = room
        self._refusals = refusals
        self._messages: deque[Message] = deque()
        self._consumers: deque[Subscription] = deque()

    @property
    def empty(self) -> bool:
        """Whether it can be forgotten."""
        return not (self._messages or self._consumers)

    def subscribe(self, subscription: Subscription) -> None:
        """Its turn comes after everybody else's; ``dispatch`` brings it what has waited."""
        self._consumers.append(subscription)

    def unsubscribe(self, subscription: Subscription) -> None:
        """No further message."""
        self._consumers.remove(subscription)

    def accept(self, message: Message, m: float) -> list[Delivery]:
        """Who gets ``message``; it is kept where nobody can.

        Raises:
            Rejected: there is no room to keep it.
        """
        if not any(consumer.ready for consumer in self._consumers):
            self._expire(m)
            self._room.need(1)
        self._put(message, at_head=False)
        return self.dispatch(m)

    def take_back(self, messages: Iterable[Message]) -> None:
        """Messages that were refused or never acknowledged return to the head, in their order; ``dispatch`` is next.

        They had a place before, so there always is room.
        """
        for message in reversed(list(messages)):
            if message.refused < self._refusals:
                self._put(message, at_head=True)

    def dispatch(self, m: float) -> list[Delivery]:
        """Who gets what of the messages that wait."""
        deliveries: list[Delivery] = []
        self._expire(m)
        while self._messages and (consumer := self._next()) is not None:
            self._room.kept -= 1
            deliveries.append(consumer.deliver(self._messages.popleft()))
        return deliveries

    def _next(self) -> Subscription | None:
        """The consumer whose turn it is; it goes to the end of the line."""
        for _ in range(len(self._consumers)):
            self._consumers.rotate(-1)
            if self._consumers[-1].ready:
                return self._consumers[-1]
        return None

    def _put(self, message: Message, *, at_head: bool) -> None:
        (self._messages.appendleft if at_head else self._messages.append)(message)
        self._room.kept += 1

    def _expire(self, m: float) -> None:
        """Forgets the messages nobody came for in time."""
        living = [message for message in self._messages if m < message.expires_at]
        if len(living) < len(self._messages):
            self._room.kept -= len(self._messages) - len(living)
            self._messages = deque(living)

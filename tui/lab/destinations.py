"""Where messages go: a topic hands each one to everybody who is subscribed at that moment, and keeps none."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui.lab.rejection import Rejected

if TYPE_CHECKING:
    from tui.lab.connection import Connection


@dataclass(slots=True, frozen=True)
class Message:
    """What was sent to a destination."""

    id: str
    destination: str
    headers: tuple[tuple[str, str], ...]
    """The sender's own headers, in order."""
    body: bytes


@dataclass(slots=True, frozen=True, eq=False)
class Subscription:
    """One client's interest in a destination."""

    id: str
    destination: str
    connection: "Connection"


class Topic:
    """Fan-out: no memory, no acknowledgements."""

    def __init__(self) -> None:
        self._subscriptions: list[Subscription] = []

    def subscribe(self, subscription: Subscription) -> None:
        """From the next message on."""
        self._subscriptions.append(subscription)

    def unsubscribe(self, subscription: Subscription) -> None:
        """No further message."""
        self._subscriptions.remove(subscription)

    def receivers(self, message: Message) -> list[Subscription]:
        """Who gets ``message``."""
        return list(self._subscriptions)


class Destinations:
    """Every destination of one broker, made when it is first named."""

    def __init__(self) -> None:
        self._topics: dict[str, Topic] = {}

    def find(self, name: str) -> Topic:
        """The destination called ``name``.

        Raises:
            Rejected: no kind of destination starts like that.
        """
        if not name.startswith("/topic/"):
            raise Rejected("Unknown destination", f"destination is {name}; this broker serves /topic/…")
        return self._topics.setdefault(name, Topic())

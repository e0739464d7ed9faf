"""A topic hands each message to everybody who is subscribed at that moment, and keeps none."""

from collections.abc import Iterable

from tui.lab.messages import Delivery, Message, Subscription


class Topic:
    """Fan-out. What a client did not acknowledge is gone with it."""

    def __init__(self) -> None:
        self._subscriptions: list[Subscription] = []

    @property
    def empty(self) -> bool:
        """Whether it can be forgotten."""
        return not self._subscriptions

    def subscribe(self, subscription: Subscription) -> None:
        """From the next message on."""
        self._subscriptions.append(subscription)

    def unsubscribe(self, subscription: Subscription) -> None:
        """No further message."""
        self._subscriptions.remove(subscription)

    def accept(self, message: Message, m: float) -> list[Delivery]:
        """Who gets ``message``; a subscription that owes too many ACKs goes without."""
        return [subscription.deliver(message) for subscription in self._subscriptions if subscription.ready]

    def take_back(self, messages: Iterable[Message]) -> None:
        """They were refused or never acknowledged: a topic has no place for them."""

    def dispatch(self, m: float) -> list[Delivery]:
        """Nothing was kept."""
        return []

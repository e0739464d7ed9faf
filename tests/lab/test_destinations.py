"""Destinations by name: made when first named, forgotten when nothing and nobody is there."""

import pytest

from tests.lab.wire import Wire
from tui.lab.destinations import Destinations
from tui.lab.messages import Message, Subscription
from tui.lab.policy import Policy
from tui.lab.queues import Queue
from tui.lab.rejection import Rejected
from tui.lab.topic import Topic


def test_the_name_says_the_kind() -> None:
    destinations = Destinations(Policy())
    assert isinstance(destinations.find("/queue/x"), Queue)
    assert isinstance(destinations.find("/topic/x"), Topic)


@pytest.mark.parametrize("name", ["", "x", "/x", "topic/x", "/Topic/x", "/exchange/x", "/temp-queue/x"])
def test_there_is_no_other_kind(name: str) -> None:
    with pytest.raises(Rejected, match="Unknown destination"):
        Destinations(Policy()).find(name)


def test_only_what_is_empty_is_forgotten() -> None:
    destinations = Destinations(Policy())
    subscription = Subscription("0", "/queue/x", Wire().client().connection)
    queue = destinations.find("/queue/x")
    queue.subscribe(subscription)
    destinations.release("/queue/x")
    assert destinations.find("/queue/x") is queue
    queue.unsubscribe(subscription)
    queue.accept(Message("1", "/queue/x", (), b""), 0)
    destinations.release("/queue/x")
    assert destinations.find("/queue/x") is queue
    queue.subscribe(subscription)
    queue.dispatch(0)
    queue.unsubscribe(subscription)
    destinations.release("/queue/x")
    assert destinations.find("/queue/x") is not queue

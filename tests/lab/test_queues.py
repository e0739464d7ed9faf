"""Queues: one consumer a message, in turn, kept until somebody comes, given again where nobody acknowledged."""

import pytest

from tests.lab.wire import EPOCH, Wire
from tui.lab.policy import Policy


def test_a_message_goes_to_one_consumer_and_the_next_to_the_next() -> None:
    wire = Wire()
    alice, bob, carol = (wire.client() for _ in range(3))
    for consumer in (alice, bob):
        consumer.subscribes("/queue/x")
    carol.sends("/queue/x", "1", "2", "3", "4", "5")
    assert (alice.bodies, bob.bodies) == (["1", "3", "5"], ["2", "4"])


def test_what_waits_comes_in_order_to_whoever_comes_first() -> None:
    wire = Wire()
    sender = wire.client()
    sender.sends("/queue/x", "1", "2")
    wire.loses(sender)
    alice, bob = wire.client(), wire.client()
    bob.subscribes("/queue/y")
    alice.subscribes("/queue/x")
    bob.subscribes("/queue/x", id_="1")
    assert (alice.bodies, bob.bodies) == (["1", "2"], [])
    assert all(message.header("redelivered") is None for message in alice.frames("MESSAGE"))


def test_an_unsubscribed_consumer_gets_nothing_more() -> None:
    wire = Wire()
    alice, bob = wire.client(), wire.client()
    for consumer in (alice, bob):
        consumer.subscribes("/queue/x")
    alice.says("UNSUBSCRIBE\nid:0\n\n\0")
    bob.sends("/queue/x", "1", "2")
    assert (alice.bodies, bob.bodies) == ([], ["1", "2"])


@pytest.mark.parametrize("goodbye", ["DISCONNECT\nreceipt:bye\n\n\0", "UNSUBSCRIBE\nid:0\n\n\0", "HELLO\n\n\0", None])
def test_what_was_not_acknowledged_goes_to_another_in_its_order(goodbye: str | None) -> None:
    wire = Wire()
    alice, bob = wire.client(), wire.client()
    alice.subscribes("/queue/x", "client-individual")
    bob.sends("/queue/x", "1", "2", "3")
    (_, two, _) = alice.frames("MESSAGE")
    alice.says(f"ACK\nid:{two.header('ack')}\n\n\0")
    bob.subscribes("/queue/x")
    if goodbye is None:
        wire.loses(alice)
    else:
        alice.says(goodbye)
    bob.sends("/queue/x", "4")
    assert bob.bodies == ["1", "3", "4"]
    assert [message.header("redelivered") for message in bob.frames("MESSAGE")] == ["true", "true", None]


def test_a_client_that_leaves_hands_nothing_to_its_other_subscription() -> None:
    wire = Wire()
    alice, bob = wire.client(), wire.client()
    alice.subscribes("/queue/x", "client")
    bob.sends("/queue/x", "1", "2")
    alice.subscribes("/queue/x", id_="1")
    alice.says("DISCONNECT\n\n\0")
    bob.subscribes("/queue/x")
    assert (alice.bodies, bob.bodies) == (["1", "2"], ["1", "2"])


def test_two_subscriptions_of_one_client_give_back_in_order() -> None:
    wire = Wire()
    alice, bob = wire.client(), wire.client()
    for id_ in ("a", "b"):
        alice.subscribes("/queue/x", "client", id_=id_)
    bob.sends("/queue/x", "1", "2", "3", "4")
    wire.loses(alice)
    bob.subscribes("/queue/x")
    assert bob.bodies == ["1", "2", "3", "4"]


def test_auto_owes_nothing() -> None:
    wire = Wire()
    alice, bob = wire.client(), wire.client()
    alice.subscribes("/queue/x")
    bob.sends("/queue/x", "1")
    assert alice.frames("MESSAGE")[0].header("ack") is None
    wire.loses(alice)
    bob.subscribes("/queue/x")
    assert bob.bodies == []


def test_a_consumer_that_owes_too_much_waits() -> None:
    wire = Wire(Policy(unacknowledged_limit=2))
    client = wire.client()
    client.subscribes("/queue/x", "client")
    client.sends("/queue/x", "1", "2", "3", "4", "5")
    assert client.bodies == ["1", "2"]
    client.says(f"ACK\nid:{client.frames('MESSAGE')[1].header('ack')}\n\n\0")
    assert client.bodies == ["1", "2", "3", "4"]


def test_a_nack_puts_it_back_at_the_head_and_three_drop_it() -> None:
    wire = Wire(Policy(refusals=3, unacknowledged_limit=1))
    client = wire.client()
    client.subscribes("/queue/x", "client-individual")
    client.sends("/queue/x", "bad", "good")
    for _ in range(3):
        client.says(f"NACK\nid:{client.frames('MESSAGE')[-1].header('ack')}\n\n\0")
    assert client.bodies == ["bad", "bad", "bad", "good"]
    assert [message.header("redelivered") for message in client.frames("MESSAGE")] == [None, "true", "true", None]


def test_a_nacked_message_may_go_to_another() -> None:
    wire = Wire()
    alice, bob = wire.client(), wire.client()
    for consumer in (alice, bob):
        consumer.subscribes("/queue/x", "client-individual")
    bob.sends("/queue/x", "1")
    alice.says(f"NACK\nid:{alice.frames('MESSAGE')[0].header('ack')}\n\n\0")
    assert (alice.bodies, bob.bodies) == (["1"], ["1"])


def test_a_full_queue_is_said_and_a_consumer_makes_room() -> None:
    wire = Wire(Policy(queues_limit=2))
    alice, bob = wire.client(), wire.client()
    alice.sends("/queue/x", "1")
    alice.sends("/queue/y", "2", "3")
    assert alice.error.header("message") == "The queues are full"
    bob.subscribes("/queue/x")
    bob.sends("/queue/x", "4", "5", "6")
    bob.sends("/queue/z", "7")
    bob.sends("/queue/x", "8")
    assert bob.bodies == ["1", "4", "5", "6", "8"]
    assert bob.ending is None


def test_a_topic_takes_nothing_from_the_queues_room() -> None:
    wire = Wire(Policy(queues_limit=1))
    client = wire.client()
    client.sends("/topic/x", "1", "2", "3")
    client.sends("/queue/x", "4")
    assert client.ending is None


def test_time_to_live_is_the_policys_or_the_messages() -> None:
    wire = Wire(Policy(time_to_live=10, queues_limit=4))
    client = wire.client("CONNECT\naccept-version:1.2\n\n\0")
    client.sends("/queue/x", "policy")
    client.sends("/queue/x", "early", headers=f"expires:{(EPOCH + 105) * 1000:.0f}\n")
    client.sends("/queue/x", "late", headers=f"expires:{(EPOCH + 120) * 1000:.0f}\n")
    client.sends("/queue/x", "zero", headers="expires:0\n")
    wire.until(106)
    client.sends("/queue/x", "in its room")
    wire.until(115)
    client.subscribes("/queue/x")
    assert client.bodies == ["late", "in its room"]
    assert client.ending is None


def test_expires_0_is_never() -> None:
    client = Wire().client()
    client.sends("/queue/x", "1", headers="expires:0\n")
    client.subscribes("/queue/x")
    assert client.bodies == ["1"]


def test_a_message_that_has_expired_is_not_given_again() -> None:
    wire = Wire(Policy(time_to_live=10))
    alice, bob = wire.client(), wire.client("CONNECT\naccept-version:1.2\n\n\0")
    alice.subscribes("/queue/x", "client")
    bob.sends("/queue/x", "1")
    bob.subscribes("/queue/x")
    wire.m = 111
    wire.loses(alice)
    assert bob.bodies == []

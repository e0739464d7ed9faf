"""ACK and NACK, in every mode and by every version's ids."""

import pytest

from tests.lab.wire import Client, Wire
from tui.lab.messages import AckMode
from tui.lab.policy import Policy

HELLO = {version: f"CONNECT\naccept-version:{version}\n\n\0" for version in ("1.0", "1.1", "1.2")}


def consumer(wire: Wire, version: str, mode: str) -> Client:
    """A client of ``version`` that has got three messages and owes an ACK for each."""
    client = wire.client(HELLO[version])
    client.decoder.version = version
    client.subscribes("/queue/x", mode)
    wire.client().sends("/queue/x", "1", "2", "3")
    return client


def settle(client: Client, command: str, number: int) -> None:
    """An ACK or NACK of the ``number``-th message it got."""
    message = client.frames("MESSAGE")[number - 1]
    if client.connection.version == "1.2":
        header = f"id:{message.header('ack')}\n"
    else:
        header = f"message-id:{message.header('message-id')}\n"
        if client.connection.version == "1.1":
            header += "subscription:0\n"
    client.says(f"{command}\n{header}\n\0")


def left(wire: Wire, client: Client) -> list[str]:
    """What it had not acknowledged: another one gets it when it goes."""
    wire.loses(client)
    heir = wire.client()
    heir.subscribes("/queue/x")
    return heir.bodies


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2"])
@pytest.mark.parametrize(("mode", "owed"), [("client", ["3"]), ("client-individual", ["1", "3"]), ("auto", [])])
def test_an_ack_covers_what_its_mode_says(version: str, mode: AckMode, owed: list[str]) -> None:
    wire = Wire()
    client = consumer(wire, version, mode)
    if mode != "auto":
        settle(client, "ACK", 2)
    assert client.ending is None
    assert left(wire, client) == owed


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize(("mode", "again"), [("client", ["1", "2"]), ("client-individual", ["2"])])
def test_a_nack_covers_what_its_mode_says(version: str, mode: AckMode, again: list[str]) -> None:
    client = consumer(Wire(), version, mode)
    settle(client, "NACK", 2)
    assert client.bodies[3:] == again


def test_only_1_2_has_an_ack_header() -> None:
    for version, named in (("1.0", False), ("1.1", False), ("1.2", True)):
        (message, *_) = consumer(Wire(), version, "client").frames("MESSAGE")
        assert (message.header("ack") is not None) is named


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("1.2", "ACK\nid:0/9\n\n\0"),
        ("1.2", "ACK\nid:9/1\n\n\0"),
        ("1.2", "ACK\nmessage-id:1\nsubscription:0\n\n\0"),
        ("1.1", "ACK\nmessage-id:9\nsubscription:0\n\n\0"),
        ("1.1", "ACK\nmessage-id:1\n\n\0"),
        ("1.1", "ACK\nmessage-id:1\nsubscription:9\n\n\0"),
        ("1.0", "ACK\nmessage-id:9\n\n\0"),
    ],
)
def test_an_ack_of_nothing_is_an_error(version: str, said: str) -> None:
    client = consumer(Wire(), version, "client")
    client.says(said)
    assert client.error.header("message") == "Unexpected ACK"


def test_1_0_has_no_nack() -> None:
    client = consumer(Wire(), "1.0", "client")
    settle(client, "NACK", 1)
    assert client.error.header("message") == "Unsupported command"


def test_a_message_is_acknowledged_once() -> None:
    client = consumer(Wire(), "1.2", "client-individual")
    settle(client, "ACK", 1)
    settle(client, "ACK", 1)
    assert client.error.header("message") == "Unexpected ACK"


def test_a_subscriptions_name_may_hold_a_slash() -> None:
    wire = Wire()
    client = wire.client()
    client.subscribes("/queue/x", "client", id_="a/1")
    client.sends("/queue/x", "1")
    settle(client, "ACK", 1)
    assert client.ending is None
    assert left(wire, client) == []


def test_a_topics_subscriber_may_owe_acks_too_and_loses_what_is_over_its_limit() -> None:
    wire = Wire(Policy(unacknowledged_limit=2))
    client = wire.client()
    client.subscribes("/topic/x", "client")
    client.sends("/topic/x", "1", "2", "3")
    assert client.bodies == ["1", "2"]
    settle(client, "NACK", 2)
    client.sends("/topic/x", "4")
    assert client.bodies == ["1", "2", "4"]

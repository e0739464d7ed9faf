"""BEGIN, COMMIT, ABORT: SEND, ACK and NACK held back, then all of them or none."""

from tests.lab.wire import Client, Wire
from tui.lab.policy import Policy


def begin(client: Client, name: str = "t") -> None:
    client.says(f"BEGIN\ntransaction:{name}\n\n\0")


def commit(client: Client, name: str = "t") -> None:
    client.says(f"COMMIT\ntransaction:{name}\n\n\0")


def abort(client: Client, name: str = "t") -> None:
    client.says(f"ABORT\ntransaction:{name}\n\n\0")


def sends(client: Client, *bodies: str, to: str = "/topic/x", name: str = "t") -> None:
    client.sends(to, *bodies, headers=f"transaction:{name}\nreceipt:r\n")


def test_messages_wait_for_commit_and_keep_their_order() -> None:
    wire = Wire()
    client, other = wire.client(), wire.client()
    other.subscribes("/topic/x")
    begin(client)
    sends(client, "1", "2")
    client.sends("/topic/x", "at once")
    assert other.bodies == ["at once"]
    assert len(client.frames("RECEIPT")) == 2
    commit(client)
    assert other.bodies == ["at once", "1", "2"]
    assert other.frames("MESSAGE")[1].header("transaction") is None
    assert len(client.frames("RECEIPT")) == 2


def test_abort_forgets_and_the_name_is_free_again() -> None:
    wire = Wire()
    client = wire.client()
    client.subscribes("/topic/x")
    begin(client)
    sends(client, "1")
    abort(client)
    begin(client)
    sends(client, "2")
    commit(client)
    assert client.bodies == ["2"]


def test_two_at_once_do_not_touch() -> None:
    wire = Wire()
    client = wire.client()
    client.subscribes("/topic/x")
    for name in ("a", "b"):
        begin(client, name)
        sends(client, name, name=name)
    abort(client, "a")
    commit(client, "b")
    assert client.bodies == ["b"]


def test_acknowledgements_wait_for_commit() -> None:
    wire = Wire(Policy(unacknowledged_limit=2))
    client = wire.client()
    client.subscribes("/queue/x", "client-individual")
    client.sends("/queue/x", "1", "2", "3")
    one, two = (message.header("ack") for message in client.frames("MESSAGE"))
    begin(client)
    client.says(f"ACK\nid:{one}\ntransaction:t\n\n\0NACK\nid:{two}\ntransaction:t\n\n\0")
    assert client.bodies == ["1", "2"]
    commit(client)
    assert client.bodies == ["1", "2", "3", "2"]


def test_an_aborted_ack_is_still_owed() -> None:
    wire = Wire()
    alice, bob = wire.client(), wire.client()
    alice.subscribes("/queue/x", "client")
    bob.sends("/queue/x", "1")
    begin(alice)
    alice.says(f"ACK\nid:{alice.frames('MESSAGE')[0].header('ack')}\ntransaction:t\n\n\0")
    abort(alice)
    wire.loses(alice)
    bob.subscribes("/queue/x")
    assert bob.bodies == ["1"]


def test_an_ack_that_was_overtaken_is_passed_over() -> None:
    wire = Wire()
    client = wire.client()
    client.subscribes("/queue/x", "client")
    client.sends("/queue/x", "1", "2")
    one, two = (message.header("ack") for message in client.frames("MESSAGE"))
    begin(client)
    client.says(f"ACK\nid:{one}\ntransaction:t\n\n\0")
    sends(client, "3", to="/queue/x")
    client.says(f"ACK\nid:{two}\n\n\0")
    commit(client)
    assert client.ending is None
    assert client.bodies == ["1", "2", "3"]


def test_a_client_that_goes_takes_its_transactions_along() -> None:
    wire = Wire()
    client, other = wire.client(), wire.client()
    other.subscribes("/topic/x")
    begin(client)
    sends(client, "1")
    client.says("DISCONNECT\n\n\0")
    wire.until(200)
    assert other.bodies == []


def test_no_room_in_the_queues_and_nothing_of_it_happens() -> None:
    wire = Wire(Policy(queues_limit=2))
    client, other = wire.client(), wire.client()
    other.subscribes("/topic/x")
    begin(client)
    sends(client, "1")
    sends(client, "2", "3", "4", to="/queue/x")
    commit(client)
    assert client.error.header("message") == "The queues are full"
    assert other.bodies == []
    other.subscribes("/queue/x", id_="1")
    assert other.bodies == []


def test_what_is_wrong_is_said_before_commit() -> None:
    for said, message in (
        ("SEND\ndestination:/nowhere\ntransaction:t\n\n\0", "Unknown destination"),
        ("SEND\ntransaction:t\n\n\0", "Missing destination header"),
        ("ACK\nid:0/1\ntransaction:t\n\n\0", "Unexpected ACK"),
        ("BEGIN\ntransaction:t\n\n\0", "Transaction exists already"),
    ):
        client = Wire().client()
        begin(client)
        client.says(said)
        assert client.error.header("message") == message


def test_a_transaction_that_never_ends_is_refused() -> None:
    client = Wire(Policy(transactions_limit=3)).client()
    begin(client)
    sends(client, "1")
    abort(client)
    begin(client)
    sends(client, "1", "2")
    assert client.ending is None
    sends(client, "3")
    assert client.error.header("message") == "The transactions are too big"

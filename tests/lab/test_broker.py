"""The broker's core: bytes in, frames and endings out, time given."""

import pytest

from tests.lab.wire import Wire
from tui.lab.endings import Close, Fin
from tui.lab.policy import Drop, Policy
from tui.protocols.heartbeat import Pair
from tui.protocols.stomp import StompFrame


def test_connected_says_who_and_what() -> None:
    (connected,) = Wire(Policy(beats=Pair(1000, 3000), server="x/1")).client().frames("CONNECTED")
    assert connected.headers == [
        ("version", "1.2"),
        ("session", "session-1"),
        ("server", "x/1"),
        ("heart-beat", "1000,3000"),
    ]


def test_stomp_is_connect_and_1_0_is_told_of_no_beats() -> None:
    assert Wire().client("STOMP\naccept-version:1.1\nhost:x\n\n\0").frames("CONNECTED")[0].header("version") == "1.1"
    (connected,) = Wire().client("CONNECT\n\n\0").frames("CONNECTED")
    assert connected.header("version") == "1.0"
    assert connected.header("heart-beat") is None


def test_a_topic_hands_every_message_to_every_subscriber() -> None:
    wire = Wire()
    alice, bob, carol = wire.client(), wire.client(), wire.client()
    for client, id_ in ((alice, "a"), (bob, "b")):
        client.says(f"SUBSCRIBE\nid:{id_}\ndestination:/topic/x\n\n\0")
    carol.says("SUBSCRIBE\nid:c\ndestination:/topic/y\n\n\0")
    carol.says("SEND\ndestination:/topic/x\ncontent-type:text/plain\nk:1\nk:2\nreceipt:r\nmessage-id:fake\n\nhi\0")
    for client, id_ in ((alice, "a"), (bob, "b")):
        (message,) = client.frames("MESSAGE")
        assert message.body == b"hi"
        assert message.headers == [
            ("subscription", id_),
            ("message-id", "1"),
            ("destination", "/topic/x"),
            ("content-type", "text/plain"),
            ("k", "1"),
            ("k", "2"),
            ("content-length", "2"),
        ]
    assert carol.frames("MESSAGE") == []
    assert [receipt.header("receipt-id") for receipt in carol.frames("RECEIPT")] == ["r"]


def test_a_message_is_escaped_as_each_receiver_reads_it() -> None:
    wire = Wire()
    old, new = wire.client("CONNECT\n\n\0"), wire.client()
    for client in (old, new):
        client.decoder.version = client.connection.version
        client.says("SUBSCRIBE\nid:0\ndestination:/topic/x\n\n\0")
    new.says(b"SEND\ndestination:/topic/x\nk:a\\cb\\nc\n\nnul\0")
    assert new.frames("MESSAGE")[0].header("k") == "a:b\nc"
    assert old.frames("MESSAGE")[0].header("k") == "a:b c"


def test_a_body_with_nuls_arrives_whole() -> None:
    client = Wire().client()
    client.says("SUBSCRIBE\nid:0\ndestination:/topic/x\n\n\0")
    client.says("SEND\ndestination:/topic/x\ncontent-length:5\n\na\0b\0c\0")
    assert client.frames("MESSAGE")[0].body == b"a\0b\0c"


def test_unsubscribe_ends_it_and_the_id_is_free_again() -> None:
    client = Wire().client()
    client.says("SUBSCRIBE\nid:0\ndestination:/topic/x\n\n\0")
    client.says("UNSUBSCRIBE\nid:0\n\n\0")
    assert client.says("SEND\ndestination:/topic/x\n\nhi\0") == []
    client.says("SUBSCRIBE\nid:0\ndestination:/topic/x\n\n\0")
    assert len(client.says("SEND\ndestination:/topic/x\n\nhi\0")) == 1


def test_1_0_may_leave_out_the_id() -> None:
    client = Wire().client("CONNECT\n\n\0")
    client.says("SUBSCRIBE\ndestination:/topic/x\n\n\0")
    assert len(client.says("SEND\ndestination:/topic/x\n\nhi\0")) == 1
    client.says("UNSUBSCRIBE\ndestination:/topic/x\n\n\0")
    assert client.says("SEND\ndestination:/topic/x\n\nhi\0") == []


@pytest.mark.parametrize("command", ["SUBSCRIBE\nid:0\ndestination:/topic/x", "SEND\ndestination:/topic/x"])
def test_receipts_keep_their_text(command: str) -> None:
    client = Wire().client()
    client.says(f"{command}\nreceipt:a\\cb\n\n\0")
    assert client.frames("RECEIPT")[0].header("receipt-id") == "a:b"


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("SEND\n\nhi\0", "Missing destination header"),
        ("SUBSCRIBE\ndestination:/topic/x\n\n\0", "Missing id header"),
        ("SUBSCRIBE\nid:0\n\n\0", "Missing destination header"),
        ("SUBSCRIBE\nid:0\ndestination:/nowhere\n\n\0", "Unknown destination"),
        ("SEND\ndestination:/nowhere\n\n\0", "Unknown destination"),
        ("SUBSCRIBE\nid:0\ndestination:/topic/x\nack:maybe\n\n\0", "Unknown ack mode"),
        ("ACK\nid:0/1\n\n\0", "Unexpected ACK"),
        ("NACK\n\n\0", "Unexpected NACK"),
        ("UNSUBSCRIBE\nid:9\n\n\0", "No such subscription"),
        ("UNSUBSCRIBE\n\n\0", "Missing id header"),
        ("CONNECT\naccept-version:1.2\n\n\0", "Already connected"),
        ("BEGIN\n\n\0", "Missing transaction header"),
        ("COMMIT\ntransaction:t\n\n\0", "No such transaction"),
        ("ABORT\ntransaction:t\n\n\0", "No such transaction"),
        ("SEND\ndestination:/topic/x\ntransaction:t\n\n\0", "No such transaction"),
        ("SEND\ndestination:/topic/x\nexpires:soon\n\n\0", "Invalid expires header"),
        ("MESSAGE\n\n\0", "Unsupported command"),
        ("HELLO\n\n\0", "Unknown STOMP command"),
        ("SEND\ndestination\n\n\0", "Illegal header: no colon"),
        ("SEND\ndestination:/topic/x\nk:a\\tb\n\n\0", "Illegal escape sequence in a header"),
        ("SEND\ndestination:/topic/x\ncontent-length:2\n\nabc\0", "Frame must be terminated with a null octet"),
        ("SEND\ndestination:/topic/x\ncontent-length:-2\n\nabc\0", "Invalid content-length header"),
        ("SUBSCRIBE\nid:0\ndestination:/topic/x\n\nbody\0", "This command must not have a body"),
        ("SEND\ndestination:/topic/x\0", "Headers must end with a blank line"),
        (b"SEND\nk:\xff\n\n\0", "Headers must be UTF-8"),
    ],
)
def test_a_bad_frame_gets_an_error_and_the_connection_ends(said: str | bytes, message: str) -> None:
    client = Wire().client()
    client.says(said)
    assert client.error.header("message") == message
    assert client.ending == Close(1002)
    assert client.says("SEND\ndestination:/topic/x\nreceipt:r\n\nhi\0") == []


@pytest.mark.parametrize("length", ["", "content-length:70000\n"])
@pytest.mark.parametrize("step", [1000, 100_000])
def test_a_frame_over_the_limit_is_refused_however_it_comes(length: str, step: int) -> None:
    client = Wire(Policy(frame_limit=65536)).client()
    said = f"SEND\ndestination:/topic/x\n{length}\n{'x' * 70000}\0"
    for at in range(0, len(said), step):
        client.says(said[at : at + step])
    assert client.error.header("message") == "The maximum frame size was exceeded"


def test_the_frames_after_a_bad_one_do_not_count() -> None:
    wire = Wire()
    alice, bob = wire.client(), wire.client()
    alice.says("SUBSCRIBE\nid:0\ndestination:/topic/x\n\n\0")
    bob.says("HELLO\n\n\0SEND\ndestination:/topic/x\n\nhi\0")
    assert alice.frames("MESSAGE") == []


def test_an_error_answers_the_receipt_that_was_asked_for() -> None:
    client = Wire().client()
    client.says("SEND\nreceipt:r-1\n\nhi\0")
    assert client.error.header("receipt-id") == "r-1"


def test_1_1_takes_no_escaped_cr_and_1_0_takes_any_body() -> None:
    strict = Wire().client("CONNECT\naccept-version:1.1\n\n\0")
    strict.says("SEND\ndestination:/topic/x\nk:a\\rb\n\n\0")
    assert strict.error.header("message") == "Illegal escape sequence in a header"
    old = Wire().client("CONNECT\n\n\0")
    old.says("SUBSCRIBE\ndestination:/topic/x\nreceipt:r\n\nbody\0")
    assert old.frames("RECEIPT")


@pytest.mark.parametrize(
    ("connect", "message"),
    [
        ("SEND\ndestination:/topic/x\n\n\0", "Not connected"),
        ("CONNECT\naccept-version:3.0\n\n\0", "Version mismatch"),
        ("CONNECT\naccept-version:1.2\nheart-beat:no\n\n\0", "Invalid heart-beat header"),
        ("CONNECT\naccept-version:1.2\nlogin:bob\npasscode:wrong\n\n\0", "Bad CONNECT"),
    ],
)
def test_a_refused_client_is_told_why_and_ended(connect: str, message: str) -> None:
    client = Wire(Policy(users={"bob": "right"})).client(connect)
    assert client.error.header("message") == message
    assert client.frames("CONNECTED") == []
    assert client.ending == Close(1002)


def test_a_passcode_is_never_quoted_back() -> None:
    client = Wire().client("CONNECT\nlogin:bob\npasscode:sesame\nbroken\n\n\0")
    assert b"passcode" in client.error.body
    assert b"sesame" not in client.error.body


def test_beats_come_at_the_agreed_pace_both_ways() -> None:
    wire = Wire(Policy(beats=Pair(1000, 1000)))
    client = wire.client()
    for second in range(1, 10):
        client.says("\n")
        wire.until(100.0 + second)
    assert client.beats == 4
    assert client.ending is None


def test_a_silent_client_is_dropped_when_its_grace_is_used_up() -> None:
    wire = Wire(Policy(beats=Pair(1000, 1000), grace=3))
    silent, alive = wire.client(), wire.client()
    for quarter in range(1, 24):
        wire.until(100 + quarter / 4)
        alive.says("\n")
    assert silent.ending is None
    wire.until(106)
    assert silent.error.header("message") == "Session closed."
    assert silent.ending == Close(1002)
    wire.until(106.5)
    assert alive.ending is None


def test_part_of_a_frame_is_a_sign_of_life() -> None:
    wire = Wire()
    client = wire.client()
    wire.until(105)
    client.says("SEN")
    wire.until(110.9)
    assert client.ending is None
    wire.until(111)
    assert client.ending is not None


def test_the_drop_is_the_policys() -> None:
    policy = Policy(grace=2, on_silence=Drop(Close(1000, "STOMP died")))
    wire = Wire(policy)
    client = wire.client()
    wire.until(104)
    assert client.ending == Close(1000, "STOMP died")
    assert client.frames("ERROR") == []


def test_no_grace_never_drops() -> None:
    wire = Wire(Policy(grace=0))
    client = wire.client()
    wire.until(1000)
    assert client.ending is None


def test_disconnect_is_receipted_and_the_client_closes() -> None:
    wire = Wire(Policy(linger=2))
    client = wire.client()
    client.says("SUBSCRIBE\nid:0\ndestination:/topic/x\n\n\0")
    (receipt,) = client.says("DISCONNECT\nreceipt:bye\n\n\0")
    assert isinstance(receipt, StompFrame)
    assert receipt.header("receipt-id") == "bye"
    assert client.says("SEND\ndestination:/topic/x\nreceipt:r\n\nhi\0") == []
    wire.until(101.9)
    assert client.ending is None
    wire.until(102)
    assert client.ending == Close(1000)


def test_a_lost_client_gets_nothing_and_asks_for_nothing() -> None:
    wire = Wire()
    client = wire.client()
    client.says("SUBSCRIBE\nid:0\ndestination:/topic/x\n\n\0")
    wire.loses(client)
    assert wire.broker.next_deadline() is None
    assert wire.broker.publish("/topic/x", b"hi", m=wire.m) == []


def test_what_the_broker_does_not_know_is_ignored() -> None:
    client = Wire().client("CONNECT\naccept-version:1.2\nclient-id:c\nx-shade:1\n\n\0")
    client.says(
        "SUBSCRIBE\nid:0\ndestination:/queue/x\ndurable:true\nauto-delete:false\nx-queue-type:quorum\n"
        "activemq.subscriptionName:c\nactivemq.prefetchSize:1\n\n\0"
    )
    client.sends("/queue/x", "hi", headers="persistent:true\npriority:4\nx-shade:1\n")
    (message,) = client.frames("MESSAGE")
    assert set(message.headers) >= {("persistent", "true"), ("priority", "4"), ("x-shade", "1")}
    assert client.frames("ERROR") == []


def test_an_error_has_a_message_a_body_and_its_length() -> None:
    client = Wire().client()
    client.says("SUBSCRIBE\nid:0\ndestination:/nowhere\nreceipt:r-1\n\n\0")
    body = b"destination is /nowhere; this broker serves /topic/\xe2\x80\xa6 and /queue/\xe2\x80\xa6"
    assert client.error.body == body
    assert client.error.headers == [
        ("message", "Unknown destination"),
        ("receipt-id", "r-1"),
        ("content-type", "text/plain"),
        ("content-length", str(len(body))),
    ]


def test_nothing_moves_for_a_while_and_the_connection_is_idle() -> None:
    policy = Policy(beats=Pair(0, 0), idle=4, on_idle=Drop(Fin()))
    wire = Wire(policy)
    quiet, mute, busy, listening = wire.client(), wire.client(None), wire.client(), wire.client()
    listening.subscribes("/topic/x")
    for second in range(1, 4):
        wire.until(100 + second)
        busy.sends("/topic/x", "hi")
    wire.until(103.9)
    assert quiet.ending is None
    assert mute.ending is None
    wire.until(104)
    assert quiet.ending == mute.ending == Fin()
    assert quiet.frames("ERROR") == []
    wire.until(106.9)
    assert busy.ending is None
    assert listening.ending is None, "what is written to a client keeps it too"


def test_a_second_login_drops_the_first() -> None:
    wire = Wire(Policy(on_second_login=Drop(Close(4001, "logged in elsewhere"))))
    connect = "CONNECT\naccept-version:1.2\nlogin:{}\n\n\0"
    first, nobody, other = wire.client(connect.format("alice")), wire.client(), wire.client(connect.format("bob"))
    second = wire.client(connect.format("alice"))
    wire.client()
    assert first.ending == Close(4001, "logged in elsewhere")
    assert second.frames("CONNECTED")
    assert (second.ending, nobody.ending, other.ending) == (None, None, None)


def test_many_logins_may_stay_where_nobody_minds() -> None:
    wire = Wire()
    first, second = (wire.client("CONNECT\naccept-version:1.2\nlogin:alice\n\n\0") for _ in range(2))
    assert (first.ending, second.ending) == (None, None)


def test_a_client_may_have_so_many_subscriptions() -> None:
    client = Wire(Policy(subscriptions_limit=2)).client()
    for number in range(3):
        client.subscribes("/topic/x", id_=str(number))
    assert client.error.header("message") == "Too many subscriptions"

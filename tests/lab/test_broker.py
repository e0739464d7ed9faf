"""The broker's core: bytes in, frames and endings out, time given."""

from collections.abc import Sequence

import pytest

from tui.lab.broker import Broker, End, Output, Write
from tui.lab.endings import Close, Ending
from tui.lab.policy import Drop, Policy
from tui.protocols.heartbeat import Pair
from tui.protocols.stomp import Beat, StompDecoder, StompFrame

CONNECT = "CONNECT\naccept-version:1.0,1.1,1.2\nhost:ignored\nheart-beat:2000,2000\n\n\0"


class Wire:
    """One broker, a clock, and what each client has been told."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.m = 100.0
        self.broker = Broker(policy)
        self.clients: list[Client] = []

    def client(self, connect: str | None = CONNECT) -> "Client":
        client = Client(self)
        self.clients.append(client)
        if connect is not None:
            client.says(connect)
        return client

    def deliver(self, outputs: Sequence[Output]) -> None:
        for output in outputs:
            client = next(client for client in self.clients if client.connection is output.to)
            if isinstance(output, Write):
                assert client.ending is None, "nothing is written after the end"
                client.got += client.decoder.feed(output.data)
            else:
                assert isinstance(output, End)
                client.ending = output.ending

    def until(self, m: float) -> None:
        """Time passes, deadline by deadline, as a driver lets it."""
        while (deadline := self.broker.next_deadline()) is not None and deadline <= m:
            assert deadline >= self.m
            self.m = deadline
            self.deliver(self.broker.advance(deadline))
        self.m = m


class Client:
    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.connection = wire.broker.open(wire.m)
        self.decoder = StompDecoder()
        self.got: list[StompFrame | Beat] = []
        self.ending: Ending | None = None

    def says(self, data: str | bytes) -> list[StompFrame | Beat]:
        """What this client is told while it is heard."""
        before = len(self.got)
        raw = data.encode() if isinstance(data, str) else data
        self.wire.deliver(self.wire.broker.receive(self.connection, raw, self.wire.m))
        return self.got[before:]

    def frames(self, command: str) -> list[StompFrame]:
        return [event for event in self.got if isinstance(event, StompFrame) and event.command == command]

    @property
    def beats(self) -> int:
        return sum(isinstance(event, Beat) for event in self.got)

    @property
    def error(self) -> StompFrame:
        (error,) = self.frames("ERROR")
        return error


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
        ("SUBSCRIBE\nid:0\ndestination:/topic/x\nack:client\n\n\0", "Unsupported ack mode"),
        ("UNSUBSCRIBE\nid:9\n\n\0", "No such subscription"),
        ("UNSUBSCRIBE\n\n\0", "Missing id header"),
        ("CONNECT\naccept-version:1.2\n\n\0", "Already connected"),
        ("BEGIN\ntransaction:t\n\n\0", "Unsupported command"),
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
    wire.broker.lost(client.connection)
    assert wire.broker.next_deadline() is None
    assert wire.broker.publish("/topic/x", b"hi") == []

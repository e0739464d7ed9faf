"""The STOMP half: CONNECT, versions, beats, subscriptions, transactions, DISCONNECT; no socket, no clock."""

from pathlib import Path

import pytest

from tests.client.bench import CLOSE, Bench, on_the_wire, stomp_bench

URL = "stomp+ws://h.example:15674/ws"


# CONNECT.


def test_connect_leaves_with_the_101() -> None:
    bench = Bench(URL)
    [frame] = bench.frames()
    assert on_the_wire(frame).text is not None and frame.composed
    assert bench.said("CONNECT") == {
        "accept-version": "1.0,1.1,1.2", "host": "h.example", "heart-beat": "25000,25000",
    }  # fmt: skip


def test_connect_with_everything_said(tmp_path: Path) -> None:
    file = tmp_path / "passcode"
    file.write_text("open: sesame\n")
    bench = Bench(
        URL, login="me", passcode_file=str(file), vhost="/", stomp_version="1.1,1.2", heart_beat="0, 5000",
        connect_header=["client-id: 7", "host: other", "heart-beat: 10,20"],
    )  # fmt: skip
    assert bench.said("CONNECT") == {
        "accept-version": "1.1,1.2", "host": "other", "heart-beat": "10,20", "login": "me",
        "passcode": "open: sesame", "client-id": "7",
    }  # fmt: skip


@pytest.mark.parametrize(("options", "absent"), [({"login": "me"}, "passcode"), ({"passcode": "x"}, "login")])
def test_login_and_passcode_only_if_given(options: dict[str, str], absent: str) -> None:
    assert absent not in Bench(URL, **options).said("CONNECT")


def test_no_connect_where_none_is_wanted() -> None:
    assert Bench(URL, no_stomp_connect=True).sent == []
    assert Bench("ws://h/", login="me").sent == []


def test_subscriptions_follow_connected() -> None:
    bench = Bench(URL, subscribe=["/topic/a", "/topic/b"])
    assert len(bench.stomps()) == 1
    bench.stomp("CONNECTED", version="1.2")
    bench.stomp("CONNECTED", version="1.2")
    assert [dict(frame.headers)["destination"] for frame in bench.stomps()[1:]] == ["/topic/a", "/topic/b"]


def test_a_connect_refused_leaves_the_server_two_seconds_to_close() -> None:
    bench = Bench(URL)
    bench.m = 3.0
    bench.stomp("ERROR", message="Bad CONNECT")
    bench.wake_until(4.9)
    assert bench.closes() == []
    bench.wake_until(5.1)
    assert bench.closes() == [(None, "")]


def test_an_error_once_connected_leaves_the_end_to_the_server() -> None:
    bench = stomp_bench(version="1.2")
    bench.stomp("ERROR", message="Unknown destination")
    bench.wake_until(60.0)
    assert bench.closes() == []


def test_an_error_to_a_connect_typed_by_hand_leaves_room_for_another() -> None:
    bench = Bench(URL, no_stomp_connect=True)
    bench.stomp("ERROR", message="Bad CONNECT")
    bench.wake_until(60.0)
    assert bench.closes() == []


# What the version decides.


@pytest.mark.parametrize(
    ("version", "ack", "nack"),
    [
        ("1.2", {"id": "m-1"}, {"id": "m-1"}),
        ("1.1", {"message-id": "m-1", "subscription": "sub-0"}, {"message-id": "m-1", "subscription": "sub-0"}),
        ("1.0", {"message-id": "m-1"}, None),
    ],
)
def test_ack_and_nack(version: str, ack: dict[str, str], nack: dict[str, str] | None) -> None:
    bench = stomp_bench(version=version)
    bench.do("subscribe /q")
    bench.stomp("MESSAGE", destination="/q", message_id="m-1", subscription="sub-0")
    assert bench.do("ack m-1") is None
    assert bench.said("ACK") == ack
    assert bench.do("nack m-1") == (None if nack else "command.nack_1_0")
    assert [dict(frame.headers) for frame in bench.stomps() if frame.command == "NACK"] == ([nack] if nack else [])


def test_an_ack_of_1_1_names_the_subscription_its_message_came_on() -> None:
    bench = stomp_bench(version="1.1")
    bench.do("subscribe /a")
    bench.do("subscribe /b")
    bench.stomp("MESSAGE", destination="/b", message_id="m-1", subscription="sub-1")
    bench.do("ack m-1")
    assert bench.said("ACK")["subscription"] == "sub-1"


@pytest.mark.parametrize(("version", "wanted"), [("1.2", rb"x\cy\\z\nw"), ("1.1", rb"x\cy\\z\nw"), ("1.0", b"x:y")])
def test_header_escapes(version: str, wanted: bytes) -> None:
    bench = stomp_bench(version=version)
    bench.do(r"stomp-send x:y\\z\nw body" if version != "1.0" else "stomp-send x:y body")
    assert b"destination:" + wanted + b"\n" in bench.frames()[-1].payload


def test_no_version_is_1_0_and_has_no_beats() -> None:
    bench = Bench(URL, heart_beat="1000,1000")
    bench.stomp("CONNECTED", heart_beat="1000,1000")
    assert bench.client.next_wake() is None
    assert bench.do("nack 1") == "command.nack_1_0"


# Beats.


@pytest.mark.parametrize(
    ("ours", "theirs", "every"),
    [
        ("1000,0", "0,1000", 1.0),
        ("1000,0", "0,3000", 3.0),
        ("5000,9", "9,3000", 5.0),
        ("0,1000", "1000,1000", None),
        ("1000,1000", "1000,0", None),
        ("1000,1000", "rubbish", None),
    ],
)
def test_the_interval_is_the_longer_wish(ours: str, theirs: str, every: float | None) -> None:
    assert stomp_bench(ours, theirs).client.next_wake() == every


def test_connected_without_a_heart_beat_header() -> None:
    bench = Bench(URL, heart_beat="1000,1000")
    bench.stomp("CONNECTED", version="1.2")
    assert bench.client.next_wake() is None


def test_what_the_connect_header_says_is_what_we_asked_for() -> None:
    bench = Bench(URL, heart_beat="1000,1000", connect_header=["heart-beat: 0,0"])
    bench.stomp("CONNECTED", version="1.2", heart_beat="1000,1000")
    assert bench.client.next_wake() is None


def test_a_connect_typed_by_hand_says_what_we_asked_for() -> None:
    bench = Bench(URL, no_stomp_connect=True)
    assert bench.do(r"stomp-frame CONNECT\nheart-beat:2000,0\n\n\0") is None
    assert bench.frames()[-1].payload == b"CONNECT\nheart-beat:2000,0\n\n\0"
    bench.stomp("CONNECTED", version="1.2", heart_beat="0,1000")
    assert bench.client.next_wake() == 2.0


def test_beats_leave_at_the_cadence_whatever_else_is_sent() -> None:
    bench = stomp_bench()
    for at in (0.5, 0.99, 1.7, 2.5):
        bench.wake_until(at)
        bench.do("stomp-send /q hello")
    bench.wake_until(4.0)
    assert bench.beats() == [1.0, 2.0, 3.0, 4.0]
    assert on_the_wire(bench.frames()[-1]).payload == b"\n"


def test_a_late_wake_up_neither_shifts_the_cadence_nor_is_made_up_for() -> None:
    bench = stomp_bench()
    bench.wake_until(2.9, late=0.3)
    assert bench.beats() == [1.3, 2.3]
    bench.wake(6.5)
    bench.wake_until(8.0)
    assert bench.beats()[2:] == [6.5, 7.0, 8.0]


def test_an_early_wake_up_sends_nothing() -> None:
    bench = stomp_bench()
    bench.wake(0.5)
    assert bench.beats() == [] and bench.client.next_wake() == 1.0


def test_held_beats_and_release() -> None:
    bench = stomp_bench()
    bench.wake_until(1.0)
    bench.do("hold-beats")
    bench.wake_until(4.2)
    assert bench.beats() == [1.0]
    bench.do("release-beats")
    bench.wake_until(6.0)
    assert bench.beats() == [1.0, 5.0, 6.0]


def test_throttled_beats_and_release() -> None:
    bench = stomp_bench()
    bench.wake_until(1.5)
    bench.do("throttle-beats 60000")
    bench.wake_until(122.0)
    assert bench.beats() == [1.0, 61.5, 121.5]
    bench.do("release-beats")
    bench.wake_until(125.0)
    assert bench.beats()[3:] == [123.0, 124.0, 125.0]


def test_a_throttle_shorter_than_the_interval_changes_nothing() -> None:
    bench = stomp_bench()
    bench.wake_until(0.5)
    bench.do("throttle-beats 100")
    bench.wake_until(3.0)
    assert bench.beats() == [1.0, 2.0, 3.0]


def test_a_throttle_from_before_connected_holds_for_the_first_beat_too() -> None:
    bench = Bench(URL, heart_beat="1000,1000")
    bench.do("throttle-beats 5000")
    bench.stomp("CONNECTED", version="1.2", heart_beat="0,1000")
    bench.wake_until(11.0)
    assert bench.beats() == [5.0, 10.0]


# Subscriptions, messages, transactions.


def test_subscribe_and_unsubscribe() -> None:
    bench = stomp_bench()
    bench.do("subscribe /a")
    bench.do("subscribe /b")
    assert [dict(f.headers) for f in bench.stomps() if f.command == "SUBSCRIBE"] == [
        {"destination": "/a", "id": "sub-0", "ack": "auto"}, {"destination": "/b", "id": "sub-1", "ack": "auto"},
    ]  # fmt: skip
    assert bench.do("unsubscribe /b") is None
    assert bench.do("unsubscribe sub-0") is None
    assert [dict(f.headers)["id"] for f in bench.stomps() if f.command == "UNSUBSCRIBE"] == ["sub-1", "sub-0"]
    assert bench.do("unsubscribe /b") == "command.not_subscribed"


def test_send_goes_to_the_first_destination_subscribed_to(tmp_path: Path) -> None:
    bench = stomp_bench()
    assert bench.do("send hi") == "command.no_destination"
    bench.do("subscribe /a")
    bench.do("subscribe /b")
    file = tmp_path / "body"
    file.write_bytes(b"\xff\xfe\0")
    bench.do("send hi 你")
    bench.do("send-repeat ab 3")
    bench.do("send-binary ff00")
    bench.do(f"send-file {file}")
    sent = [frame for frame in bench.stomps() if frame.command == "SEND"]
    assert [frame.body for frame in sent] == ["hi 你".encode(), b"ababab", b"\xff\0", b"\xff\xfe\0"]
    assert all(dict(frame.headers)["destination"] == "/a" for frame in sent)
    assert [dict(frame.headers)["content-length"] for frame in sent] == ["6", "6", "2", "3"]
    assert [frame.opcode for frame in bench.frames()[-4:]] == [1, 1, 2, 2]


def test_send_raw_has_no_stomp_around_it_and_is_redacted_like_ours() -> None:
    bench = stomp_bench()
    bench.do(r"send-raw SEND\npasscode:x\n\n\0")
    assert bench.frames()[-1].payload == b"SEND\npasscode:x\n\n\0" and bench.frames()[-1].composed


def test_what_is_sent_in_a_transaction_says_so() -> None:
    bench = stomp_bench()
    assert bench.do("commit") == "command.no_transaction"
    bench.do("begin")
    bench.do("stomp-send /q in")
    bench.do("ack m-1")
    bench.do("commit")
    bench.do("stomp-send /q out")
    bench.do("begin mine")
    bench.do("abort-tx other")
    bench.do("stomp-send /q still in")
    bench.do("abort-tx")
    said = [(frame.command, dict(frame.headers).get("transaction")) for frame in bench.stomps()[1:]]
    assert said == [
        ("BEGIN", "tx-1"), ("SEND", "tx-1"), ("ACK", "tx-1"), ("COMMIT", "tx-1"), ("SEND", None),
        ("BEGIN", "mine"), ("ABORT", "other"), ("SEND", "mine"), ("ABORT", "mine"),
    ]  # fmt: skip


# DISCONNECT.


def test_disconnect_waits_for_its_receipt_and_closes() -> None:
    bench = stomp_bench(close_timeout=3.0)
    bench.wake_until(0.5)
    assert bench.do("disconnect") is None
    receipt = bench.said("DISCONNECT")["receipt"]
    bench.stomp("RECEIPT", receipt_id="another")
    assert bench.closes() == []
    bench.stomp("RECEIPT", receipt_id=receipt)
    assert bench.closes() == [(1000, "")]
    bench.frame(CLOSE, b"\x03\xe8")
    assert bench.beats() == [] and len(bench.closes()) == 1


def test_no_receipt_within_close_timeout_closes_all_the_same() -> None:
    bench = stomp_bench(close_timeout=3.0)
    bench.do("disconnect")
    bench.wake_until(2.9)
    assert bench.closes() == [] and bench.beats() == []
    bench.wake_until(3.0)
    assert bench.closes() == [(1000, "")]


def test_nothing_of_stomp_follows_disconnect() -> None:
    bench = stomp_bench()
    bench.do("subscribe /q")
    bench.do("disconnect")
    before = len(bench.sent)
    for words in ("stomp-send /q x", "send x", "subscribe /r", "disconnect", "begin", r"stomp-frame \n"):
        assert bench.do(words) == "command.disconnecting"
    bench.do("throttle-beats 10")
    bench.do("release-beats")
    bench.wake_until(2.0)
    assert len(bench.sent) == before
    assert bench.do("send-raw x") is None and bench.do("close") is None


def test_leaving_disconnects_once() -> None:
    bench = stomp_bench()
    bench.do("disconnect")
    bench.leave()
    assert len([frame for frame in bench.stomps() if frame.command == "DISCONNECT"]) == 1
    assert bench.closes() == []


def test_leaving_before_connected_or_after_a_close_is_a_close() -> None:
    early = Bench(URL)
    early.leave()
    assert early.closes() == [(1000, "")]
    late = stomp_bench()
    late.do("close 4000")
    late.leave()
    assert late.closes() == [(4000, "")] and late.stomps()[-1].command == "CONNECT"


def test_disconnect_wants_connected() -> None:
    assert Bench(URL).do("disconnect") == "command.not_connected"


def test_beats_end_with_our_close() -> None:
    bench = stomp_bench()
    bench.do("close")
    bench.wake_until(4.0)
    assert bench.beats() == []

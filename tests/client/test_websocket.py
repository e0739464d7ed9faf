"""The WebSocket half: pongs, the close handshake, framing errors, pings of our own; no socket, no clock."""

import pytest

from tests.client.bench import CLOSE, PING, PONG, TEXT, Bench, on_the_wire
from tui.client.outgoing import Act
from tui.client.websocket import PONGS
from tui.protocols.websocket import ERRORS


def test_every_frame_is_masked_and_says_what_was_sent() -> None:
    bench = Bench()
    bench.do("send hello")
    bench.do("send-binary 00ff")
    bench.do("send " + "x" * 200)
    text, binary, long = bench.frames()
    for frame, opcode, payload in ((text, 1, b"hello"), (binary, 2, b"\x00\xff"), (long, 1, b"x" * 200)):
        scanned = on_the_wire(frame)
        assert scanned.masked and (scanned.opcode, scanned.payload) == (opcode, payload)
        assert (frame.opcode, frame.payload, frame.head) == (opcode, payload, scanned.head)
        assert len(frame.data) == scanned.wire


# Pongs (RFC 6455 §5.5.2, §5.5.3).


def test_a_ping_is_answered_with_its_payload() -> None:
    bench = Bench()
    bench.frame(PING, b"abc")
    bench.frame(PING)
    assert bench.pongs() == [b"abc", b""]


def test_a_pong_is_not_answered() -> None:
    bench = Bench()
    bench.frame(PONG, b"unasked")
    assert bench.sent == []


def test_held_pongs_leave_as_the_latest_one_when_released() -> None:
    bench = Bench()
    bench.do("hold-pongs")
    bench.frame(PING, b"1")
    bench.frame(PING, b"2")
    bench.do("hold-pongs")
    assert bench.pongs() == []
    bench.do("release-pongs")
    bench.frame(PING, b"3")
    assert bench.pongs() == [b"2", b"3"]


def test_pongs_that_nobody_takes_do_not_heap_up() -> None:
    """RFC 6455 §5.5.3: of several pings the most recent one may be the only one that is answered."""
    bench = Bench()
    for number in range(PONGS + 500):
        bench.frame(PING, b"%d" % number)
    assert len(bench.pongs()) == PONGS
    for frame in bench.frames(PONG):
        bench.client.sent(frame)
    bench.wake(1)
    assert bench.pongs()[PONGS:] == [b"%d" % (PONGS + 499)]
    bench.client.sent(bench.frames(PONG)[-1])
    bench.frame(PING, b"again")
    assert bench.pongs()[PONGS + 1 :] == [b"again"]


def test_pings_that_came_while_pongs_are_held_do_not_heap_up() -> None:
    bench = Bench()
    bench.do("hold-pongs")
    for number in range(5):
        bench.frame(PING, b"%d" % number)
    bench.do("release-pongs")
    assert bench.pongs() == [b"4"]


def test_releasing_what_is_not_held_sends_nothing() -> None:
    bench = Bench()
    bench.do("release-pongs")
    assert bench.sent == []


def test_no_pong_follows_our_close() -> None:
    bench = Bench()
    bench.do("hold-pongs")
    bench.frame(PING, b"1")
    bench.do("close")
    bench.frame(PING, b"2")
    bench.do("release-pongs")
    assert bench.pongs() == []


# The close handshake (§7).


@pytest.mark.parametrize(
    ("payload", "echo"), [(b"\x03\xe8bye", (1000, "")), (b"\x0f\xa0", (4000, "")), (b"", (None, ""))]
)
def test_a_close_is_answered_with_its_code(payload: bytes, echo: tuple[int | None, str]) -> None:
    bench = Bench()
    bench.frame(CLOSE, payload)
    bench.frame(CLOSE, payload)
    assert bench.closes() == [echo]


@pytest.mark.parametrize(("error", "code"), [("close-code", 1002), ("close-length", 1002), ("close-utf8", 1007)])
def test_a_broken_close_is_answered_with_the_rule_it_breaks(error: str, code: int) -> None:
    bench = Bench()
    bench.frame(CLOSE, b"\x03\xed", error=error)
    assert bench.closes() == [(code, "")]


def test_our_close_is_sent_once_and_the_answer_not_answered() -> None:
    bench = Bench()
    assert bench.do("close 4001 bye 你") is None
    assert bench.do("close 4002") == "command.closing"
    bench.frame(CLOSE, b"\x0f\xa1")
    assert bench.closes() == [(4001, "bye 你")]


@pytest.mark.parametrize("who", ["ours", "theirs"])
def test_no_end_of_tcp_within_close_timeout_ends_it_locally(who: str) -> None:
    bench = Bench(close_timeout=2.0)
    bench.m = 10.0
    if who == "ours":
        bench.do("close")
    else:
        bench.frame(CLOSE, b"\x03\xe8")
    bench.wake_until(11.9)
    assert bench.acts() == []
    bench.wake_until(12.0)
    assert bench.acts() == [Act("finish", "local", "close-timeout")]
    bench.wake_until(100.0)
    assert len(bench.acts()) == 1


def test_the_answer_to_our_close_does_not_put_the_end_off() -> None:
    bench = Bench(close_timeout=2.0)
    bench.do("close")
    bench.m = 1.5
    bench.frame(CLOSE, b"\x03\xe8")
    bench.wake_until(2.0)
    assert bench.acts() == [Act("finish", "local", "close-timeout")]


@pytest.mark.parametrize("words", ["close", "close 1000", "close 0", "close 65535 r", "close 1006"])
def test_close_says_whatever_code_is_asked_for(words: str) -> None:
    bench = Bench()
    assert bench.do(words) is None
    [(code, _)] = bench.closes()
    assert code == int([*words.split(), "1000"][1])


def test_a_reason_is_at_most_123_bytes() -> None:
    bench = Bench()
    assert bench.do("close 1000 " + "你" * 42) == "command.control_too_long"
    assert bench.do("ping " + "x" * 126) == "command.control_too_long"
    assert bench.sent == []
    assert bench.do("close 1000 " + "你" * 41) is None
    assert len(bench.frames(CLOSE)[0].payload) == 125


# Framing errors.


@pytest.mark.parametrize("error", ERRORS)
def test_a_framing_error_is_answered_once_and_reading_goes_on(error: str) -> None:
    bench = Bench(close_timeout=2.0)
    bench.frame(TEXT, b"x", error=error)
    bench.frame(TEXT, b"y", error="rsv")
    bench.frame(TEXT, b"fine")
    assert bench.closes() == [(ERRORS[error], error)]
    assert ERRORS[error] in (1002, 1007, 1009)
    bench.wake_until(2.0)
    assert bench.acts() == [Act("finish", "local", "close-timeout")]


def test_a_framing_error_after_our_close_sends_nothing() -> None:
    bench = Bench()
    bench.do("close 1000")
    bench.frame(TEXT, b"x", error="utf8")
    assert bench.closes() == [(1000, "")]


# Pings of our own.


def test_no_ping_unless_asked() -> None:
    bench = Bench()
    assert bench.client.next_wake() is None


def test_pings_leave_at_their_cadence_and_late_wake_ups_do_not_shift_it() -> None:
    bench = Bench(ping_interval=1.0)
    bench.wake_until(3.9, late=0.2)
    assert bench.pings() == [1.2, 2.2, 3.2]
    bench.wake(7.5)
    bench.wake_until(8.0)
    assert bench.pings()[3:] == [7.5, 8.0]


def test_pings_go_on_without_a_timeout_though_none_is_answered() -> None:
    bench = Bench(ping_interval=1.0)
    bench.wake_until(5.0)
    assert len(bench.pings()) == 5 and bench.closes() == []


def test_an_unanswered_ping_ends_in_1011() -> None:
    bench = Bench(ping_interval=1.0, ping_timeout=2.5)
    bench.wake_until(3.4)
    assert bench.closes() == []
    bench.wake_until(3.5)
    assert bench.closes() == [(1011, "keepalive ping timeout")]
    pings = len(bench.pings())
    bench.wake_until(20.0)
    assert (len(bench.pings()), len(bench.closes())) == (pings, 1)


def test_an_answered_ping_does_not() -> None:
    bench = Bench(ping_interval=1.0, ping_timeout=0.5)
    for second in (1.0, 2.0, 3.0):
        bench.wake_until(second + 0.4)
        bench.frame(PONG, bench.frames(PING)[-1].payload)
    assert len(bench.pings()) == 3 and bench.closes() == []
    bench.wake_until(3.9)
    assert bench.closes() == []


def test_the_latest_pong_answers_every_ping_before_it() -> None:
    bench = Bench(ping_interval=1.0, ping_timeout=2.5)
    bench.wake_until(3.2)
    assert len({frame.payload for frame in bench.frames(PING)}) == 3
    bench.frame(PONG, b"none of ours")
    bench.frame(PONG, bench.frames(PING)[1].payload)
    bench.wake_until(5.4)
    assert bench.closes() == []
    bench.wake_until(5.5)
    assert bench.closes() == [(1011, "keepalive ping timeout")]

"""The table of verbs: every verb has somebody who does it, and is refused where it cannot be done."""

from pathlib import Path

import pytest

from tests.client.bench import PING, TEXT, Bench, stomp_bench
from tui.client.commands import MOST, VERBS
from tui.client.outgoing import Act, RawBytes
from tui.facts import commands
from tui.knowledge.catalogue import has

OF_A_SESSION = {"reconnect", "forget", "mark"}
OF_THE_PROBE = {"quit"}

WORDS = {
    "send": "send x", "send-repeat": "send-repeat x 2", "send-binary": "send-binary 00",
    "send-file": "send-file {file}",
    "send-raw": "send-raw x", "raw-frame": "raw-frame 8100", "ping": "ping x", "pong": "pong x", "close": "close 1000",
    "disconnect": "disconnect", "half-close": "half-close", "reset": "reset", "abort": "abort",
    "subscribe": "subscribe /a", "unsubscribe": "unsubscribe /a", "stomp-send": "stomp-send /a x", "ack": "ack 1",
    "nack": "nack 1", "begin": "begin", "commit": "commit tx", "abort-tx": "abort-tx tx",
    "stomp-frame": r"stomp-frame \n",
    "hold-beats": "hold-beats", "release-beats": "release-beats", "throttle-beats": "throttle-beats 9",
    "hold-pongs": "hold-pongs", "release-pongs": "release-pongs", "freeze": "freeze 1",
}  # fmt: skip
"""One line for every verb of a connection."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "message"
    path.write_text("from a file")
    return path


def test_every_verb_has_somebody_who_does_it() -> None:
    assert set(commands.VERBS) == set(VERBS) | OF_A_SESSION | OF_THE_PROBE
    assert not set(VERBS) & (OF_A_SESSION | OF_THE_PROBE)
    assert set(WORDS) == {verb for verb in VERBS if not VERBS[verb].xhr}


@pytest.mark.parametrize("verb", WORDS)
def test_every_verb_is_done_on_a_stomp_session(verb: str, file: Path) -> None:
    bench = stomp_bench(subscribe=["/a"])
    assert bench.do(WORDS[verb].format(file=file)) is None


@pytest.mark.parametrize("verb", WORDS)
def test_every_verb_on_a_plain_session(verb: str, file: Path) -> None:
    why = Bench().do(WORDS[verb].format(file=file))
    assert why == ("command.no_stomp" if VERBS[verb].stomp else None)


@pytest.mark.parametrize("verb", [verb for verb in VERBS if VERBS[verb].sends])
@pytest.mark.parametrize(("first", "key"), [("close", "command.closing"), ("half-close", "command.half_closed")])
def test_nothing_is_sent_where_nothing_can_follow(verb: str, first: str, key: str, file: Path) -> None:
    bench = stomp_bench(subscribe=["/a"])
    bench.do(first)
    before = len(bench.sent)
    assert bench.do(WORDS[verb].format(file=file)) == key and has(key)
    assert len(bench.sent) == before


@pytest.mark.parametrize("verb", [verb for verb in WORDS if not VERBS[verb].sends])
def test_what_sends_no_frame_can_be_done_after_a_close(verb: str, file: Path) -> None:
    bench = stomp_bench()
    bench.do("close")
    assert bench.do(WORDS[verb].format(file=file)) is None


def test_ends_of_the_transport() -> None:
    bench = Bench()
    for words in ("half-close", "reset", "abort"):
        bench.do(words)
    assert bench.acts() == [Act("half-close"), Act("reset"), Act("abort")]


def test_raw_bytes_go_as_they_are() -> None:
    bench = Bench()
    bench.do("raw-frame ff 00 81")
    assert bench.sent[0].item == RawBytes(b"\xff\x00\x81")


def test_messages(tmp_path: Path, file: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\x00")
    bench = Bench()
    for words in ("send", r"send a\x00\n", r"send \xff", "send-repeat ab 3", "send-repeat ab 0", "send-binary"):
        assert bench.do(words) is None
    bench.do(f"send-file {file}")
    bench.do(f"send-file {binary}")
    assert [(frame.opcode, frame.payload) for frame in bench.frames()] == [
        (1, b""), (1, b"a\x00\n"), (1, b"\xff"), (1, b"ababab"), (1, b""), (2, b""), (1, b"from a file"),
        (2, b"\xff\x00"),
    ]  # fmt: skip


def test_what_cannot_be_sent(tmp_path: Path) -> None:
    bench = Bench()
    assert bench.do("send-file /nonexistent/file") == "command.unreadable_file"
    assert bench.do(f"send-file {tmp_path}") == "command.unreadable_file"
    assert bench.do(r"send-file a\0b") == "command.unreadable_file"
    assert bench.do("send-file ~nobody-of-that-name/x") == "command.unreadable_file"
    assert bench.do("send-repeat abc 999999999") == "command.too_much"
    huge = tmp_path / "huge"
    with huge.open("wb") as file:
        file.truncate(MOST + 1)
    assert bench.do(f"send-file {huge}") == "command.too_much"
    assert bench.sent == []
    for key in ("command.unreadable_file", "command.too_much"):
        assert has(key)


# Freezing.


def test_a_frozen_client_does_nothing_until_it_thaws() -> None:
    bench = stomp_bench(ping_interval=1.0)
    bench.m = 0.5
    assert bench.do("freeze 3") is None
    assert bench.client.frozen and bench.client.next_wake() == 3.5
    assert bench.do("send x") == "command.frozen"
    bench.wake(2.0)
    assert bench.beats() == [] and bench.pings() == []
    bench.wake_until(5.0)
    assert not bench.client.frozen
    assert bench.beats() == [3.5, 4.0, 5.0] and bench.pings() == [3.5, 4.0, 5.0]


def test_a_frozen_client_that_is_to_leave_thaws() -> None:
    bench = stomp_bench()
    bench.do("freeze 1000")
    bench.leave()
    assert not bench.client.frozen
    assert bench.stomps()[-1].command == "DISCONNECT"


@pytest.mark.parametrize("verb", ["reset", "abort"])
def test_a_frozen_client_can_be_killed(verb: str) -> None:
    bench = Bench()
    bench.do("freeze 1000")
    assert bench.do(verb) is None
    assert [act.what for act in bench.acts()] == [verb]


def test_frames_that_came_while_it_froze_are_answered_afterwards() -> None:
    bench = Bench()
    bench.do("freeze 1")
    bench.frame(PING, b"x")
    assert bench.frames() == []
    bench.wake_until(1.0)
    bench.frame(TEXT, b"y")
    assert bench.pongs() == [b"x"]

"""STOMP decoded in both directions, whatever the messages it came in."""

from tests.session.tape import Tape, stomp
from tui.facts import facts
from tui.facts.findings import Stomp
from tui.protocols.stomp import Beat, StompFrame


def test_both_directions_with_their_lines() -> None:
    tape = stomp()
    found = [(one.dir, one.command, one.lines) for one in tape.of(Stomp)]
    assert found == [("out", "CONNECT", [6]), ("in", "CONNECTED", [7])]
    assert tape.of(Stomp)[1].headers == [("version", "1.2"), ("heart-beat", "2000,2000")]


def test_a_fragmented_message_is_one_stream() -> None:
    tape = stomp().text("in", "MESSAGE\nfoo:b", fin=False).frame("in", 9, b"").frame("in", 0, b"ar\n\nhi", fin=False)
    assert len(tape.of(Stomp)) == 2
    tape.frame("in", 0, b"\0")
    assert tape.of(Stomp)[-1].headers == [("foo", "bar")]
    assert tape.of(Stomp)[-1].lines == [8, 10, 11]


def test_several_frames_in_a_message() -> None:
    tape = stomp().text("in", "MESSAGE\n\na\0MESSAGE\n\nb\0MESSAGE\n\nha")
    assert [type(event) for event in tape.session.decoded] == [StompFrame, StompFrame]
    tape.text("in", "lf\0").text("in", "\n")
    assert [one.lines for one in tape.of(Stomp)[2:]] == [[8], [8], [8, 9], [10]]
    assert tape.session.decoded == [Beat(1)]


def test_decoded_is_of_the_last_fact_only() -> None:
    tape = stomp()
    assert tape.session.decoded
    tape.frame("in", 9, b"")
    assert tape.session.decoded == []


def test_stomp_over_tcp() -> None:
    tape = Tape("stomp://shop.test/")
    tape.add(facts.Tcp, role="main", remote="192.0.2.1:61613", local=None, ms=1.0)
    tape.add(facts.Bytes, dir="out", size=10, text="CONNECT\nheart-beat:1000,1000\n\n\0")
    tape.add(facts.Bytes, dir="in", size=9, text="CONNECTED\nversion:1.2\n")
    assert tape.session.ready_at is None
    tape.add(facts.Bytes, dir="in", size=9, text="heart-beat:1000,1000\n\n\0")
    assert tape.said() == [("out", "CONNECT"), ("in", "CONNECTED")]
    assert tape.of(Stomp)[-1].lines == [4, 5]
    assert tape.session.ready_at is not None
    counters = tape.session.counters
    assert (counters.frames_in, counters.bytes_in, counters.frames_out, counters.bytes_out) == (1, 18, 1, 10)


def test_plain_websocket_is_not_stomp() -> None:
    assert Tape().open().text("in", "MESSAGE\n\n\0").of(Stomp) == []


def test_sockjs_carries_stomp_in_quotes() -> None:
    tape = Tape("stomp+http://shop.test/").open().text("in", "o").text("in", 'a["CONNECTED\\n\\n\\u0000"]')
    assert tape.said() == [("in", "CONNECTED")]


def test_a_masked_body_keeps_its_length_and_swallows_nothing() -> None:
    tape = stomp().text("out", "SEND\ncontent-length:9\n\ntoken:***\0", redacted=True)
    tape.text("out", "SEND\n\n\0")
    assert tape.said()[2:] == [("out", "SEND"), ("out", "SEND")]
    assert tape.notes() == []


def test_the_version_decides_the_escapes() -> None:
    tape = Tape("stomp+ws://shop.test/").open().connected(version="1.1").text("in", "MESSAGE\na:\\r\n\n\0")
    assert tape.of(Stomp)[-1].headers == [("a", "\\r")]
    assert tape.notes() == ["note.stomp_flaw_undefined_escape"]


def test_a_frame_in_very_many_pieces_names_a_bounded_number_of_lines() -> None:
    tape = stomp().text("in", "MESSAGE\n\n", fin=False)
    for _ in range(1500):
        tape.frame("in", 0, b"a", fin=False)
    tape.frame("in", 0, b"\0")
    lines = tape.of(Stomp)[-1].lines
    assert len(lines) == 1000
    assert (lines[0], lines[998], lines[-1]) == (8, 1006, tape.facts[-1].n)


def test_what_follows_a_frame_that_was_given_up_on_names_its_own_lines() -> None:
    tape = Tape("stomp://shop.test/", max_size=100)
    tape.add(facts.Bytes, dir="in", size=120, text="MESSAGE\n\n" + "x" * 111)
    tape.add(facts.Bytes, dir="in", size=50, text="x" * 50)
    assert tape.session.stomp_undecoded == 170
    tape.add(facts.Bytes, dir="in", size=4, text="xx\0\n")
    tape.add(facts.Bytes, dir="in", size=10, text="RECEIPT\n\n\0")
    assert [(one.command, one.lines) for one in tape.of(Stomp)] == [("MESSAGE", [2]), ("RECEIPT", [5])]


def test_the_end_of_a_frame_given_up_on_and_the_next_in_one_read() -> None:
    tape = Tape("stomp://shop.test/", max_size=100)
    tape.add(facts.Bytes, dir="in", size=120, text="MESSAGE\n\n" + "x" * 111)
    tape.add(facts.Bytes, dir="in", size=50, text="x" * 50)
    tape.add(facts.Bytes, dir="in", size=11, text="\0RECEIPT\n\n\0")
    assert [one.lines for one in tape.of(Stomp)] == [[2], [4]]
    assert tape.session.stomp_undecoded == 0

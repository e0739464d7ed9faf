"""The STOMP decoder: tolerant, incremental, bounded; with stomp.py's frames as oracle."""

import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

os.environ["STOMP_SKIP_HOSTNAME_SCAN"] = "1"

from stomp.utils import Frame, convert_frame

from tests.protocols.splits import cut, fed
from tui.protocols.stomp import COMMANDS, HEAD_LIMIT, KEPT, MOST, WITH_BODY, Beat, StompDecoder, StompFrame, unescape


def decode(*data: bytes, version: str = "1.2", limit: int = 0) -> list[StompFrame | Beat]:
    decoder = StompDecoder(limit=limit)
    decoder.version = version
    return [event for each in data for event in decoder.feed(each)]


def frames(*data: bytes, version: str = "1.2", limit: int = 0) -> list[StompFrame]:
    return [event for event in decode(*data, version=version, limit=limit) if isinstance(event, StompFrame)]


def flaws(data: bytes, version: str = "1.2") -> list[str]:
    (frame,) = frames(data, version=version)
    return frame.flaws


def test_a_frame() -> None:
    assert decode(b"MESSAGE\ndestination:/q\nid:1\n\nhello\0") == [
        StompFrame("MESSAGE", [("destination", "/q"), ("id", "1")], b"hello")
    ]


def test_several_frames_in_one_message() -> None:
    found = frames(b"SEND\na:1\n\nx\0\nSEND\na:2\n\ny\0RECEIPT\n\n\0\n\n")
    assert [(frame.command, frame.body) for frame in found] == [("SEND", b"x"), ("SEND", b"y"), ("RECEIPT", b"")]


def test_one_frame_in_several_messages() -> None:
    assert frames(b"SE", b"ND\ndesti", b"nation:/q\n", b"\nhel", b"lo", b"\0") == [
        StompFrame("SEND", [("destination", "/q")], b"hello")
    ]


def test_crlf_line_ends() -> None:
    """STOMP 1.2, "Augmented BNF": EOL = [CR] LF."""
    assert frames(b"SEND\r\ndestination:/q\r\n\r\nhi\0\r\n") == [StompFrame("SEND", [("destination", "/q")], b"hi")]
    assert frames(b"SEND\r\na:1\n\r\nhi\0") == frames(b"SEND\na:1\r\n\nhi\0")


def test_a_body_with_nuls_and_its_length() -> None:
    """STOMP 1.2, "Body": content-length is read in octets, NULs included, and a NUL still follows."""
    (frame,) = frames(b"MESSAGE\ncontent-length:5\n\na\0b\0c\0")
    assert (frame.body, frame.flaws) == (b"a\0b\0c", [])


def test_content_length_counts_bytes_not_characters() -> None:
    body = "你好".encode()
    (frame,) = frames(b"MESSAGE\ncontent-length:6\n\n" + body + b"\0")
    assert frame.body == body


def test_repeated_headers_keep_their_order_and_the_first_wins() -> None:
    """STOMP 1.2, "Repeated Header Entries"."""
    (frame,) = frames(b"MESSAGE\nfoo:World\nbar:1\nfoo:Hello\n\n\0")
    assert frame.headers == [("foo", "World"), ("bar", "1"), ("foo", "Hello")]
    assert frame.header("foo") == "World"
    assert frame.header("none") is None


def test_the_first_content_length_wins() -> None:
    (frame,) = frames(b"MESSAGE\ncontent-length:3\ncontent-length:1\n\na\0b\0")
    assert frame.body == b"a\0b"


def test_blanks_around_a_value_are_kept() -> None:
    """STOMP 1.2, "Value Encoding": clients and servers MUST NOT trim or pad headers with spaces."""
    (frame,) = frames(b"MESSAGE\nfoo: a \n\n\0")
    assert frame.headers == [("foo", " a ")]


def test_a_value_may_hold_colons() -> None:
    (frame,) = frames(b"MESSAGE\nurl:http://x:1/\n\n\0")
    assert (frame.headers, frame.flaws) == ([("url", "http://x:1/")], [])


class TestEscapes:
    """STOMP 1.1 and 1.2, "Value Encoding"."""

    @pytest.mark.parametrize(
        ("version", "typed", "meant", "flawed"),
        [
            ("1.2", r"\r\n\c\\", "\r\n:\\", False),
            ("1.1", r"\n\c\\", "\n:\\", False),
            ("1.1", r"\r", r"\r", True),
            ("1.0", r"\r\n\c\\\t", r"\r\n\c\\\t", False),
            ("1.2", r"\t", r"\t", True),
            ("1.1", r"\t", r"\t", True),
            ("1.2", "a\\", "a\\", True),
            ("1.2", r"\\n", r"\n", False),
        ],
    )
    def test_what_a_version_defines(self, version: str, typed: str, meant: str, flawed: bool) -> None:
        assert unescape(typed, version) == (meant, flawed)
        (frame,) = frames(f"MESSAGE\nk:{typed}\n\n\0".encode(), version=version)
        assert frame.headers == [("k", meant)]
        assert frame.flaws == (["undefined-escape"] if flawed else [])

    def test_names_are_escaped_too(self) -> None:
        (frame,) = frames(b"MESSAGE\na\\cb:c\n\n\0")
        assert frame.headers == [("a:b", "c")]

    @pytest.mark.parametrize("command", ["CONNECT", "CONNECTED", "STOMP"])
    def test_never_in_the_greeting(self, command: str) -> None:
        (frame,) = frames(f"{command}\npasscode:a\\nb\\t\n\n\0".encode())
        assert (frame.headers, frame.flaws) == ([("passcode", "a\\nb\\t")], [])


class TestBeats:
    """STOMP 1.2, "Heart-beating": with nothing to send, an EOL."""

    def test_eols_between_frames_are_beats(self) -> None:
        assert decode(b"\n", b"\n", b"\r\n") == [Beat(1), Beat(1), Beat(2)]

    def test_eols_after_a_frame_in_the_same_bytes_belong_to_it(self) -> None:
        assert decode(b"RECEIPT\n\n\0\n\n") == [StompFrame("RECEIPT", [])]

    def test_eols_before_a_frame_are_a_beat(self) -> None:
        assert decode(b"\nRECEIPT\n\n\0") == [Beat(1), StompFrame("RECEIPT", [])]

    def test_an_eol_after_a_frame_in_other_bytes_is_a_beat(self) -> None:
        assert decode(b"RECEIPT\n\n\0", b"\n") == [StompFrame("RECEIPT", []), Beat(1)]

    def test_an_eol_inside_a_frame_is_none(self) -> None:
        assert decode(b"SEND\n\n", b"\n", b"\n", b"\0") == [StompFrame("SEND", [], b"\n\n")]


class TestFlaws:
    """Each is named, none is fatal, and the next frame is read."""

    @pytest.mark.parametrize(
        ("data", "flaw"),
        [
            (b"SEND\na:1\0", "no-blank-line"),
            (b"SEND\0", "no-blank-line"),
            (b"SEND\nnonsense\n\n\0", "header-without-colon"),
            (b"SEND\na:\\q\n\n\0", "undefined-escape"),
            (b"SEND\na:\xff\n\n\0", "not-utf8"),
            (b"GREET\n\n\0", "unknown-command"),
            (b"send\n\n\0", "unknown-command"),
            (b"SEND\ncontent-length:x\n\na\0", "bad-content-length"),
            (b"SEND\ncontent-length:-1\n\na\0", "bad-content-length"),
            (b"SEND\ncontent-length:9999999999999999999\n\na\0", "bad-content-length"),
            (b"SEND\ncontent-length:1\n\nabc\0", "missing-nul"),
            (b"RECEIPT\n\nbody\0", "body-not-allowed"),
        ],
    )
    def test_a_flaw_is_named(self, data: bytes, flaw: str) -> None:
        assert flaws(data) == [flaw]
        assert [frame.command for frame in frames(data, b"RECEIPT\n\n\0")][1:] == ["RECEIPT"]

    def test_too_small_a_length_still_shows_the_body(self) -> None:
        (frame,) = frames(b"SEND\ncontent-length:1\n\nabc\0")
        assert frame.body == b"abc"

    def test_too_large_a_length_swallows_what_follows_and_is_pending(self) -> None:
        decoder = StompDecoder()
        assert decoder.feed(b"SEND\ncontent-length:100\n\nabc\0RECEIPT\n\n\0") == []
        assert decoder.pending == 39
        assert not decoder.at_rest

    def test_a_body_where_none_belongs(self) -> None:
        for command in COMMANDS:
            named = flaws(f"{command}\n\nbody\0".encode())
            assert named == ([] if command in WITH_BODY else ["body-not-allowed"])

    def test_bytes_that_are_no_text_are_shown(self) -> None:
        (frame,) = frames(b"SEND\na:\xff\n\n\0")
        assert frame.headers == [("a", "\\xff")]


class TestLimits:
    """A frame over the limit comes out once, flawed, and is skipped; what follows is read."""

    @pytest.mark.parametrize(
        "data",
        [
            b"SEND\nk:" + b"x" * 100 + b"\n\n\0",
            b"X" * 101 + b"\n\n\0",
            b"SEND\n\n" + b"x" * 101 + b"\0",
            b"SEND\ncontent-length:101\n\n" + b"\0" * 101 + b"\0",
            b"SEND\ncontent-length:3\n\n" + b"x" * 101 + b"\0",
            b"SEND\nk:" + b"x" * 100 + b"\0",
        ],
        ids=["headers", "command", "body", "length", "missing-nul", "no-blank-line"],
    )
    @pytest.mark.parametrize("step", [1, 7, 1000])
    def test_over_it(self, data: bytes, step: int) -> None:
        stream = data + b"RECEIPT\nreceipt-id:1\n\n\0"
        found = frames(*(stream[at : at + step] for at in range(0, len(stream), step)), limit=100)
        assert [("too-big" in frame.flaws, frame.command) for frame in found][1:] == [(False, "RECEIPT")]
        assert found[0].flaws[-1] == "too-big"
        assert len(found[0].body) <= 101

    @pytest.mark.parametrize("step", [1, 1000])
    def test_at_it(self, step: int) -> None:
        body = b"x" * 100
        for head in (b"SEND\n\n", b"SEND\ncontent-length:100\n\n"):
            stream = head + body + b"\0"
            (frame,) = frames(*(stream[at : at + step] for at in range(0, len(stream), step)), limit=100)
            assert (frame.body, frame.flaws) == (body, [])

    @pytest.mark.parametrize("eol", [b"\n", b"\r\n"])
    @pytest.mark.parametrize("step", [1, 1000])
    def test_header_lines_at_it(self, step: int, eol: bytes) -> None:
        lines = b"SEND" + eol + b"k:"
        lines += b"x" * (100 - len(lines) - (len(eol) - 1))
        stream = lines + eol + eol + b"\0"
        (frame,) = frames(*(stream[at : at + step] for at in range(0, len(stream), step)), limit=100)
        assert frame.flaws == []

    def test_a_frame_without_end_is_given_up_once_and_holds_nothing(self) -> None:
        decoder = StompDecoder(limit=10_000)
        found = [event for _ in range(1000) for event in decoder.feed(b"x" * 1000)]
        assert len(found) == 1
        assert (decoder.pending, decoder.undecoded) == (0, 1_000_000)
        assert not decoder.at_rest

    @pytest.mark.parametrize("step", [1, 7, 1000])
    @pytest.mark.parametrize("head", [b"SEND\n\n", b"SEND\ncontent-length:150\n\n"])
    def test_what_came_of_a_frame_given_up_on_is_undecoded_until_it_ends(self, head: bytes, step: int) -> None:
        decoder = StompDecoder(limit=100)
        stream = head + b"x" * 150
        for at in range(0, len(stream), step):
            decoder.feed(stream[at : at + step])
        assert (decoder.undecoded, decoder.skipping) == (len(stream), True)
        decoder.feed(b"\0")
        assert (decoder.undecoded, decoder.skipping, decoder.at_rest) == (0, False, True)

    @pytest.mark.parametrize("end", [b"", b"\n\n\0"])
    @pytest.mark.parametrize("step", [7_777, HEAD_LIMIT * 2])
    def test_headers_without_end(self, end: bytes, step: int) -> None:
        """Whatever the limit: each header line is many times its bytes once it is taken apart."""
        stream = b"SEND\n" + b"a:b\n" * (HEAD_LIMIT // 3) + end
        found = frames(*(stream[at : at + step] for at in range(0, len(stream), step)))
        assert [frame.flaws for frame in found] == [["head-too-big"]]
        assert 0 < len(found[0].headers) <= KEPT

    def test_a_message_of_nothing_but_nuls(self) -> None:
        decoder = StompDecoder()
        found = decoder.feed(bytes(10 * MOST))
        assert len(found) == MOST
        assert isinstance(found[-1], StompFrame) and found[-1].flaws[-1] == "too-many"
        assert (decoder.at_rest, decoder.feed(b"RECEIPT\n\n\0")) == (True, [StompFrame("RECEIPT", [])])

    def test_as_many_frames_as_there_may_be(self) -> None:
        found = frames(b"ACK\n\n\0" * MOST)
        assert len(found) == MOST and not found[-1].flaws

    def test_no_more_than_the_first_4_kib_is_kept(self) -> None:
        (frame,) = frames(b"SEND\n\n" + b"x" * 20_000 + b"\0", limit=10_000)
        assert frame.body == b"x" * KEPT

    def test_a_body_given_up_on_never_shows_the_next_frame(self) -> None:
        (big, after) = frames(b"SEND\ncontent-length:101\n\n" + b"x" * 101 + b"\0RECEIPT\n\n\0", limit=100)
        assert (big.body, after.command) == (b"x" * 101, "RECEIPT")

    @pytest.mark.parametrize("one", [b"A\0", b"SEND\r\n\r\n\0", b"SEND\ncontent-length:1\n\n\0\0"])
    def test_a_message_of_many_small_frames_costs_what_it_is_long(self, one: bytes) -> None:
        """Each frame is searched to its own end, not to the end of the message it came in."""
        many, long = one * 5_000, b"x" * (16 << 20)

        def cost(data: bytes) -> float:
            decoder = StompDecoder()
            start = time.process_time()
            decoder.feed(data)
            return time.process_time() - start

        assert cost(many + long) < 10 * (cost(many) + cost(long))


NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)
VALUES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0:\\"), max_size=12)
PLAIN_NAMES = VALUES.filter(lambda name: name not in ("", "content-length"))
EVENTS = st.lists(
    st.one_of(
        st.just(b"\n"),
        st.just(b"\r\n"),
        st.builds(
            lambda command, headers, body, eol, end: (
                command.encode() + eol + b"".join(f"{k}:{v}".encode() + eol for k, v in headers) + eol
                + body + b"\0" + end
            ),
            st.sampled_from([*sorted(COMMANDS), "NONSENSE"]),
            st.lists(
                st.tuples(NAMES, VALUES) | st.tuples(st.just("content-length"), st.integers(0, 30).map(str)), max_size=3
            ),
            st.binary(max_size=30),
            st.sampled_from([b"\n", b"\r\n"]),
            st.sampled_from([b"", b"\n", b"\r\n\n"]),
        ),
        st.binary(max_size=20),
    ),
    max_size=5,
).map(b"".join)  # fmt: skip


def comparable(event: StompFrame) -> tuple[object, ...]:
    """A frame without the body bytes that had come when its announced length was too much."""
    body = None if "too-big" in event.flaws else event.body
    return event.command, event.headers, event.flaws, body


@given(EVENTS, st.sampled_from([0, 25]), st.data())
def test_any_split_gives_the_same_frames(stream: bytes, limit: int, data: st.DataObject) -> None:
    split = StompDecoder(limit=limit)
    events = fed(split.feed, data.draw(cut(stream)))
    found = [comparable(event) for event in events if isinstance(event, StompFrame)]
    assert found == [comparable(frame) for frame in frames(stream, limit=limit)]


@given(EVENTS, st.data())
def test_any_split_leaves_as_much_pending(stream: bytes, data: st.DataObject) -> None:
    split, whole = StompDecoder(), StompDecoder()
    fed(split.feed, data.draw(cut(stream)))
    whole.feed(stream)
    assert (split.pending, split.at_rest) == (whole.pending, whole.at_rest)
    assert split.pending <= len(stream)
    assert split.at_rest == (split.pending == 0)


@given(st.binary(max_size=400), st.integers(1, 50))
def test_any_bytes_stay_within_the_limit(stream: bytes, limit: int) -> None:
    decoder = StompDecoder(limit=limit)
    for event in decoder.feed(stream):
        if isinstance(event, StompFrame):
            assert len(event.body) <= limit + 1 or "too-big" in event.flaws
    assert decoder.pending <= 2 * limit + 8


@given(
    st.sampled_from(sorted(WITH_BODY)),
    st.dictionaries(PLAIN_NAMES, VALUES, max_size=4),
    st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]), min_size=1)),
    st.booleans(),
    st.data(),
)
def test_what_stomp_py_sends_comes_back(
    command: str, headers: dict[str, str], body: str | None, stated: bool, data: st.DataObject
) -> None:
    said: dict[str, object] = dict(headers)
    stated = stated or "\0" in (body or "")
    if stated and body:
        said["content-length"] = 0
    raw = b"".join(convert_frame(Frame(command, said, body)))
    decoder = StompDecoder()
    (frame,) = fed(decoder.feed, data.draw(cut(raw)))
    assert isinstance(frame, StompFrame)
    assert (frame.command, frame.body, frame.flaws) == (command, (body or "").encode(), [])
    assert {key: value for key, value in frame.headers if key != "content-length"} == headers
    if stated and body:
        assert frame.header("content-length") == str(len(body.encode()))


@given(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from(["1.1", "1.2"]))
def test_escapes_round_trip(meant: str, version: str) -> None:
    """STOMP's own table, applied the other way."""
    meant = meant.replace("\r", "") if version == "1.1" else meant
    typed = meant.replace("\\", "\\\\").replace("\r", "\\r").replace("\n", "\\n").replace(":", "\\c")
    assert unescape(typed, version) == (meant, False)

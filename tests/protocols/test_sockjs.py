"""SockJS frames, line by line and whole; what is broken is named and fatal to nobody."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocols.splits import cut, fed
from tui.protocols.sockjs import Lines, SockjsFrame, decode, decode_upward, encode


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ("o", SockjsFrame("o")), ("h", SockjsFrame("h")), ('a["x","y"]', SockjsFrame("a", ["x", "y"])),
        ('m"x"', SockjsFrame("m", ["x"])), ("a[]", SockjsFrame("a")),
        ('c[3000,"Go away!"]', SockjsFrame("c", code=3000, reason="Go away!")),
        ('c[1002,""]', SockjsFrame("c", code=1002)),
        ("", SockjsFrame("?", flaw="unknown-type")), ("x[1]", SockjsFrame("?", flaw="unknown-type")),
        ("a[", SockjsFrame("a", flaw="bad-json")), ("a[1]", SockjsFrame("a", flaw="not-messages")),
        ('m["x"]', SockjsFrame("m", flaw="not-messages")), ("o!", SockjsFrame("o", flaw="not-messages")),
        ("c[1,2,3]", SockjsFrame("c", flaw="bad-close")), ("c3000", SockjsFrame("c", flaw="bad-close")),
    ],
)  # fmt: skip
def test_frames_from_the_server(text: str, frame: SockjsFrame) -> None:
    assert decode(text) == frame


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ('["x"]', SockjsFrame("a", ["x"])), ('"x"', SockjsFrame("a", ["x"])), ("[]", SockjsFrame("a")),
        ("[", SockjsFrame("a", flaw="bad-json")), ("{}", SockjsFrame("a", flaw="not-messages")),
    ],
)  # fmt: skip
def test_what_a_client_sends(text: str, frame: SockjsFrame) -> None:
    assert decode_upward(text) == frame


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_messages_survive_the_quoting(messages: list[str]) -> None:
    assert decode_upward(encode(messages)).messages == messages
    assert json.loads(encode(messages)) == messages


@given(st.data())
def test_lines_come_out_whole_however_the_body_is_cut(data: st.DataObject) -> None:
    body = "h" * 2048 + '\no\na["héllo","\\n"]\nh\r\n\nc[3000,"Go away!"]\na["half'
    lines = Lines()
    found = fed(lines.feed, data.draw(cut(body.encode())))
    assert found == ["o", 'a["héllo","\\n"]', "h", 'c[3000,"Go away!"]']
    assert lines.undecoded == len('a["half')


def test_another_body_begins_anew() -> None:
    lines = Lines()
    assert lines.feed(b'a["x') == []
    lines.restart()
    assert lines.feed(b"o\n") == ["o"]


def test_a_line_without_end_is_bounded() -> None:
    lines = Lines(limit=10)
    for _ in range(100):
        lines.feed(b"x" * 10)
    assert lines.undecoded <= 20

import base64

import pytest

from tests.view.story import Story
from tui.facts import facts
from tui.protocols.stomp import Beat, StompFrame
from tui.view.frame_rows import frame_rows
from tui.view.look import Look

MESSAGE = StompFrame("MESSAGE", [("destination", "/topic/prices"), ("message-id", "1")], b'{"p":12}')


def test_a_stomp_frame_is_one_row_at_its_own_layer(story: Story) -> None:
    fact = story.message("A", '{"p":12}')
    assert isinstance(fact, facts.Frame)
    [row] = frame_rows(fact, [MESSAGE], Look(), stomp=True)
    assert (row.layer, row.type, row.text, row.dir, row.kind) == (
        "stomp", "MESSAGE", '/topic/prices {"p":12}', "in", "data",
    )  # fmt: skip
    assert row.size == fact.size and row.part == 0


def test_two_frames_in_one_message_are_two_rows_of_their_own_size(story: Story) -> None:
    fact = story.text("A", "in", "x" * 300)
    assert isinstance(fact, facts.Frame)
    rows = frame_rows(fact, [MESSAGE, MESSAGE], Look(), stomp=True)
    assert [row.part for row in rows] == [0, 1]
    assert [row.size for row in rows] == [57, 57]


def test_a_beat_is_a_beat(story: Story) -> None:
    fact = story.text("A", "out", "\n")
    assert isinstance(fact, facts.Frame)
    [row] = frame_rows(fact, [Beat(1)], Look(), stomp=True)
    assert (row.layer, row.type, row.kind, row.size, row.dir) == ("beat", "⏎", "beat", 1, "out")


def test_a_part_of_a_stomp_frame_says_that_it_is_one(story: Story) -> None:
    fact = story.text("A", "in", "MESSAGE\ndestination:/a")
    assert isinstance(fact, facts.Frame)
    [row] = frame_rows(fact, [], Look(), stomp=True)
    assert (row.layer, row.type, row.key) == ("ws", "text", "row_part")
    [plain_row] = frame_rows(fact, [], Look(), stomp=False)
    assert plain_row.key == ""


@pytest.mark.parametrize(
    ("opcode", "payload", "type_", "text", "kind"),
    [
        (9, b"hi", "ping", "hi", "control"),
        (10, b"", "pong", "", "control"),
        (2, b"\x00\xff", "binary", "00 ff", "data"),
        (0, b"more", "more", "6d 6f 72 65", "data"),
        (11, b"", "op 11", "", "data"),
    ],
)
def test_websocket_frames(story: Story, opcode: int, payload: bytes, type_: str, text: str, kind: str) -> None:
    fact = story.control("A", "in", opcode, payload)
    assert isinstance(fact, facts.Frame)
    [row] = frame_rows(fact, [], Look(), stomp=False)
    assert (row.layer, row.type, row.text, row.kind) == ("ws", type_, text, kind)


def test_a_close_shows_code_and_reason(story: Story) -> None:
    fact = story.control("A", "in", 8, b"\x03\xeabye", code=1002, reason="bye")
    assert isinstance(fact, facts.Frame)
    [row] = frame_rows(fact, [], Look(), stomp=True)
    assert (row.type, row.text) == ("close", "1002 Protocol error bye")


def test_an_error_and_a_flaw_are_loud(story: Story) -> None:
    fact = story.text("A", "in", "ERROR")
    assert isinstance(fact, facts.Frame)
    error = StompFrame("ERROR", [("message", "Session closed.")])
    [row] = frame_rows(fact, [error], Look(), stomp=True)
    assert (row.role, row.text) == ("error", "Session closed.")
    [flawed] = frame_rows(fact, [StompFrame("HELLO", [], b"", ["unknown-command"])], Look(), stomp=True)
    assert flawed.role == "error" and flawed.text.startswith("[unknown-command]")


def test_a_frame_that_breaks_a_rule_names_it(story: Story) -> None:
    fact = story.control("A", "in", 3, b"xx", error="reserved-opcode")
    assert isinstance(fact, facts.Frame)
    [row] = frame_rows(fact, [], Look(), stomp=False)
    assert (row.key, row.args, row.role) == ("row_broken", {"rule": "reserved-opcode"}, "error")


def test_a_payload_cannot_reach_the_terminal(story: Story) -> None:
    evil = "\x1b]52;c;aGk=\x07\x9b2J\u202e"
    fact = story.text("A", "in", evil)
    assert isinstance(fact, facts.Frame)
    rows = frame_rows(fact, [StompFrame(evil, [("destination", evil)], evil.encode())], Look(), stomp=True)
    rows += frame_rows(fact, [], Look(), stomp=False)
    assert all((row.text + row.type).isprintable() for row in rows)


def test_a_row_keeps_little_of_a_big_payload(story: Story) -> None:
    fact = story.text("A", "in", "\n" * 1_000_000)
    assert isinstance(fact, facts.Frame)
    [row] = frame_rows(fact, [], Look(), stomp=False)
    assert len(row.text) < 3000


def test_a_damaged_payload_is_an_empty_one(story: Story) -> None:
    fact = story.say(
        facts.Frame, "A", dir="in", opcode=2, fin=True, rsv=0, masked=False, size=3, wire=5, head="8203",
        deflate=False, b64="!!!",
    )  # fmt: skip
    assert isinstance(fact, facts.Frame)
    [row] = frame_rows(fact, [], Look(), stomp=False)
    assert (row.text, row.size) == ("", 3)


def test_bytes_of_a_stream_without_a_frame_yet_are_a_part(story: Story) -> None:
    fact = story.say(facts.Bytes, "A", dir="in", size=4, b64=base64.b64encode(b"MESS").decode())
    assert isinstance(fact, facts.Bytes)
    [row] = frame_rows(fact, [], Look(), stomp=True)
    assert (row.layer, row.type, row.text) == ("stomp", "part", "MESS")

"""Notes: what is said of broken frames, and how often."""

import pytest

from tests.session.tape import Tape, stomp
from tui.facts.findings import Note
from tui.knowledge.catalogue import has
from tui.protocols.websocket import ERRORS

FLAWS = (
    "no-blank-line", "header-without-colon", "undefined-escape", "not-utf8", "unknown-command", "bad-content-length",
    "missing-nul", "body-not-allowed", "too-big",
)  # fmt: skip


@pytest.mark.parametrize("error", ERRORS)
def test_every_frame_error_has_its_words(error: str) -> None:
    tape = Tape().open().text("in", "x", error=error)
    (said,) = tape.of(Note)
    assert said.key == f"note.frame_error_{error.replace('-', '_')}"
    assert said.lines == [6]


@pytest.mark.parametrize("flaw", FLAWS)
def test_every_stomp_flaw_has_its_words(flaw: str) -> None:
    assert has(f"note.stomp_flaw_{flaw.replace('-', '_')}")


def test_a_flaw_is_said_with_its_command_and_lines() -> None:
    tape = stomp().text("in", "MESSAGE\nno colon\n\n\0")
    (said,) = tape.of(Note)
    assert said.key == "note.stomp_flaw_header_without_colon"
    assert said.args == {"command": "MESSAGE"} and "MESSAGE" in said.text
    assert said.lines == [8]


def test_an_error_of_a_later_version_is_said_as_such() -> None:
    (said,) = Tape().open().text("in", "x", error="brand-new").of(Note)
    assert said.key == "note.unknown_flaw"
    assert "brand_new" in said.text


def test_a_broken_frame_is_no_part_of_the_conversation() -> None:
    tape = stomp().text("in", "ERROR\n\n\0", error="rsv")
    assert tape.said() == [("out", "CONNECT"), ("in", "CONNECTED")]


def test_a_flood_of_one_kind_is_cut() -> None:
    tape = stomp()
    for _ in range(50):
        tape.text("in", "WHAT\n\n\0")
    assert tape.notes() == ["note.stomp_flaw_unknown_command"] * 10
    tape.text("in", "MESSAGE\nno colon\n\n\0")
    assert len(tape.notes()) == 11


def test_remote_text_in_a_note_is_short() -> None:
    (said,) = stomp().text("in", "W" * 5000 + "\n\n\0").of(Note)
    assert len(said.text) < 200


def test_an_unreadable_heart_beat_header_is_none() -> None:
    tape = Tape("stomp+ws://shop.test/").open().connected("2000,2000", "soon, please")
    assert tape.notes() == ["note.heart_beat_unreadable"]
    assert tape.session.timers["stomp-in"].every_ms == 0


def test_a_damaged_payload_is_said() -> None:
    assert stomp().frame("in", 2, b"x", b64="%%%").notes() == ["note.payload_unreadable"]

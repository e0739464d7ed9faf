import pytest

from tui.view.glyphs import ASCII
from tui.view.look import Look


def test_a_key_without_an_area_is_one_of_the_screen() -> None:
    assert Look().say("state_open") == Look().say("screen.state_open") == "OPEN"


def test_the_language_is_the_look_s() -> None:
    assert Look(lang="zh").say("state_dropped") == "已断开"


def test_an_unknown_key_is_an_error() -> None:
    with pytest.raises(KeyError):
        Look().say("no_such_sentence")


def test_remote_text_loses_what_a_terminal_would_obey() -> None:
    said = Look().safe("a\x1b]0;title\x07b\x9b31m\u202e")
    assert said.isprintable() and "\x1b" not in said and "\u202e" not in said


def test_ascii_signs_make_ascii_escapes() -> None:
    assert Look(glyphs=ASCII).safe("a\n") == "a\\n"


def test_empty_parts_leave_no_dots() -> None:
    assert Look().dotted("a", "", "b") == "a · b"

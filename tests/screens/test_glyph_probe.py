"""The terminal here is the other end of a pty: it answers as the test says."""

import os
import pty
import termios
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tui.screens.glyph_probe import PATIENCE_S, fitting, risky
from tui.view.glyphs import UNICODE, GlyphSet

Answer = Callable[[str], str]
"""What the terminal says to one sign and the question after it."""


def wide(sign: str) -> str:
    return "\x1b[1;3R" if sign == "●" else "\x1b[1;2R"


def narrow(sign: str) -> str:
    return "\x1b[24;2R"


@pytest.fixture
def ask() -> Iterator[Callable[[Answer], GlyphSet]]:
    """Asks a terminal that answers in its own way."""
    terminal, keys = pty.openpty()
    asked = threading.Event()

    def asking(answer: Answer) -> GlyphSet:
        def speak() -> None:
            said = ""
            while "\x1b[K" not in said:
                said += os.read(terminal, 4096).decode()
            answers = "".join(answer(question.rpartition("\r")[2]) for question in said.split("\x1b[6n")[:-1])
            os.write(terminal, answers.encode())
            asked.set()

        before = termios.tcgetattr(keys)
        thread = threading.Thread(target=speak, daemon=True)
        thread.start()
        found = fitting(keys, keys)
        thread.join(5)
        assert asked.is_set() and termios.tcgetattr(keys) == before
        return found

    yield asking
    os.close(terminal)
    os.close(keys)


def test_every_sign_that_is_no_ascii_is_asked_about() -> None:
    assert {UNICODE.open, UNICODE.up, UNICODE.incoming, UNICODE.full, UNICODE.top_left, UNICODE.horizontal} <= {
        *risky()
    }
    assert {*UNICODE.sparks, *UNICODE.eighths} <= {*risky()} and "!" not in risky()


def test_one_sign_two_cells_wide_is_enough(ask: Callable[[Answer], GlyphSet]) -> None:
    assert ask(wide) == "ascii"


def test_straight_columns_are_unicode(ask: Callable[[Answer], GlyphSet]) -> None:
    assert ask(narrow) == "unicode"


def test_a_terminal_that_is_wrong_about_a_letter_is_not_believed(ask: Callable[[Answer], GlyphSet]) -> None:
    assert ask(lambda sign: "\x1b[1;9R") == "unicode"


def test_keys_typed_meanwhile_do_not_confuse_it(ask: Callable[[Answer], GlyphSet]) -> None:
    assert ask(lambda sign: "q\x1b[A" + wide(sign)) == "ascii"


def test_no_answer_is_not_waited_for(ask: Callable[[Answer], GlyphSet]) -> None:
    began = time.monotonic()
    assert ask(lambda sign: "") == "unicode"
    assert PATIENCE_S <= time.monotonic() - began < 2


def test_no_terminal_is_asked_nothing(tmp_path: object) -> None:
    reading, writing = os.pipe()
    assert fitting(reading, writing) == "unicode"
    os.close(writing)
    assert os.read(reading, 10) == b""
    os.close(reading)

"""Given values become typed ones; a wrong one is named, and a secret one not said back."""

from typing import Any

import pytest

from tui.options.errors import BadOption
from tui.options.program import ProgramOptions
from tui.options.spec import SessionSpec
from tui.options.values import convert, header_shown


@pytest.mark.parametrize(
    ("name", "words", "typed", "value"),
    [
        ("open-timeout", "2.5", 2.5, 2.5),
        ("open-timeout", "3", 3, 3.0),
        ("max-size", "0", 0, 0),
        ("stomp", "true", True, True),
        ("subscribe", ["a"], ["a"], ["a"]),
        ("login", "me", "me", "me"),
        ("ping-interval", "1", 1, 1.0),
    ],
)
def test_words_are_read_only_where_they_are_words(name: str, words: Any, typed: Any, value: object) -> None:
    for given, are_words in ((words, True), (typed, False)):
        spec = convert({"url": "ws://h/", name: given}, SessionSpec, str, words=are_words)
        assert getattr(spec, name.replace("-", "_")) == value
    if words != typed:
        with pytest.raises(BadOption):
            convert({"url": "ws://h/", name: words}, SessionSpec, str, words=False)


def test_it_is_called_what_it_is_called_there() -> None:
    with pytest.raises(BadOption) as caught:
        convert({"glyphs": "runes"}, ProgramOptions, lambda name: f"<{name}>", words=True)
    assert caught.value.args_ == {"option": "<glyphs>", "given": "runes", "choices": "unicode, ascii"}
    assert caught.value.named("--glyphs").said("en").startswith("--glyphs 'runes'")


@pytest.mark.parametrize("name", ["user", "passcode", "cookie", "header", "connect-header"])
def test_a_secret_of_the_wrong_type_is_not_said_back(name: str) -> None:
    with pytest.raises(BadOption) as caught:
        convert({"url": "ws://h/", name: {"a": "hunter2"}}, SessionSpec, str, words=False)
    assert "hunter2" not in str(caught.value.args_)


@pytest.mark.parametrize(
    ("header", "shown"),
    [
        ("X-Plain: y\n", "X-Plain: y\n"), ("Authorization: x\n", "Authorization:***"), ("cookie :x", "cookie :***"),
        ("nothing", "nothing"), ("Bearer x", "Bearer ***"), ("", ""), ("Token:", "Token:"),
    ],
)  # fmt: skip
def test_a_header_is_said_back_without_its_secret(header: str, shown: str) -> None:
    assert header_shown(header) == shown

"""What concerns a whole run: every value that cannot be used is refused by name."""

from typing import Any

import pytest

from tui.knowledge.catalogue import LANGUAGES
from tui.options.errors import BadOption
from tui.options.program import ProgramOptions, check_program


@pytest.mark.parametrize(
    ("options", "option", "key"),
    [
        ({"n": 0}, "-n", "option.times"),
        ({"n": 101}, "-n", "option.times"),
        ({"duration": 0.0}, "--duration", "option.seconds"),
        ({"duration": float("nan")}, "--duration", "option.seconds"),
        ({"fps": -1.0}, "--fps", "option.seconds"),
        ({"stagger": -1.0}, "--stagger", "option.seconds"),
        ({"linger": float("inf")}, "--linger", "option.seconds"),
        ({"redact": ["ok", "(("]}, "--redact", "option.pattern"),
    ],
)
def test_refused(options: dict[str, Any], option: str, key: str) -> None:
    with pytest.raises(BadOption) as caught:
        check_program(ProgramOptions(**options))
    assert (caught.value.key, caught.value.option) == (key, option)
    for lang in LANGUAGES:
        said = caught.value.said(lang)
        assert option in said and "\n" not in said


def test_the_defaults_and_the_edges_can_be_used() -> None:
    check_program(ProgramOptions())
    check_program(ProgramOptions(n=100, stagger=0, linger=0, duration=0.001, fps=1, redact=["a|b"]))

"""What servers say in other languages, put into the English words that the sayings know: ``glossary.toml``."""

import functools
import re
from importlib import resources

import msgspec


class Term(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What several languages say for one English term."""

    en: str
    said: str
    """An expression, case aside."""


class _File(msgspec.Struct, forbid_unknown_fields=True):
    term: list[Term]


@functools.cache
def terms() -> list[tuple[re.Pattern[str], str]]:
    """The expressions and what they are replaced by, phrases before their words."""
    file = resources.files("tui.knowledge").joinpath("glossary.toml")
    return [
        (re.compile(term.said, re.IGNORECASE), f" {term.en} " if term.en else "")
        for term in msgspec.toml.decode(file.read_bytes(), type=_File).term
    ]


def in_english(text: str) -> str:
    """A text with the terms it has in other languages said in English, in the order they stand."""
    for said, english in terms():
        text = said.sub(english, text)
    return " ".join(text.split())

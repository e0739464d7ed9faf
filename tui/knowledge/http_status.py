"""What an HTTP status means where a WebSocket upgrade wanted 101: ``http_status.toml``.

The close card says it of the answer that came, ``whoops explain 404`` of the number.
"""

import functools
from collections.abc import Sequence
from importlib import resources

import msgspec

from tui.knowledge.catalogue import Text

FIRST, LAST = 100, 599
"""The statuses there are (RFC 9110 §15)."""


class Clue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What something in the answer says beyond its status."""

    header: str | None = None
    """A header that is there, lower case."""
    holds: str | None = None
    """A text in its body, lower case."""
    en: str
    zh: str

    @property
    def text(self) -> Text:
        """What it says."""
        return Text(self.en, self.zh)

    def fits(self, names: frozenset[str], body: str) -> bool:
        """Whether it is there."""
        return self.header in names if self.header is not None else (self.holds or "") in body


class Status(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One status."""

    status: int
    name: str
    """The registered phrase, or the vendor's."""
    meaning: Text
    causes: list[Text] = []
    clues: list[Clue] = []


class _File(msgspec.Struct, forbid_unknown_fields=True):
    statuses: list[Status]
    classes: dict[str, Text]


@functools.cache
def _file() -> _File:
    file = resources.files("tui.knowledge").joinpath("http_status.toml")
    return msgspec.toml.decode(file.read_bytes(), type=_File)


def table() -> Sequence[Status]:
    """Every status that has an entry of its own, by number."""
    return _file().statuses


def status(number: int) -> Status | None:
    """The entry of a status, or what its first digit says; None for what is no HTTP status."""
    if not FIRST <= number <= LAST:
        return None
    own = next((one for one in table() if one.status == number), None)
    return own or Status(status=number, name="", meaning=_file().classes[str(number // 100)])


def clues(number: int, headers: Sequence[tuple[str, str]], body: str) -> list[Text]:
    """What an answer says beyond its status.

    Args:
        number: the status.
        headers: the answer's, in any case.
        body: as much of its body as is kept.
    """
    entry = status(number)
    names = frozenset(name.lower() for name, _ in headers)
    return [clue.text for clue in entry.clues if clue.fits(names, body.lower())] if entry else []

"""What close codes mean: ``close_codes.toml`` (RFC 6455 and IANA) and the vendors' sets (``code_sets``).

The close report asks for a code's name, the close card and ``whoops explain`` for everything else.
"""

import functools
import re
from importlib import resources
from typing import Literal

import msgspec

from tui.knowledge.catalogue import Text
from tui.knowledge.code_sets import LOOKED_AT, CodeSet, Context, SetCode, Where, Who, sets

__all__ = ["LAST", "NOTHING_KNOWN", "Context", "Entry", "Meaning", "code", "meanings", "name", "table"]

LAST = 65535
"""The largest number the two bytes of a Close frame can hold."""

Wire = Literal["yes", "never", "no"]
"""On the wire? ``never``: a stand-in an endpoint makes up for itself (RFC 6455 §7.4.1, "MUST NOT be set"). ``no``:
a peer that sends it breaks the RFC."""

Fit = Literal["reason", "context", "protocol", "possible"]
"""Why a meaning is offered: the reason text is this set's, the context is, it is the protocol's own, or the number
alone is in the set."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the protocol and its registry say about one code, or about a range."""

    first: int
    last: int
    """The same as ``first`` for a code of its own."""
    title: Text
    who: Who
    wire: Wire
    meaning: Text
    causes: list[Text]
    """What is usually behind it in practice."""
    myths: list[Text]
    """What popular tables get wrong."""
    notes: list[Text] = []
    aliases: list[str] = []
    """Names that popular tables use and nobody registered."""

    @property
    def is_range(self) -> bool:
        """Whether it stands for several codes."""
        return self.first != self.last

    @property
    def name(self) -> str | None:
        """The IANA name; None for a range."""
        return None if self.is_range else self.title.en

    @property
    def from_a_script(self) -> bool:
        """Whether a browser lets a page pass it to ``close()`` (WHATWG websockets, "close(code, reason)")."""
        return self.first == 1000 == self.last or 3000 <= self.first <= self.last <= 4999


NOTHING_KNOWN = Context()


class Meaning(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a code may mean."""

    code: int
    by: CodeSet | None
    """Whose meaning it is; None for the protocol's own."""
    name: str | None
    who: Who
    where: Where
    meaning: Text
    sure: bool
    """Whether it was read at its source or seen happening."""
    fit: Fit

    @property
    def product(self) -> str | None:
        """The vendor's name; None for the protocol's own meaning."""
        return self.by.product if self.by else None


class _CodeRow(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    code: int
    title: Text
    who: Who
    wire: Wire
    meaning: Text
    causes: list[Text]
    myths: list[Text]
    notes: list[Text] = []
    aliases: list[str] = []


class _File(msgspec.Struct, forbid_unknown_fields=True):
    codes: list[_CodeRow]
    ranges: list[Entry]


@functools.cache
def table() -> tuple[Entry, ...]:
    """Every code that has an entry of its own and every range, by first code, a range before its codes."""
    file = resources.files("tui.knowledge").joinpath("close_codes.toml")
    read = msgspec.toml.decode(file.read_bytes(), type=_File)
    codes = [
        Entry(
            first=row.code, last=row.code, title=row.title, who=row.who, wire=row.wire, meaning=row.meaning,
            causes=row.causes, myths=row.myths, notes=row.notes, aliases=row.aliases,
        )
        for row in read.codes
    ]  # fmt: skip
    return tuple(sorted([*read.ranges, *codes], key=lambda entry: (entry.first, -entry.last)))


def code(number: int) -> Entry:
    """The entry of a code, or of the range it is in.

    Raises:
        ValueError: no two bytes hold that number.
    """
    if not 0 <= number <= LAST:
        raise ValueError(number)
    return min((entry for entry in table() if entry.first <= number <= entry.last), key=lambda e: e.last - e.first)


def name(number: int, context: Context = NOTHING_KNOWN) -> str | None:
    """The IANA name of a code (``Protocol error``), or a set's where the context says that it is meant
    (``SockJS: Go away!``); None where nobody has named it. Codes below 3000 only ever have IANA's."""
    if number < 3000:
        return code(number).name
    best = meanings(number, context)[0]
    return f"{best.product}: {best.name}" if best.product else best.name


_ORDER: dict[Fit, int] = {"reason": 0, "context": 1, "protocol": 2, "possible": 3}


def meanings(number: int, context: Context = NOTHING_KNOWN) -> list[Meaning]:
    """Everything a code may mean, the best fit first; the protocol's own meaning is always among them.

    Among equals the set with more around it that speaks for it goes first, then what is on the wire before what an
    endpoint makes up.

    Raises:
        ValueError: no two bytes hold that number.
    """
    entry = code(number)
    own = Meaning(
        code=number, by=None, name=entry.name, who=entry.who, where="wire", meaning=entry.meaning, sure=True,
        fit="protocol",
    )  # fmt: skip
    ranked = [((_ORDER["protocol"], 0, False), own)]
    for a_set in sets():
        meant = a_set.meant(context)
        for use in a_set.uses(number):
            where = use.where or a_set.where
            fit = _fit(a_set, use, meant, context)
            if fit == "context" and where == "local":
                fit = "possible"  # What an end makes up for itself says nothing of its peer.
            meaning = Meaning(
                code=number, by=a_set, name=use.name, who=use.who, where=where, meaning=use.meaning, sure=use.sure,
                fit=fit,
            )  # fmt: skip
            ranked.append(((_ORDER[fit], -meant, where == "local"), meaning))
    ranked.sort(key=lambda each: each[0])
    return [meaning for _, meaning in ranked]


def _fit(a_set: CodeSet, use: SetCode, meant: int, context: Context) -> Fit:
    """How well one use goes with a reason text and with how much is ``meant`` by its surroundings."""
    if context.ours and use.who == "server":
        return "possible"
    reason = context.reason if context.reason is None else context.reason[:LOOKED_AT]
    said = reason is not None and any(re.fullmatch(text, reason) for text in use.reasons)
    if said and reason:
        return "reason"
    against = use.reasons and reason is not None and not said and not a_set.fixed
    return "context" if meant and not against else "possible"

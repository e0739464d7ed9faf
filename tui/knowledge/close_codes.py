"""What close codes mean: ``close_codes.toml`` (RFC 6455 and IANA) and one file a vendor in ``close_sets/``.

The close report asks for a code's name, the close card and ``whoops explain`` for everything else. A set is data:
a further file in ``close_sets/`` is a further set, its ``when`` and ``reasons`` say in which context it is meant.
"""

import functools
import re
from importlib import resources
from typing import Literal

import msgspec

from tui.knowledge.catalogue import Text

LAST = 65535
"""The largest number the two bytes of a Close frame can hold."""

Who = Literal["either", "client", "server", "nobody"]
"""Who may put a code in a Close frame."""

Wire = Literal["yes", "never", "no"]
"""On the wire? ``never``: a stand-in an endpoint makes up for itself (RFC 6455 §7.4.1, "MUST NOT be set"). ``no``:
a peer that sends it breaks the RFC."""

Where = Literal["wire", "sockjs", "local"]
"""Where a set's codes are seen: in the WebSocket's Close, in SockJS's ``c[…]``, or only in the client library."""

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


class SetCode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One use of a number in a set; a set may use a number more than once, told apart by the reason."""

    code: int
    name: str
    who: Who
    meaning: Text
    reasons: list[str] = []
    """Expressions the whole reason text matches."""
    where: Where | None = None
    """Where this one is seen, if not where its set is."""


class CodeSet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The codes of one framework or service."""

    product: str
    where: Where
    codes: list[SetCode]
    when: dict[Literal["url", "subprotocol", "server", "error"], list[str]] = {}
    """Expressions a field of the ``Context`` matches as a whole, case aside; one that does is enough."""


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What is known around a Close. Empty is unknown."""

    reason: str = ""
    url: str = ""
    """The target, as the user gave it."""
    subprotocol: str = ""
    server: str = ""
    """The ``Server`` header of the handshake's answer."""
    error: str = ""
    """The ``message`` header of the last STOMP ERROR."""


NOTHING_KNOWN = Context()


class Meaning(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a code may mean."""

    code: int
    product: str | None
    """Whose meaning it is; None for the protocol's own."""
    name: str | None
    who: Who
    where: Where
    meaning: Text
    fit: Fit


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


@functools.cache
def sets() -> tuple[CodeSet, ...]:
    """Every vendor's set, by file name."""
    folder = resources.files("tui.knowledge").joinpath("close_sets")
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
    return tuple(msgspec.toml.decode(file.read_bytes(), type=CodeSet) for file in files)


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

    Raises:
        ValueError: no two bytes hold that number.
    """
    entry = code(number)
    found = [
        (
            False,
            Meaning(
                code=number, product=None, name=entry.name, who=entry.who, where="wire", meaning=entry.meaning,
                fit="protocol",
            ),
        )
    ]  # fmt: skip
    for a_set in sets():
        meant = _is_meant(a_set, context)
        for use in a_set.codes:
            if use.code != number:
                continue
            said = bool(context.reason) and any(re.fullmatch(reason, context.reason) for reason in use.reasons)
            # A reason text that is another one's own speaks against a use that has texts of its own.
            fit: Fit = "reason" if said else "context" if meant and not (context.reason and use.reasons) else "possible"
            found.append((
                meant,
                Meaning(
                    code=number, product=a_set.product, name=use.name, who=use.who, where=use.where or a_set.where,
                    meaning=use.meaning, fit=fit,
                ),
            ))  # fmt: skip
    found.sort(key=lambda pair: (_ORDER[pair[1].fit], not pair[0]))
    return [meaning for _, meaning in found]


def _is_meant(a_set: CodeSet, context: Context) -> bool:
    """Whether something around the Close says that its peer is this set's."""
    return any(
        re.fullmatch(pattern, getattr(context, field), re.IGNORECASE)
        for field, patterns in a_set.when.items()
        for pattern in patterns
    )

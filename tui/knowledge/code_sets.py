"""What frameworks and services make of close codes: one file a vendor in ``close_sets/``.

A set is data: a further file is a further set. Its ``when`` and ``reasons`` say in which context it is meant, its
``tell`` says so to a person. ``tui.knowledge.close_codes`` ranks them, ``tui.view.explain_sets`` shows one.
"""

import functools
import re
from importlib import resources
from typing import Literal

import msgspec

from tui.knowledge.catalogue import Text

LOOKED_AT = 1000
"""Characters of a field that are compared: the other end chooses how long its texts are."""

Who = Literal["either", "client", "server", "nobody"]
"""Who may put a code in a Close frame."""

Where = Literal["wire", "sockjs", "local"]
"""Where a set's codes are seen: in the WebSocket's Close, in SockJS's ``c[…]``, or only at the end that made them
up."""

Group = Literal["broker", "server", "service", "proxy"]
"""The kind of vendor: STOMP brokers and SockJS, web servers and libraries, services and application protocols, or
what stands in front of a server."""

Field = Literal["url", "subprotocol", "server", "error"]
"""What of a ``Context`` says whose peer it is."""


class SetCode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One use of a number in a set; a set may use a number more than once, told apart by the reason."""

    code: int
    last: int | None = None
    """The last of a range that is meant as a whole."""
    name: str
    who: Who
    meaning: Text
    reasons: list[str] = []
    """Expressions the whole reason text matches; ``''`` is a Close without a text."""
    where: Where | None = None
    """Where this one is seen, if not where its set is."""
    sure: bool = True
    """Whether its vendor's source or documentation was read, or it was seen happening."""


class Saying(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a peer says in a message of its own before a Close, or instead of one."""

    text: str
    meaning: Text
    sure: bool = True


class CodeSet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The codes of one framework or service."""

    id: str = ""
    """The name of its file, and the subject ``whoops explain`` knows it by."""
    product: str
    aliases: list[str] = []
    """Further names it goes by."""
    group: Group
    where: Where
    tell: Text
    """What gives it away, for a person who has to tell it from others."""
    codes: list[SetCode] = []
    says: list[Saying] = []
    notes: list[Text] = []
    fixed: bool = False
    """Its numbers mean what they mean whatever text comes with them; otherwise a text that is not among a use's
    ``reasons`` speaks against that use."""
    when: list[dict[Field, list[str]]] = []
    """Each is a sign that the peer is this set's: every field it names matches one of its expressions, whole, case
    aside. One sign is enough."""

    def uses(self, number: int) -> list[SetCode]:
        """What the set has for a number: that of the number itself, else that of the range it is in."""
        own = [use for use in self.codes if use.code == number and use.last is None]
        return own or [use for use in self.codes if use.last is not None and use.code <= number <= use.last]

    def meant(self, context: "Context") -> int:
        """How much around a Close says that its peer is this set's: the fields of the best sign, 0 for none."""
        return max((len(sign) for sign in self.when if all(_matches(sign[at], context, at) for at in sign)), default=0)


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What is known around a Close. Empty is unknown, except for the reason."""

    reason: str | None = None
    """The text of the Close; empty is a Close without one, None is not known."""
    url: str = ""
    """The target, as the user gave it."""
    subprotocol: str = ""
    server: str = ""
    """The ``Server`` header of the handshake's answer."""
    error: str = ""
    """The ``message`` header of the last STOMP ERROR."""
    ours: bool = False
    """The code is our own, or the echo of it: no server chose it."""


def _matches(patterns: list[str], context: Context, field: Field) -> bool:
    value = getattr(context, field)[:LOOKED_AT]
    return bool(value) and any(re.fullmatch(pattern, value, re.IGNORECASE) for pattern in patterns)


@functools.cache
def sets() -> tuple[CodeSet, ...]:
    """Every vendor's set, by file name."""
    folder = resources.files("tui.knowledge").joinpath("close_sets")
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
    return tuple(
        msgspec.structs.replace(
            msgspec.toml.decode(file.read_bytes(), type=CodeSet), id=file.name[: -len(".toml")].replace("_", "-")
        )
        for file in files
    )

"""What peers say before they go, and the cause their words name: ``sayings.toml``. The rules ask ``meant``."""

import functools
import re
from importlib import resources
from typing import Literal

import msgspec

Place = Literal["error", "reason", "sockjs", "http", "message"]
"""Where words stand: a STOMP ERROR, the reason of a Close frame or of a SockJS ``c`` frame, the body of an HTTP
answer, a message right before the end."""


class Saying(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Words of one kind and what they mean."""

    where: list[Place]
    match: str
    """An expression found anywhere in the words, case aside."""
    cause: str
    side: Literal["client", "server", "proxy", "network", "config"]
    how: Literal["said", "strong", "fits"] = "said"
    code: list[int] = []
    """Close codes it is meant with; empty for any."""
    product: str | None = None
    setting: str = ""


class _File(msgspec.Struct, forbid_unknown_fields=True):
    saying: list[Saying]


@functools.cache
def sayings() -> tuple[Saying, ...]:
    """Every saying, special before general."""
    file = resources.files("tui.knowledge").joinpath("sayings.toml")
    return tuple(msgspec.toml.decode(file.read_bytes(), type=_File).saying)


def meant(place: Place, text: str, code: int | None = None) -> Saying | None:
    """The first saying that words at a place match, as they stand or as words where they are one (``TOKEN_EXPIRED``);
    None where nobody is known to mean anything by them."""
    wanted = [saying for saying in sayings() if place in saying.where and (not saying.code or code in saying.code)]
    for words in (text, text.replace("_", " ")):
        for saying in wanted:
            if re.search(saying.match, words, re.IGNORECASE | re.DOTALL):
                return saying
        if "_" not in text:
            break
    return None

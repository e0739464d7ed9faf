"""What peers say before they go, and the cause their words name: a file for each place where words stand
(``sayings/``). The rules ask ``meant``."""

import functools
import re
from importlib import resources
from typing import Literal, get_args

import msgspec

from tui.knowledge.glossary import in_english

Place = Literal["error", "reason", "http", "message"]
"""Where words stand: a STOMP ERROR, the reason of a Close frame or of a SockJS ``c`` frame, the body of an HTTP
answer, a message right before the end."""


class Saying(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Words of one kind and what they mean."""

    match: str
    """An expression found anywhere in the words, case aside."""
    cause: str
    side: Literal["client", "server", "proxy", "network", "config"]
    how: Literal["said", "strong", "fits"] = "said"
    """The words name the cause; or they only point to it."""
    code: list[int] = []
    """Close codes it is meant with; empty for any."""
    also: list[Place] = []
    """Places beside its file's own where it means the same, behind what is said there."""
    product: str | None = None
    setting: str = ""


class _File(msgspec.Struct, forbid_unknown_fields=True):
    saying: list[Saying]


@functools.cache
def sayings() -> dict[Place, list[Saying]]:
    """By place what may be said there, special before general."""
    folder = resources.files("tui.knowledge").joinpath("sayings")
    own: dict[Place, list[Saying]] = {
        place: msgspec.toml.decode(folder.joinpath(f"{place}.toml").read_bytes(), type=_File).saying
        for place in get_args(Place)
    }
    everyone = [saying for said in own.values() for saying in said]
    return {place: [*said, *(saying for saying in everyone if place in saying.also)] for place, said in own.items()}


def meant(place: Place, text: str, code: int | None = None) -> Saying | None:
    """The first saying that words at a place match, as they stand, as words where they are one (``TOKEN_EXPIRED``), or
    in English; None where nobody is known to mean anything by them."""
    wanted = [saying for saying in sayings()[place] if not saying.code or code in saying.code]
    for words in dict.fromkeys((text, text.replace("_", " "), in_english(text))):
        for saying in wanted:
            if re.search(saying.match, words, re.IGNORECASE | re.DOTALL):
                return saying
    return None

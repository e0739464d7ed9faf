"""Targets: ``NAME=URL`` words and what a URL's scheme says about how to speak (design §3)."""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from tui.facts.commands import SESSION_NAME
from tui.options.errors import BadOption

_NAMED = re.compile(r"([^=:/?#]*)=(.*)", re.DOTALL)


class Scheme(NamedTuple):
    """How a scheme speaks."""

    transport: str
    """``ws``: WebSocket."""
    tls: bool
    stomp: bool
    port: int
    """The default port."""


SCHEMES: Mapping[str, Scheme] = {
    "ws": Scheme("ws", False, False, 80),
    "wss": Scheme("ws", True, False, 443),
    "stomp+ws": Scheme("ws", False, True, 80),
    "stomp+wss": Scheme("ws", True, True, 443),
}


class Endpoint(NamedTuple):
    """A target's URL, taken apart."""

    scheme: Scheme
    host: str
    port: int
    resource: str
    """Path and query, as the request line has them."""
    user: str | None
    password: str | None


def is_target(word: str) -> bool:
    """Whether a word of the command line is a target: it has ``://`` in it."""
    return "://" in word


def split_name(word: str) -> tuple[str | None, str]:
    """``NAME=URL`` as (name, URL); the name is None where there is none.

    Raises:
        BadOption: the name is no session name.
    """
    named = _NAMED.fullmatch(word)
    if named is None or "://" not in named[2]:
        return None, word
    if not SESSION_NAME.fullmatch(named[1]):
        raise BadOption("option.bad_name", option="TARGET", given=named[1])
    return named[1], named[2]


def endpoint(url: str) -> Endpoint:
    """The parts of a target's URL.

    Raises:
        BadOption: no URL, an unknown scheme, no host, a bad port, a fragment, or characters no URL has.
    """

    def bad(key: str, **args: object) -> BadOption:
        return BadOption(key, option="TARGET", given=url, **args)

    if any(char <= " " or char == "\x7f" for char in url):
        raise bad("option.url_control")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise bad("option.url_unreadable", error=str(error)) from None
    scheme = SCHEMES.get(parts.scheme)
    if scheme is None:
        raise bad("option.url_scheme", scheme=parts.scheme, schemes=", ".join(f"{name}:" for name in SCHEMES))
    try:
        port = parts.port
    except ValueError:
        raise bad("option.url_port") from None
    if not parts.hostname:
        raise bad("option.url_host")
    if port == 0:
        raise bad("option.url_port")
    if parts.fragment:
        raise bad("option.url_fragment")
    return Endpoint(
        scheme, parts.hostname, port or scheme.port, _resource(parts), parts.username, parts.password
    )


def _resource(parts: SplitResult) -> str:
    resource = parts.path or "/"
    if parts.query:
        resource += f"?{parts.query}"
    # RFC 3986 allows ASCII only; a typed 你好 is sent percent-encoded, as browsers do.
    return "".join(char if char.isascii() else "".join(f"%{byte:02X}" for byte in char.encode()) for char in resource)


def letters(taken: Iterable[str]) -> Iterable[str]:
    """Names for unnamed sessions, A, B, … Z, A2, B2 …, those in ``taken`` left out."""
    taken = set(taken)
    number = 1
    while True:
        for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
            name = letter if number == 1 else f"{letter}{number}"
            if name not in taken:
                yield name
        number += 1

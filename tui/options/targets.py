"""Targets: ``NAME=URL`` words and what a URL's scheme says about how to speak (design §3)."""

import itertools
import re
import string
from collections.abc import Container, Iterator, Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from tui.facts.commands import SESSION_NAME
from tui.facts.redaction import Redactor
from tui.options.errors import BadOption

_UNWRITABLE = re.compile("[\x00-\x20\x7f-\xa0\u2028\u2029\ud800-\udfff]")
"""Blanks and controls, which no URL has."""

_NAMED = re.compile(r"([^=:/?#]*)=(.*)", re.DOTALL)


class Scheme(NamedTuple):
    """How a scheme speaks."""

    transport: str
    """``ws``: WebSocket; ``sockjs``: SockJS over WebSocket or XHR; ``tcp``: nothing between STOMP and TCP."""
    tls: bool
    stomp: bool
    port: int
    """The default port."""


SCHEMES: Mapping[str, Scheme] = {
    "ws": Scheme("ws", False, False, 80),
    "wss": Scheme("ws", True, False, 443),
    "stomp+ws": Scheme("ws", False, True, 80),
    "stomp+wss": Scheme("ws", True, True, 443),
    "http": Scheme("sockjs", False, False, 80),
    "https": Scheme("sockjs", True, False, 443),
    "stomp+http": Scheme("sockjs", False, True, 80),
    "stomp+https": Scheme("sockjs", True, True, 443),
    "stomp": Scheme("tcp", False, True, 61613),
    "stomps": Scheme("tcp", True, True, 61614),
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
        return BadOption(key, option="TARGET", given=Redactor().url(url), **args)

    if _UNWRITABLE.search(url):
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
    if not nameable(parts.hostname or ""):
        raise bad("option.url_host")
    assert parts.hostname is not None
    if port == 0:
        raise bad("option.url_port")
    if "#" in url:
        raise bad("option.url_fragment")
    resource = _resource(parts)
    if scheme.transport == "sockjs":  # as sockjs-client does it: whatever is added begins with a slash
        path, mark, query = resource.partition("?")
        resource = path.rstrip("/") + mark + query
    return Endpoint(scheme, parts.hostname, port or scheme.port, resource, parts.username, parts.password)


def nameable(host: str) -> bool:
    """Whether a host name can be asked for: labels of 1 to 63 bytes (RFC 1035 §2.3.4), or an IP address."""
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return bool(host)


def _resource(parts: SplitResult) -> str:
    resource = parts.path or "/"
    if parts.query:
        resource += f"?{parts.query}"
    # RFC 3986 allows ASCII only; a typed 你好 is sent percent-encoded, as browsers do.
    return "".join(char if char.isascii() else "".join(f"%{byte:02X}" for byte in char.encode()) for char in resource)


def letters(taken: Container[str] = ()) -> Iterator[str]:
    """Names for unnamed sessions: A, B, … Z, A2, B2 …, those in ``taken`` left out."""
    for number in itertools.count(1):
        for letter in string.ascii_uppercase:
            name = letter if number == 1 else f"{letter}{number}"
            if name not in taken:
                yield name

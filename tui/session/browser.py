"""What a page in a browser could not have done as this session does it: said, never forbidden.

Pure: (key, arguments) of notes from one fact. ``tui.session.session`` feeds it. STOMP over TCP is left out: no page
speaks that at all, and nobody compares it with one.
"""

import ipaddress
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tui.facts.commands import BadCommand, parse
from tui.facts.facts import Command, Open, Target
from tui.options.targets import SCHEMES

REASON_BYTES = 123
"""The longest reason of a ``close()``, in UTF-8 (WebSockets standard §3.1; a control frame holds 125 bytes)."""

_BY_ITSELF = frozenset({
    "accept", "accept-encoding", "accept-language", "cache-control", "connection", "cookie", "dnt", "origin", "pragma",
    "priority", "referer", "upgrade",
})  # fmt: skip
"""Headers a browser puts into a handshake or an XHR without being asked, as a copied request has them."""


class Refused(NamedTuple):
    """A note to be: its key and arguments."""

    key: str
    args: dict[str, Any]


def of_target(target: Target) -> list[Refused]:
    """What a page could not ask for in opening such a session."""
    url = target.url
    scheme = SCHEMES.get(url.partition(":")[0].lower())
    if scheme is None or scheme.transport == "tcp":
        return []
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return []
    refused: list[Refused] = []
    origin = _origin(target.spec)
    if not scheme.tls and origin.lower().startswith("https:") and not is_loopback(host):
        secure = "https" if scheme.transport == "sockjs" else "wss"
        refused.append(Refused("note.browser_mixed_content", {"origin": origin, "secure": secure}))
    if names := list(_unsettable(target.spec)):
        refused.append(Refused("note.browser_headers", {"headers": ", ".join(names)}))
    if "@" in parts.netloc:
        refused.append(Refused("note.browser_userinfo", {}))
    return refused


def of_command(command: Command) -> list[Refused]:
    """What ``close()`` would have thrown at a page (WebSockets standard §3.1), whatever our client made of it.

    ``close()`` looks at its arguments before the state of the connection, so a command we refused counts as well.
    """
    try:
        said = parse(command.do)
    except BadCommand:
        return []
    if said.verb != "close" or not said.args:
        return []
    refused: list[Refused] = []
    code = said.args[0]
    if isinstance(code, int) and code != 1000 and not 3000 <= code <= 4999:
        refused.append(Refused("note.browser_close_code", {"code": code}))
    size = len(str(said.args[1]).encode("utf-8", "surrogateescape")) if len(said.args) > 1 else 0
    if size > REASON_BYTES:
        refused.append(Refused("note.browser_close_reason", {"bytes": size}))
    return refused


def of_open(answer: Open, offered: list[str]) -> list[Refused]:
    """What a browser would have made of a 101 that chooses none of the subprotocols it had offered: it fails the
    connection (WebSockets standard §2.2), where RFC 6455 §4.1 has it go on."""
    if answer.subprotocol is None and offered:
        return [Refused("note.browser_no_subprotocol", {"offered": ", ".join(offered)})]
    return []


def is_loopback(host: str) -> bool:
    """Whether browsers trust a host without TLS (Secure Contexts §3.1): 127.0.0.0/8, ::1, localhost and below it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".").rpartition(".")[2] == "localhost"


def _headers(spec: dict[str, Any]) -> Iterator[tuple[str, str]]:
    given = spec.get("header")
    for header in given if isinstance(given, list) else ():
        name, _, value = str(header).partition(":")
        yield name.strip(), value.strip()


def _origin(spec: dict[str, Any]) -> str:
    """The Origin that is sent; a header given outright replaces the option's."""
    replaced = [value for name, value in _headers(spec) if name.lower() == "origin"]
    return replaced[-1] if replaced else str(spec.get("origin") or "")


def _unsettable(spec: dict[str, Any]) -> Iterator[str]:
    """Names of headers that are neither a page's to set nor a browser's own; each once."""
    names = {"authorization": "Authorization"} if "user" in spec else {}
    for name, value in _headers(spec):
        lower = name.lower()
        browser_own = lower == "user-agent" and value.startswith("Mozilla/")
        if not browser_own and lower not in _BY_ITSELF and not lower.startswith("sec-"):
            names.setdefault(lower, name)
    yield from names.values()

"""What a browser would have refused, or done otherwise: a client here may do what a page may not, and then a session
that works proves nothing for the page. Pure: ``tui.session.session`` asks, and says the notes.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from tui.facts.redaction import MASK

A_PAGE_SETS = frozenset({"cookie", "origin"})
"""Headers of a user's a browser sends as well, by itself."""


def of_target(url: str, spec: Mapping[str, Any]) -> list[tuple[str, dict[str, str]]]:
    """Notes on a target and its options: catalogue keys and arguments."""
    scheme, _, rest = url.partition("://")
    plain = scheme.rpartition("+")[2] in ("ws", "http")
    if scheme in ("stomp", "stomps"):
        return []  # no page speaks TCP, and nobody expects it to
    notes: list[tuple[str, dict[str, str]]] = []
    origin = str(spec.get("origin", ""))
    if plain and origin.lower().startswith("https://") and not is_loopback(urlsplit(f"//{rest}").hostname or ""):
        # WHATWG fetch "mixed content"; loopback is potentially trustworthy (Secure Contexts §3.1).
        notes.append(("note.browser_mixed_content", {"scheme": scheme, "origin": origin}))
    if "@" in rest.partition("/")[0]:
        notes.append(("note.browser_userinfo", {}))
    headers = [*_names(spec.get("header", ())), *(["Authorization"] if spec.get("user") else [])]
    forbidden = [name for name in headers if name.lower() not in A_PAGE_SETS]
    if forbidden:
        notes.append(("note.browser_header", {"names": ", ".join(dict.fromkeys(forbidden))}))
    return notes


def of_command(do: str) -> list[tuple[str, dict[str, str]]]:
    """Notes on a session command that was carried out: a close no page may send (WHATWG websockets, "close()")."""
    words = do.split(None, 2)
    if len(words) < 2 or words[0].rpartition(":")[2] != "close" or not words[1].isdecimal():
        return []
    code, reason = int(words[1]), words[2] if len(words) > 2 else ""
    if code != 1000 and not 3000 <= code <= 4999:
        return [("note.browser_close_code", {"code": str(code)})]
    return [("note.browser_close_reason", {})] if len(reason.encode()) > 123 else []


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its name or address alone."""
    if host.lower() == "localhost" or host.lower().endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _names(headers: Iterable[Any]) -> list[str]:
    return [name for header in headers if (name := str(header).partition(":")[0].strip()) and name != MASK]

"""Which outbound proxy a session goes through: ``--proxy URL``, or the environment's as curl reads it."""

import ipaddress
import re
from collections.abc import Mapping
from typing import Literal, NamedTuple, get_args
from urllib.parse import unquote, urlsplit

from tui.facts.redaction import MASK
from tui.options.errors import BadOption
from tui.options.targets import Endpoint, nameable

ENVIRONMENT = "env"
"""The value of ``--proxy`` that stands for the environment's proxies."""

Kind = Literal["http", "socks5", "socks5h"]
"""``http``: CONNECT (RFC 9110 §9.3.6). ``socks5``: RFC 1928, names resolved here; ``socks5h``: by the proxy."""

PORT = 1080
"""The port of a proxy whose URL has none, whatever its kind, as for curl."""

_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "ws": ("ws_proxy", "WS_PROXY", "http_proxy"),
    "wss": ("wss_proxy", "WSS_PROXY", "https_proxy", "HTTPS_PROXY"),
    "http": ("http_proxy",),
    "https": ("https_proxy", "HTTPS_PROXY"),
}
"""By a target's scheme. As in curl ``HTTP_PROXY`` is not read: a CGI script's client could set it (CVE-2016-5385)."""


class Proxy(NamedTuple):
    """An outbound proxy."""

    kind: Kind
    host: str
    port: int
    user: str | None
    password: str
    shown: str
    """Its URL without the login."""


def masked(text: str) -> str:
    """A proxy as it may be said back: without its login."""
    scheme, mark, rest = text.rpartition("://")
    _, at, place = rest.rpartition("@")
    return f"{scheme}{mark}{MASK if at else ''}{at}{place}"


def read_proxy(option: str, text: str) -> Proxy:
    """The proxy a URL names; without a scheme it is an HTTP proxy, as for curl.

    Raises:
        BadOption: another scheme, no host, or a bad port.
    """
    bad = BadOption(
        "option.proxy", option=option, given=masked(text), kinds=", ".join(f"{k}://" for k in get_args(Kind))
    )
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        port = parts.port
    except ValueError:
        raise bad from None
    kind = next((one for one in get_args(Kind) if one == parts.scheme), None)
    if kind is None or not nameable(parts.hostname or "") or port == 0 or parts.path.strip("/") or parts.query:
        raise bad
    assert parts.hostname is not None
    user = None if parts.username is None else unquote(parts.username)
    return Proxy(
        kind, parts.hostname, port or PORT, user, unquote(parts.password or ""),
        f"{kind}://{f'[{parts.hostname}]' if ':' in parts.hostname else parts.hostname}:{port or PORT}",
    )  # fmt: skip


def proxy_for(given: str | None, scheme: str, ending: Endpoint, environ: Mapping[str, str]) -> Proxy | None:
    """The proxy to go through, or None for none.

    Args:
        given: ``--proxy``.
        scheme: the target's URL scheme; STOMP in front of it changes nothing.
        ending: the target.
        environ: where ``env`` looks.

    Raises:
        BadOption: the option or the variable does not name a proxy.
    """
    if given is None:
        return None
    if given != ENVIRONMENT:
        return read_proxy("--proxy", given)
    if exempt(ending.host, environ.get("no_proxy", environ.get("NO_PROXY", ""))):
        return None
    names = (*_VARIABLES.get(scheme.removeprefix("stomp+"), ()), "all_proxy", "ALL_PROXY")
    name = next((name for name in names if environ.get(name)), None)
    return read_proxy(name, environ[name]) if name is not None else None


def exempt(host: str, no_proxy: str) -> bool:
    """Whether ``NO_PROXY`` keeps a host from being proxied, by curl's rules: ``*`` is everything, a name is itself and
    everything below it, an address may be a network (``10.0.0.0/8``)."""
    patterns = [pattern for pattern in re.split(r"[,\s]+", no_proxy.lower()) if pattern]
    if patterns == ["*"]:
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.lower().rstrip(".")
        return any(f".{name}".endswith("." + pattern.strip(".")) for pattern in patterns)
    return any(_within(address, pattern) for pattern in patterns)


def _within(address: ipaddress.IPv4Address | ipaddress.IPv6Address, pattern: str) -> bool:
    try:
        return address in ipaddress.ip_network(pattern.replace("[", "").replace("]", ""), strict=False)
    except ValueError:
        return False

"""What a session speaks, as its ``target`` fact says: which layers there are to fold."""

from typing import Any, NamedTuple

from tui.facts.facts import Target
from tui.options.targets import SCHEMES

DEFAULT_MAX_SIZE = 16 * 1024 * 1024


class Spoken(NamedTuple):
    """The layers of one session."""

    url: str = ""
    """The target's, redacted."""
    stomp: bool = False
    """STOMP, directly in WebSocket messages or in the TCP stream."""
    sockjs: bool = False
    """SockJS between the messages and what carries them: ``http:``, ``stomp+http:`` …"""
    tcp: bool = False
    """No WebSocket below: ``stomp:`` or ``stomps:``."""
    tls: bool = False
    connects: bool = True
    """Our client sends the STOMP CONNECT, so the session is ready with CONNECTED."""
    max_size: int = DEFAULT_MAX_SIZE
    """The largest message accepted, bytes; 0 for no limit."""
    ping_ms: float = 0.0
    """The interval of our own WebSocket pings; 0 where we send none unasked."""


def spoken(target: Target) -> Spoken:
    """The layers ``target`` asks for."""
    scheme = target.url.partition(":")[0].lower()
    spec = target.spec
    stomp = scheme.startswith("stomp") and scheme in SCHEMES
    return Spoken(
        url=target.url,
        stomp=stomp or (scheme in SCHEMES and spec.get("stomp") is True),
        sockjs=scheme in ("http", "https", "stomp+http", "stomp+https"),
        tcp=scheme in ("stomp", "stomps"),
        tls=scheme in ("wss", "https", "stomps", "stomp+wss", "stomp+https"),
        connects=spec.get("no-stomp-connect") is not True,
        max_size=int(_number(spec, "max-size", DEFAULT_MAX_SIZE)),
        ping_ms=_number(spec, "ping-interval", 0) * 1000,
    )


def _number(spec: dict[str, Any], name: str, default: float) -> float:
    value = spec.get(name, default)
    return value if isinstance(value, int | float) and 0 <= value < 1e15 else default

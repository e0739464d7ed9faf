"""What a client's frame must be like before the broker looks at what it says."""

from collections.abc import Mapping

from tui.lab.messages import AckMode
from tui.lab.policy import Policy
from tui.lab.rejection import Rejected
from tui.protocols.stomp import StompFrame

_FLAW_MESSAGES: Mapping[str, str] = {
    "no-blank-line": "Headers must end with a blank line",
    "header-without-colon": "Illegal header: no colon",
    "undefined-escape": "Illegal escape sequence in a header",
    "not-utf8": "Headers must be UTF-8",
    "unknown-command": "Unknown STOMP command",
    "bad-content-length": "Invalid content-length header",
    "missing-nul": "Frame must be terminated with a null octet",
    "body-not-allowed": "This command must not have a body",
    "too-big": "The maximum frame size was exceeded",
}

_ACK_MODES: Mapping[str, AckMode] = {
    "auto": "auto",
    "client": "client",
    "client-individual": "client-individual",
}


def check(frame: StompFrame, version: str, policy: Policy) -> None:
    """Is ``frame`` well-formed and within the limits?

    Raises:
        Rejected: it is not.
    """
    for flaw in frame.flaws:
        if flaw != "body-not-allowed" or version != "1.0":
            raise Rejected(_FLAW_MESSAGES[flaw], _quote(frame))
    if len(frame.headers) > policy.headers_limit:
        raise Rejected(
            "The maximum number of headers was exceeded",
            f"{frame.command} has {len(frame.headers)}; {policy.headers_limit} are taken",
        )
    if len(frame.body) > policy.body_limit:
        raise Rejected(
            "The maximum data length was exceeded",
            f"{frame.command} has a body of {len(frame.body)} bytes; {policy.body_limit} are taken",
        )


def required(frame: StompFrame, name: str) -> str:
    """The header that must be there.

    Raises:
        Rejected: it is not, or is empty.
    """
    value = frame.header(name)
    if not value:
        raise Rejected(f"Missing {name} header", f"{frame.command} needs {name}")
    return value


def ack_mode(frame: StompFrame) -> AckMode:
    """The mode a SUBSCRIBE asks for.

    Raises:
        Rejected: there is no such mode.
    """
    given = frame.header("ack") or "auto"
    if given not in _ACK_MODES:
        raise Rejected("Unknown ack mode", f"ack is {given}; there are {', '.join(_ACK_MODES)}")
    return _ACK_MODES[given]


def expiry(frame: StompFrame) -> float | None:
    """The ``expires`` header: seconds since the epoch (the header has ms); None where it is absent or 0, "never".

    Raises:
        Rejected: it is no number.
    """
    given = frame.header("expires")
    if given is None:
        return None
    if not (given.isascii() and given.isdecimal() and len(given) < 16):
        raise Rejected("Invalid expires header", f"expires is {given}; it must be milliseconds since 1970, or 0")
    return int(given) / 1000 or None


def _quote(frame: StompFrame) -> str:
    """The offending frame's command and header names; values may hold secrets."""
    return f"{frame.command} with headers {', '.join(name for name, _ in frame.headers) or 'none'}"

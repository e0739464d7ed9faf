"""The frames a server sends, as bytes: the one place where the lab escapes headers (STOMP 1.2, "Value Encoding")."""

from collections.abc import Iterable

BEAT = b"\n"
"""One EOL: a heart-beat (STOMP 1.2, "Heart-beating")."""

_COMMON = {"\\": "\\\\", "\n": "\\n", ":": "\\c"}
_ESCAPES = {
    "1.1": str.maketrans(_COMMON),
    "1.2": str.maketrans({**_COMMON, "\r": "\\r"}),
}
_UNESCAPED = str.maketrans({"\n": " ", "\r": " "})


def escape(text: str, version: str) -> str:
    """A header part as ``version`` writes it.

    1.0 has no escapes and 1.1 none for CR: line ends that cannot be said become spaces.
    """
    if version == "1.0":
        return text.translate(_UNESCAPED)
    escaped = text.translate(_ESCAPES[version])
    return escaped.replace("\r", " ") if version == "1.1" else escaped


def encode(command: str, headers: Iterable[tuple[str, str]], body: bytes = b"", *, version: str) -> bytes:
    """One frame; ``content-length`` is added where there is a body.

    CONNECTED is never escaped (STOMP 1.2, "Value Encoding"), for the sake of 1.0 clients.
    """
    if command == "CONNECTED":
        version = "1.0"
    lines = [command, *(f"{escape(name, version)}:{escape(value, version)}" for name, value in headers)]
    if body:
        lines.append(f"content-length:{len(body)}")
    return "\n".join(lines).encode() + b"\n\n" + body + b"\0"

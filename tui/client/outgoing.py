"""What a client wants done: frames to put on the wire and acts on the transport, in order."""

from dataclasses import dataclass
from typing import Literal


@dataclass(slots=True, frozen=True)
class OutFrame:
    """One WebSocket frame, ready for the wire, with what its ``frame`` fact will say once the kernel took it."""

    data: bytes
    """Header and payload as sent."""
    opcode: int
    fin: bool
    rsv: int
    masked: bool
    head: bytes
    payload: bytes
    """Before deflate and mask."""
    deflate: bool = False
    code: int | None = None
    reason: str | None = None
    composed: bool = False
    """We made the payload ourselves (STOMP): credentials in it are masked in the fact."""
    error: str | None = None


@dataclass(slots=True, frozen=True)
class OutBytes:
    """Bytes of a stream that has no frames of its own (STOMP over TCP), for a ``bytes`` fact."""

    data: bytes
    composed: bool = False
    """We made them ourselves: credentials in them are masked in the fact."""


@dataclass(slots=True, frozen=True)
class RawBytes:
    """Bytes on the wire as given, whatever they are."""

    data: bytes


@dataclass(slots=True, frozen=True)
class Act:
    """Something to do to the transport once everything before it was sent.

    ``finish`` ends it locally for the reason given, ``half-close`` sends a FIN, ``reset`` a RST, ``abort`` closes
    the socket as a killed process would.
    """

    what: Literal["finish", "half-close", "reset", "abort"]
    how: Literal["local", "timeout", "protocol"] = "local"
    detail: str | None = None


@dataclass(slots=True, frozen=True)
class OutRequest:
    """One HTTP request of a SockJS transport: a POST that receives, or one whose body is sent."""

    kind: Literal["receive", "send"]
    body: bytes = b""
    composed: bool = False
    """We made the body ourselves: credentials in it are masked in the fact."""


Out = OutFrame | OutBytes | RawBytes | OutRequest | Act

"""The ways a server ends a connection: what the broker asks for, what faults are made of, what listeners do."""

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class Close:
    """A Close frame, then the closing handshake (RFC 6455 §7.1.2). Over TCP, which has none: FIN."""

    code: int | None = 1000
    """None: a Close frame without a code, which its receiver reports as 1005."""
    reason: str = ""


@dataclass(slots=True, frozen=True)
class Fin:
    """TCP FIN and nothing before it."""


@dataclass(slots=True, frozen=True)
class Reset:
    """TCP RST; what was not sent yet is lost."""


Ending = Close | Fin | Reset

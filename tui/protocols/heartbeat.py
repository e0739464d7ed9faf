"""Heart-beat arithmetic (STOMP 1.2, "Heart-beating"): what two pairs of wishes come to, and when a beat is late."""

from typing import NamedTuple

LATE_MARGIN_MS = 250.0
"""An incoming beat is late past 1.0 n plus this (design §3): scheduling jitter is no lateness."""

MISSED_FACTOR = 2.0
"""An incoming beat is missed past this many intervals."""


class Pair(NamedTuple):
    """A ``heart-beat`` header: what this side can send and what it wants, ms; 0 is "not at all"."""

    can: int
    wants: int


class Agreed(NamedTuple):
    """What was negotiated, ms; 0 where a direction has no beats."""

    out: int
    """Client to server."""
    in_: int
    """Server to client."""


def parse_pair(text: str) -> Pair:
    """The pair in ``CX,CY``.

    Raises:
        ValueError: not two non-negative integers.
    """
    can, comma, wants = text.partition(",")
    if not (comma and can.strip().isdecimal() and wants.strip().isdecimal() and len(text) < 24):
        raise ValueError(text)
    return Pair(int(can), int(wants))


def negotiate(client: Pair, server: Pair) -> Agreed:
    """A direction beats every max(can, wants) ms, and not at all if either is 0."""
    out = max(client.can, server.wants) if client.can and server.wants else 0
    in_ = max(server.can, client.wants) if server.can and client.wants else 0
    return Agreed(out, in_)

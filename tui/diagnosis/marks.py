"""What a trail is made of: moments, each with the number of the fact that a claim can point at."""

from typing import NamedTuple

from tui.protocols.stomp import StompFrame


class Mark(NamedTuple):
    """A moment and the number of the fact that was then."""

    n: int
    m: float


class Sent(NamedTuple):
    """One message of ours: no beat, no control frame."""

    n: int
    m: float
    size: int
    """Payload bytes."""
    after_s: float
    """Seconds since any byte before it, either way."""


class Heard(NamedTuple):
    """Something the peer said in words."""

    n: int
    m: float
    text: str


class Frame(NamedTuple):
    """A STOMP frame that matters to the rules, and the last fact that carried it."""

    n: int
    m: float
    frame: StompFrame

    def header(self, name: str) -> str:
        """The first value of a header; empty where there is none."""
        return self.frame.header(name) or ""

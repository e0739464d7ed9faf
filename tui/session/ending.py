"""What was seen of one connection's end while it ended: acts, Close frames, whether somebody here asked.

``tui.session.connection`` notes it, ``tui.session.close_report`` reads it.
"""

from typing import Literal, NamedTuple

from tui.facts.facts import Frame
from tui.facts.findings import CloseFrame

Side = Literal["local", "remote"]

ASKING = frozenset({"close", "disconnect", "half-close", "reset", "abort", "reconnect", "quit", "forget"})
"""Session commands that ask for an end."""


def verb_of(do: str) -> str:
    """The verb of a ``command`` fact's words, a session's name in front left out."""
    words = do.split(None, 2)
    if words and words[0].endswith(":"):
        words = words[1:]
    return words[0].rpartition(":")[2] if words else ""


class Act(NamedTuple):
    """The first thing somebody did to end the connection, and what there had been before it."""

    side: Side | None
    """None where nobody acted: the network did."""
    m: float
    rx_m: float | None
    """The last byte received before it."""
    tx_m: float | None


class Ending:
    """The evidence of one connection's end."""

    __slots__ = ("asked", "first", "received", "received_error", "received_m", "sent", "sent_m", "sockjs")

    def __init__(self, *, asked: bool = False) -> None:
        self.asked = asked
        """Somebody here asked for this end."""
        self.first: Act | None = None
        self.received: CloseFrame | None = None
        """The first Close frame the peer sent."""
        self.received_m = 0.0
        self.received_error: str | None = None
        """The rule that frame breaks."""
        self.sockjs: CloseFrame | None = None
        """SockJS's ``c`` frame."""
        self.sent: CloseFrame | None = None
        """The first Close frame we sent."""
        self.sent_m = 0.0

    def close_frame(self, fact: Frame) -> None:
        """A Close frame was on the wire."""
        said = CloseFrame(code=fact.code, reason=fact.reason or "")
        if fact.dir == "in" and self.received is None:
            self.received, self.received_m, self.received_error = said, fact.m, fact.error
        elif fact.dir == "out" and self.sent is None:
            self.sent, self.sent_m = said, fact.m

    def ask(self) -> None:
        """A command that ends the session was carried out: it counts unless the peer had acted before."""
        if self.first is None or self.first.side == "local":
            self.asked = True

    def stop(self) -> None:
        """The probe stops: it asks, unless the end had begun already."""
        if self.first is None:
            self.asked = True

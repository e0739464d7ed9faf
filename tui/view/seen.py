"""What a pane wants to know of a connection that the fold does not keep: who answered, over what, by which clock.

Filled from facts by ``pane``; read by the head, the timers and the close card.
"""

from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from tui.facts import facts
from tui.facts.facts import Fact


@dataclass(slots=True)
class Seen:
    """One connection, as its facts described it."""

    c: int = 0
    tls: str = ""
    """The TLS version; empty where there is none."""
    remote: str = ""
    """The address it is connected to."""
    server: str = ""
    """The ``Server`` header of its HTTP answer."""
    handshake: facts.Tls | None = None
    """Its TLS handshake, good or not."""
    answer: facts.Http | None = None
    """Its last HTTP answer."""
    clock_ahead: float | None = None
    """Seconds its ``Date`` header was ahead of our wall clock; true to about a second (RFC 9110 §5.6.7)."""
    retrans: int = 0
    """Retransmissions of the segment that is in flight."""
    t_minus_m: float = 0.0
    """What to add to the probe's clock to have the wall clock."""

    def notice(self, fact: Fact) -> None:
        """Takes one fact of the session in; the first of a later connection starts anew."""
        if fact.c > self.c:
            self.c, self.tls, self.remote, self.server = fact.c, "", "", ""
            self.handshake = self.answer = None
            self.clock_ahead, self.retrans = None, 0
        self.t_minus_m = fact.t - fact.m
        if isinstance(fact, facts.Tls):
            self.handshake = fact
        elif isinstance(fact, facts.Http) and fact.dir == "in":
            self.answer = fact
        match fact:
            case facts.Frame(dir="in") | facts.Bytes(dir="in"):
                self.retrans = 0
            case facts.Http(dir="in", status=int()):
                self._answer(fact)
            case facts.Tls(ok=True):
                self.tls = fact.version or "TLS"
            case facts.Tcp(role="main", errno=None):
                self.remote = fact.remote
            case facts.TcpInfo():
                self.retrans = fact.retrans
            case _:
                pass

    def _answer(self, fact: facts.Http) -> None:
        headers = {name.lower(): value for name, value in fact.headers}
        self.server = headers.get("server", "")
        try:
            said = parsedate_to_datetime(headers["date"])
        except (KeyError, ValueError):
            return
        # The header has whole seconds, cut: on average half a second went missing.
        self.clock_ahead = said.timestamp() + 0.5 - fact.t

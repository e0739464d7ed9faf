"""The session fold: state, counters, timers, STOMP and close report of one session, from its facts.

``tui.diagnosis.engine`` feeds it; views and the watch program read its attributes after each fact.
"""

import math
from collections.abc import Mapping
from typing import Any

from tui.facts.facts import Command, Fact, Open, Retry, Stop, Target
from tui.facts.findings import Close, Finding, Layer
from tui.protocols.sockjs import SockjsFrame
from tui.protocols.stomp import Beat, StompFrame
from tui.session import browser
from tui.session.connection import Connection, Stage
from tui.session.counters import Counters
from tui.session.ending import ASKING, Ending, verb_of
from tui.session.notes import note
from tui.session.spoken import Spoken, spoken
from tui.session.state import Event, State, after
from tui.session.timers import PingTimer, Timer

_LASTING = frozenset({"quit", "forget"})
"""Commands that ask for the end of every connection to come as well."""


class Session:
    """One session, as far as its facts have come.

    Args:
        name: ``s`` of its facts.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.url = ""
        """Of its ``target`` fact, redacted."""
        self.spec: dict[str, Any] = {}
        """The options that differ from their defaults."""
        self.state = State.CONNECTING
        self.connection = 0
        """``c`` of the current connection; 0 before the first."""
        self.retry: Retry | None = None
        """The next attempt, where one was announced and has not begun."""
        self.close: Close | None = None
        """The report of the connection that ended last."""
        self.counters = Counters()
        """Over all its connections."""
        self.decoded: list[StompFrame | Beat | SockjsFrame] = []
        """What the fact fed last carried, whole."""
        self.spoken = Spoken()
        self.current = Connection(name, 0, self.spoken, self.counters)
        """The fold of the current connection: another object for each."""
        self._stage = Stage.CONNECTING
        self._thaw_at = math.inf
        self._stopping = False
        self._refused: set[str] = set()
        """What has been said of browsers: once a session is enough."""
        self._last: Fact = Fact(t=0.0, m=0.0)

    @property
    def timers(self) -> Mapping[Layer, Timer]:
        """The keep-alive timers of the current connection: those of the layers it speaks."""
        return self.current.timers

    @property
    def pings(self) -> PingTimer:
        """Pings and pongs of the current connection."""
        return self.current.pings

    @property
    def began_at(self) -> float | None:
        """When the first fact of the current connection was."""
        return self.current.began_at

    @property
    def ready_at(self) -> float | None:
        """When the current connection became ready; None while it is not."""
        return self.current.ready_at

    @property
    def ended_at(self) -> float | None:
        """When the current connection ended; None while it has not."""
        return self.current.ended_at

    @property
    def last_rx_m(self) -> float | None:
        """The last byte received on the current connection: TCP quiet time counts from here."""
        return self.current.last_rx_m

    @property
    def last_tx_m(self) -> float | None:
        """The last byte sent on the current connection."""
        return self.current.last_tx_m

    @property
    def rtt_ms(self) -> float | None:
        """The round trip of the current connection, as far as it is known."""
        return self.current.rtt_ms

    @property
    def ending(self) -> Ending:
        """What has been seen of the current connection's end."""
        return self.current.ending

    @property
    def stomp_version(self) -> str | None:
        """What CONNECTED said on the current connection."""
        conversation = self.current.conversation
        return conversation.version if conversation is not None else None

    @property
    def stomp_undecoded(self) -> int:
        """Bytes received on the current connection of a STOMP or SockJS frame that is not whole."""
        return self.current.undecoded

    @property
    def transport_at(self) -> float | None:
        """When the transport of the current connection opened: the 101, SockJS's ``o``, or TCP and TLS."""
        return self.current.transport_at

    @property
    def transport(self) -> str | None:
        """The SockJS transport of the current connection; None where it has none."""
        return self.current.transport

    @property
    def subprotocol(self) -> str | None:
        """What the current connection's 101 chose."""
        return self.current.subprotocol

    @property
    def extensions(self) -> list[str]:
        """What the current connection's 101 agreed on."""
        return self.current.extensions

    def feed(self, fact: Fact) -> list[Finding]:
        """One fact of this session, or one about the whole probe."""
        self._last = fact
        if fact.c > self.connection:
            self._begin(fact)
        notes: list[Finding] = []
        if type(fact) is Target:
            self.url, self.spec, self.spoken = fact.url, fact.spec, spoken(fact)
            notes = self._browser(fact, browser.of_target(fact))
            if not self.connection:
                self.current = Connection(self.name, 0, self.spoken, self.counters, asked=self._stopping)
        elif type(fact) is Command:
            self._command(fact)
            if not self.spoken.tcp:
                notes = self._browser(fact, browser.of_command(fact))
        elif type(fact) is Open:
            notes = self._browser(fact, browser.of_open(fact, self.current.offered))
        elif type(fact) is Retry:
            self.retry = fact
            self.state = after(self.state, Event.BEGIN)
        elif type(fact) is Stop:
            self._stopping = True
            self.current.ending.stop()
        if fact.c != self.connection:
            self.decoded = []
            return notes
        current = self.current
        findings = current.feed(fact)
        self.decoded = current.decoded
        if current.stage is not self._stage:
            self._move(current)
        return [*notes, *findings]

    def _browser(self, fact: Fact, refused: list[browser.Refused]) -> list[Finding]:
        """The notes that have not been said yet."""
        said = [one for one in refused if one.key not in self._refused]
        self._refused.update(one.key for one in said)
        return [note(fact, one.key, [fact.n], **one.args) for one in said]

    def next_deadline(self) -> float | None:
        """The earliest moment at which time changes something; None where it never will."""
        deadline = min(self.current.deadline(), self._thaw_at)
        return None if deadline == math.inf else deadline

    def advance(self, m: float, last: Fact | None = None) -> list[Finding]:
        """What time changes up to ``m``, deadlines at ``m`` included.

        Args:
            last: the probe's last fact; left out, this session's.
        """
        findings = self.current.advance(m, last or self._last)
        if self._thaw_at <= m:
            self._thaw_at = math.inf
            self.state = after(self.state, Event.THAW)
        return findings

    def abandon(self) -> None:
        """The probe that had this session is gone, and no fact says how its connection ended."""
        self.current.stop_timers()
        self._thaw_at = math.inf
        self.state = after(self.state, Event.UNASKED_END)

    def _begin(self, fact: Fact) -> None:
        asked = self._stopping
        if self.connection:
            self.state = after(self.state, Event.BEGIN)
        else:
            asked = asked or self.current.ending.asked
        self.connection = fact.c
        self.retry = None
        self.current = Connection(self.name, fact.c, self.spoken, self.counters, asked=asked)
        self.current.began_at = fact.m
        self._stage = Stage.CONNECTING
        self._thaw_at = math.inf

    def _command(self, fact: Command) -> None:
        verb = verb_of(fact.do)
        if not fact.ok:
            return
        if verb in ASKING:
            self.current.ending.ask()
            self._stopping = self._stopping or verb in _LASTING
        elif verb == "freeze":
            self._freeze(fact)

    def _freeze(self, fact: Command) -> None:
        try:
            seconds = float(fact.do.split()[-1])
        except ValueError:
            return
        if self.state is State.OPEN and 0 <= seconds < 1e9:
            self.state = after(self.state, Event.FREEZE)
            self._thaw_at = fact.m + seconds

    def _move(self, current: Connection) -> None:
        """The connection has come further: so has the session."""
        self._stage = current.stage
        if current.stage is Stage.ENDED:
            self.close = current.close
            self._thaw_at = math.inf
            event = Event.UNASKED_END if current.ready_at is not None else Event.END_BEFORE_READY
            self.state = after(self.state, Event.ASKED_END if current.ending.asked else event)
        else:
            self.state = after(self.state, Event.READY if current.stage is Stage.READY else Event.ENDING)

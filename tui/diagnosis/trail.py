"""What one connection left behind for the rules: the few facts a cause can stand on, by their line numbers.

``tui.diagnosis.diagnosis`` feeds one for each connection, after the session's own fold; the rules read it. Memory
is bounded: of a kind that repeats only the last ones are kept.
"""

import binascii
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from tui.diagnosis.answers import Answers
from tui.diagnosis.inner import Inner
from tui.diagnosis.kernel import Kernel
from tui.diagnosis.marks import Frame, Heard, Mark, Sent
from tui.diagnosis.orders import Orders
from tui.facts import facts
from tui.facts.facts import Fact
from tui.facts.findings import Close, Finding, Heartbeat, Note, Verdict
from tui.protocols.stomp import StompFrame
from tui.protocols.websocket import BINARY, PING, PONG, is_close
from tui.session.notes import broken_rule
from tui.session.session import Session

KEPT = 16
"""Of what repeats: messages, the gaps between them."""

TEXT_KEPT = 2000
"""Characters of a peer's own words that are looked at."""

POLLS = ("/xhr", "/xhr_streaming")
"""How the requests end that receive for a SockJS session."""


@dataclass(eq=False)
class Trail:
    """One connection of a session.

    Args:
        session: its session, which may have gone on to another connection.
        number: ``c``.
    """

    session: Session
    number: int
    began: Mark | None = None
    ready: Mark | None = None
    close: Close | None = None
    end: Mark | None = None
    """Its ``end`` fact."""
    fin: Mark | None = None
    """The peer's FIN."""
    act: Mark | None = None
    """The first thing that ended it."""
    close_in: Mark | None = None
    close_out: Mark | None = None
    tcp: facts.Tcp | None = None
    refused: facts.Tcp | None = None
    """The last attempt that failed."""
    resolved: facts.Resolved | None = None
    proxy: facts.Proxy | None = None
    tls: facts.Tls | None = None
    request: facts.Http | None = None
    answer: facts.Http | None = None
    """The last HTTP answer."""
    longest_poll_gap_s: float = 0.0
    """The longest a SockJS session over XHR had no request waiting at the server."""
    transport: facts.Transport | None = None
    """The SockJS transport that was tried last."""
    unwebsocketed: Note | None = None
    """SockJS's ``/info`` says that WebSocket is off."""
    info_unreadable: Note | None = None
    """SockJS's ``/info`` is no JSON."""
    open: facts.Open | None = None
    route: facts.Route | None = None
    """At open."""
    last_route: facts.Route | None = None
    kernel: Kernel = field(default_factory=Kernel)
    connect: Frame | None = None
    connected: Frame | None = None
    error: Frame | None = None
    """The last STOMP ERROR."""
    told: Mark | None = None
    """The last STOMP frame of the server's that is no receipt."""
    disconnect: Frame | None = None
    """Our DISCONNECT."""
    last_stomp_out: Frame | None = None
    said_again: bool = False
    """Our last STOMP frame was one we had sent before: the same command to the same destination."""
    _said: deque[tuple[str, str]] = field(default_factory=partial(deque, maxlen=KEPT))
    subscribed: deque[str] = field(default_factory=partial(deque, maxlen=KEPT))
    """The destinations of our last SUBSCRIBE frames."""
    receipts: dict[str, Mark] = field(default_factory=dict)
    """Receipts we asked for and have not got."""
    first_in: Heard | None = None
    """The first bytes after the transport opened."""
    last_in: Mark | None = None
    woke: bool = False
    """The last fact came in after a silence in which the kernel had been asked."""
    last_out: Mark | None = None
    last_beat_out: Mark | None = None
    answers: Answers = field(default_factory=Answers)
    inner: Inner = field(default_factory=Inner)
    sends: deque[Sent] = field(default_factory=partial(deque, maxlen=KEPT))
    largest_survived: int = 0
    """Bytes of our largest message that something came back after."""
    longest_idle_s: float = 0.0
    """The longest silence both ways that ended well: something came in after it."""
    idle_before_last_out_s: float = 0.0
    """The silence both ways that our last bytes ended."""
    _last_byte_m: float | None = None
    """The last byte either way, the handshake's included."""
    gaps_out: deque[float] = field(default_factory=partial(deque, maxlen=KEPT))
    """Seconds between our own last messages and beats."""
    longest_out_s: float = 0.0
    ping_in: Mark | None = None
    """The last ping the peer sent."""
    pong_out: Mark | None = None
    ping_out: Mark | None = None
    heard: deque[Heard] = field(default_factory=partial(deque, maxlen=4))
    """The last messages the peer sent, their text."""
    burst: deque[float] = field(default_factory=partial(deque, maxlen=200))
    """When our last messages left."""
    flaws_in: list[Note] = field(default_factory=list)
    """Rules the peer's frames broke."""
    flaws_out: list[Note] = field(default_factory=list)
    """Rules our own frames broke."""
    late: dict[str, Heartbeat] = field(default_factory=dict)
    """By layer, its last heart-beat finding where that says late or missed."""
    orders: Orders = field(default_factory=Orders)
    came_since_freeze: int = 0
    """Bytes received since we were last told to freeze."""
    afterwards: list[facts.Postmortem] = field(default_factory=list)
    """Its post-mortem, in order."""
    verdict: Verdict | None = None
    """The verdict given last."""

    def __post_init__(self) -> None:
        self.fold = self.session.current
        """The session's fold of this connection, its timers among it, whichever connection is the current one now."""
        self.timers = self.fold.timers
        self.pings = self.fold.pings
        self.ending = self.fold.ending

    def feed(self, fact: Fact, findings: Sequence[Finding]) -> None:
        """One fact of this connection, and what the session's fold found in it."""
        if self.end is not None:
            return
        if self.began is None:
            self.began = Mark(fact.n, fact.m)
        self.woke = False
        kind = type(fact)
        if kind is facts.Frame or kind is facts.Bytes:
            self._traffic(fact)  # type: ignore[arg-type]
        else:
            self._event(fact)
        if findings:
            self._found(fact, findings)
        if self.ready is None and self.fold.ready_at is not None:
            self.ready = Mark(fact.n, self.fold.ready_at)
        if self.act is None and self.ending.first is not None:
            self.act = Mark(fact.n, self.ending.first.m)

    def order(self, fact: facts.Command) -> None:
        """A command was carried out."""
        if fact.ok and self.orders.carried_out(fact).verb == "freeze":
            self.came_since_freeze = 0

    # What the rules ask.

    @property
    def beat_out_s(self) -> float:
        """The interval agreed for our STOMP beats, s; 0 for none."""
        timer = self.timers.get("stomp-out")
        return timer.every_ms / 1000 if timer is not None else 0.0

    @property
    def beat_in_s(self) -> float:
        """The interval agreed for the server's STOMP beats, s; 0 for none."""
        timer = self.timers.get("stomp-in")
        return timer.every_ms / 1000 if timer is not None else 0.0

    @property
    def server(self) -> str:
        """Who answers, as far as it says so: STOMP's ``server`` header, else HTTP's."""
        if self.connected is not None and self.connected.header("server"):
            return self.connected.header("server")
        return self.http_server

    @property
    def http_server(self) -> str:
        """HTTP's ``Server`` header."""
        return self.answered("server")

    def answered(self, name: str) -> str:
        """A header of the HTTP answer, by its lower-case name; empty where there is none."""
        headers = self.answer.headers if self.answer is not None else []
        return next((value for key, value in headers if key.lower() == name), "")

    def asked(self, name: str) -> str:
        """A header of our HTTP request, by its lower-case name; empty where there is none."""
        headers = self.request.headers if self.request is not None else []
        return next((value for key, value in headers if key.lower() == name), "")

    @property
    def remote(self) -> str:
        """``HOST:PORT`` we were, or wanted to be, connected to."""
        if (reached := self.tcp or self.refused) is not None:
            return reached.remote
        return self.session.url.partition("://")[2].partition("/")[0].rpartition("@")[2].lower()

    @property
    def door(self) -> tuple[str, str]:
        """What it wants of its server: by which scheme, and at which path."""
        scheme, _, rest = self.session.url.partition("?")[0].partition("://")
        return scheme, rest.partition("/")[2]

    # The fold.

    def _event(self, fact: Fact) -> None:
        match fact:
            case facts.Tcp(role="main" | "info" | "receive", errno=None):
                self.tcp = fact
                self.kernel.connected_ms = fact.ms
            case facts.Tcp(role="attempt"):
                self.refused = fact
            case facts.Resolved():
                self.resolved = fact
            case facts.Proxy():
                self.proxy = fact
            case facts.Tls():
                self.tls = fact
            case facts.Http():
                self._http(fact)
            case facts.Open():
                self.open = fact
            case facts.Transport():
                self.transport = fact
            case facts.Route():
                self.route = fact if fact.when == "open" else self.route
                self.last_route = fact
            case facts.TcpInfo():
                self.kernel.reported(fact)
            case facts.Eof(dir="in"):
                self.fin = Mark(fact.n, fact.m)
            case facts.End():
                self.end = Mark(fact.n, fact.m)
            case _:
                pass

    def _http(self, fact: facts.Http) -> None:
        if fact.dir == "out":
            if self.transport is not None and self.answer is not None and (fact.target or "").endswith(POLLS):
                self.longest_poll_gap_s = max(self.longest_poll_gap_s, fact.m - self.answer.m)
            self.request = fact
        else:
            self.answer = fact
            self._last_byte_m = fact.m
            if fact.status != 101 and fact.body:
                self.heard.append(Heard(fact.n, fact.m, fact.body[:TEXT_KEPT]))

    def _traffic(self, fact: facts.Frame | facts.Bytes) -> None:
        opcode = fact.opcode if isinstance(fact, facts.Frame) else BINARY
        before = self._last_byte_m if self._last_byte_m is not None else fact.m
        self._last_byte_m = fact.m
        if isinstance(fact, facts.Frame) and is_close(opcode, fact.error):
            self._closes(fact)
        elif fact.dir == "in":
            self._came(fact, opcode, before)
        else:
            self._went(fact, opcode, before)

    def _closes(self, fact: facts.Frame) -> None:
        if fact.dir == "in":
            self.came_since_freeze += fact.size
            self.close_in = self.close_in or Mark(fact.n, fact.m)
        else:
            self.close_out = self.close_out or Mark(fact.n, fact.m)

    def _came(self, fact: facts.Frame | facts.Bytes, opcode: int, before: float) -> None:
        self.came_since_freeze += fact.size
        self.longest_idle_s = max(self.longest_idle_s, fact.m - before)
        if self.last_out is not None and self.sends:
            self.largest_survived = max(self.largest_survived, max(sent.size for sent in self.sends))
        self.woke = self.kernel.asked_since
        self.last_in = Mark(fact.n, fact.m)
        self.kernel.came(self.last_in)
        if self.first_in is None:
            self.first_in = Heard(fact.n, fact.m, _text(fact))
        if opcode == PING:
            self.ping_in = Mark(fact.n, fact.m)
        if isinstance(fact, facts.Frame):
            self.inner.came(fact)
        if opcode <= BINARY and fact.size > 2:
            self.answers.came(fact.m)
        if opcode <= BINARY and fact.size > 1 and (fact.text is not None or fact.size <= TEXT_KEPT):
            text = _text(fact)
            if fact.text is not None or text.rstrip("\r\n").isprintable():  # NATS speaks words in binary messages
                self.heard.append(Heard(fact.n, fact.m, text))

    def _went(self, fact: facts.Frame | facts.Bytes, opcode: int, before: float) -> None:
        idle = fact.m - before
        self.idle_before_last_out_s = idle
        if self.last_out is not None:
            gap = fact.m - self.last_out.m
            self.gaps_out.append(gap)
            self.longest_out_s = max(self.longest_out_s, gap)
        self.last_out = Mark(fact.n, fact.m)
        self.kernel.went(self.last_out, idle)
        if isinstance(fact, facts.Frame):
            self.inner.went(fact, self.fold.subprotocol)
        if opcode == PONG:
            self.pong_out = self.last_out
        elif opcode == PING:
            self.ping_out = self.last_out
        elif fact.size <= 2 and (fact.text or "").strip("\r\n") == "":
            self.last_beat_out = self.last_out
        else:
            self.sends.append(Sent(fact.n, fact.m, fact.size, idle))
            if not self.session.spoken.stomp:  # most of STOMP's frames have no answer
                self.answers.asked(self.last_out)
            self.burst.append(fact.m)

    def _found(self, fact: Fact, findings: Sequence[Finding]) -> None:
        direction = getattr(fact, "dir", "in")
        for finding in findings:
            if isinstance(finding, Heartbeat):
                self.late[finding.layer] = finding
            elif isinstance(finding, Note) and broken_rule(finding) is not None:
                (self.flaws_in if direction == "in" else self.flaws_out).append(finding)
            elif isinstance(finding, Note) and finding.key == "note.sockjs_info_no_websocket":
                self.unwebsocketed = finding
            elif isinstance(finding, Note) and finding.key == "note.sockjs_info_unreadable":
                self.info_unreadable = finding
            elif isinstance(finding, Close):
                self.close = finding
        for decoded in self.session.decoded:
            if isinstance(decoded, StompFrame):
                self._stomp(Frame(fact.n, fact.m, decoded), direction)

    def _stomp(self, said: Frame, direction: str) -> None:
        match direction, said.frame.command:
            case "out", "CONNECT" | "STOMP":
                self.connect = said
            case "out", "DISCONNECT":
                self.disconnect = said
            case "out", "SUBSCRIBE":
                self.subscribed.append(said.header("destination"))
            case "in", "CONNECTED":
                self.connected = said
            case "in", "ERROR":
                self.error = said
            case "in", "RECEIPT":
                self.receipts.pop(said.header("receipt-id"), None)
            case _:
                pass
        if direction == "in" and said.frame.command != "RECEIPT":
            self.told = Mark(said.n, said.m)
        if direction == "out":
            self.last_stomp_out = said
            spoken = (said.frame.command, said.header("destination"))
            self.said_again = spoken in self._said
            self._said.append(spoken)
            receipt = said.header("receipt")
            if receipt and len(self.receipts) < KEPT:
                self.receipts[receipt] = Mark(said.n, said.m)


def _text(fact: facts.Frame | facts.Bytes) -> str:
    """A payload as Latin-1 where it is no text: enough to know a protocol by."""
    if fact.text is not None:
        return fact.text[:TEXT_KEPT]
    return binascii.a2b_base64((fact.b64 or "")[:TEXT_KEPT]).decode("latin-1")

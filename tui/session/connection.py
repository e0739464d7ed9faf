"""One connection of a session, folded from its facts: ready, traffic, STOMP, timers, end.

``tui.session.session`` hands it every fact of its connection number. It keeps no history.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import ClassVar

from tui.facts.facts import Bytes, End, Eof, Fact, Frame, Http, Open, Tcp, TcpInfo, Tls, Transport
from tui.facts.findings import Close, CloseFrame, Finding, Layer, Note
from tui.protocols.sockjs import SockjsFrame
from tui.protocols.stomp import Beat, StompFrame
from tui.protocols.websocket import BINARY, PING, PONG, is_close
from tui.session.close_report import Surroundings, report, side_of
from tui.session.conversation import Conversation, Said, UnreadablePayload, payload
from tui.session.counters import Counters
from tui.session.ending import Act, Ending, Side
from tui.session.found import heartbeat, sockjs_finding, stomp_finding
from tui.session.notes import Notes
from tui.session.sockjs import SockjsStream, info_notes
from tui.session.spoken import Spoken
from tui.session.timers import PingTimer, SockjsTimer, Timer

NO_CONTENT = 204
"""What a SockJS server answers what we send with (sockjs-protocol "xhr_send"): no body, and none of a stream's ends."""


class Stage(IntEnum):
    """How far a connection has come."""

    CONNECTING = 0
    READY = 1
    ENDING = 2
    ENDED = 3


class Connection:
    """The fold of one connection.

    Args:
        name: its session's.
        number: ``c``, from 1.
        spoken: the layers of its session.
        counters: the session's, counted on.
        asked: whether its end has been asked for before it began.
    """

    def __init__(self, name: str, number: int, spoken: Spoken, counters: Counters, *, asked: bool = False) -> None:
        self.number = number
        self._name = name
        self._spoken = spoken
        self._counters = counters
        self.stage = Stage.CONNECTING
        self.began_at: float | None = None
        """When its first fact was."""
        self.offered: list[str] = []
        """The subprotocols the last request offered, as its headers have them."""
        self.subprotocol: str | None = None
        self.extensions: list[str] = []
        self.server = ""
        """The ``Server`` header of the handshake's answer."""
        self._answer: Http | None = None
        """The last HTTP answer."""
        self.transport_at: float | None = None
        """When the transport opened: the 101, or TCP (and TLS) for STOMP over TCP."""
        self.ready_at: float | None = None
        self.ended_at: float | None = None
        self.last_rx_m: float | None = None
        """The last byte received, whatever it was: TCP quiet time is counted from here."""
        self.last_tx_m: float | None = None
        self.rtt_ms: float | None = None
        """The round trip: the kernel's, or the time TCP took to connect."""
        self.ending = Ending(asked=asked)
        self.close: Close | None = None
        self.conversation = Conversation(limit=spoken.max_size) if spoken.stomp else None
        self.sockjs = SockjsStream() if spoken.sockjs else None
        self._asked_for = ""
        """The target of the last HTTP request."""
        self.transport: str | None = None
        """The SockJS transport that is tried, or works."""
        self.stomp_out = Timer("stomp-out")
        self.stomp_in = Timer("stomp-in")
        self.sockjs_h = SockjsTimer()
        self.pings = PingTimer(spoken.ping_ms)
        self.timers: dict[Layer, Timer] = {}
        if spoken.stomp:
            self.timers = {"stomp-out": self.stomp_out, "stomp-in": self.stomp_in}
        if spoken.sockjs:
            self.timers["sockjs-h"] = self.sockjs_h
        if not spoken.tcp:
            self.timers["ws-ping"] = self.pings
        self.decoded: list[StompFrame | Beat | SockjsFrame] = []
        """What the fact fed last carried."""
        self._notes = Notes()

    def feed(self, fact: Fact) -> list[Finding]:
        """One fact of this connection. Whatever comes after its ``end`` changes nothing."""
        self.decoded = []
        handler = self._HANDLERS.get(type(fact))
        if handler is None or self.stage is Stage.ENDED:
            return []
        return handler(self, fact)

    def deadline(self) -> float:
        """When time will change something next; infinity for never."""
        return min(timer.deadline for timer in self.timers.values())

    def advance(self, m: float, last: Fact) -> list[Finding]:
        """Everything that time changes up to ``m``, in order; ``last`` is the probe's last fact before."""
        findings: list[Finding] = []
        while (due := min(self.timers.values(), key=lambda timer: timer.deadline)).deadline <= m:
            at = due.deadline
            gap_ms = due.fire()
            moment = Fact(t=round(last.t + (at - last.m), 6), m=at, s=self._name, c=self.number, n=last.n)
            findings.append(heartbeat(moment, due, gap_ms))
        return findings

    def stop_timers(self) -> None:
        """The connection is over: time changes nothing any more."""
        for timer in self.timers.values():
            timer.stop()

    def _become_ready(self, m: float) -> None:
        if self.ready_at is None:
            self.ready_at = m
            if self.stage is Stage.CONNECTING:
                self.stage = Stage.READY

    def _transport_open(self, m: float) -> None:
        self.transport_at = m
        if not self._spoken.stomp or not self._spoken.connects:
            self._become_ready(m)

    def _act(self, side: Side | None, m: float) -> None:
        """Somebody did something that ends the connection; only the first such act counts. Nothing may follow a
        DISCONNECT, a Close or a FIN (STOMP 1.2, "DISCONNECT"; RFC 6455 §5.5.1): no beat is owed."""
        (self.stomp_in if side == "remote" else self.stomp_out).stop()
        if self.ending.first is None:
            self.ending.first = Act(side, m, self.last_rx_m, self.last_tx_m)
            self.stage = Stage.ENDING

    def _tcp(self, fact: Tcp) -> list[Finding]:
        if fact.role == "main" and fact.errno is None:
            self.rtt_ms = self.rtt_ms if self.rtt_ms is not None else fact.ms
            if self._spoken.tcp and not self._spoken.tls:
                self._transport_open(fact.m)
        return []

    def _tls(self, fact: Tls) -> list[Finding]:
        if fact.ok and self._spoken.tcp and self._spoken.tls:
            self._transport_open(fact.m)
        return []

    def _transport(self, fact: Transport) -> list[Finding]:
        """SockJS tries a transport: the one before, if there was one, left nothing that counts."""
        self.transport = fact.name
        self.sockjs = SockjsStream()
        return []

    def _open(self, fact: Open) -> list[Finding]:
        self.subprotocol, self.extensions = fact.subprotocol, fact.extensions
        if self.sockjs is None:
            self._transport_open(fact.m)
        return []

    def _http(self, fact: Http) -> list[Finding]:
        if fact.dir == "in":
            self.last_rx_m = fact.m
            self.server = next((value for name, value in fact.headers if name.lower() == "server"), self.server)
            self._answer = fact
            if self.sockjs is not None and fact.status != NO_CONTENT:
                self.sockjs.body_begins()
                return self._info_notes(fact) if self._asked_for.partition("?")[0].endswith("/info") else []
        else:
            self._asked_for = fact.target or ""
            self.offered = [value for name, value in fact.headers if name.lower() == "sec-websocket-protocol"]
            self.last_tx_m = fact.m
        return []

    def _info_notes(self, fact: Http) -> list[Finding]:
        """What SockJS's ``/info`` says that explains what follows."""
        keys = info_notes(fact.status, fact.body or "")
        return [note for key in keys for note in self._notes.say(fact, key, [fact.n], status=fact.status)]

    def _tcp_info(self, fact: TcpInfo) -> list[Finding]:
        if fact.rtt_ms > 0:
            self.rtt_ms = fact.rtt_ms
        return []

    def _eof(self, fact: Eof) -> list[Finding]:
        self._act("remote" if fact.dir == "in" else "local", fact.m)
        return []

    def _frame(self, fact: Frame) -> list[Finding]:
        findings: list[Finding] = []
        opcode, counters = fact.opcode, self._counters
        if fact.error is not None:
            key = f"note.frame_error_{fact.error.replace('-', '_')}"
            findings += self._notes.say(fact, key, [fact.n])
        if is_close(opcode, fact.error):
            self.ending.close_frame(fact)
            self._act("remote" if fact.dir == "in" else "local", fact.m)
        elif fact.error is None and opcode in (PING, PONG):
            findings += self._control(fact)
        elif fact.error is None and opcode <= BINARY and fact.size:
            findings += self._message(fact)
        if fact.dir == "in":
            counters.frames_in += 1
            counters.bytes_in += fact.wire
            self.last_rx_m = fact.m
        else:
            counters.frames_out += 1
            counters.bytes_out += fact.wire
            self.last_tx_m = fact.m
        return findings

    def _bytes(self, fact: Bytes) -> list[Finding]:
        findings: list[Finding] = []
        if fact.size:
            findings = self._message(fact)
        counters = self._counters
        if fact.dir == "in":
            counters.frames_in += len(self.decoded)
            counters.bytes_in += fact.size
            self.last_rx_m = fact.m
        else:
            counters.frames_out += len(self.decoded)
            counters.bytes_out += fact.size
            self.last_tx_m = fact.m
        return findings

    def _control(self, fact: Frame) -> list[Finding]:
        payload = fact.b64 or ""
        match fact.opcode, fact.dir:
            case 9, "in":
                self.pings.ping_in(payload, fact.m)
            case 9, "out":
                self.pings.ping_out(payload, fact.m)
            case _, "out":
                self.pings.pong_out(payload, fact.m)
            case _:
                gap_ms = self.pings.pong_in(payload, fact.m)
                if gap_ms is not None:
                    return [heartbeat(fact, self.pings, gap_ms, recovered=True)]
        return []

    def _message(self, fact: Frame | Bytes) -> list[Finding]:
        """A payload, through the layers that are spoken."""
        try:
            if self.sockjs is not None:
                return [
                    finding for frame in self.sockjs.feed(fact) for finding in self._sockjs_frame(fact, frame)
                ]  # fmt: skip
            return self._stomp(fact, payload(fact)) if self.conversation is not None else []
        except UnreadablePayload:
            return [*self._notes.say(fact, "note.payload_unreadable", [fact.n])]

    def _sockjs_frame(self, fact: Frame | Bytes, frame: SockjsFrame) -> list[Finding]:
        findings: list[Finding] = []
        if frame.flaw is not None:
            findings += self._notes.say(fact, f"note.sockjs_flaw_{frame.flaw.replace('-', '_')}", [fact.n])
        findings.append(sockjs_finding(fact, frame))
        if fact.dir == "in":
            findings += self._sockjs_beat(fact, frame)
        if frame.kind == "o":
            if self.transport_at is None:
                self._transport_open(fact.m)
            else:
                findings += self._notes.say(fact, "note.sockjs_lost_session", [fact.n])
        elif frame.kind == "c" and frame.flaw is None and fact.dir == "in":
            self.ending.sockjs = self.ending.sockjs or CloseFrame(code=frame.code, reason=frame.reason)
            self._act("remote", fact.m)
        if self.conversation is None or not frame.messages:
            self.decoded.append(frame)
        for message in frame.messages if self.conversation is not None else ():
            findings += self._stomp(fact, message.encode("utf-8", "surrogatepass"))
        return findings

    def _sockjs_beat(self, fact: Frame | Bytes, frame: SockjsFrame) -> list[Finding]:
        """The ``h`` timer: every frame of the server is a sign of life, an ``h`` says how often it beats."""
        learnt, gap_ms = self.sockjs_h.beat_in(fact.m) if frame.kind == "h" else (False, self.sockjs_h.frame_in(fact.m))
        if learnt:
            return [heartbeat(fact, self.sockjs_h, None, negotiated=True)]
        return [heartbeat(fact, self.sockjs_h, gap_ms, recovered=True)] if gap_ms is not None else []

    def _stomp(self, fact: Frame | Bytes, data: bytes) -> list[Finding]:
        assert self.conversation is not None
        conversation = self.conversation
        findings: list[Finding] = []
        timer = self.stomp_in if fact.dir == "in" else self.stomp_out
        gap_ms = timer.alive(fact.m)
        if gap_ms is not None:
            findings.append(heartbeat(fact, timer, gap_ms, recovered=True))
        for one in conversation.said(fact.dir, data, fact.n):
            self.decoded.append(one.event)
            if isinstance(one.event, Beat):
                self._beat(fact, timer)
                findings.append(stomp_finding(fact, "beat", [], one.event.size, one.lines))
            else:
                findings += self._stomp_frame(fact, one.event, one, conversation)
        return findings

    def _beat(self, fact: Frame | Bytes, timer: Timer) -> None:
        timer.last_beat_m = fact.m
        if fact.dir == "in":
            timer.received += 1
        else:
            timer.sent += 1

    def _stomp_frame(
        self, fact: Frame | Bytes, frame: StompFrame, said: Said, conversation: Conversation
    ) -> list[Finding]:
        findings: list[Finding] = [stomp_finding(fact, frame.command, frame.headers, len(frame.body), said.lines)]
        for flaw in frame.flaws:
            key = f"note.stomp_flaw_{flaw.replace('-', '_')}"
            findings += self._notes.say(fact, key, said.lines, command=frame.command)
        unreadable: str | None = None
        match fact.dir, frame.command:
            case "out", "CONNECT" | "STOMP":
                unreadable = conversation.connect(frame)
            case "out", "DISCONNECT":
                self._act("local", fact.m)
            case "in", "CONNECTED":
                unreadable = conversation.connected(frame)
                findings += self._agreed(fact, conversation)
            case "in", "ERROR":
                conversation.error = frame.header("message") or ""
            case _:
                pass
        if unreadable is not None:
            value = frame.header(unreadable) or ""
            findings += self._notes.say(
                fact, "note.heart_beat_unreadable", said.lines, command=frame.command, value=value
            )
        return findings

    def _agreed(self, fact: Frame | Bytes, conversation: Conversation) -> list[Finding]:
        assert conversation.agreed is not None
        self.stomp_out.start(conversation.agreed.out, fact.m)
        self.stomp_in.start(conversation.agreed.in_, fact.m)
        self._become_ready(fact.m)
        return [heartbeat(fact, timer, None, negotiated=True) for timer in (self.stomp_out, self.stomp_in)]

    def _end(self, fact: End) -> list[Finding]:
        self._act(side_of(fact), fact.m)
        assert self.ending.first is not None
        self.close = report(
            fact,
            self.ending,
            self.ending.first,
            Surroundings(
                ready_at=self.ready_at,
                rtt_ms=self.rtt_ms,
                tcp=self._spoken.tcp,
                transport=self.transport if self._spoken.sockjs else None,
                sockjs=self._spoken.sockjs,
                opened=self.transport_at is not None,
                url=self._spoken.url,
                subprotocol=self.subprotocol or "",
                server=self.server,
                error=self.conversation.error if self.conversation is not None else None,
            ),
        )
        self.stage = Stage.ENDED
        self.ended_at = fact.m
        self.stop_timers()
        return [*self._unfinished(fact), *self._redirected(fact), self.close]

    @property
    def undecoded(self) -> int:
        """Bytes received of a STOMP or SockJS frame that is not whole."""
        carried = self.sockjs.undecoded if self.sockjs is not None else 0
        return carried + (self.conversation.undecoded if self.conversation is not None else 0)

    def _unfinished(self, fact: End) -> list[Note]:
        """Says so where the connection ended in the middle of a STOMP frame."""
        conversation = self.conversation
        if conversation is None or not conversation.undecoded:
            return []
        return self._notes.say(fact, "note.stomp_unfinished", conversation.unfinished, bytes=conversation.undecoded)

    def _redirected(self, fact: End) -> list[Note]:
        """Says so where a redirect was not followed."""
        answer = self._answer
        if fact.how != "http" or answer is None or (fact.detail is not None and not self._spoken.sockjs):
            return []  # the words of a redirect that was followed as far as it could be are in ``detail``
        to = next((value for name, value in answer.headers if name.lower() == "location"), None)
        if to is None or answer.status is None or not 300 <= answer.status < 400:
            return []
        key = "note.redirect_of_sockjs" if self._spoken.sockjs else "note.redirect"
        return self._notes.say(fact, key, [answer.n], status=answer.status, location=to)

    _HANDLERS: ClassVar[dict[type[Fact], Callable[..., list[Finding]]]] = {
        Tcp: _tcp, Tls: _tls, Transport: _transport, Open: _open, Http: _http, TcpInfo: _tcp_info, Eof: _eof,
        Frame: _frame, Bytes: _bytes, End: _end,
    }  # fmt: skip

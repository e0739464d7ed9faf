"""One connection, from the name lookup to its ``end`` fact: the bytes between a socket and our client.

``tui.probe.live`` makes one for each attempt of a session. Everything that happens here is written as a fact at the
moment it happens; nothing is interpreted.
"""

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from tui.client.client import Client
from tui.client.outgoing import Act, OutFrame, RawBytes
from tui.facts import facts
from tui.facts.clocks import Moment, now
from tui.facts.facts import How, Phase
from tui.facts.findings import Finding
from tui.options.spec import SessionSpec, split_address, tls_context
from tui.probe import errnos, frame_facts
from tui.probe.dial import DialError, dial
from tui.probe.journal import Journal
from tui.probe.stream import Stream
from tui.probe.tcp_state import local_address, tcp_info
from tui.probe.tls import Tls
from tui.probe.upgrade import Answer, Upgrade
from tui.protocols.websocket import Scanner

Writer = Callable[..., tuple[facts.Fact, list[Finding]]]


class Connection:
    """One attempt at one target.

    Args:
        spec: the session's options.
        number: the connection's number within its session, from 1.
        journal: where its facts go.
        on_ready: called once, when the session is ready on this connection.
    """

    def __init__(self, spec: SessionSpec, number: int, journal: Journal, on_ready: Callable[[], None]) -> None:
        self._spec = spec
        self._journal = journal
        self._on_ready = on_ready
        self._fact: Writer = partial(journal.write, s=spec.name, c=number)
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._phase: Phase = "dns"
        self._open_by = time.monotonic() + spec.open_timeout
        self._ready = False
        self._stream: Stream | None = None
        self._remote: tuple[Any, ...] = ()
        self._tls: Tls | None = None
        self._tls_started = 0.0
        self._upgrade: Upgrade | None = None
        self._asked_at = 0.0
        self._scanner: Scanner | None = None
        self._sent_scanner = Scanner(max_size=0, from_server=False)
        self.client: Client | None = None
        self._heard_at = 0.0
        self._silence = 1.0
        self._linger: float | None = None
        self._held = False
        self._stopping = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def over(self) -> bool:
        """Whether its ``end`` was written."""
        return self._ended.done()

    async def run(self) -> None:
        """Opens the connection and stays until it has ended."""
        ending = self._spec.endpoint
        host, port = ending.host, ending.port
        if self._spec.connect_to is not None:
            host, port = split_address("--connect-to", self._spec.connect_to)
        try:
            async with asyncio.timeout(self._spec.open_timeout):
                sock = await dial(host, port, self._step)
        except DialError as error:
            self._end(error.how, error.phase, error.errno, error.detail)
        except TimeoutError:
            self._end("timeout", self._phase, None, "open-timeout")
        else:
            if self.over:
                sock.close()
            else:
                self._connected(sock, ending.host)
        await self._ended

    def _step(self, kind: type[facts.Fact], **fields: Any) -> None:
        """A dialling fact; once a name is resolved, what follows is TCP."""
        self._fact(kind, **fields)
        self._phase = "tcp"

    def _connected(self, sock: Any, host: str) -> None:
        self._remote = sock.getpeername()
        self._stream = Stream(sock, self)
        self._route("open")
        if self._spec.endpoint.scheme.tls:
            self._phase = "tls"
            self._tls = Tls(tls_context(self._spec), self._spec.servername or host)
            self._tls_started = time.monotonic()
            self._shake_hands()
        else:
            self._ask()
        self._arm()

    # What the stream says.

    def data_came(self, data: bytes) -> None:
        """Bytes were read."""
        moment = now()
        self._heard_at, self._silence = moment.m, 1.0
        if self._tls is None:
            self._plain(data, moment)
        else:
            self._tls.feed(data)
            if not self._tls.ready:
                self._shake_hands()
            if self._tls.ready and not self.over:
                self._decrypt(moment)
        self._settle()

    def fin_came(self) -> None:
        """The peer ended its half of TCP."""
        moment = now()
        self._fact(facts.Eof, at=moment, dir="in")
        if self._tls is not None:
            self._tls.feed_eof()
            if not self._tls.ready:
                self._shake_hands()
            else:
                self._decrypt(moment)
                self._say_goodbye()
        if self._phase == "http" and self._upgrade is not None and not self.over:
            self._upgrade.feed(b"")
            self._answered(moment)
        if not self.over:
            self._end("fin", self._phase)

    def failed(self, error: OSError) -> None:
        """The socket failed."""
        self._end(errnos.how(error), self._phase, errnos.name(error))

    # TLS.

    def _shake_hands(self) -> None:
        assert self._tls is not None
        assert self._stream is not None
        tls = self._tls
        error: ssl.SSLError | ssl.CertificateError | None = None
        try:
            tls.handshake()
        except (ssl.SSLError, ssl.CertificateError) as failure:
            error = failure
        data = tls.to_send()
        if data:
            self._stream.write(data)
        if error is None and not tls.ready:
            return
        took = round((time.monotonic() - self._tls_started) * 1000, 3)
        servername = self._spec.servername or self._spec.endpoint.host
        if error is not None:
            verification = isinstance(error, ssl.SSLCertVerificationError)
            words = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else error.reason
            self._fact(
                facts.Tls, ok=False, servername=servername, chain=tls.chain(), error=words or str(error), ms=took,
                verify_code=error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else None,
            )  # fmt: skip
            cut = isinstance(error, ssl.SSLEOFError) and not verification
            self._end("fin" if cut else "tls", "tls", None, words or str(error))
            return
        self._fact(facts.Tls, ok=True, servername=servername, ms=took, **tls.facts)
        self._ask()

    def _decrypt(self, moment: Moment) -> None:
        assert self._tls is not None
        notified = self._tls.close_notify_in
        try:
            data = self._tls.read()
        except ssl.SSLError as error:
            self._end("tls", self._phase, None, error.reason or str(error))
            return
        if data:
            self._plain(data, moment)
        if self._tls.close_notify_in and not notified and not self.over:
            # The peer will say no more; its FIN follows, or does not.
            self._say_goodbye()
            self._linger = moment.m + self._spec.close_timeout

    def _say_goodbye(self) -> None:
        """Our close_notify (RFC 8446 §6.1)."""
        if self._tls is not None and self._tls.ready and not self._tls.close_notify_out and self._stream is not None:
            self._stream.write(self._tls.end())

    # The opening handshake.

    def _ask(self) -> None:
        self._phase = "http"
        upgrade = self._upgrade = Upgrade(self._spec)
        request = upgrade.request
        redactor = self._journal.redactor
        target = redactor.url(request.path)
        headers = list(request.headers.raw_items())
        shown = redactor.headers(headers)
        self._asked_at = time.monotonic()

        def taken() -> None:
            self._fact(
                facts.Http, dir="out", method=request.method, target=target, status=None, headers=shown,
                redacted=target != request.path or shown != headers,
            )  # fmt: skip

        self._write(upgrade.data, taken)

    def _answered(self, moment: Moment) -> None:
        """The upgrade's answer, if it is whole."""
        assert self._upgrade is not None
        answer = self._upgrade.answer
        if answer is None:
            return
        redactor = self._journal.redactor
        headers = redactor.headers(answer.headers)
        body = answer.body.decode(errors="backslashreplace")
        shown = redactor.text(body)
        self._fact(
            facts.Http, at=moment, dir="in", status=answer.status, phrase=answer.phrase or None, headers=headers,
            body=shown or None, raw=redactor.text(answer.raw.decode("latin-1")) or None, cut=answer.cut,
            ms=round((moment.m - self._asked_at) * 1000, 3), redacted=headers != answer.headers or shown != body,
        )  # fmt: skip
        if answer.status == 101 and answer.error is None:
            self._opened(answer, moment)
        elif answer.status == 101:
            self._end("handshake", "http", None, answer.error)
        else:
            self._end("http", "http", None, answer.error)

    def _opened(self, answer: Answer, moment: Moment) -> None:
        assert self._upgrade is not None
        self._phase = "open"
        extensions = self._upgrade.extensions
        deflate = extensions[0] if extensions else None
        self._scanner = Scanner(max_size=self._spec.max_size, deflate=deflate)
        self.client = Client(self._spec, deflate)
        offered = [value for name, value in answer.headers if name.lower() == "sec-websocket-extensions"]
        self._fact(facts.Open, at=moment, subprotocol=self._upgrade.subprotocol, extensions=offered)
        self.client.opened(moment.m)
        if answer.rest:
            self._plain(answer.rest, moment)

    # Frames.

    def _plain(self, data: bytes, moment: Moment) -> None:
        if self._phase == "http" and self._upgrade is not None:
            self._upgrade.feed(data)
            self._answered(moment)
            return
        if self._scanner is None or self.client is None:
            return
        for frame in self._scanner.feed(data):
            fields = frame_facts.incoming(frame, self._journal.redactor)
            fact, findings = self._fact(facts.Frame, at=moment, **fields)
            assert isinstance(fact, facts.Frame)
            self.client.received(fact, frame.payload, moment.m)
            for finding in findings:
                self.client.heard(finding, moment.m)

    def _write(self, data: bytes, taken: Callable[[], None] | None = None) -> None:
        assert self._stream is not None
        self._stream.write(self._tls.write(data) if self._tls is not None else data, taken)

    def _settle(self) -> None:
        """After anything that moved the client: does what it wants done, says ready, sets the timer anew."""
        if self.over:
            return
        if not self._ready and self._journal.engine.sessions[self._spec.name].ready_at is not None:
            self._ready = True
            self._on_ready()
        client = self.client
        if client is not None:
            self._watch_reading()
            while client.out and not client.frozen and not self.over:
                self._carry_out(client.out.popleft())
        self._arm()

    def _carry_out(self, item: OutFrame | RawBytes | Act) -> None:
        if isinstance(item, OutFrame):
            self._write(item.data, partial(self._frame_sent, item))
        elif isinstance(item, RawBytes):
            self._write(item.data, partial(self._raw_sent, item))
        elif item.what == "half-close":
            self._say_goodbye()
            assert self._stream is not None
            self._stream.write(b"", self._half_close)
        else:
            if item.what == "finish":
                self._say_goodbye()
            self._end(item.how, self._phase, None, item.detail or item.what, reset=item.what == "reset")

    def _half_close(self) -> None:
        assert self._stream is not None
        with contextlib.suppress(OSError):
            self._stream.half_close()
            self._fact(facts.Eof, dir="out")

    def _frame_sent(self, frame: OutFrame) -> None:
        self._fact(facts.Frame, **frame_facts.outgoing(frame, self._journal.redactor))

    def _raw_sent(self, raw: RawBytes) -> None:
        for frame in self._sent_scanner.feed(raw.data):
            self._fact(facts.Frame, **frame_facts.incoming(frame, self._journal.redactor, "out"))

    # Reading slower, on purpose or because nobody takes our lines.

    def hold_reading(self, held: bool) -> None:
        """Stops or resumes reading while whoever takes the lines cannot keep up."""
        self._held = held
        self._watch_reading()

    def _watch_reading(self) -> None:
        if self._stream is None:
            return
        if self._held or (self.client is not None and self.client.frozen):
            self._stream.pause()
        else:
            self._stream.resume()

    # Time.

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.over:
            return
        wakes = [self._linger, None if self._ready else self._open_by]
        if self.client is not None:
            wakes.append(self.client.next_wake())
            wakes.append(self._heard_at + self._silence)
        at = min((wake for wake in wakes if wake is not None), default=None)
        if at is not None:
            self._timer = self._loop.call_at(at, self._wake)

    def _wake(self) -> None:
        m = time.monotonic()
        self._timer = None
        if not self._ready and m >= self._open_by:
            if self._upgrade is not None and self._phase == "http":
                self._upgrade.give_up()
                self._answered(now())
            if not self.over:
                self._end("timeout", self._phase, None, "open-timeout")
            return
        if self._linger is not None and m >= self._linger:
            self._end("local", self._phase, None, "close-timeout")
            return
        if self.client is not None:
            if m >= self._heard_at + self._silence:
                self._silence *= 2
                self._tcp_info("silent")
                self._route("silent")
            self.client.wake(m)
        self._settle()

    def moved(self) -> None:
        """Something was asked of it from outside: does it."""
        if self._stopping and not self.over:
            self._end("local", self._phase, None, "stopped")
        self._settle()

    # The end.

    def _tcp_info(self, when: str) -> None:
        info = tcp_info(self._stream.socket) if self._stream is not None else None
        if info is not None:
            self._fact(facts.TcpInfo, when=when, **info)

    def _route(self, when: str) -> None:
        assert self._stream is not None
        remote = str(self._remote[0])
        try:
            local = local_address(self._remote, self._stream.socket.family)
        except OSError as error:
            self._fact(facts.Route, when=when, remote=remote, local=None, error=errnos.name(error))
        else:
            self._fact(facts.Route, when=when, remote=remote, local=local)

    def stop_dialling(self) -> None:
        """Has an attempt that has not come to frames yet end, by our own will, at the next ``moved``."""
        self._stopping = True

    def _end(
        self, how: How, phase: Phase, errno: str | None = None, detail: str | None = None, *, reset: bool = False
    ) -> None:
        if self.over:
            return
        stream, tls = self._stream, self._tls
        unread = unsent = 0
        if stream is not None:
            self._tcp_info("end")
            self._route("end")
            unread, unsent = stream.unread, stream.unsent
            stream.close(reset=reset)
        undecoded = self._scanner.undecoded if self._scanner is not None else 0
        if self._phase == "http" and self._upgrade is not None and self._upgrade.answer is None:
            undecoded = self._upgrade.received
        notify = None
        if tls is not None:
            undecoded += tls.pending
            notify = facts.CloseNotify(in_=tls.close_notify_in, out=tls.close_notify_out)
        self._ended.set_result(None)
        if self._timer is not None:
            self._timer.cancel()
        self._fact(
            facts.End, how=how, phase=phase, errno=errno, detail=detail, alert=tls.alert if tls else None,
            close_notify=notify, undecoded=undecoded, unread=unread, unsent=unsent,
        )  # fmt: skip

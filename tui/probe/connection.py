"""One connection, from the name lookup to its ``end`` fact: the bytes between a socket and our client.

``tui.probe.live`` makes one for each attempt of a session. Everything that happens here is written as a fact at the
moment it happens; nothing is interpreted.
"""

import asyncio
import socket
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from tui.client.client import Client
from tui.client.outgoing import Act, Out
from tui.client.tcp import TcpClient
from tui.client.websocket import WebSocketClient
from tui.facts import facts
from tui.facts.clocks import Moment, now
from tui.facts.facts import How, Phase
from tui.options.errors import BadOption
from tui.options.spec import SessionSpec, tls_context
from tui.probe.channel import Channel
from tui.probe.dial import OPEN_TIMEOUT, DialError, dial
from tui.probe.handshake import Handshake
from tui.probe.journal import Journal
from tui.probe.kernel import Kernel
from tui.probe.listener import Peer
from tui.probe.redirect import NotFollowed, followed, location
from tui.probe.tls import Tls
from tui.probe.upgrade import Answer, Upgrade
from tui.probe.wires import ByteWire, FrameWire, Wire, Write
from tui.protocols.websocket import Scanner

NOTIFY_GRACE = 0.5
"""Seconds our close_notify waits for the peer's FIN: a peer that closes right after its own (nginx does) would answer
an early one with a RST, and the orderly end would look like a reset. One that waits for ours gets it then."""


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
        self._hop = spec
        """The spec of where redirects have led; the session's own where there were none."""
        self._hops = 0
        self._redial: asyncio.Task[None] | None = None
        self._journal = journal
        self._on_ready = on_ready
        self._fact: Write = partial(journal.write, s=spec.name, c=number)
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._phase: Phase = "dns"
        self._open_by = time.monotonic() + spec.open_timeout
        self._ready = False
        self._channel: Channel | None = None
        self._remote: tuple[Any, ...] = ()
        self._local: tuple[Any, ...] = ()
        self.peer: Peer | None = None
        """Who is at the other end, once TCP is up."""
        self._accepted: asyncio.Task[None] | None = None
        self._handshake: Handshake | None = None
        self._wire: Wire | None = None
        self.client: Client | None = None
        self._kernel = Kernel(self._fact)
        self._linger: float | None = None
        self._answer_at: float | None = None
        self._held = False
        self._stopping = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def over(self) -> bool:
        """Whether its ``end`` was written."""
        return self._ended.done()

    async def run(self) -> None:
        """Opens the connection and stays until it has ended."""
        await self._dial()
        await self._ended

    async def _dial(self) -> None:
        try:
            sock = await dial(self._hop, self._step, within=self._open_by - time.monotonic())
        except DialError as error:
            self._end(error.how, error.phase, error.errno, error.detail)
        else:
            await self._reached(sock)
            if self.over:
                sock.close()
            else:
                self._connected(sock)

    async def _reached(self, sock: socket.socket) -> None:
        """TCP is up: finds out who is at the other end, once for each address. Where it was reset meanwhile nobody is,
        and whoever reads will hear of it."""
        before = self._remote
        try:
            self._remote, self._local = sock.getpeername(), sock.getsockname()
        except OSError:
            self._remote, self._local, self.peer = (), sock.getsockname(), None
            return
        if self.peer is not None and self._remote == before:
            return
        try:
            self.peer = await Peer.at(self._remote)
        except asyncio.CancelledError:
            sock.close()
            raise

    def _step(self, kind: type[facts.Fact], **fields: Any) -> None:
        """A dialling fact, unless somebody ended the connection meanwhile."""
        if not self.over:
            self._fact(kind, **fields)

    def _connected(self, sock: socket.socket) -> None:
        secure = self._hop.endpoint.scheme.tls
        servername = self._hop.servername or self._hop.endpoint.host
        self._phase = "tls" if secure else "tcp"
        try:
            tls = Tls(tls_context(self._hop), servername) if secure else None
        except BadOption as error:  # a certificate that was readable when the session was asked for
            sock.close()
            self._end("local", "tls", None, error.said("en"))
            return
        self._channel = Channel(sock, tls, servername, self._fact, self._journal.redactor.text, self)
        self._kernel.ask_of(sock, self._remote)
        self._kernel.came(time.monotonic())
        self._kernel.opened(self.peer)
        if not secure:
            self.secured()
        self.settled()

    # What the channel says.

    def secured(self) -> None:
        """Plain bytes can be exchanged: TCP is up, and TLS where it is wanted."""
        if self._spec.endpoint.scheme.transport == "tcp":
            wire = TcpClient(close_timeout=self._spec.close_timeout, tls=self._spec.endpoint.scheme.tls)
            client = Client(self._spec, wire)
            session = self._journal.engine.sessions[self._spec.name]
            self._open(client, ByteWire(client, self._fact, self._journal.redactor, session), now())
        else:
            self._ask()

    def came(self, moment: Moment) -> None:
        """Bytes came."""
        self._kernel.came(moment.m)

    def peer_done(self, moment: Moment, *, notified: bool) -> None:
        """The peer says no more. After a close_notify alone its FIN follows, or does not."""
        if notified:
            self._answer_at = moment.m + NOTIFY_GRACE
            self._linger = moment.m + self._spec.close_timeout
            return
        if self._phase == "http" and self._handshake is not None:
            self._handshake.upgrade.feed(b"")
            self._answered(self._handshake, moment)
        self.settled()
        self._end("fin", self._phase)

    def broke(self, how: How, errno: str | None, detail: str | None) -> None:
        """The channel failed. What came of an answer is told even so."""
        if self._phase == "http" and self._handshake is not None and self._handshake.upgrade.answer is None:
            self._handshake.upgrade.feed(b"")
            self._heard(self._handshake, now())
        self._end(how, self._phase, errno, detail)

    # The opening handshake.

    def _ask(self) -> None:
        self._phase = "http"
        assert self._channel is not None
        self._handshake = Handshake(self._make_upgrade(), self._fact, self._journal.redactor)
        self._handshake.ask(self._channel)

    def _make_upgrade(self) -> Upgrade:
        return Upgrade(self._hop)

    def _websocket(self, **options: Any) -> WebSocketClient:
        return WebSocketClient(**options)

    def _heard_answer(self, answer: Answer) -> None:
        """The upgrade was answered, before anything is made of it."""

    def _heard(self, handshake: Handshake, moment: Moment) -> Answer | None:
        """The upgrade's answer, if it is as whole as it gets."""
        answer = handshake.answer(moment)
        if answer is not None:
            self._heard_answer(answer)
        return answer

    def _answered(self, handshake: Handshake, moment: Moment) -> None:
        """Does what the upgrade's answer, if it is whole, asks for."""
        answer = self._heard(handshake, moment)
        if answer is None:
            return
        if answer.status == 101 and answer.error is None:
            self._upgraded(handshake.upgrade, answer, moment)
        elif answer.status == 101:
            self._end("handshake", "http", None, answer.error)
        elif self._spec.follows and (said := location(answer.status, answer.headers)) is not None:
            self._redirected(said)
        else:
            self._end("http", "http", None, answer.error)

    def _redirected(self, said: str) -> None:
        """Leaves this server for the one it named. The connection's facts go on."""
        self._hops += 1
        try:
            self._hop = followed(self._hop, said, self._hops)
        except NotFollowed as error:
            self._end("http", "http", None, str(error))
            return
        assert self._channel is not None
        self._channel.leave()
        self._channel = self._handshake = None
        self._phase = "dns"
        self._linger = self._answer_at = None
        self._redial = asyncio.ensure_future(self._dial())

    def _upgraded(self, upgrade: Upgrade, answer: Answer, moment: Moment) -> None:
        spec = self._hop
        deflate = upgrade.extensions[0] if upgrade.extensions else None
        scanner = Scanner(max_size=spec.max_size, deflate=deflate)
        client = Client(
            spec,
            self._websocket(
                deflate=deflate, close_timeout=spec.close_timeout,
                ping_interval=spec.ping_interval, ping_timeout=spec.ping_timeout,
            ),
        )  # fmt: skip
        said = [value for name, value in answer.headers if name.lower() == "sec-websocket-extensions"]
        self._fact(facts.Open, at=moment, subprotocol=upgrade.subprotocol, extensions=said)
        self._open(client, FrameWire(scanner, client, self._fact, self._journal.redactor), moment)
        if answer.rest:
            self.plain_came(answer.rest, moment)

    # The open transport.

    def _open(self, client: Client, wire: Wire, moment: Moment) -> None:
        self._phase = "open"
        self.client, self._wire = client, wire
        client.opened(moment.m)

    def plain_came(self, data: bytes, moment: Moment) -> None:
        """Bytes came, deciphered."""
        if self._wire is not None:
            self._wire.came(data, moment)
        elif self._handshake is not None:
            self._handshake.upgrade.feed(data)
            self._answered(self._handshake, moment)

    def settled(self) -> None:
        """After anything that moved the client: does what it wants done, says ready, sets the timer anew."""
        if self.over:
            return
        if not self._ready and self._journal.engine.sessions[self._spec.name].ready_at is not None:
            self._ready = True
            if self.peer is not None:
                self._accepted = self._loop.create_task(self.peer.accepted(self._local))
            self._on_ready()
        client = self.client
        if client is not None:
            self._watch_reading()
            while client.out and not client.frozen and not self.over:
                self._carry_out(client.out.popleft())
        self._arm()

    def _carry_out(self, item: Out) -> None:
        channel = self._channel
        assert self._wire is not None
        if not isinstance(item, Act):
            self._wire.say(item, channel)
        elif item.what == "half-close":
            assert channel is not None
            channel.half_close()
        else:
            if item.what == "finish" and channel is not None:
                channel.goodbye()
            self._end(item.how, self._phase, None, item.detail or item.what, reset=item.what == "reset")

    # Reading slower, on purpose or because nobody takes our lines.

    def hold_reading(self, held: bool) -> None:
        """Stops or resumes reading while whoever takes the lines cannot keep up."""
        self._held = held
        self._watch_reading()

    def _watch_reading(self) -> None:
        paused = self._held or (self.client is not None and self.client.frozen)
        if self._wire is not None:
            self._wire.pause(paused)
        if self._channel is None:
            return
        if paused:
            self._channel.stream.pause()
        else:
            self._channel.stream.resume()

    # Time.

    def _arm(self) -> None:
        wakes = [self._linger, self._answer_at, None if self._ready or self._channel is None else self._open_by]
        if self.client is not None:
            wakes += [self.client.next_wake(), self._kernel.next_wake()]
        at = min((wake for wake in wakes if wake is not None), default=None)
        if self._timer is not None:
            if at == self._timer.when():
                return  # set anew, one that is due would be put off for as long as bytes keep coming
            self._timer.cancel()
            self._timer = None
        if at is not None and not self.over:
            self._timer = self._loop.call_at(at, self._wake)

    def _wake(self) -> None:
        m = time.monotonic()
        self._timer = None
        if not self._ready and m >= self._open_by:
            if self._handshake is not None and self._phase == "http":
                self._handshake.upgrade.give_up()
                self._answered(self._handshake, now())
            if self.client is not None and self._phase == "open":
                # A conforming client says so before it goes: the peer's log shows no abnormal end of our making.
                self.client.wire.close(1000, "open timeout", m)
                self.settled()
            if not self.over:
                self._end("timeout", self._phase, None, OPEN_TIMEOUT)
            return
        if self._answer_at is not None and m >= self._answer_at and self._channel is not None:
            self._answer_at = None
            self._channel.goodbye()
        if self._linger is not None and m >= self._linger:
            self._end("local", self._phase, None, "close-timeout")
            return
        if self.client is not None:
            self._kernel.wake(m)
            if self.peer is not None:
                self.peer.lives_on()
            self.client.wake(m)
        self.settled()

    def moved(self) -> None:
        """Something was asked of it from outside: does it."""
        if self._stopping and not self.over:
            self._end("local", self._phase, None, "stopped")
        self.settled()

    # The end.

    def stop_dialling(self) -> None:
        """Has an attempt that has not come to frames yet end, by our own will, at the next ``moved``."""
        self._stopping = True

    def _end(
        self, how: How, phase: Phase, errno: str | None = None, detail: str | None = None, *, reset: bool = False
    ) -> None:
        if self.over:
            return
        channel = self._channel
        tls = channel.tls if channel is not None else None
        unread = unsent = 0
        if channel is not None:
            self._kernel.ended()
            unread, unsent = channel.stream.unread, channel.stream.unsent
            channel.stream.close(reset=reset)
        undecoded = self._wire.undecoded if self._wire is not None else 0
        if self._wire is not None:
            self._wire.close()
        if self._phase == "http" and self._handshake is not None:
            undecoded += self._handshake.undecoded
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

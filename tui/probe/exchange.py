"""HTTP requests on one connection of our own sockets, one after the other: SockJS's ``/info``, its polls and its sends.

FIN, RST, TLS and timing are facts here as they are for a WebSocket; HTTP itself is read by h11. ``tui.probe.xhr`` and
``tui.probe.sockjs`` ask, and hear what came.
"""

import time
from collections.abc import Callable
from typing import Any, Protocol

import h11

from tui.facts import facts
from tui.facts.clocks import Moment, now
from tui.facts.facts import How
from tui.facts.redaction import Redactor
from tui.probe import http_facts
from tui.probe.channel import Channel

KEPT = 4096
"""Bytes of a body that stand in its ``http`` fact."""


class Hearer(Protocol):
    """Who hears of an exchange."""

    def secured(self, exchange: "Exchange") -> None:
        """The connection can be used."""

    def answered(self, exchange: "Exchange", status: int, headers: list[tuple[str, str]]) -> None:
        """The head of an answer came."""

    def body_came(self, exchange: "Exchange", data: bytes, moment: Moment) -> None:
        """A piece of its body came, dechunked."""

    def done(self, exchange: "Exchange", status: int, body: bytes) -> None:
        """The answer is whole; ``body`` its first 4 KiB."""

    def failed(self, exchange: "Exchange", how: How, errno: str | None, detail: str | None) -> None:
        """The connection ended, or what came is no HTTP."""

    def settled(self) -> None:
        """What came was dealt with."""

    def heard_bytes(self, moment: Moment) -> None:
        """Bytes came, whatever they were: called first."""


class Exchange:
    """One connection.

    Args:
        kind: ``info``, ``receive`` or ``send``.
        redactor: takes secrets out of what is written.
        write: writes a fact of the session's connection.
        hearer: hears of it.
    """

    def __init__(self, kind: str, redactor: Redactor, write: Callable[..., Any], hearer: Hearer) -> None:
        self.kind = kind
        self.channel: Channel | None = None
        self.idle = False
        """A request can be made."""
        self.over = False
        self.wanted: Callable[[], None] | None = None
        """What is to be asked as soon as the connection can be used."""
        self._redactor = redactor
        self._fact = write
        self._hearer = hearer
        self._h11 = h11.Connection(h11.CLIENT)
        self._status = 0
        self._headers: list[tuple[str, str]] = []
        self._phrase = ""
        self._body = b""
        self._cut = False
        self._asked_at = 0.0
        self._asked = False
        self._served = self._came = False

    @property
    def kept(self) -> bool:
        """Whether it has served and nothing of another answer has come. A server ends such a connection when it likes;
        who asked just then asks again on a new one, as browsers do (RFC 9112 §9.3.1)."""
        return self._served and not self._came

    @property
    def waits(self) -> bool:
        """A request was made, or is to be, and its answer is not whole."""
        return self._asked or self.wanted is not None

    def use(self, channel: Channel) -> None:
        """The connection's channel, made with this exchange as its listener."""
        self.channel = channel
        if channel.tls is None:
            self.secured()

    def ask(
        self,
        method: str,
        target: str,
        headers: list[tuple[str, str]],
        body: bytes = b"",
        sent: Callable[[], None] | None = None,
    ) -> None:
        """One request. Its ``http`` fact is written, and ``sent`` called, when the kernel took the last byte."""
        assert self.channel is not None
        self.idle, self._asked, self._body, self._cut, self._status = False, True, b"", False, 0
        request = h11.Request(method=method, target=target, headers=headers)
        data = (self._h11.send(request) or b"") + (self._h11.send(h11.Data(data=body)) if body else b"")
        data += self._h11.send(h11.EndOfMessage()) or b""
        fields = http_facts.asked(method, target, headers, len(data), self._redactor)
        self._asked_at = time.monotonic()

        def taken() -> None:
            self._fact(facts.Http, **fields)
            if sent is not None:
                sent()

        self.channel.write(data, taken)

    # What the channel says.

    def secured(self) -> None:
        """Plain bytes can be exchanged."""
        self.idle = True
        self._hearer.secured(self)

    def came(self, moment: Moment) -> None:
        """Bytes came."""
        self._hearer.heard_bytes(moment)

    def settled(self) -> None:
        """What came was dealt with."""
        self._hearer.settled()

    def plain_came(self, data: bytes, moment: Moment) -> None:
        """Bytes came, deciphered."""
        self._came = True
        try:
            self._h11.receive_data(data)
            self._read(moment)
        except h11.RemoteProtocolError as error:
            self._tell_no_http(data, moment)
            self._fail("http", None, str(error).partition(": bytearray")[0])

    def _tell_rest(self, moment: Moment) -> None:
        """What came of an answer whose head never was whole, when no more of it can come."""
        came = self._h11.trailing_data[0]
        if came and self._asked and not self._status:
            self._tell_no_http(came, moment)

    def _tell_no_http(self, data: bytes, moment: Moment) -> None:
        """What came instead of an answer is evidence as it is."""
        self._fact(
            facts.Http, at=moment, dir="in", status=None, raw=http_facts.unread(data[:KEPT], self._redactor),
            cut=len(data) > KEPT,
        )  # fmt: skip

    def peer_done(self, moment: Moment, *, notified: bool) -> None:
        """The peer says no more: the end of a body without a length, or of the connection."""
        if notified or self.over:
            return
        try:
            self._h11.receive_data(b"")
            self._read(moment)
        except h11.RemoteProtocolError:
            self._tell_rest(moment)
        self._fail("fin", None, None)

    def broke(self, how: How, errno: str | None, detail: str | None) -> None:
        """The channel failed."""
        self._tell_rest(now())
        self._fail(how, errno, detail)

    def close(self, *, reset: bool = False) -> None:
        """Ends the connection; nothing more is heard of it."""
        self.over = True
        if self.channel is not None:
            self.channel.goodbye()
            self.channel.stream.close(reset=reset)

    def _fail(self, how: How, errno: str | None, detail: str | None) -> None:
        if not self.over:
            self.over = True
            self._hearer.failed(self, how, errno, detail)  # the kernel is still asked what it knows
            self.close()

    def _read(self, moment: Moment) -> None:
        while not self.over:
            event = self._h11.next_event()
            if isinstance(event, h11.Response):
                self._head(event, moment)
            elif isinstance(event, h11.Data):
                self._data(bytes(event.data), moment)
            elif isinstance(event, h11.EndOfMessage):
                self._whole(moment)
                return
            elif not isinstance(event, h11.InformationalResponse):
                return

    def _head(self, event: h11.Response, moment: Moment) -> None:
        self._status, self._phrase = event.status_code, event.reason.decode("latin-1")
        self._headers = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers.raw_items()
        ]  # fmt: skip
        if self._streams:
            self._answer(moment)
        self._hearer.answered(self, self._status, self._headers)

    @property
    def _streams(self) -> bool:
        """Whether the body is the session's traffic: it is written piece by piece then."""
        return self.kind == "receive" and self._status == 200

    def _data(self, data: bytes, moment: Moment) -> None:
        if self._streams:
            self._hearer.body_came(self, data, moment)
        else:
            self._cut = self._cut or len(self._body) + len(data) > KEPT
            self._body = (self._body + data)[:KEPT]

    def _whole(self, moment: Moment) -> None:
        if not self._streams:
            self._answer(moment)
        reusable = self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE
        if reusable:
            self._h11.start_next_cycle()
        self._asked, self.idle = False, reusable
        self._served, self._came = True, False
        if not reusable:
            self.close()
        self._hearer.done(self, self._status, self._body)

    def _answer(self, moment: Moment) -> None:
        self._fact(
            facts.Http, at=moment, cut=self._cut, ms=round((moment.m - self._asked_at) * 1000, 3),
            **http_facts.answered(self._status, self._phrase, self._headers, self._body, self._redactor),
        )  # fmt: skip

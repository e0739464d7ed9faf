"""SockJS over XHR: what our client wants asked becomes requests on two connections, one that receives and one that
sends; what comes becomes ``bytes`` facts. ``tui.probe.connection`` has one where that transport is tried.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Literal, Protocol

from tui.client.client import Client
from tui.client.outgoing import OutBytes, OutFrame, OutRequest, RawBytes
from tui.client.sockjs import XhrClient
from tui.facts import facts
from tui.facts.clocks import Moment
from tui.facts.facts import How
from tui.facts.redaction import Redactor
from tui.probe import frame_facts
from tui.probe.channel import Channel
from tui.probe.dial import DialError
from tui.probe.exchange import Exchange
from tui.probe.wires import ByteWire, Write
from tui.session.session import Session

Kind = Literal["receive", "send"]


class Owner(Protocol):
    """The connection it belongs to."""

    async def exchange(self, kind: Kind) -> Exchange:
        """A new connection for requests of one kind.

        Raises:
            DialError: none could be made.
            OSError: none could be made.
        """

    def request(self, exchange: Exchange, kind: Kind, body: bytes, sent: Callable[[], None]) -> None:
        """Makes the request of a kind on an exchange that is idle; ``sent`` is called when the kernel took it."""

    def take_cookies(self, headers: list[tuple[str, str]]) -> None:
        """Keeps what an answer sets."""

    def settled(self) -> None:
        """After anything that moved the client."""

    def came(self, moment: Moment) -> None:
        """Bytes came."""

    def carried_by(self, channel: Channel) -> None:
        """What the kernel knows of the session is asked of this channel from now on."""

    def lost(
        self, how: How, errno: str | None, detail: str | None, status: int | None = None, on: Channel | None = None
    ) -> None:
        """The transport failed."""


class XhrWire(ByteWire):
    """The transport's half that is I/O: what comes is a stream like any other, what is said are requests.

    Args:
        client: hears of what comes.
        xhr: its wire.
        write: writes a fact of this connection.
        redactor: takes secrets out of payloads.
        session: the fold of these facts.
        owner: dials, and hears of the end.
    """

    def __init__(
        self,
        client: Client,
        xhr: XhrClient,
        write: Write,
        redactor: Redactor,
        session: Session,
        owner: Owner,
    ) -> None:
        super().__init__(client, write, redactor, session)
        self._xhr = xhr
        self._owner = owner
        self._exchanges: dict[str, Exchange] = {}
        self._asked: dict[str, OutRequest] = {}
        """By kind, the last request."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def say(self, item: OutFrame | OutBytes | RawBytes | OutRequest, channel: Channel | None) -> None:
        """A request, on the connection of its kind, or a new one."""
        del channel
        assert isinstance(item, OutRequest), "over XHR there are only requests"
        exchange = self._exchanges.get(item.kind)
        if exchange is not None and exchange.idle and not exchange.over:
            self._ask(exchange, item)
        else:
            self._run(self._dial(item))

    def close(self) -> None:
        """Ends every connection."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        for exchange in self._exchanges.values():
            exchange.close()

    def pause(self, paused: bool) -> None:
        """Stops or resumes reading."""
        for exchange in self._exchanges.values():
            if exchange.channel is not None and not exchange.over:
                (exchange.channel.stream.pause if paused else exchange.channel.stream.resume)()

    def _run(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _dial(self, item: OutRequest) -> None:
        try:
            exchange = await self._owner.exchange(item.kind)
        except DialError as error:
            self._owner.lost(error.how, error.errno, error.detail)
            return
        if self._closed:
            exchange.close()
            return
        before, self._exchanges[item.kind] = self._exchanges.get(item.kind), exchange
        if before is not None:
            before.close()
        if item.kind == "receive" and exchange.channel is not None:
            self._owner.carried_by(exchange.channel)
        self._waiting(exchange, item)
        self._owner.settled()

    def _waiting(self, exchange: Exchange, item: OutRequest) -> None:
        if exchange.idle:
            self._ask(exchange, item)
        else:
            exchange.wanted = partial(self._ask, exchange, item)

    def _ask(self, exchange: Exchange, item: OutRequest) -> None:
        again = self._asked.get(item.kind) is item
        self._asked[item.kind] = item

        def sent() -> None:
            if item.body and not again:
                self._fact(facts.Bytes, **frame_facts.piece("out", item.body, self._redactor, composed=item.composed))

        self._owner.request(exchange, item.kind, item.body, sent)

    # What the exchanges say.

    def secured(self, exchange: Exchange) -> None:
        """The connection can be used: what waited for it is asked."""
        if exchange.wanted is not None:
            wanted, exchange.wanted = exchange.wanted, None
            wanted()

    def answered(self, exchange: Exchange, status: int, headers: list[tuple[str, str]]) -> None:
        """The head of an answer came; what it means is known with its body."""
        self._owner.take_cookies(headers)

    def body_came(self, exchange: Exchange, data: bytes, moment: Moment) -> None:
        """A piece of what the server says."""
        self.came(data, moment)

    def done(self, exchange: Exchange, status: int, body: bytes) -> None:
        """An answer is whole: 200 for what receives, 204 for what sends ("xhr-polling")."""
        if self._closed:
            return
        good = (200,) if exchange.kind == "receive" else (200, 204)
        mute = exchange.kind == "receive" and self._session.transport_at is None  # a page, and no ``o``
        if status in good and not mute:
            self._xhr.answered(exchange.kind, asyncio.get_running_loop().time())
            self._owner.settled()
        else:
            self._owner.lost("http", None, f"sockjs-{exchange.kind}", status)

    def failed(self, exchange: Exchange, how: How, errno: str | None, detail: str | None) -> None:
        """A connection ended. One that waits for nothing is made again when it is needed."""
        if self._closed or exchange is not self._exchanges.get(exchange.kind):
            return
        if exchange.waits and exchange.kept and how in ("fin", "reset"):
            self._run(self._dial(self._asked[exchange.kind]))
        elif exchange.waits:
            self._owner.lost(how, errno, detail or f"sockjs-{exchange.kind}", on=exchange.channel)

    def settled(self) -> None:
        """What came was dealt with."""
        self._owner.settled()

    def heard_bytes(self, moment: Moment) -> None:
        """Bytes came."""
        self._owner.came(moment)

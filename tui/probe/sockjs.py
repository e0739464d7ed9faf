"""One SockJS connection, as sockjs-client 1.6 opens it (lib/main.js): ``/info``, then one transport after the other
until one says ``o``. Each request, and each transport that is tried, is a fact.
"""

import asyncio
import secrets
import string
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import msgspec
from websockets.headers import build_authorization_basic, build_host

from tui import __version__
from tui.client.client import Client
from tui.client.sockjs import SockjsWebSocket, XhrClient
from tui.facts import facts
from tui.facts.clocks import Moment, now
from tui.facts.facts import How, Phase, Role
from tui.options.spec import SessionSpec, tls_context
from tui.probe.channel import Channel
from tui.probe.connection import Connection
from tui.probe.cookies import Jar
from tui.probe.dial import OPEN_TIMEOUT, DialError, dial
from tui.probe.exchange import Exchange
from tui.probe.journal import Journal
from tui.probe.tls import Tls
from tui.probe.upgrade import Answer, Upgrade
from tui.probe.xhr import Kind, XhrWire

TRANSPORTS = ("websocket", "xhr-streaming", "xhr-polling")
"""In the order they are tried; sockjs-client has others, for browsers without these."""

INFO_TIMEOUT = 8.0
"""Seconds ``/info`` may take (lib/info-receiver.js)."""

ROUND_TRIPS = 2
"""A transport has so many round trips to open (each transport's ``roundTrips``)."""

_ROLES: dict[str, Role] = {"info": "info", "receive": "receive", "send": "send"}

_SUFFIX = {"websocket": "/websocket", "xhr-streaming": "/xhr_streaming", "xhr-polling": "/xhr"}


class Lost(NamedTuple):
    """Why a transport did not open."""

    how: How
    status: int | None


class _InfoFailed(Exception):
    def __init__(self, how: How, errno: str | None, detail: str | None) -> None:
        super().__init__(how)
        self.how, self.errno, self.detail = how, errno, detail


class SockjsConnection(Connection):
    """One attempt at one SockJS target.

    Args:
        jar: the cookies of its session.
    """

    def __init__(
        self, spec: SessionSpec, number: int, journal: Journal, on_ready: Callable[[], None], jar: Jar
    ) -> None:
        super().__init__(spec, number, journal, on_ready)
        self._jar = jar
        self._attempt: asyncio.Future[Lost | None] | None = None
        self._left: list[str] = []
        self._resource = self._query = ""
        self._status: int | None = None

    async def run(self) -> None:
        """Opens the connection and stays until it has ended."""
        try:
            info, rtt = await self._fetch_info()
        except DialError as error:
            self._end(error.how, error.phase, error.errno, error.detail)
        except _InfoFailed as error:
            self._end(error.how, self._phase, error.errno, error.detail)
        else:
            await self._try_transports(info, rtt)
        await self._ended

    # /info.

    async def _fetch_info(self) -> tuple[dict[str, Any], float]:
        """What ``/info`` says, nothing where it is no object, and how long it took, s.

        Raises:
            DialError: no connection.
            _InfoFailed: no 200.
        """
        hearer = _Info(self)
        began = time.monotonic()
        exchange = await self._exchange("info", hearer, within=self._open_by - began)
        left = self._open_by - time.monotonic()
        try:
            async with asyncio.timeout(min(left, INFO_TIMEOUT)):
                status, body = await hearer.answer
        except TimeoutError:
            raise _InfoFailed("timeout", None, OPEN_TIMEOUT if left < INFO_TIMEOUT else "sockjs-info") from None
        finally:
            exchange.close()
        if status != 200:
            raise _InfoFailed("http", None, "sockjs-info")
        try:
            info = msgspec.json.decode(body, type=dict[str, Any])
        except msgspec.MsgspecError:
            info = {}
        return info, time.monotonic() - began

    # Transports.

    async def _try_transports(self, info: dict[str, Any], rtt: float) -> None:
        wanted = self._spec.sockjs_transport
        self._left = [
            name for name in TRANSPORTS
            if wanted in ("auto", name) and not (name == "websocket" and info.get("websocket") is False)
        ]  # fmt: skip
        if not self._left:
            self._end("local", "http", None, "sockjs-no-transport")
        base = self._base(info)
        patience = ROUND_TRIPS * (4 * rtt if rtt > 0.1 else 0.3 + rtt) if wanted == "auto" else self._spec.open_timeout
        lost: Lost | None = None
        while self._left and not self.over:
            name = self._left.pop(0)
            self._resource = base + _SUFFIX[name]
            shown = self._journal.redactor.url(f"{self._spec.url.partition('://')[0]}://{self._host}{self._resource}")
            self._fact(
                facts.Transport, name=name, url=shown, why=lost.how if lost is not None else None,
                status=lost.status if lost is not None else None,
            )  # fmt: skip
            lost = await self._try(name, patience)
            if lost is None:
                return

    async def _try(self, name: str, patience: float) -> Lost | None:
        """Tries one transport; why it did not open, None where it did or was the last."""
        self._attempt = self._loop.create_future()
        self._phase = "tcp"
        try:
            async with asyncio.timeout(patience if self._left else None):
                if name == "websocket":
                    try:
                        sock = await dial(self._spec, self._fact)
                        await self._reached(sock)
                        self._connected(sock)
                    except DialError as error:
                        self._end(error.how, error.phase, error.errno, error.detail)
                else:
                    self._open_xhr(name)
                return await self._attempt
        except TimeoutError:
            self._tear_down()
            return Lost("timeout", None)

    def _base(self, info: dict[str, Any]) -> str:
        """The path of the session: the server's part is for load balancers, the session's is new each time."""
        own = self._spec.endpoint.resource
        given = info.get("base_url")
        path, mark, query = own.partition("?")
        if isinstance(given, str) and given:
            path = given if given.startswith("/") else "/" + given.partition("://")[2].partition("/")[2]
            path = path.rstrip("/")
        server, _, session = (self._spec.sockjs_session or "").partition("/")
        server = server or f"{secrets.randbelow(1000):03}"
        session = session or "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(8))
        self._query = mark + query
        return f"{path}/{server}/{session}"

    def _open_xhr(self, name: str) -> None:
        self._phase = "http"
        xhr = XhrClient()
        client = Client(self._spec, xhr)
        session = self._journal.engine.sessions[self._spec.name]
        wire = XhrWire(client, xhr, self._fact, self._journal.redactor, session, self)
        self.client, self._wire = client, wire
        client.opened(now().m)
        self.settled()

    # What the upgrade is like.

    def _make_upgrade(self) -> Upgrade:
        upgrade = Upgrade(self._spec, resource=self._resource + self._query, subprotocols=self._spec.subprotocol)
        cookies = self._cookies(self._resource)
        if cookies:
            del upgrade.request.headers["Cookie"]
            upgrade.request.headers["Cookie"] = cookies
        return upgrade

    def _websocket(self, **options: Any) -> SockjsWebSocket:
        return SockjsWebSocket(**options)

    def _heard_answer(self, answer: Answer) -> None:
        self._jar.take(self._spec.endpoint, self._resource, answer.headers)
        self._status = answer.status

    # What XHR needs.

    async def exchange(self, kind: Kind) -> Exchange:
        """A new connection for requests of one kind."""
        assert isinstance(self._wire, XhrWire)
        return await self._exchange(kind, self._wire)

    async def _exchange(self, kind: str, hearer: Any, within: float | None = None) -> Exchange:
        sock = await dial(self._spec, self._fact, _ROLES[kind], within)
        spec = self._spec
        servername = spec.servername or spec.endpoint.host
        secure = spec.endpoint.scheme.tls
        exchange = Exchange(kind, self._journal.redactor, self._fact, hearer)
        if kind != "send":
            await self._reached(sock)
            self._phase = "tls" if secure else "http"
            self._kernel.ask_of(sock, self._remote)
            self._kernel.opened(self.peer)
        tls = Tls(tls_context(spec), servername) if secure else None
        write = partial(self._of_exchange, exchange)
        exchange.use(Channel(sock, tls, servername, write, self._journal.redactor.text, exchange))
        return exchange

    def _of_exchange(self, exchange: Exchange, kind: type[facts.Fact], **fields: Any) -> Any:
        """A fact of an exchange's connection. The FIN of one that sends, or is kept for another request, ends nothing:
        only an answer under way carries the session."""
        quiet = kind is facts.Eof and (exchange.kind == "send" or exchange.kept)
        return None if quiet else self._fact(kind, **fields)

    def request(self, exchange: Exchange, kind: str, body: bytes, sent: Callable[[], None] | None = None) -> None:
        """Makes the request of a kind on an exchange that is idle; ``sent`` is called when the kernel took it."""
        self._phase = "open" if self._open_said else "http"
        base, _, own = self._resource.rpartition("/")
        if kind == "info":
            method, resource = "GET", self._info_resource
        else:
            method, resource = "POST", f"{base}/{own if kind == 'receive' else 'xhr_send'}{self._query}"
        exchange.ask(method, resource, self._headers(resource, body, method), body, sent)

    @property
    def _info_resource(self) -> str:
        path, mark, query = self._spec.endpoint.resource.partition("?")
        return f"{path}/info{mark}{query}"

    @property
    def _open_said(self) -> bool:
        return self._journal.engine.sessions[self._spec.name].transport_at is not None

    @property
    def _host(self) -> str:
        endpoint = self._spec.endpoint
        return build_host(endpoint.host, endpoint.port, endpoint.scheme.tls)

    def _cookies(self, resource: str) -> str | None:
        kept = self._jar.header(self._spec.endpoint, resource)
        return "; ".join(part for part in (*self._spec.cookie, kept) if part) or None

    def _headers(self, resource: str, body: bytes, method: str) -> list[tuple[str, str]]:
        spec = self._spec
        headers = {"Host": self._host, "User-Agent": f"whoops/{__version__}", "Accept": "*/*"}
        if method == "POST":
            headers |= {"Content-Type": "text/plain", "Content-Length": str(len(body))}
        if spec.origin is not None:
            headers["Origin"] = spec.origin
        user, password = spec.user.split(":", 1) if spec.user else (spec.endpoint.user, spec.endpoint.password or "")
        if user is not None:
            headers["Authorization"] = build_authorization_basic(user, password or "")
        if cookies := self._cookies(resource):
            headers["Cookie"] = cookies
        given = spec.headers
        replaced = {name.lower() for name, _ in given}
        return [*((name, value) for name, value in headers.items() if name.lower() not in replaced), *given]

    def take_cookies(self, headers: list[tuple[str, str]]) -> None:
        """Keeps what an answer sets."""
        self._jar.take(self._spec.endpoint, self._resource or self._info_resource, headers)

    def carried_by(self, channel: Channel) -> None:
        """What the kernel knows of the session is asked of this channel from now on."""
        self._channel = channel
        self._kernel.ask_of(channel.stream.socket, self._remote)

    def lost(
        self, how: How, errno: str | None, detail: str | None, status: int | None = None, on: Channel | None = None
    ) -> None:
        """A request failed, and the transport with it: the end tells of its channel."""
        self._status = status
        if on is not None:
            self._channel = on
            self._kernel.ask_of(on.stream.socket, self._remote)
        self._end(how, "open" if self._open_said else self._phase, errno, detail)

    def settled(self) -> None:
        """After anything that moved the client; ``o`` ends the trying."""
        if self._attempt is not None and not self._attempt.done() and self._open_said:
            self._attempt.set_result(None)
            self._phase = "open"
        super().settled()

    # The end.

    def _end(
        self, how: How, phase: Phase, errno: str | None = None, detail: str | None = None, *, reset: bool = False
    ) -> None:
        trying = self._attempt is not None and not self._attempt.done()
        if trying and self._left and not self._stopping and time.monotonic() < self._open_by:
            assert self._attempt is not None
            self._tear_down()
            self._attempt.set_result(Lost(how, self._status if how == "http" else None))
            return
        super()._end(how, phase, errno, detail, reset=reset)
        if self._attempt is not None and not self._attempt.done():
            self._attempt.set_result(None)

    def _tear_down(self) -> None:
        """Leaves a transport that did not open."""
        if self._wire is not None:
            self._wire.close()
        if self._channel is not None:
            self._channel.stream.close()
        self._channel = self._wire = self._handshake = self.client = None


class _Info:
    """Hears the answer to ``/info``."""

    def __init__(self, connection: SockjsConnection) -> None:
        self.answer: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()
        self._connection = connection

    def secured(self, exchange: Exchange) -> None:
        self._connection.request(exchange, "info", b"")

    def answered(self, exchange: Exchange, status: int, headers: list[tuple[str, str]]) -> None:
        self._connection.take_cookies(headers)

    def body_came(self, exchange: Exchange, data: bytes, moment: Moment) -> None:
        pass

    def done(self, exchange: Exchange, status: int, body: bytes) -> None:
        if not self.answer.done():
            self.answer.set_result((status, body))

    def failed(self, exchange: Exchange, how: How, errno: str | None, detail: str | None) -> None:
        if not self.answer.done():
            self._connection.lost(how, errno, detail or "sockjs-info", on=exchange.channel)
            self.answer.set_exception(_InfoFailed(how, errno, detail or "sockjs-info"))

    def settled(self) -> None:
        pass

    def heard_bytes(self, moment: Moment) -> None:
        pass

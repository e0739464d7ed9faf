"""The post-mortem: after an unexplained drop, one attempt to reach the same origin, and one to a control host.

What it finds are facts of type ``postmortem``, by stage: ``dns``, ``tcp``, ``tls``, ``http``, ``program`` and
``behind`` (what has become of the process at the other end, and of those behind it, where that is this machine), and
``control``. It stops at the 101 (or at
SockJS's ``/info``), says no CONNECT and no credentials, and goes no further than TLS if another session to that origin
is still up by then: a look must not disturb what it looks at. ``tui.probe.live`` starts it.
"""

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import h11
import msgspec
from websockets.frames import Close, Frame, Opcode
from websockets.headers import build_host

from tui.facts import facts
from tui.facts.facts import How
from tui.options.spec import SessionSpec, split_address, tls_context
from tui.probe import errnos
from tui.probe.dial import DialError, dial
from tui.probe.listener import Peer
from tui.probe.upgrade import Upgrade

Write = Callable[..., Any]

LIMIT_S = 10.0
"""Seconds a post-mortem may take, each of its two attempts."""

PIECE = 16 * 1024


@dataclass(frozen=True, slots=True)
class Wanted:
    """How far to go."""

    alone: Callable[[], bool]
    """Whether no other session to that origin is up: asked before the HTTP stage, which is left out otherwise."""
    credentials: bool
    """``--postmortem full``: with the session's own credentials."""
    control: str | None
    """``--control HOST:PORT``: whether anything of the network works."""
    peer: Peer | None = None
    """Who was at the other end."""


class _Failed(Exception):
    """A stage that failed: what its fact says."""

    def __init__(self, how: How, status: int | None = None) -> None:
        super().__init__(how)
        self.how = how
        self.status = status


async def examine(spec: SessionSpec, wanted: Wanted, write: Write) -> None:
    """Looks at the origin, then at the control host.

    Args:
        spec: the session that dropped.
        wanted: how far to go.
        write: writes a fact of the connection that dropped.
    """
    attempt = _Attempt(spec if wanted.credentials else _without_credentials(spec), wanted.peer, write)
    await attempt.run(wanted.alone)
    if wanted.control is not None:
        await _control(wanted.control, write)


async def tell_of_process(peer: Peer, found: str | None, write: Write) -> None:
    """The stage ``program``: what has become of the process at the other end, where that is known.

    Args:
        peer: who was at the other end.
        found: what ``Peer.now`` says of it.
        write: writes a fact of the connection that dropped.
    """
    if found is None:
        return
    anew_s = await peer.anew_s() if found in ("replaced", "restarted") else None
    run_s = round(anew_s, 2) if anew_s is not None else None
    write(facts.Postmortem, stage="program", **_fate(found), run_s=run_s)


def _fate(found: str) -> dict[str, Any]:
    return {"ok": found in ("lives", "stopped", "closing"), "how": None if found == "lives" else found}


async def tell_of_those_behind(peer: Peer, write: Write, told: Sequence[tuple[str, str]] = ()) -> list[tuple[str, str]]:
    """The stages ``behind``: what has become of each program behind that process, the nearest first.

    Args:
        peer: who was at the other end.
        write: writes a fact of the connection that dropped.
        told: what was said of them before: only what has changed is said again.
    """
    found = await peer.behind()
    for at, (name, how) in enumerate(found):
        if tuple(told[at : at + 1]) != ((name, how),):
            write(facts.Postmortem, stage="behind", **_fate(how), program=name)
    return found


def _without_credentials(spec: SessionSpec) -> SessionSpec:
    kept = [header for header in spec.header if not header.lower().startswith(("authorization:", "cookie:"))]
    url = spec.url
    if "@" in spec.url.partition("://")[2].partition("/")[0]:
        scheme, _, rest = spec.url.partition("://")
        url = f"{scheme}://{rest.partition('@')[2]}"
    return msgspec.structs.replace(spec, url=url, user=None, cookie=[], header=kept)


class _Attempt:
    """One attempt, stage by stage."""

    def __init__(self, spec: SessionSpec, peer: Peer | None, write: Write) -> None:
        self._spec = spec
        self._peer = peer
        self._listening = False
        self._told: str | None = None
        """What was said of the process at the other end."""
        self._told_behind: list[tuple[str, str]] = []
        """What was said of those behind it."""
        self._write = write
        self._since = time.monotonic()

    async def run(self, alone: Callable[[], bool]) -> None:
        """Goes as far as it gets; each stage is a fact, the first that fails the last. The process at the other end is
        looked for as soon as TCP is up, and again at last: one that ends takes a moment. So do those behind it."""
        await self._go(alone)
        await self._programs()

    async def _go(self, alone: Callable[[], bool]) -> None:
        stage = "tcp"
        try:
            async with asyncio.timeout(LIMIT_S):
                sock = await self._dial()
                self._ok("tcp")
                try:
                    await self._programs()
                except asyncio.CancelledError:
                    sock.close()
                    raise
                secure = self._spec.endpoint.scheme.tls
                stage = "tls" if secure else "http"
                reader, writer = await self._streams(sock, secure=secure)
                try:
                    if secure:
                        self._ok("tls")
                    stage = "http"
                    transport = self._spec.endpoint.scheme.transport
                    if transport != "tcp" and alone():
                        await (self._info if transport == "sockjs" else self._upgrade)(reader, writer)
                finally:
                    writer.close()
        except TimeoutError:
            proxied = stage == "tcp" and self._listening
            self._fact("proxy" if proxied else stage, ok=False, how="timeout")
        except _Failed as failure:
            self._fact(stage, ok=False, how=failure.how, status=failure.status)
        except DialError as error:
            reset = error.how == "reset"  # which is after TCP was up
            if reset:
                self._ok("tcp")
            if not reset or error.phase != "open":
                self._fact(error.phase, ok=False, how=error.how)
        except ssl.SSLError:
            self._fact(stage, ok=False, how="tls")
        except h11.RemoteProtocolError:
            self._fact(stage, ok=False, how="http")
        except OSError as error:
            self._fact(stage, ok=False, how=errnos.how(error))

    async def _programs(self) -> None:
        """Looks at the processes, which takes milliseconds: to its end even if the look is to stop meanwhile."""
        if self._peer is None:
            return
        looking = asyncio.ensure_future(self._tell_of_programs(self._peer))
        try:
            await asyncio.shield(looking)
        except asyncio.CancelledError:
            await looking
            raise

    async def _tell_of_programs(self, peer: Peer) -> None:
        found = peer.now(listening=self._listening)
        if found != self._told:
            self._told = found
            await tell_of_process(peer, found, self._write)
        self._told_behind = await tell_of_those_behind(peer, self._write, self._told_behind)
        self._since = time.monotonic()

    async def _dial(self) -> socket.socket:
        return await dial(self._spec, self._dialled, "postmortem")

    def _dialled(self, kind: type[facts.Fact], **fields: Any) -> None:
        """Of the dialling's own facts only the connection is written: a name or an attempt is a stage here."""
        if kind is facts.Tcp and fields.get("errno") is None:
            self._listening = True
            self._write(kind, **fields)

    async def _streams(self, sock: socket.socket, *, secure: bool) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if not secure:
            return await asyncio.open_connection(sock=sock)
        name = self._spec.servername or self._spec.endpoint.host
        return await asyncio.open_connection(sock=sock, ssl=tls_context(self._spec), server_hostname=name)

    async def _upgrade(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upgrade = Upgrade(self._spec)
        writer.write(upgrade.data)
        await writer.drain()
        while upgrade.answer is None:
            piece = await reader.read(PIECE)
            upgrade.feed(piece)
            if not piece and upgrade.answer is None:
                raise _Failed("fin")
        status = upgrade.answer.status
        if status != 101:
            raise _Failed("http", status)
        self._ok("http", status=status)
        # A server's log shows a clean end of it.
        writer.write(Frame(Opcode.CLOSE, Close(1000, "").serialize()).serialize(mask=True))
        await writer.drain()

    async def _info(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """SockJS's ``/info``: as far as a client gets before it has a session."""
        endpoint = self._spec.endpoint
        path, mark, query = endpoint.resource.partition("?")
        http = h11.Connection(h11.CLIENT)
        headers = [("Host", build_host(endpoint.host, endpoint.port, endpoint.scheme.tls)), *self._spec.headers]
        request = h11.Request(method="GET", target=f"{path}/info{mark}{query}", headers=headers)
        writer.write((http.send(request) or b"") + (http.send(h11.EndOfMessage()) or b""))
        await writer.drain()
        while not isinstance(event := http.next_event(), h11.Response):
            if event is not h11.NEED_DATA:
                raise _Failed("fin")
            http.receive_data(await reader.read(PIECE))
        if event.status_code != 200:
            raise _Failed("http", event.status_code)
        self._ok("http", status=200)

    def _ok(self, stage: str, *, status: int | None = None) -> None:
        self._fact(stage, ok=True, status=status)

    def _fact(self, stage: str, *, ok: bool, how: str | None = None, status: int | None = None) -> None:
        now = time.monotonic()
        took, self._since = round((now - self._since) * 1000, 3), now
        self._write(facts.Postmortem, stage=stage, ok=ok, how=how, ms=took, status=status)


async def _control(address: str, write: Write) -> None:
    """Whether a TCP connection to the control host can be made."""
    host, port = split_address("--control", address)
    since = time.monotonic()
    how: str | None = None
    try:
        async with asyncio.timeout(LIMIT_S):
            _, writer = await asyncio.open_connection(host, port)
            writer.transport.abort()
    except TimeoutError:
        how = "timeout"
    except socket.gaierror:
        how = "dns"
    except OSError as error:
        how = errnos.how(error)
    took = round((time.monotonic() - since) * 1000, 3)
    with contextlib.suppress(asyncio.CancelledError):
        write(facts.Postmortem, stage="control", ok=how is None, how=how, ms=took)

"""A client on the bench: a fake clock, what comes in made by hand, what goes out taken apart."""

import base64
from typing import NamedTuple

from tui.client.client import Client
from tui.client.commands import Why, carry_out
from tui.client.outgoing import Act, Out, OutBytes, OutFrame
from tui.client.tcp import TcpClient
from tui.client.websocket import WebSocketClient
from tui.facts.commands import parse_words
from tui.facts.facts import Frame
from tui.facts.findings import Stomp
from tui.options.spec import SessionSpec, check
from tui.protocols.stomp import Beat, StompDecoder, StompFrame
from tui.protocols.websocket import CLOSE, PING, PONG, TEXT, ScannedFrame, Scanner


class Sent(NamedTuple):
    """Something the client put out, and when."""

    m: float
    item: Out


def wire(spec: SessionSpec) -> WebSocketClient | TcpClient:
    """What the probe puts under a client."""
    if spec.endpoint.scheme.transport == "tcp":
        return TcpClient(close_timeout=spec.close_timeout, tls=spec.endpoint.scheme.tls)
    return WebSocketClient(
        deflate=None, close_timeout=spec.close_timeout, ping_interval=spec.ping_interval, ping_timeout=spec.ping_timeout
    )


class Bench:
    """One client from its 101 on, at moment 0.

    Args:
        options: of the session, as keyword arguments of ``SessionSpec``.
    """

    def __init__(self, url: str = "ws://h.example/", **options: object) -> None:
        spec = SessionSpec(url=url, **options)  # type: ignore[arg-type]
        check(spec)
        self.client = Client(spec, wire(spec))
        self.m = 0.0
        self.sent: list[Sent] = []
        self.client.opened(0.0)
        self._drain()

    def _drain(self) -> None:
        while self.client.out and not self.client.frozen:
            self.sent.append(Sent(self.m, self.client.out.popleft()))

    def do(self, words: str) -> Why:
        """Carries a command out."""
        why = carry_out(self.client, parse_words(words), self.m)
        self._drain()
        return why

    def wake_until(self, m: float, *, late: float = 0.0) -> None:
        """Lets time pass, every wake-up ``late`` seconds after it was asked for."""
        while (at := self.client.next_wake()) is not None and at <= m:
            self.wake(max(self.m, at + late))
        self.m = max(self.m, m)

    def wake(self, m: float) -> None:
        """One wake-up at ``m``, asked for or not."""
        self.m = m
        self.client.wake(m)
        self._drain()

    def leave(self) -> None:
        """The probe stops."""
        self.client.leave(self.m)
        self._drain()

    # What comes in.

    def frame(self, opcode: int, payload: bytes = b"", *, error: str | None = None) -> None:
        """A frame of the server's."""
        code = int.from_bytes(payload[:2]) if opcode == CLOSE and len(payload) > 1 else None
        fact = Frame(
            t=0, m=self.m, s="A", c=1, n=1, dir="in", opcode=opcode, fin=True, rsv=0, masked=False,
            size=len(payload), wire=len(payload) + 2, head="", deflate=False,
            b64=base64.b64encode(payload).decode(), code=code, error=error,
        )  # fmt: skip
        self.client.received(fact, payload, self.m)
        self._drain()

    def stomp(self, command: str, **headers: str) -> None:
        """A STOMP frame of the server's."""
        pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
        self.client.heard(
            Stomp(finding=True, t=0, m=self.m, dir="in", command=command, headers=pairs, size=0, lines=[1]), self.m
        )
        self._drain()

    # What went out.

    def frames(self, opcode: int | None = None) -> list[OutFrame]:
        """The frames sent so far."""
        items = (sent.item for sent in self.sent)
        return [item for item in items if isinstance(item, OutFrame) and opcode in (None, item.opcode)]

    def acts(self) -> list[Act]:
        """What the transport was asked to do."""
        return [sent.item for sent in self.sent if isinstance(sent.item, Act)]

    def closes(self) -> list[tuple[int | None, str]]:
        """Close frames sent: code and reason."""
        return [
            (int.from_bytes(frame.payload[:2]) if frame.payload else None, frame.payload[2:].decode())
            for frame in self.frames(CLOSE)
        ]

    def pongs(self) -> list[bytes]:
        """Payloads of the pongs sent."""
        return [frame.payload for frame in self.frames(PONG)]

    def pings(self) -> list[float]:
        """When pings were sent."""
        return [m for m, item in self.sent if isinstance(item, OutFrame) and item.opcode == PING]

    def payloads(self) -> list[tuple[float, bytes]]:
        """What was sent of messages, or of the stream where there are none, and when."""
        found = []
        for m, item in self.sent:
            if isinstance(item, OutBytes):
                found.append((m, item.data))
            elif isinstance(item, OutFrame) and item.opcode <= 2:
                found.append((m, item.payload))
        return found

    def beats(self) -> list[float]:
        """When STOMP beats were sent."""
        return [m for m, payload in self.payloads() if payload == b"\n"]

    def stomps(self) -> list[StompFrame]:
        """The STOMP frames sent."""
        decoder = StompDecoder()
        found: list[StompFrame | Beat] = []
        for _, payload in self.payloads():
            found += decoder.feed(payload)
        return [event for event in found if isinstance(event, StompFrame)]

    def said(self, command: str) -> dict[str, str]:
        """The headers of the one STOMP frame of that command."""
        [frame] = [frame for frame in self.stomps() if frame.command == command]
        return dict(frame.headers)


def on_the_wire(frame: OutFrame) -> ScannedFrame:
    """A sent frame as a server's scanner reads it."""
    [scanned] = Scanner(max_size=0, from_server=False).feed(frame.data)
    assert scanned.error is None
    return scanned


def stomp_bench(
    beats: str = "1000,1000",
    server: str = "1000,1000",
    version: str = "1.2",
    url: str = "stomp+ws://h.example/",
    **options: object,
) -> Bench:
    """A STOMP session that is connected, at moment 0."""
    bench = Bench(url, heart_beat=beats, **options)
    bench.stomp("CONNECTED", version=version, heart_beat=server)
    return bench


__all__ = ["CLOSE", "PING", "PONG", "TEXT", "Bench", "on_the_wire", "stomp_bench"]

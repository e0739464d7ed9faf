"""Facts: what happened at a socket, at a time. Immutable, append-only, enough to rebuild everything.

Written by ``tui.probe`` only, read by ``tui.session`` and every view. The field names are a contract
(design §4): scripts read these lines. A field without a default is on every line of its type; a field with
one is left out while it has that value.
"""

from typing import Any, Literal

import msgspec

SCHEMA = 1
"""The version of the line format. A recording of a later one is kept and shown as such."""

Direction = Literal["in", "out"]

How = Literal[
    "fin", "reset", "timeout", "unreachable", "refused", "dns", "proxy", "tls", "http", "handshake",
    "protocol", "local",
]  # fmt: skip
"""How a connection ended, at the lowest layer that says so."""

Phase = Literal["dns", "tcp", "proxy", "tls", "http", "open"]
"""How far a connection had come when it ended."""

Role = Literal["main", "attempt", "info", "receive", "send", "postmortem"]
"""What a TCP connection is for: the session's own, one address that failed, or one of those beside it."""


class Fact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """What every line has in common."""

    t: float
    """Unix time, seconds, to the microsecond."""
    m: float
    """The probe's monotonic clock, seconds: the only clock that is ever subtracted."""
    s: str = ""
    """Session name; empty where the line is about the whole probe."""
    c: int = 0
    """Connection number within the session, from 1; 0 where there is none."""
    n: int = 0
    """Counts the facts of one probe from 1: a gap is a lost line."""


class Probe(Fact, frozen=True, kw_only=True, tag="probe"):
    """The first line: who wrote what follows."""

    schema: int
    version: str
    host: str
    clock: str
    """The name of the monotonic clock's source, e.g. ``clock_gettime(CLOCK_MONOTONIC)``."""


class Target(Fact, frozen=True, kw_only=True, tag="target"):
    """A session was asked for. Written once per session, before its first connection."""

    url: str
    spec: dict[str, Any] = {}
    """The options that differ from their defaults, by their long names; secrets redacted."""
    redacted: bool = False


class Resolved(Fact, frozen=True, kw_only=True, tag="resolved"):
    """A name was looked up."""

    host: str
    addresses: list[str]
    ms: float
    error: str | None = None
    """The resolver's error name, e.g. ``EAI_NONAME``."""


class Route(Fact, frozen=True, kw_only=True, tag="route"):
    """The address this machine would send from now. It changes when an interface or a VPN does."""

    when: Literal["open", "silent", "end"]
    remote: str
    local: str | None
    error: str | None = None
    program: str | None = None
    """Who listens at ``remote`` where that is this machine; asked once, at open."""
    interface: str | None = None
    """The network interface that has the local address; asked once, at open."""


class Tcp(Fact, frozen=True, kw_only=True, tag="tcp"):
    """A TCP connection was made, or an attempt at one address failed (``role`` attempt, with ``errno``)."""

    role: Role
    remote: str
    local: str | None
    ms: float
    errno: str | None = None


class Proxy(Fact, frozen=True, kw_only=True, tag="proxy"):
    """An outbound proxy answered."""

    url: str
    ok: bool
    status: int | None = None
    error: str | None = None
    why: str | None = None
    """What it says of its reason beside the status: its ``Proxy-Status`` (RFC 9209), or Squid's ``X-Squid-Error``."""
    ms: float = 0.0


class Certificate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One certificate of the chain the server presented, leaf first."""

    subject: str
    issuer: str
    names: list[str]
    not_before: str
    not_after: str
    sha256: str


class Tls(Fact, frozen=True, kw_only=True, tag="tls"):
    """The TLS handshake ended, well or not."""

    ok: bool
    version: str | None = None
    cipher: str | None = None
    alpn: str | None = None
    servername: str | None = None
    chain: list[Certificate] = []
    error: str | None = None
    """The verification error's or the TLS library's words."""
    verify_code: int | None = None
    """OpenSSL's X509_V_ERR number, where verification failed."""
    certificate_requested: bool = False
    """The server asked for a client certificate. Under TLS 1.3 its refusal comes after the handshake, in ``end``."""
    raw: str | None = None
    """At most 4 KiB of what came as Latin-1, where the bytes are no TLS."""
    ms: float = 0.0


class Http(Fact, frozen=True, kw_only=True, tag="http"):
    """An HTTP request left or an HTTP answer came."""

    dir: Direction
    method: str | None = None
    target: str | None = None
    status: int | None
    """None on a request, and on an answer that is no HTTP: its first bytes are in ``raw``."""
    phrase: str | None = None
    headers: list[tuple[str, str]] = []
    """In order, as Latin-1."""
    body: str | None = None
    """At most 4 KiB of it."""
    raw: str | None = None
    """At most 4 KiB as Latin-1, where the bytes are no HTTP."""
    cut: bool = False
    size: int | None = None
    """Bytes of a request as it was sent, whatever was redacted here."""
    ms: float | None = None
    redacted: bool = False


class Transport(Fact, frozen=True, kw_only=True, tag="transport"):
    """A SockJS transport is tried: the first, or the next one after the one before failed (sockjs-client's fallback).
    What follows on the connection is this transport's."""

    name: Literal["websocket", "xhr-streaming", "xhr-polling"]
    url: str
    """Where: the base URL with the server's and the session's part."""
    why: str | None = None
    """What ended the one before: the ``how`` of an end, with ``status`` where it was an HTTP answer."""
    status: int | None = None


class Open(Fact, frozen=True, kw_only=True, tag="open"):
    """The WebSocket handshake succeeded (RFC 6455 §4.1)."""

    subprotocol: str | None
    extensions: list[str]


class Frame(Fact, frozen=True, kw_only=True, tag="frame"):
    """One WebSocket frame (RFC 6455 §5.2), as it was on the wire."""

    dir: Direction
    opcode: int
    fin: bool
    rsv: int
    """RSV1 = 4, RSV2 = 2, RSV3 = 1."""
    masked: bool
    size: int
    """Payload bytes, after inflate."""
    wire: int
    """Header and payload bytes as sent."""
    head: str
    """The header bytes in hex."""
    deflate: bool
    text: str | None = None
    b64: str | None = None
    code: int | None = None
    reason: str | None = None
    error: str | None = None
    """The id of the rule this frame breaks (``tui.protocols.websocket``)."""
    cut: bool = False
    """Not the whole payload is here: at most its first 4 KiB, of what had come when its size was known."""
    redacted: bool = False


class Bytes(Fact, frozen=True, kw_only=True, tag="bytes"):
    """One read or write of a stream that has no frames of its own: STOMP over TCP, or an HTTP body."""

    dir: Direction
    size: int
    text: str | None = None
    b64: str | None = None
    redacted: bool = False


class Command(Fact, frozen=True, kw_only=True, tag="command"):
    """A session command was carried out, or refused with ``why``."""

    id: str | int | None
    do: str
    ok: bool
    why: str | None
    """The catalogue key of why it was refused."""
    args: dict[str, Any] = {}
    """The key's arguments."""
    redacted: bool = False


class Stop(Fact, frozen=True, kw_only=True, tag="stop"):
    """The probe begins to stop. What it does afterwards never changes a verdict."""

    why: Literal["duration", "eof", "signal", "quit"]


class Stall(Fact, frozen=True, kw_only=True, tag="stall"):
    """This process was not scheduled, the machine slept, or reading had to slow down."""

    why: Literal["scheduling", "sleep", "reading"]
    wall: float
    """Seconds the wall clock moved over the gap."""
    mono: float
    """Seconds the monotonic clock moved over the gap."""


class Retry(Fact, frozen=True, kw_only=True, tag="retry"):
    """The connection ended unasked, and ``--reconnect`` will try again."""

    in_s: float
    """Seconds from now."""
    attempt: int
    """Counts the attempts since a connection that lived, from 1."""


class TcpInfo(Fact, frozen=True, kw_only=True, tag="tcp_info"):
    """What the kernel knows of the connection, after 1, 2, 4, 8 … s of silence, at its end, and where it had to send
    segments again although no silence was long."""

    when: Literal["silent", "resent", "end"]
    outq: int | None
    """Bytes in the send queue, unacknowledged ones included."""
    notsent: int | None
    """Bytes in the send queue that were never sent."""
    unacked: int
    """Segments in flight."""
    retrans: int
    """Retransmissions of the segment now in flight."""
    total_retrans: int
    rtt_ms: float
    last_ack_ms: float
    """Since the last acknowledgement came in."""
    last_data_ms: float
    """Since the last data came in."""
    state: str
    """The TCP state's name, e.g. ``ESTABLISHED``."""
    out_of_order: int | None = None
    """Segments that came in before one that was sent earlier, so far (``tcpi_rcv_ooopack``, Linux 5.4)."""
    sacked: int | None = None
    """Of the segments in flight, those that came though one before them has not (RFC 2018)."""
    rtt_in_ms: float | None = None
    """The round trip by what comes in (``tcpi_rcv_rtt``): it grows where that waits in a queue. 0 where little came."""
    segments: int | None = None
    """Segments of data that left so far, those sent again among them (``tcpi_data_segs_out``, Linux 4.6)."""
    twice: int | None = None
    """How many of them the peer says it got twice, so far (RFC 2883; ``tcpi_dsack_dups``, Linux 5.4): they had only
    been late."""
    peer_unread: int | None = None
    """Bytes of ours that the program at the other end has not read, where that is this machine; not told when
    ``resent``."""


class Postmortem(Fact, frozen=True, kw_only=True, tag="postmortem"):
    """One stage of the look taken after an unexplained drop."""

    stage: str
    """``dns``, ``tcp``, ``proxy``, ``tls`` or ``http`` of the attempt at the same origin; ``program``, the process at
    the other end, where that is this machine; ``behind``, one that a proxy or a tunnel there was connected to for us,
    the nearest first; ``control``."""
    ok: bool
    """The stage was passed; the program lives."""
    how: str | None = None
    """How it failed; of the program: ``gone``, ``replaced`` under the same master, or ``restarted``; of one that
    lives: ``stopped``, by a signal or a debugger, or ``closing``, which listens no more."""
    ms: float | None = None
    status: int | None = None
    program: str | None = None
    """Whose process it is, of those ``behind``."""
    run_s: float | None = None
    """Of the program that is gone: how long the youngest process of whoever listens in its place has run, seconds."""


class Eof(Fact, frozen=True, kw_only=True, tag="eof"):
    """A FIN was seen (``in``) or sent (``out``)."""

    dir: Direction


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """A TLS alert (RFC 8446 §6)."""

    name: str
    number: int
    dir: Direction


class CloseNotify(msgspec.Struct, frozen=True, kw_only=True):
    """Which side ended its half of the TLS stream in order (RFC 8446 §6.1)."""

    in_: bool = msgspec.field(name="in")
    out: bool


class End(Fact, frozen=True, kw_only=True, tag="end"):
    """The connection is over: exactly one per connection."""

    how: How
    phase: Phase
    errno: str | None
    """The errno's name, e.g. ``ECONNRESET``."""
    detail: str | None = None
    """The library's or the system's own words, where they say more."""
    alert: Alert | None
    close_notify: CloseNotify | None
    """None where the connection was not TLS."""
    undecoded: int
    """Bytes received of a frame that never became whole."""
    unread: int
    """Bytes the kernel still held for us."""
    unsent: int
    """Bytes we still held for the kernel."""


class Unknown(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a type, or of a schema, that this version does not know: kept whole, shown as such."""

    type: str
    line: bytes
    t: float = 0.0
    m: float = 0.0
    s: str = ""
    c: int = 0
    n: int = 0


KNOWN = (
    Probe | Target | Resolved | Route | Tcp | Proxy | Tls | Http | Transport | Open | Frame | Bytes | Command | Stop
    | Stall | Retry | TcpInfo | Postmortem | Eof | End
)  # fmt: skip
"""Every fact of this schema, as the union the codec decodes."""

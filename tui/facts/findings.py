"""Findings: what is computed from facts and a clock, by pure code. A recording's findings are ignored when it
is read, because they are computed again.

Made by ``tui.session`` and emitted by ``tui.diagnosis.engine`` only. The field names are a contract (design §4).
"""

from typing import Any, Literal

import msgspec

from tui.facts.facts import Alert, CloseNotify, Direction, Fact, How, Phase

Layer = Literal["stomp-out", "stomp-in", "ws-ping", "sockjs-h"]
"""A keep-alive layer. They are never mixed up: each has its own timer."""

Blame = Literal["client", "server", "proxy", "network", "config", "none", "unknown"]
"""On whose side a cause is."""

Grade = Literal["certain", "strong", "weak", "unknown"]
"""A confidence in words: from 0.95, from 0.75, from 0.4, below."""


class Finding(Fact, frozen=True, kw_only=True):
    """What every finding has in common. ``n`` is the number of the last fact before it."""

    finding: bool

    def __post_init__(self) -> None:
        if not self.finding:
            raise ValueError("a finding says so")


class Stomp(Finding, frozen=True, kw_only=True, tag="stomp"):
    """One STOMP frame became whole, or an EOL beat came (``command`` "beat")."""

    dir: Direction
    command: str
    headers: list[tuple[str, str]]
    """In order, repeated ones included, unescaped as the version asks."""
    size: int
    """Body bytes; for a beat its own bytes."""
    lines: list[int]
    """The ``n`` of the facts it was carried in; of more than 1000 the first 999 and the last."""


class Sockjs(Finding, frozen=True, kw_only=True, tag="sockjs"):
    """One SockJS frame (sockjs-protocol "Framing")."""

    dir: Direction
    kind: str
    """``o h a m c``; ``?`` where it is none of them."""
    messages: list[str] | None = None
    """Of ``a`` and ``m``."""
    code: int | None = None
    """Of ``c``."""
    reason: str | None = None


class Heartbeat(Finding, frozen=True, kw_only=True, tag="heartbeat"):
    """A keep-alive timer changed state."""

    layer: Layer
    state: Literal["negotiated", "late", "missed", "recovered"]
    every_ms: float
    """The negotiated interval; 0 where the layer is off."""
    gap_ms: float | None = None
    """The silence so far, or the one that just ended."""


class Note(Finding, frozen=True, kw_only=True, tag="note"):
    """Something a person should know: a catalogue key, its arguments and its English text."""

    key: str
    args: dict[str, Any]
    text: str
    lines: list[int] = []


class Transport(msgspec.Struct, frozen=True, kw_only=True):
    """The ``end`` fact's own words, repeated in the close report."""

    how: How
    phase: Phase
    errno: str | None
    detail: str | None
    alert: Alert | None
    close_notify: CloseNotify | None
    undecoded: int
    unread: int
    unsent: int


class AppView(msgspec.Struct, frozen=True, kw_only=True, rename={"was_clean": "wasClean"}):
    """What a browser's CloseEvent would have said (WHATWG websockets, "close event")."""

    code: int
    reason: str
    was_clean: bool


class CloseFrame(msgspec.Struct, frozen=True, kw_only=True):
    """A Close frame that was on the wire. ``code`` is None where the frame had no status."""

    code: int | None
    reason: str


class Close(Finding, frozen=True, kw_only=True, tag="close"):
    """How one connection ended, who ended it and what was said: the close report, one per connection."""

    code: int | None
    """The code in the first Close frame *received* (RFC 6455 §7.1.5), whatever it is; 1005 where that frame had none
    and 1006 where no Close frame came (``synthetic``); None where there is no WebSocket."""
    name: str | None
    """The code's IANA name; from 3000 up the one of the product the surroundings point to."""
    reason: str
    synthetic: bool
    """The code was on no wire: 1005 and 1006 only ever stand for what was missing (RFC 6455 §7.1.5)."""
    received: CloseFrame | None
    """The first Close frame the peer sent."""
    sent: CloseFrame | None
    """The first Close frame we sent."""
    clean: bool
    """Both Close frames, theirs a valid one, were exchanged before TCP ended (RFC 6455 §7.1.4)."""
    initiator: Literal["local", "remote", "simultaneous", "none"]
    """Whose ending act came first: a Close frame, FIN, RST, TLS alert, STOMP DISCONNECT, our timeout or our giving up.
    ``simultaneous`` where both Close frames were under way at once; ``none`` where only the network failed."""
    transport: Transport
    app_view: AppView | None
    age: float | None
    """Seconds from ready to the first ending act; None if the session never became ready."""
    idle_rx: float | None
    """Seconds from the last byte received to the first ending act, that act itself not counted; handshake bytes
    count, so it is there where a session never became ready. None if nothing was received."""
    idle_tx: float | None
    idle_any: float | None
    asked: bool = False
    """Somebody here asked for this end, by a command or by stopping the probe, before the peer had acted."""
    error: str | None = None
    """The ``message`` header of the last STOMP ERROR; empty where that had none, None where no ERROR came."""
    sockjs: CloseFrame | None = None
    """SockJS's ``c[code,"reason"]``: it outranks the WebSocket's Close, whose code is often another."""

    @property
    def dropped(self) -> bool:
        """A drop: the session had been ready, and nobody here had asked for this end."""
        return self.age is not None and not self.asked


class Claim(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One reason a verdict gives: a catalogue key, its arguments, its text, and the facts it stands on."""

    key: str
    args: dict[str, Any] = {}
    text: str
    lines: list[int] = []
    """The ``n`` of those facts, the telling one last; empty where it stands on what did not happen."""


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """A product that behaves like this, and the setting of it to change."""

    name: str
    setting: str


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """One cause a verdict considers (an id of ``tui/knowledge/causes``)."""

    cause: str
    side: Blame
    confidence: float
    """0 to 1."""
    grade: Grade
    evidence: list[Claim]
    against: list[Claim]
    """What speaks against it; empty where nothing does."""
    products: list[Product]
    confirm: str
    """How to confirm it."""
    fix: str
    """What to change."""


class Sibling(msgspec.Struct, frozen=True, kw_only=True):
    """Another session of the same probe, as it was at that moment."""

    s: str
    same_server: bool
    state: str
    """``open``, ``dropped``, ``closed``, ``failed`` or ``connecting``."""
    together: bool
    """It dropped, and both last heard from the server at one moment."""
    gap_s: float | None
    """Seconds from this session's last sign of life to the other's; None where the other lives."""


class Verdict(Finding, frozen=True, kw_only=True, tag="verdict"):
    """Why a session ended, or ails: the causes that fit, the likeliest first (design §4 ``verdict``)."""

    cause: str
    """That of ``causes[0]``."""
    side: Blame
    confidence: float
    grade: Grade
    causes: list[Cause]
    scope: Literal["one", "some", "all"]
    """How many of the sessions that were open then went down together."""
    siblings: list[Sibling]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was not the same in two sessions."""

    key: str
    """Of the catalogue's ``compare`` area, without the area: ``address``, ``beats``, ``own_gap`` …"""
    this: str
    other: str


class Compare(Finding, frozen=True, kw_only=True, tag="compare"):
    """What set a session that dropped apart from one to the same server that lives."""

    with_: str = msgspec.field(name="with")
    """The other session."""
    differs: list[Difference]


COMPUTED = Stomp | Sockjs | Heartbeat | Note | Close | Verdict | Compare
"""Every finding of this schema."""

"""STOMP as it is spoken on one connection, both directions decoded from the facts' payloads.

The bytes of a direction are the payloads of its data frames (or reads and writes) put together: a message boundary
is no frame boundary, and a fragment of a message none either.
"""

import binascii
from typing import Literal, NamedTuple

from tui.facts.facts import Bytes, Direction, Frame
from tui.protocols.heartbeat import Agreed, Pair, negotiate, parse_pair
from tui.protocols.stomp import Beat, StompDecoder, StompFrame

LINES_KEPT = 1000
"""Carrying facts remembered of one STOMP frame; of more, the first 999 and the last."""


class Said(NamedTuple):
    """One frame or beat and the ``n`` of the facts that carried it."""

    event: StompFrame | Beat
    lines: list[int]


class UnreadablePayload(ValueError):
    """The ``b64`` of a fact is no Base64."""


def payload(fact: Frame | Bytes) -> bytes:
    """The payload bytes of a fact.

    Raises:
        UnreadablePayload: the recording was damaged.
    """
    if fact.text is not None:
        return fact.text.encode("utf-8", "surrogatepass")
    try:
        return binascii.a2b_base64(fact.b64 or "", strict_mode=True)
    except binascii.Error as error:
        raise UnreadablePayload(str(error)) from error


class _Stream:
    """One direction."""

    __slots__ = ("_lines", "decoder")

    def __init__(self, limit: int) -> None:
        self._lines: list[int] = []
        self.decoder = StompDecoder(limit=limit)

    @property
    def unfinished(self) -> list[int]:
        """The ``n`` of the facts that carried a frame that is not whole."""
        return self._lines

    def feed(self, data: bytes, n: int) -> list[Said]:
        """The frames and beats that ``data``, carried by the fact ``n``, made whole."""
        if self.decoder.skipping:
            self._lines = []  # they carried a frame that was said already, cut short
        lines = self._lines
        if len(lines) < LINES_KEPT:
            lines.append(n)
        else:
            lines[-1] = n
        said = [Said(event, lines if at == 0 else [n]) for at, event in enumerate(self.decoder.feed(data))]
        if self.decoder.at_rest:
            self._lines = []
        elif said:
            self._lines = [n]
        return said


class Conversation:
    """Both directions of one connection.

    Args:
        limit: the largest STOMP frame kept whole, bytes; 0 for no limit.
    """

    def __init__(self, *, limit: int) -> None:
        self._streams: dict[Direction, _Stream] = {"in": _Stream(limit), "out": _Stream(limit)}
        self._wish = Pair(0, 0)
        self.version: str | None = None
        """What CONNECTED said."""
        self.agreed: Agreed | None = None
        """The heart-beat intervals that come of CONNECT and CONNECTED."""
        self.error: str | None = None
        """The ``message`` header of the last ERROR; empty where it had none."""

    @property
    def undecoded(self) -> int:
        """Bytes received of a STOMP frame that is not whole."""
        return self._streams["in"].decoder.undecoded

    @property
    def unfinished(self) -> list[int]:
        """The ``n`` of the facts that carried it."""
        return self._streams["in"].unfinished

    def feed(self, fact: Frame | Bytes) -> list[Said]:
        """What became whole with a fact's payload.

        Raises:
            UnreadablePayload: the recording was damaged.
        """
        return self.said(fact.dir, payload(fact), fact.n)

    def said(self, direction: Direction, data: bytes, n: int) -> list[Said]:
        """What became whole with bytes of the fact ``n``."""
        return self._streams[direction].feed(data, n)

    def connect(self, frame: StompFrame) -> Literal["heart-beat"] | None:
        """Our CONNECT; the name of the header that cannot be read."""
        self._wish, flaw = _pair(frame)
        return flaw

    def connected(self, frame: StompFrame) -> Literal["heart-beat"] | None:
        """The server's CONNECTED: version and intervals hold; the name of the header that cannot be read."""
        offer, flaw = _pair(frame)
        self.agreed = negotiate(self._wish, offer)
        self.version = frame.header("version") or "1.0"  # STOMP 1.1, "Protocol Negotiation": no header is 1.0
        if self.version in ("1.0", "1.1", "1.2"):
            for stream in self._streams.values():
                stream.decoder.version = self.version
        return flaw


def _pair(frame: StompFrame) -> tuple[Pair, Literal["heart-beat"] | None]:
    """The ``heart-beat`` header; a missing one equals 0,0 (STOMP 1.2, "Heart-beating")."""
    value = frame.header("heart-beat")
    if value is None:
        return Pair(0, 0), None
    try:
        return parse_pair(value), None
    except ValueError:
        return Pair(0, 0), "heart-beat"

"""SockJS (sockjs-protocol 0.3.3): the frames between server and client, whatever carries them, and the quoting upward.

Sans-IO and tolerant: a frame that breaks the protocol is named with what is wrong, never fatal. ``tui.session`` decodes
both directions with it, ``tui.client.sockjs`` quotes what we send, the lab serves it.
"""

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import msgspec

Kind = Literal["o", "h", "a", "m", "c", "?"]
"""open, heart-beat, array of messages, one message, close; ``?`` is none of them. Upward there is only ``a``."""

PRELUDE = re.compile(r"h{2,}")
"""Streaming begins with 2048 times ``h``, to get past buffers ("xhr-streaming"): no heart-beat."""

LINE_LIMIT = 16 * 1024 * 1024
"""Bytes of a line of a streamed body that is not whole; beyond them it is cut."""


@dataclass(slots=True, frozen=True)
class SockjsFrame:
    """One frame."""

    kind: Kind
    messages: list[str] = field(default_factory=list)
    """The messages of an ``a`` or ``m``, unquoted."""
    code: int | None = None
    """Of a ``c``."""
    reason: str = ""
    flaw: str | None = None
    """What is wrong with it: ``unknown-type``, ``bad-json``, ``not-messages``, ``bad-close``."""


def decode(text: str) -> SockjsFrame:
    """A frame from the server ("Framing"). sockjs-client ignores what has a flaw; so do we, but we say so."""
    kind, content = text[:1], text[1:]
    if kind in ("o", "h"):
        return SockjsFrame("o" if kind == "o" else "h", flaw="not-messages" if content else None)
    if kind not in ("a", "m", "c"):
        return SockjsFrame("?", flaw="unknown-type")
    try:
        payload = msgspec.json.decode(content.encode("utf-8", "surrogatepass"))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return SockjsFrame("a" if kind == "a" else "m" if kind == "m" else "c", flaw="bad-json")
    if kind == "c":
        return _close(payload)
    if kind == "m":
        return SockjsFrame("m", [payload]) if isinstance(payload, str) else SockjsFrame("m", flaw="not-messages")
    if isinstance(payload, list) and all(isinstance(one, str) for one in payload):
        return SockjsFrame("a", payload)
    return SockjsFrame("a", flaw="not-messages")


def _close(payload: object) -> SockjsFrame:
    """sockjs-client takes exactly two elements, and any others for nothing."""
    if isinstance(payload, list) and len(payload) == 2 and isinstance(payload[0], int):
        return SockjsFrame("c", code=payload[0], reason=payload[1] if isinstance(payload[1], str) else "")
    return SockjsFrame("c", flaw="bad-close")


def decode_upward(text: str) -> SockjsFrame:
    """What a client sends: an array of messages, or one message."""
    try:
        payload = msgspec.json.decode(text.encode("utf-8", "surrogatepass"))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return SockjsFrame("a", flaw="bad-json")
    if isinstance(payload, str):
        return SockjsFrame("a", [payload])
    if isinstance(payload, list) and all(isinstance(one, str) for one in payload):
        return SockjsFrame("a", payload)
    return SockjsFrame("a", flaw="not-messages")


def encode(messages: Iterable[str]) -> str:
    """Messages as a client sends them: one array."""
    return msgspec.json.encode(list(messages)).decode()


class Lines:
    """Takes the frames, one a line, out of a streamed or polled body. One body after the other: ``restart`` between."""

    def __init__(self, *, limit: int = LINE_LIMIT) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest: list[str] = []
        self._size = 0
        self._limit = limit

    def restart(self) -> None:
        """Another body begins: what was not whole never will be."""
        self._decoder.reset()
        self._rest, self._size = [], 0

    def feed(self, data: bytes) -> list[str]:
        """The lines that became whole; a prelude is none."""
        text = self._decoder.decode(data)
        *whole, rest = text.split("\n")
        lines: list[str] = []
        for line in whole:
            lines.append("".join([*self._rest, line]).removesuffix("\r"))
            self._rest, self._size = [], 0
        if self._size < self._limit:
            self._rest.append(rest)
            self._size += len(rest)
        return [line for line in lines if line and not PRELUDE.fullmatch(line)]

    @property
    def undecoded(self) -> int:
        """Characters of a line that is not whole."""
        return self._size

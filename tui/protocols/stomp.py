"""STOMP frames, decoded as they come in (STOMP 1.0, 1.1, 1.2), tolerantly: a flaw is named, never fatal.

Several frames may stand in one message and one frame in several; a body with ``content-length`` may hold NULs;
lines end in LF or CRLF; an EOL between frames is a heart-beat. ``tui.session`` decodes both directions with it,
the lab's broker decodes its clients.
"""

import re
from dataclasses import dataclass, field

COMMANDS = frozenset({
    "CONNECT", "STOMP", "CONNECTED", "SEND", "SUBSCRIBE", "UNSUBSCRIBE", "ACK", "NACK", "BEGIN", "COMMIT", "ABORT",
    "DISCONNECT", "MESSAGE", "RECEIPT", "ERROR",
})  # fmt: skip

WITH_BODY = frozenset({"SEND", "MESSAGE", "ERROR"})
"""STOMP 1.2, "Body": only these may have one."""

_UNESCAPED = frozenset({"CONNECT", "CONNECTED", "STOMP"})
"""STOMP 1.2, "Value Encoding": these are never escaped, for 1.0's sake."""

_EOLS = re.compile(rb"[\r\n]+")

_ESCAPES = {"\\n": "\n", "\\c": ":", "\\\\": "\\", "\\r": "\r"}

KEPT = 4096
"""Bytes kept of a frame that is over the limit."""

HEAD_LIMIT = 256 * 1024
"""Bytes of command and header lines that are taken apart, whatever the limit (STOMP 1.2, "Size Limits")."""

MOST = 20_000
"""Frames and beats taken out of one ``feed``: a message of NULs alone would be millions of them."""


@dataclass(slots=True, frozen=True)
class StompFrame:
    """One frame. ``headers`` keep their order and repetitions; the first of a name wins (STOMP 1.2)."""

    command: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    flaws: list[str] = field(default_factory=list)
    """Ids of what is wrong with it: ``no-blank-line``, ``header-without-colon``, ``undefined-escape``,
    ``not-utf8``, ``unknown-command``, ``bad-content-length``, ``missing-nul``, ``body-not-allowed``, ``too-big``,
    ``head-too-big``, ``too-many``."""

    def header(self, name: str) -> str | None:
        """The first value of ``name``."""
        return next((value for key, value in self.headers if key == name), None)


@dataclass(slots=True, frozen=True)
class Beat:
    """EOLs where no frame is: a heart-beat (STOMP 1.2, "Heart-beating")."""

    size: int
    """Its bytes."""


def unescape(text: str, version: str) -> tuple[str, bool]:
    """A header part as it was meant, and whether it held an escape its version does not define."""
    if "\\" not in text or version == "1.0":
        return text, False
    out: list[str] = []
    flawed = False
    at = 0
    while at < len(text):
        pair = text[at : at + 2]
        if pair[0] != "\\":
            out.append(pair[0])
            at += 1
            continue
        if pair in _ESCAPES and not (pair == "\\r" and version == "1.1"):
            out.append(_ESCAPES[pair])
        else:
            out.append(pair)
            flawed = True
        at += 2
    return "".join(out), flawed


def _shown(text: str) -> str:
    """Text whose bytes that are no UTF-8 are spelled out; only after unescaping, or they would look like escapes."""
    return text if text.isascii() else text.encode(errors="surrogateescape").decode(errors="backslashreplace")


@dataclass(slots=True)
class _Open:
    """A frame whose header lines are whole and whose body is coming in."""

    command: str
    headers: list[tuple[str, str]]
    flaws: list[str]
    length: int | None
    """``content-length``, where it is usable."""
    size: int
    """Bytes of the header lines, the blank one included."""


class StompDecoder:
    """Turns a byte stream into frames and beats.

    Args:
        limit: the largest frame kept whole, bytes; 0 for no limit. A larger one comes out flawed ``too-big`` with
            the first 4 KiB of its body, and the rest is skipped. One with more than 256 KiB of header lines comes out
            ``head-too-big``; bytes that hold more than 20 000 frames are left at the last one, which is ``too-many``.
    """

    def __init__(self, *, limit: int = 0) -> None:
        self.version = "1.2"
        """Decides what escapes mean; the session sets it when CONNECTED names one."""
        self._limit = limit
        self._buffer = bytearray()
        self._searched = 0
        self._open: _Open | None = None
        self._skip = 0
        self._skip_to_nul = False
        self._skipped = 0
        """Bytes that came of a frame that was given up on and has not ended."""

    @property
    def pending(self) -> int:
        """Bytes of a frame that is not whole and may yet come out."""
        return len(self._buffer) + (self._open.size if self._open else 0)

    @property
    def undecoded(self) -> int:
        """Bytes received since the last frame that ended: of one that is not whole, or was given up on."""
        return self._skipped + self.pending

    @property
    def skipping(self) -> bool:
        """Whether what comes next belongs to a frame that was given up on."""
        return bool(self._skip or self._skip_to_nul)

    @property
    def at_rest(self) -> bool:
        """Whether the next byte starts something new."""
        return not (self._buffer or self._open or self.skipping)

    def feed(self, data: bytes) -> list[StompFrame | Beat]:
        """Everything that became whole with these bytes."""
        buffer = self._buffer
        buffer += data
        events: list[StompFrame | Beat] = []
        trailing = False
        while buffer:
            if self.skipping:
                self._skip_rest()
                trailing = True
                continue
            if self._open is None:
                found = _EOLS.match(buffer)
                if found:
                    eols = found.end()
                    del found
                    # EOLs after a frame's NUL in the same bytes belong to it; any others are a beat.
                    if not trailing:
                        events.append(Beat(eols))
                    del buffer[:eols]
                    continue
            frame = self._head() if self._open is None else None
            if frame is None and self._open is not None:
                frame = self._body(self._open)
            if frame is None:
                break
            events.append(frame)
            trailing = True
            self._open = None
            self._searched = 0
            if len(events) == MOST and buffer:
                frame.flaws.append("too-many")
                buffer.clear()
        return events

    def _skip_rest(self) -> None:
        """Drops what has come of a frame that was given up on."""
        buffer = self._buffer
        if self._skip:
            step = min(self._skip, len(buffer))
            self._skip -= step
        else:
            step = buffer.find(0) + 1
            self._skip_to_nul = not step
            step = step or len(buffer)
        del buffer[:step]
        self._skipped = self._skipped + step if self.skipping else 0

    def _head(self) -> StompFrame | None:
        """Opens the frame whose header lines end with a blank one; a frame if a NUL or the limit ends it first."""
        buffer = self._buffer
        start = max(0, self._searched - 2)
        nul = buffer.find(0, start)
        # Nothing is searched past the frame's own NUL: a message of a million small frames must cost no more.
        stop = nul if nul >= 0 else len(buffer)
        blanks = [(at, at + len(eol)) for eol in (b"\n\n", b"\n\r\n") if (at := buffer.find(eol, start, stop)) >= 0]
        # Without a blank line or a NUL in the buffer, the last two bytes may be the beginning of a blank line.
        head, body = min(blanks, default=(nul if nul >= 0 else stop - 2, 0))
        too_big = bool(self._limit and head > self._limit)
        if too_big or head > HEAD_LIMIT:
            kept = bytes(buffer[: min(KEPT, self._limit or KEPT)])
            command, headers, flaws = self._lines(kept.rpartition(b"\n")[0] or kept)
            self._skip_to_nul = True
            return StompFrame(command, headers, b"", [*flaws, "too-big" if too_big else "head-too-big"])
        if blanks:
            command, headers, flaws = self._lines(bytes(buffer[:head]))
            self._open = _Open(command, headers, flaws, self._content_length(headers, flaws), body)
            del buffer[:body]
            self._searched = 0
            return None
        if nul >= 0:
            command, headers, flaws = self._lines(bytes(buffer[:nul]))
            del buffer[: nul + 1]
            return StompFrame(command, headers, b"", [*flaws, "no-blank-line"])
        self._searched = len(buffer)
        return None

    def _body(self, frame: _Open) -> StompFrame | None:
        """The open frame, if its body is whole or too big."""
        buffer, length = self._buffer, frame.length
        if length is not None and (not self._limit or length <= self._limit):
            if len(buffer) <= length:
                return None
            if buffer[length] == 0:
                return self._whole(frame, length)
            frame.flaws.append("missing-nul")
            frame.length = length = None
        if length is not None:
            self._skip, self._skipped = length + 1, frame.size
            kept = bytes(buffer[: min(length, KEPT)])
            return StompFrame(frame.command, frame.headers, kept, [*frame.flaws, "too-big"])
        # Without a usable length the body ends at the first NUL (STOMP 1.2, "STOMP Frames").
        nul = buffer.find(0, self._searched)
        if self._limit and (nul if nul >= 0 else len(buffer)) > self._limit:
            kept = bytes(buffer[: min(KEPT, self._limit)])
            self._skip_to_nul, self._skipped = True, frame.size
            return StompFrame(frame.command, frame.headers, kept, [*frame.flaws, "too-big"])
        if nul >= 0:
            return self._whole(frame, nul)
        self._searched = len(buffer)
        return None

    def _whole(self, frame: _Open, length: int) -> StompFrame:
        body = bytes(self._buffer[:length])
        del self._buffer[: length + 1]
        if body and frame.command in COMMANDS and frame.command not in WITH_BODY:
            frame.flaws.append("body-not-allowed")
        return StompFrame(frame.command, frame.headers, body, frame.flaws)

    def _lines(self, head: bytes) -> tuple[str, list[tuple[str, str]], list[str]]:
        flaws: list[str] = []
        try:
            lines = head.decode().split("\n")
        except UnicodeDecodeError:
            flaws.append("not-utf8")
            lines = head.decode(errors="surrogateescape").split("\n")
        lines = [line.removesuffix("\r") for line in lines]
        command = _shown(lines[0])
        if command not in COMMANDS:
            flaws.append("unknown-command")
        version = "1.0" if command in _UNESCAPED else self.version
        headers: list[tuple[str, str]] = []
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon:
                flaws.append("header-without-colon")
            name, bad_name = unescape(name, version)
            value, bad_value = unescape(value, version)
            if bad_name or bad_value:
                flaws.append("undefined-escape")
            headers.append((_shown(name), _shown(value)))
        return command, headers, list(dict.fromkeys(flaws))

    @staticmethod
    def _content_length(headers: list[tuple[str, str]], flaws: list[str]) -> int | None:
        value = next((value for name, value in headers if name == "content-length"), None)
        if value is None:
            return None
        if not value.strip().isdecimal() or len(value) > 18:
            flaws.append("bad-content-length")
            return None
        return int(value)

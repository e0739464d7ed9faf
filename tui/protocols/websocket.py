"""Incoming WebSocket frames, scanned (RFC 6455 §5, RFC 7692), with everything an inspector wants to keep.

The probe feeds it what a socket delivered and writes one ``frame`` fact for each frame that comes out. It is
our own because decoding is what this project is for: a library hides compressed sizes, RSV bits, a mask where
none belongs, an invalid frame's bytes and whatever follows a Close. Inflating is the library's.
"""

import codecs
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.extensions import Extension
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame as LibraryFrame
from websockets.frames import Opcode

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10

WINDOW = 32768
"""How far back a compressed message may refer (RFC 1951 §2), bytes."""

KEPT = 4096
"""Bytes kept of a payload that is over the limit."""

ERRORS: Mapping[str, int] = {
    "reserved-opcode": 1002,
    "rsv": 1002,
    "masked": 1002,
    "unmasked": 1002,
    "control-fragmented": 1002,
    "control-too-long": 1002,
    "continuation-unexpected": 1002,
    "continuation-missing": 1002,
    "length-msb": 1002,
    "length-not-minimal": 1002,
    "close-length": 1002,
    "close-code": 1002,
    "close-utf8": 1007,
    "utf8": 1007,
    "deflate": 1002,
    "too-big": 1009,
}
"""The rules a frame can break, and the close code a conforming endpoint answers with (RFC 6455 §7.4.1)."""


@dataclass(slots=True)
class ScannedFrame:
    """One frame as it was on the wire; ``payload`` is unmasked and inflated where that was possible."""

    opcode: int
    fin: bool
    rsv: int
    masked: bool
    head: bytes
    wire: int
    """Header and payload bytes."""
    size: int
    """Payload bytes after inflate, also where ``payload`` is cut."""
    payload: bytes
    deflate: bool = False
    text: str | None = None
    """The payload, where it is (part of) a text message and valid UTF-8 by itself."""
    code: int | None = None
    reason: str | None = None
    error: str | None = None
    cut: bool = False


def valid_close_code(code: int) -> bool:
    """Whether a code may be on the wire (RFC 6455 §7.4, and IANA's 1012–1014)."""
    return code in (1000, 1001, 1002, 1003) or 1007 <= code <= 1014 or 3000 <= code <= 4999


def is_close(opcode: int, error: str | None) -> bool:
    """Whether a frame is a Close that its sender may have meant: with RSV bits, or in fragments, nobody can, and it is
    bytes of something else ("HTTP" reads so).

    Args:
        error: the rule it breaks.
    """
    return opcode == CLOSE and error not in ("rsv", "control-fragmented")


class Scanner:
    """Turns a byte stream into frames. A broken rule is an ``error`` on its frame, never an exception.

    Args:
        max_size: the largest message accepted, bytes after inflate; 0 for no limit.
        deflate: the negotiated permessage-deflate, or None.
        from_server: whether the frames must be unmasked (RFC 6455 §5.1); False scans what a client sends.
    """

    def __init__(self, *, max_size: int, deflate: Extension | None = None, from_server: bool = True) -> None:
        self._max_size = max_size
        # What cannot be compressed grows a little when it is: such a message may be larger on the wire than inflated.
        self._max_wire = max_size + max_size // 8 + 64 if max_size and deflate is not None else max_size
        self._deflate = deflate
        self._from_server = from_server
        self._buffer = bytearray()
        self._skip = 0
        """Bytes still to come of a frame that was given up on."""
        self._skipped = 0
        """Bytes that came of it."""
        self._lost = False
        self._message: int | None = None
        """The opcode of the message whose fragments are coming in."""
        self._message_deflated = False
        self._message_size = 0
        self._window = bytearray()
        """The last of what was inflated: later messages refer back to it."""
        self._utf8 = codecs.getincrementaldecoder("utf-8")()

    @property
    def undecoded(self) -> int:
        """Bytes received of a frame that is not whole."""
        return len(self._buffer) + self._skipped

    def feed(self, data: bytes) -> list[ScannedFrame]:
        """Every frame that became whole, or was given up on, with these bytes."""
        if self._lost:
            self._skipped += len(data)
            return []
        buffer = self._buffer
        buffer += data
        frames: list[ScannedFrame] = []
        at = 0
        while True:
            if self._skip:
                step = min(self._skip, len(buffer) - at)
                self._skip -= step
                self._skipped += step
                at += step
                if self._skip:
                    break
                self._skipped = 0
            header = self._header(buffer, at)
            if header is None:
                break
            start, length, mask = header
            end = start + length
            first = buffer[at]
            error = self._hopeless(first, length)
            if error is not None:
                # Judged by its header alone: a peer that announces too much may never send it.
                frames.append(self._given_up(buffer, at, start, length, mask, error))
                if error == "length-msb":
                    self._lost = True
                    self._skipped = len(buffer) - at
                    at = len(buffer)
                    break
                taken = min(len(buffer), end)
                self._skip = end - taken
                self._skipped = taken - at if self._skip else 0
                at = taken
                continue
            if len(buffer) < end:
                break
            payload = bytes(buffer[start:end])
            if mask is not None:
                payload = unmask(payload, mask)
            frame = ScannedFrame(
                first & 15, bool(first & 128), first >> 4 & 7, mask is not None, bytes(buffer[at:start]), end - at,
                length, payload,
            )  # fmt: skip
            self._judge(frame)
            frames.append(frame)
            at = end
        del buffer[:at]
        return frames

    @staticmethod
    def _header(buffer: bytearray, at: int) -> tuple[int, int, bytes | None] | None:
        """(payload start, payload length, mask) of the frame at ``at``, or None if the header is not whole."""
        have = len(buffer) - at
        if have < 2:
            return None
        second = buffer[at + 1]
        length = second & 127
        start = at + 2
        if length == 126:
            start += 2
            if have < 4:
                return None
            length = int.from_bytes(buffer[at + 2 : start])
        elif length == 127:
            start += 8
            if have < 10:
                return None
            length = int.from_bytes(buffer[at + 2 : start])
        if not second & 128:
            return start, length, None
        if len(buffer) < start + 4:
            return None
        return start + 4, length, bytes(buffer[start : start + 4])

    def _hopeless(self, first: int, length: int) -> str | None:
        """The rule that a header breaks whatever its payload will be."""
        opcode = first & 15
        if length >> 63:
            return "length-msb"
        if self._max_wire and length > self._max_wire:
            return "too-big"
        if opcode not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
            return "reserved-opcode"  # RFC 6455 §5.2
        if first & 48 or (opcode & 8 and first & 64):
            return "rsv"  # §5.2: RSV2 and RSV3 have no extension that we offer
        return "control-fragmented" if opcode & 8 and not first & 128 else None  # §5.5

    @staticmethod
    def _given_up(buffer: bytearray, at: int, start: int, length: int, mask: bytes | None, error: str) -> ScannedFrame:
        """A frame that is judged by its header alone, with what has come of it."""
        first = buffer[at]
        kept = bytes(buffer[start : start + min(length, KEPT)])
        if mask is not None:
            kept = unmask(kept, mask)
        return ScannedFrame(
            first & 15, bool(first & 128), first >> 4 & 7, mask is not None, bytes(buffer[at:start]),
            start - at + length, length, kept, cut=len(kept) < length, error=error,
        )  # fmt: skip

    def _judge(self, frame: ScannedFrame) -> None:
        """Sets what the frame means, or the first rule it breaks."""
        second = frame.head[1] & 127
        if (second == 126 and frame.size < 126) or (second == 127 and frame.size < 65536):
            frame.error = "length-not-minimal"  # RFC 6455 §5.2: the minimal number of bytes MUST be used
        elif frame.masked == self._from_server:
            frame.error = "masked" if frame.masked else "unmasked"  # §5.1
        elif frame.opcode in (CLOSE, PING, PONG):
            self._judge_control(frame)
        else:
            self._judge_data(frame)

    def _judge_control(self, frame: ScannedFrame) -> None:
        if frame.size > 125:
            frame.error = "control-too-long"  # §5.5
        if frame.opcode != CLOSE or not frame.payload:
            return
        if frame.size == 1:
            frame.error = frame.error or "close-length"  # §5.5.1: the first two bytes MUST be a code
            return
        frame.code = int.from_bytes(frame.payload[:2])
        try:
            frame.reason = frame.payload[2:].decode()
        except UnicodeDecodeError:
            frame.reason = frame.payload[2:].decode(errors="backslashreplace")
            frame.error = frame.error or "close-utf8"
        if not valid_close_code(frame.code):
            frame.error = frame.error or "close-code"  # §7.4

    def _judge_data(self, frame: ScannedFrame) -> None:
        if frame.opcode == CONTINUATION and self._message is None:
            frame.error = "continuation-unexpected"  # §5.4
        elif frame.opcode != CONTINUATION and self._message is not None:
            frame.error = "continuation-missing"  # §5.4
        if frame.error:
            return
        first = frame.opcode != CONTINUATION
        deflated = bool(frame.rsv & 4) if first else self._message_deflated
        allowed = 4 if self._deflate is not None and first else 0
        if frame.rsv & ~allowed:
            frame.error = "rsv"  # §5.2; RFC 7692 §6.1: RSV1 on the first fragment only
            return
        if first:
            self._message, self._message_size, self._message_deflated = frame.opcode, 0, deflated
            self._utf8.reset()
        if deflated:
            self._inflate(frame)
        self._message_size += frame.size
        if self._max_size and self._message_size > self._max_size and not frame.error:
            frame.error = "too-big"
            frame.cut = len(frame.payload) > KEPT
            frame.payload = frame.payload[:KEPT]
        if self._message == TEXT and not frame.error:
            self._read_text(frame)
        if frame.fin:
            self._message = None

    def _inflate(self, frame: ScannedFrame) -> None:
        assert self._deflate is not None
        frame.deflate = True
        library = LibraryFrame(Opcode(frame.opcode), frame.payload, frame.fin, bool(frame.rsv & 4))
        left = self._max_size - self._message_size if self._max_size else None
        try:
            inflated = self._deflate.decode(library, max_size=left if left is None else max(1, left))
        except PayloadTooBig:
            frame.error = "too-big"
        except ProtocolError:
            frame.error = "deflate"
        else:
            frame.payload = bytes(inflated.data)
            frame.size = len(frame.payload)
            self._go_on_after_final_block(frame.payload)
            return
        frame.cut = len(frame.payload) > KEPT
        frame.payload = frame.payload[:KEPT]

    def _go_on_after_final_block(self, inflated: bytes) -> None:
        """Gives the library a fresh inflater where a block said it was the last (RFC 7692 §7.2.3.4 allows that): it
        would read every later message as empty and hoard its bytes."""
        self._window += inflated[-WINDOW:]
        if len(self._window) > 4 * WINDOW:
            del self._window[:-WINDOW]
        inflater = getattr(self._deflate, "decoder", None)
        if inflater is not None and inflater.eof:
            assert isinstance(self._deflate, PerMessageDeflate)
            bits = self._deflate.remote_max_window_bits
            self._deflate.decoder = zlib.decompressobj(wbits=-bits, zdict=bytes(self._window[-WINDOW:]))

    def _read_text(self, frame: ScannedFrame) -> None:
        try:
            frame.text = frame.payload.decode()
        except UnicodeDecodeError:
            frame.text = None
        try:
            self._utf8.decode(frame.payload, final=frame.fin)  # §8.1: the message as a whole is judged
        except UnicodeDecodeError:
            frame.error = "utf8"
            frame.text = None


def unmask(payload: bytes, mask: bytes) -> bytes:
    """``payload`` with the masking key applied (RFC 6455 §5.3)."""
    if not payload:
        return payload
    key = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload) ^ int.from_bytes(key)).to_bytes(len(payload))

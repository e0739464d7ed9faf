"""``frame`` facts from what the scanner found and what the kernel took: payloads as text or base64, redacted."""

import base64
from typing import Any

from tui.client.outgoing import OutFrame
from tui.facts.redaction import Redactor
from tui.protocols.websocket import CLOSE, TEXT, ScannedFrame


def incoming(frame: ScannedFrame, redactor: Redactor, direction: str = "in") -> dict[str, Any]:
    """The fields of a scanned frame's fact."""
    text = None if frame.error else frame.text
    return {
        "dir": direction,
        "opcode": frame.opcode,
        "fin": frame.fin,
        "rsv": frame.rsv,
        "masked": frame.masked,
        "size": frame.size,
        "wire": frame.wire,
        "head": frame.head.hex(),
        "deflate": frame.deflate,
        "code": frame.code,
        "error": frame.error,
        "cut": frame.cut,
        **_payload(frame.opcode, frame.payload, text, frame.reason, redactor, composed=False),
    }


def outgoing(frame: OutFrame, redactor: Redactor) -> dict[str, Any]:
    """The fields of a sent frame's fact."""
    text = error = None
    if frame.opcode == TEXT:
        try:
            text = frame.payload.decode()
        except UnicodeDecodeError:
            error = "utf8"
    return {
        "dir": "out",
        "opcode": frame.opcode,
        "fin": frame.fin,
        "rsv": frame.rsv,
        "masked": frame.masked,
        "size": len(frame.payload),
        "wire": len(frame.data),
        "head": frame.head.hex(),
        "deflate": frame.deflate,
        "code": frame.code,
        "error": error,
        **_payload(frame.opcode, frame.payload, text, frame.reason, redactor, composed=frame.composed),
    }


def piece(direction: str, data: bytes, redactor: Redactor, *, composed: bool) -> dict[str, Any]:
    """The fields of a ``bytes`` fact."""
    fields: dict[str, Any] = {"dir": direction, "size": len(data)}
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return {**fields, "b64": base64.b64encode(data).decode()}
    shown = (redactor.composed if composed else redactor.payload)(text)
    return {**fields, "text": shown, "redacted": shown != text}


def _payload(
    opcode: int, payload: bytes, text: str | None, reason: str | None, redactor: Redactor, *, composed: bool
) -> dict[str, Any]:
    """``text`` or ``b64``, ``reason`` and ``redacted``. Base64 is redacted too, where it holds text."""
    mask = redactor.composed if composed else redactor.payload
    if text is not None:
        shown = mask(text)
        return {"text": shown, "redacted": shown != text}
    try:
        inner = payload[2:].decode() if opcode == CLOSE else payload.decode()
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(payload).decode(), "reason": _surrogateless(reason)}
    shown = mask(inner)
    kept = payload[:2] + shown.encode() if opcode == CLOSE else shown.encode()
    return {
        "b64": base64.b64encode(kept).decode(),
        "reason": None if reason is None else mask(_surrogateless(reason) or ""),
        "redacted": shown != inner,
    }


def _surrogateless(text: str | None) -> str | None:
    """Raw bytes typed as ``\\xHH`` cannot stand in JSON: they are shown escaped."""
    return None if text is None else text.encode("utf-8", "surrogateescape").decode(errors="backslashreplace")

"""Rows of what was sent and received: a STOMP or SockJS frame, a beat, a WebSocket message, ping, pong, close."""

from collections.abc import Sequence

from tui.facts.facts import Bytes, Frame
from tui.knowledge import close_codes
from tui.protocols.sockjs import SockjsFrame
from tui.protocols.stomp import Beat, StompFrame
from tui.protocols.websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT
from tui.session.conversation import UnreadablePayload, payload
from tui.view.look import Look
from tui.view.rows import TEXT_KEPT, Row

_OPCODES = {CONTINUATION: "more", TEXT: "text", BINARY: "binary", CLOSE: "close", PING: "ping", PONG: "pong"}


def carried(fact: Frame | Bytes) -> bytes:
    """The bytes a fact carries, as far as it carries them; none where the recording was damaged."""
    try:
        return payload(fact)
    except UnreadablePayload:
        return b""


Decoded = StompFrame | Beat | SockjsFrame
"""What a fact may carry above the bytes themselves."""


def frame_rows(fact: Frame | Bytes, decoded: Sequence[Decoded], look: Look, *, stomp: bool) -> list[Row]:
    """A row for each meaning in ``fact``; where it has none yet, one for the bytes themselves.

    Args:
        decoded: what became whole with this fact.
        stomp: whether the session speaks STOMP, so that bytes without a frame are a part of one.
    """
    rows = [
        _sockjs_row(fact, item, look, part) if isinstance(item, SockjsFrame)
        else _stomp_row(fact, item, look, part, alone=len(decoded) == 1)
        for part, item in enumerate(decoded)
    ]  # fmt: skip
    if isinstance(fact, Bytes):
        return rows or [_row(fact, "stomp", "part", _text(carried(fact), look), size=fact.size)]
    if rows and not fact.error:
        return rows
    return [*rows, _ws_row(fact, look, part=stomp and fact.opcode in (CONTINUATION, TEXT, BINARY))]


def _row(fact: Frame | Bytes, layer: str, type_: str, text: str, *, size: int | None) -> Row:
    return Row(fact.t, fact.m, fact.n, layer, type_, "data", fact.dir, text, size=size)


def _text(data: bytes, look: Look) -> str:
    return look.safe(data[: TEXT_KEPT * 4].decode("utf-8", "backslashreplace")[:TEXT_KEPT])


def _stomp_row(fact: Frame | Bytes, item: StompFrame | Beat, look: Look, part: int, *, alone: bool) -> Row:
    if isinstance(item, Beat):
        text = look.safe("\n" * min(item.size, 8))
        return Row(fact.t, fact.m, fact.n, "beat", text[:9], "beat", fact.dir, size=item.size, part=part)
    size = fact.size if alone else frame_size(item)
    words = [stomp_summary(item, look)]
    if item.flaws:
        words.insert(0, f"[{' '.join(item.flaws)}]")
    return Row(
        fact.t, fact.m, fact.n, "stomp", look.safe(item.command[:24]), "data", fact.dir, " ".join(words), size=size,
        role="error" if item.command == "ERROR" or item.flaws else "text", part=part,
    )  # fmt: skip


def _sockjs_row(fact: Frame | Bytes, item: SockjsFrame, look: Look, part: int) -> Row:
    """``o h a m c``, as the protocol calls them; with one message in it, the message."""
    beat = item.kind == "h"
    if item.kind == "c":
        text = f'{item.code} "{item.reason}"' if item.flaw is None else ""
    else:
        text = " ".join(message[:TEXT_KEPT] for message in item.messages)
    if item.flaw is not None:
        text = f"[{item.flaw}] {text or carried(fact)[:TEXT_KEPT].decode('utf-8', 'backslashreplace')}"
    return Row(
        fact.t, fact.m, fact.n, "sockjs", item.kind, "beat" if beat else "data", fact.dir, look.safe(text[:TEXT_KEPT]),
        size=fact.size, role="error" if item.flaw is not None else "text", part=part,
    )  # fmt: skip


def frame_size(frame: StompFrame) -> int:
    """The bytes of a STOMP frame on the wire, its NUL included, escapes aside."""
    headers = sum(len(name.encode()) + len(value.encode()) + 2 for name, value in frame.headers)
    return len(frame.command) + 1 + headers + 1 + len(frame.body) + 1


def stomp_summary(frame: StompFrame, look: Look) -> str:
    """The headers one looks for first, then the body."""
    wanted = {
        "CONNECT": ("host", "heart-beat", "login"), "STOMP": ("host", "heart-beat", "login"),
        "CONNECTED": ("version", "heart-beat", "server"), "ERROR": ("message",),
        "SUBSCRIBE": ("destination",), "RECEIPT": ("receipt-id",), "ACK": ("id",), "NACK": ("id",),
    }.get(frame.command, ("destination", "id", "receipt", "transaction"))  # fmt: skip
    named = frame.command in ("CONNECT", "STOMP", "CONNECTED")
    words: list[str] = []
    for name in wanted:
        value = frame.header(name)
        if value is not None:
            words.append(f"{name} {value}" if named and name != "version" else value)
            if name == "destination":
                break
    body = frame.body[: TEXT_KEPT * 4].decode("utf-8", "backslashreplace")
    return look.safe(" ".join([*words, body] if body else words)[:TEXT_KEPT])


def _ws_row(fact: Frame, look: Look, *, part: bool) -> Row:
    type_ = _OPCODES.get(fact.opcode, f"op {fact.opcode}")
    control = fact.opcode in (PING, PONG)
    if fact.opcode == CLOSE:
        name = close_codes.name(fact.code) if fact.code is not None else None
        text = " ".join(str(word) for word in (fact.code, name, fact.reason) if word not in (None, ""))
    elif fact.opcode == BINARY or (fact.text is None and not control):
        text = carried(fact)[:64].hex(" ")
    else:
        text = carried(fact)[: TEXT_KEPT * 4].decode("utf-8", "backslashreplace")
    return Row(
        fact.t, fact.m, fact.n, "ws", type_, "control" if control else "data", fact.dir, look.safe(text[:TEXT_KEPT]),
        key="row_broken" if fact.error else "row_part" if part else "",
        args={"rule": fact.error} if fact.error else None,
        size=fact.size, role="error" if fact.error else "control" if control else "text",
    )  # fmt: skip

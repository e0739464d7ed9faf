"""SockJS as it is spoken on one connection, taken out of what carries it: WebSocket messages, or lines of HTTP bodies.

``tui.session.connection`` feeds it the facts that carry messages.
"""

import contextlib
from typing import Any

import msgspec

from tui.facts.facts import Bytes, Direction, Frame
from tui.protocols.sockjs import Lines, SockjsFrame, decode, decode_upward
from tui.session.conversation import payload


class SockjsStream:
    """Both directions of one connection."""

    def __init__(self) -> None:
        self._lines = Lines()
        self._parts: dict[Direction, list[bytes]] = {"in": [], "out": []}

    @property
    def undecoded(self) -> int:
        """What came of a frame that is not whole: characters of a line, or bytes of a fragmented message."""
        return self._lines.undecoded + sum(map(len, self._parts["in"]))

    def body_begins(self) -> None:
        """Another HTTP body: a line does not go on from one to the next."""
        self._lines.restart()

    def feed(self, fact: Frame | Bytes) -> list[SockjsFrame]:
        """The frames that became whole with a fact's payload.

        Raises:
            UnreadablePayload: the recording was damaged.
        """
        data = payload(fact)
        if isinstance(fact, Bytes):
            if fact.dir == "in":
                return [decode(line) for line in self._lines.feed(data)]
            return [decode_upward(data.decode("utf-8", "replace"))]
        parts = self._parts[fact.dir]
        parts.append(data)
        if not fact.fin:
            return []
        text = b"".join(parts).decode("utf-8", "replace")
        parts.clear()
        return [decode(text) if fact.dir == "in" else decode_upward(text)]


def info_notes(status: int | None, body: str) -> list[str]:
    """The catalogue keys of what an answer to ``/info`` says that explains what follows (sockjs-protocol "Info")."""
    info: Any = None
    with contextlib.suppress(msgspec.MsgspecError, RecursionError):
        info = msgspec.json.decode(body.encode("utf-8", "surrogatepass"))
    if status != 200:
        return ["note.sockjs_info_status"]
    if not isinstance(info, dict):
        return ["note.sockjs_info_unreadable"]
    keys = ["note.sockjs_info_no_websocket"] if info.get("websocket") is False else []
    return [*keys, "note.sockjs_info_cookie"] if info.get("cookie_needed") is True else keys

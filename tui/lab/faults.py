"""What is to go wrong on one connection, said in its URL's query: ``?close=1011&reason=boom&after=3``.

The same words work on every WebSocket endpoint of the lab, so a story that ends in a fault is a URL:

    after=S       seconds from the 101 until it happens (default 0)
    close=CODE    a Close frame with CODE; ``close`` alone: one without a code
    reason=TEXT   its reason
    fin           TCP FIN without a Close frame
    reset         TCP RST
    deaf          stop reading
    mute          stop sending data: no echo, no message, no heart-beat
    ping=S        a WebSocket ping every S seconds, from the start
    limit=BYTES   take no larger message, from the start: Close 1009
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl

from tui.lab.endings import Close, Ending, Fin, Reset
from tui.protocols.websocket import valid_close_code

MAX_REASON = 123
"""Bytes a close reason may have (RFC 6455 §5.5: 125 less the code)."""


class BadFault(ValueError):
    """A query that is no fault; ``key`` and ``args_`` name the sentence in the catalogue."""

    def __init__(self, key: str, **args: object) -> None:
        super().__init__(key, args)
        self.key = key
        self.args_ = args


@dataclass(slots=True, frozen=True)
class Faults:
    """What goes wrong on one connection, and when."""

    after: float = 0.0
    """Seconds from the 101 until ``deaf``, ``mute`` and ``ending``."""
    ending: Ending | None = None
    deaf: bool = False
    mute: bool = False
    ping: float | None = None
    """Seconds between the server's WebSocket pings; None for none."""
    limit: int | None = None
    """The largest message taken, bytes; None for the listener's own limit."""

    @property
    def only_websocket(self) -> tuple[str, ...]:
        """The words of those that only a WebSocket can have; SockJS over HTTP refuses them."""
        asked = {"deaf": self.deaf, "ping": self.ping is not None, "limit": self.limit is not None}
        return tuple(word for word, given in asked.items() if given)

    @property
    def any_later(self) -> bool:
        """Whether something happens after ``after`` seconds."""
        return self.deaf or self.mute or self.ending is not None


def parse_query(query: str) -> Faults:
    """The faults a URL's query asks for.

    Raises:
        BadFault: an unknown word, an unreadable value, or two ways to end.
    """
    faults, reason = Faults(), None
    for word, value in parse_qsl(query, keep_blank_values=True):
        if word == "reason":
            reason = value
            continue
        read = _WORDS.get(word)
        if read is None:
            raise BadFault("lab.fault_unknown", word=word, words=", ".join([*_WORDS, "reason"]))
        if word in _ENDINGS and faults.ending is not None:
            raise BadFault("lab.fault_two_endings", words=", ".join(_ENDINGS))
        faults = read(faults, value)
    if reason is None:
        return faults
    if not isinstance(faults.ending, Close) or faults.ending.code is None:
        raise BadFault("lab.fault_reason_alone")
    if len(reason.encode()) > MAX_REASON:
        raise BadFault("lab.fault_reason_long", most=MAX_REASON, given=len(reason.encode()))
    return replace(faults, ending=replace(faults.ending, reason=reason))


def _seconds(word: str, value: str, least: float) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1.0
    if not least <= seconds < 1e6:
        raise BadFault("lab.fault_seconds", word=word, given=value)
    return seconds


def _limit(value: str) -> int:
    if not (value.isascii() and value.isdecimal() and 0 < len(value) < 10):
        raise BadFault("lab.fault_bytes", word="limit", given=value)
    return int(value)


def _close(value: str) -> Close:
    if not value:
        return Close(None)
    if not (value.isascii() and value.isdecimal() and valid_close_code(int(value))):
        raise BadFault("lab.fault_close_code", given=value)
    return Close(int(value))


_WORDS: Mapping[str, Callable[[Faults, str], Faults]] = {
    "after": lambda faults, value: replace(faults, after=_seconds("after", value, 0)),
    "close": lambda faults, value: replace(faults, ending=_close(value)),
    "fin": lambda faults, value: replace(faults, ending=Fin()),
    "reset": lambda faults, value: replace(faults, ending=Reset()),
    "deaf": lambda faults, value: replace(faults, deaf=True),
    "mute": lambda faults, value: replace(faults, mute=True),
    "ping": lambda faults, value: replace(faults, ping=_seconds("ping", value, 0.01)),
    "limit": lambda faults, value: replace(faults, limit=_limit(value)),
}
_ENDINGS = ("close", "fin", "reset")

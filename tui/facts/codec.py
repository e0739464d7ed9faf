"""JSON Lines: one compact object a line, ``type`` first, no raw control character anywhere.

``encode`` is what the probe and the engine write, ``decode`` what the screen, ``open`` and the tests read.
"""

import re
from typing import Any

import msgspec

from tui.facts.facts import KNOWN, SCHEMA, Fact, Probe, Unknown
from tui.facts.findings import COMPUTED, Finding

_encoder = msgspec.json.Encoder(decimal_format="number")
_decoder: msgspec.json.Decoder[KNOWN | COMPUTED] = msgspec.json.Decoder(KNOWN | COMPUTED)

# JSON leaves DEL, C1, bidi and zero-width characters raw; a line a person may print to a terminal must not.
_INVISIBLE = re.compile(
    "[\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f]"
)


_BROKEN = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What a line that is no line of ours makes msgspec raise: bad JSON, bad UTF-8, a depth made to break readers."""


class BadLine(ValueError):
    """A line that is no JSON object: torn, or not ours. ``str()`` says what is wrong with it."""


def _escape(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def _without_surrogates(value: Any) -> Any:
    """Builtins whose lone surrogates, which UTF-8 cannot hold, are spelled out: ``\\udcff``."""
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_surrogates(item) for item in value]
    return value


def encode(line: Fact) -> bytes:
    """One line, newline included, as it is written to stdout and into a recording."""
    try:
        raw = _encoder.encode(line)
    except UnicodeEncodeError:
        raw = _encoder.encode(_without_surrogates(msgspec.to_builtins(line)))
    if not raw.isascii() or b"\x7f" in raw:
        raw = _INVISIBLE.sub(_escape, raw.decode()).encode()
    return raw + b"\n"


def decode(line: bytes) -> KNOWN | COMPUTED | Unknown:
    """The fact or finding a line holds, or ``Unknown`` where this version does not know it.

    Raises:
        BadLine: the bytes are no JSON object with a ``type``.
    """
    try:
        known = _decoder.decode(line)
    except msgspec.ValidationError:
        return _unknown(line)
    except _BROKEN as error:
        raise BadLine(str(error)) from error
    if isinstance(known, Probe) and known.schema > SCHEMA:
        return _unknown(line)
    return known


def is_finding(line: object) -> bool:
    """Whether a decoded line is a finding, and so is ignored when a recording is read."""
    return isinstance(line, Finding)


class _Common(msgspec.Struct):
    type: str
    t: float = 0.0
    m: float = 0.0
    s: str = ""
    c: int = 0
    n: int = 0


def _unknown(line: bytes) -> Unknown:
    try:
        common = msgspec.json.decode(line, type=_Common)
    except _BROKEN as error:
        raise BadLine(str(error)) from error
    return Unknown(
        type=common.type, line=line.rstrip(b"\n"), t=common.t, m=common.m, s=common.s, c=common.c, n=common.n
    )

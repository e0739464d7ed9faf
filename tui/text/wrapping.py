"""Text broken into lines of terminal cells, in English and Chinese alike: for ``explain``, cards and help."""

import re

from tui.text.cells import width

_NEVER_FIRST = "，。、；：？！）」』】》〉”’…～,.;:?!)]}%"
_NEVER_LAST = "（「『【《〈“‘([{"
_WIDE = "\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff"

_MEASURE = r"\d[\d.,]* (?:(?:ms|s|B|KiB|MiB)(?!\w)|%|秒|毫秒|字节)"
_PIECE = re.compile(
    f"[{re.escape(_NEVER_LAST)}]*(?:{_MEASURE}|[{_WIDE}]|[^\\s{_WIDE}“”‘’]+|[“”‘’])[{re.escape(_NEVER_FIRST)}]*|\\s+"
)
"""What is kept together: a number and its unit, a wide character or a word, with the punctuation that may not leave
it; or a gap."""


def wrap(text: str, cells: int, *, first: str = "", rest: str = "") -> list[str]:
    """``text`` as lines of at most ``cells`` cells.

    A line breaks at a blank or beside a wide character, never before closing or after opening punctuation; a word
    that is longer than a line is cut. Asks for text that is safe already (``tui.text.safe``).

    Args:
        text: one paragraph; its own line ends count as blanks.
        cells: what a line has, its margin included; the margin leaves at least two cells.
        first: the margin of the first line.
        rest: the margin of the others.
    """
    lines: list[str] = []
    line, margin, empty = first, first, True
    for piece in _PIECE.findall(text):
        if piece.isspace():
            if not empty and line[-1] != " ":
                line += " "
            continue
        while True:
            if width(line) + width(piece) <= cells:
                line += piece
                empty = False
                break
            if not empty:
                lines.append(line.rstrip(" "))
                line, margin, empty = rest, rest, True
                continue
            taken = _fitting(piece, max(2, cells - width(margin)))
            lines.append(line + piece[:taken].rstrip(" "))
            line, margin, piece = rest, rest, piece[taken:].lstrip(" ")
            if not piece:
                break
    if not empty or not lines:
        lines.append(line.rstrip(" ") if not empty else line)
    return lines


def _fitting(text: str, cells: int) -> int:
    """How many characters of ``text`` take at most ``cells``; one at least."""
    used = 0
    for at, char in enumerate(text):
        used += width(char)
        if used > cells:
            return max(1, at)
    return len(text)

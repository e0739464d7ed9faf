"""Text measured in terminal cells, never in characters: CJK takes two."""

import wcwidth


def width(text: str) -> int:
    """The cells ``text`` takes. Asks for text that is safe already (``tui.text.safe``)."""
    return len(text) if text.isascii() else max(0, wcwidth.wcswidth(text))


def fit(text: str, cells: int, *, ellipsis: str = "…") -> str:
    """``text`` cut to at most ``cells`` cells, the cut marked by ``ellipsis``."""
    if width(text) <= cells:
        return text
    room = cells - width(ellipsis)
    if room < 0:
        return ""
    used = 0
    for end, char in enumerate(text):  # noqa: B007
        used += width(char)
        if used > room:
            break
    while end and width(text[:end]) > room:  # a vowel sign may take a cell of its own behind another letter
        end -= 1
    return text[:end] + ellipsis


def pad(text: str, cells: int, *, right: bool = False) -> str:
    """``text`` cut or filled to exactly ``cells`` cells; ``right`` puts the filling in front,
    but of a sign that belongs to the letter before it: behind a blank that would take another cell."""
    text = fit(text, cells)
    filling = " " * (cells - width(text))
    return filling + text if right and width(text[:1]) else text + filling

"""Asks the terminal how wide it draws our signs, before Textual takes it over.

Many East Asian set-ups draw ``● ▲ ◀ █`` and box lines two cells wide, and no variable says so. Each sign is printed
at the start of a line, the terminal is asked where its cursor is (DSR 6, answered by CPR: ECMA-48 §8.3.14), and the
line is erased again.
"""

import os
import re
import select
import termios
import time
import tty
from collections.abc import Sequence
from dataclasses import astuple

from tui.view.glyphs import UNICODE, GlyphSet

PATIENCE_S = 0.15
"""Seconds without an answer after which none will come."""

_LONGEST_S = 1.0
"""Seconds all answers together may take."""

_REPORT = re.compile(rb"\x1b\[\d+;(\d+)R")


def fitting(keys: int, screen: int) -> GlyphSet:
    """The set of signs a terminal draws in straight columns; ``unicode`` where it does not say.

    Args:
        keys: the descriptor the terminal answers on.
        screen: the one it draws from.
    """
    columns = _columns(("a", *risky()), keys, screen)
    # A terminal that is wrong about a letter is asked nothing more.
    return "ascii" if columns[:1] == [2] and any(column != 2 for column in columns[1:]) else "unicode"


def risky() -> list[str]:
    """Every sign of ours that is no ASCII."""
    parts = [part for value in astuple(UNICODE) for part in (value if isinstance(value, tuple) else (value,))]
    return sorted({char for part in parts for char in part if not char.isascii()})


def _columns(signs: Sequence[str], keys: int, screen: int) -> list[int]:
    """The column the cursor stands in after each sign, from 1; fewer where not all was answered."""
    if not (os.isatty(keys) and os.isatty(screen)):
        return []
    before = termios.tcgetattr(keys)
    tty.setcbreak(keys, termios.TCSANOW)
    try:
        os.write(screen, "".join(f"\r{sign}\x1b[6n" for sign in signs).encode() + b"\r\x1b[K")
        return [int(column) for column in _REPORT.findall(_answers(keys, len(signs)))]
    finally:
        termios.tcsetattr(keys, termios.TCSANOW, before)


def _answers(keys: int, count: int) -> bytes:
    said = b""
    end = time.monotonic() + _LONGEST_S
    while len(_REPORT.findall(said)) < count and time.monotonic() < end:
        if not select.select([keys], [], [], PATIENCE_S)[0]:
            break
        said += os.read(keys, 4096)
    return said

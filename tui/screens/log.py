"""The inspector's log: what its probe said on stderr and what became of commands it ran. Lines to look at (``o``),
and a file that is there after the screen has gone.
"""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tui.view.lines import Line, Span, line
from tui.view.look import Look

KEPT = 500
"""Lines to look at."""

FILE_LIMIT = 1 << 20
"""Bytes after which the file is set aside, in the place of the one set aside before."""


class Log:
    """Lines, appended from any thread.

    Args:
        path: the file; made with the first line. None for no file. One that cannot be written is no reason to stop.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lines: deque[str] = deque(maxlen=KEPT)
        self._lock = threading.Lock()

    def append(self, said: str) -> None:
        """One more line."""
        with self._lock:
            self._lines.append(said)
            if self._path is not None:
                with suppress(OSError):
                    self._write(self._path, said)

    def _write(self, path: Path, said: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.exists() and path.stat().st_size > FILE_LIMIT:
            path.replace(path.with_suffix(".old.log"))
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{stamp} {said}\n")

    @property
    def last(self) -> str:
        """The newest line; empty where there is none."""
        with self._lock:
            return self._lines[-1] if self._lines else ""

    def rows(self, look: Look) -> list[Line]:
        """The lines, safe to draw; one that says so where there are none."""
        return [(Span(look.safe(text)),) for text in self] or [line((look.say("log_empty"), "muted"))]

    def __iter__(self) -> Iterator[str]:
        with self._lock:
            return iter(list(self._lines))

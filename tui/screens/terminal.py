"""The terminal we draw on, which may go away while something is still to be written to it."""

from contextlib import suppress
from typing import Any, TextIO

from textual.drivers.linux_driver import LinuxDriver


class Terminal(LinuxDriver):
    """Textual's, but its writer outlives the terminal.

    Textual's writer is a thread with a queue of 30 writes. Where an error of the terminal ended that thread, whoever
    wrote on would wait for ever once the queue is full: the whole screen, deaf to SIGHUP, and its probe with it.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._file: Any = _Lasting(self._file)


class _Lasting:
    """A terminal's file. What is written to it once the terminal is gone is lost, and that is no error."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        with suppress(OSError):
            return self._file.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._file.flush()

    def isatty(self) -> bool:
        return self._file.isatty()

    def fileno(self) -> int:
        return self._file.fileno()

"""Writes a recording: the lines as they came, nothing buffered, and a full disk is said, never raised.

``tui.watch`` tees its lines with it (``--record``), the screen what its probe sends.
"""

import errno
import fcntl
import os
import stat
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self


class Stopped(NamedTuple):
    """Where a recording ended because the disk took no more."""

    at: int
    """Bytes in the file: whole lines only."""
    errno: str
    """E.g. ``ENOSPC``."""
    error: OSError
    """What the disk said."""


class Writer:
    """One recording, begun anew; only its owner may read it.

    Args:
        path: the file.

    Raises:
        OSError: it cannot be opened for writing; ``EBUSY`` where another program of ours writes it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stopped: Stopped | None = None
        """Set once the disk took no more: what follows is not in the file."""
        self.position = 0
        """Bytes written."""
        self._lines_end = 0
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if stat.S_ISREG(os.fstat(self._fd).st_mode):
            self._claim()
            os.ftruncate(self._fd, 0)

    def _claim(self) -> None:
        """Says to others of us that the file is in use; where that cannot be said, it is no reason not to record."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._fd)
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(self.path)) from None
        except OSError:
            return

    def write(self, data: bytes) -> bool:
        """Appends bytes, lines or parts of lines; False where the recording has stopped."""
        if self.stopped is not None:
            return False
        rest = memoryview(data)
        written = 0
        try:
            while rest:
                step = os.write(self._fd, rest)
                written += step
                rest = rest[step:]
        except OSError as error:
            self._stop(data[:written], error)
            return False
        self._advance(data)
        return True

    def _advance(self, data: bytes) -> None:
        newline = data.rfind(b"\n")
        if newline >= 0:
            self._lines_end = self.position + newline + 1
        self.position += len(data)

    def _stop(self, written: bytes, error: OSError) -> None:
        """Leaves whole lines behind: half a line that reached the disk is taken back."""
        self._advance(written)
        try:
            os.ftruncate(self._fd, self._lines_end)
            self.position = self._lines_end
        except OSError:
            # A device or a pipe cannot be cut; a reader reports the torn line.
            pass
        self.stopped = Stopped(self._lines_end, errno.errorcode.get(error.errno or 0, str(error.errno)), error)

    def close(self) -> None:
        """Closes the file; more than once is fine."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def in_use(path: Path) -> bool:
    """Whether somebody is writing this recording. One that is not there is not."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False

"""Recordings that nobody has named yet: where they are, which of them are kept."""

import time
from collections.abc import Iterator
from pathlib import Path

from tui.recording.writer import in_use

KEPT = 20
KEPT_BYTES = 2 << 30

_PATTERN = "whoops-*.jsonl"


def begin(folder: Path, *, now: float | None = None) -> Path:
    """A new recording, empty, its name taken by nobody else; the oldest ones beyond 20, or beyond 2 GiB together, are
    deleted first.

    Raises:
        OSError: the folder or the file cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    prune(folder)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
    path, again = folder / f"whoops-{stamp}.jsonl", 1
    while True:
        try:
            path.touch(0o600, exist_ok=False)  # another screen may begin in the same second
        except FileExistsError:
            again += 1
            path = folder / f"whoops-{stamp}-{again}.jsonl"
        else:
            return path


def prune(folder: Path) -> None:
    """Leaves room for one more: the newest 19, and of those what is under 2 GiB together, but the newest in any case.

    A recording that is being written is left alone, however old its last line is.
    """
    found = sorted(_sizes(folder), reverse=True)
    total = 0
    for at, (_, size, path) in enumerate(found):
        total += size
        if at and (at >= KEPT - 1 or total > KEPT_BYTES) and not in_use(path):
            path.unlink(missing_ok=True)


def _sizes(folder: Path) -> Iterator[tuple[float, int, Path]]:
    """When each recording was written last, and its bytes."""
    for path in folder.glob(_PATTERN):
        try:
            stat = path.stat()
        except FileNotFoundError:
            continue  # another screen is clearing up too
        yield stat.st_mtime, stat.st_size, path

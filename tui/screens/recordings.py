"""Recordings that nobody has named yet: where they are, which of them are kept."""

import time
from pathlib import Path

KEPT = 20
KEPT_BYTES = 2 << 30

_PATTERN = "whoops-*.jsonl"


def begin(folder: Path, *, now: float | None = None) -> Path:
    """The path of a new recording; the oldest ones beyond 20, or beyond 2 GiB together, are deleted first.

    Raises:
        OSError: the folder cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    prune(folder)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
    path, again = folder / f"whoops-{stamp}.jsonl", 1
    while path.exists():
        again += 1
        path = folder / f"whoops-{stamp}-{again}.jsonl"
    return path


def prune(folder: Path) -> None:
    """Leaves room for one more: the newest 19, and those only as far as they are under 2 GiB together."""
    found = sorted(folder.glob(_PATTERN), key=lambda path: path.stat().st_mtime, reverse=True)
    total = 0
    for at, path in enumerate(found):
        total += path.stat().st_size
        if at >= KEPT - 1 or total > KEPT_BYTES:
            path.unlink(missing_ok=True)

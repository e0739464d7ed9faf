"""Writes what the engine finds now into every recording, in place of what it found before:
``python -m tests.scenarios.accept``. The facts stay as they were recorded; look at the difference before it is kept.
"""

from pathlib import Path

from tests.scenarios.replaying import HERE, lines_of, recordings, replayed
from tui.facts import codec
from tui.facts.facts import Unknown


def accept(path: Path) -> None:
    """One recording."""
    out = replayed(lines_of(path.relative_to(HERE).as_posix()))
    path.write_bytes(b"".join(line.line + b"\n" if isinstance(line, Unknown) else codec.encode(line) for line in out))


if __name__ == "__main__":
    for name in recordings():
        accept(HERE / name)

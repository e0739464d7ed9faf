"""A real terminal for a test."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.terminal.pty_terminal import Terminal

Spawn = Callable[..., Terminal]


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Spawn]:
    """Starts a program at a size; every one of them is ended with the test."""
    running: list[Terminal] = []

    def start(
        command: Sequence[str], *, columns: int = 120, rows: int = 40, cells: int | None = None, **environment: str
    ) -> Terminal:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("WHOOPS_", "TEXTUAL", "SSH_"))
            and name not in ("COLUMNS", "LINES")  # pytest-xdist's workers have them
            and not name.lower().endswith("_proxy")
        }
        private = {
            "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state"), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8",
            "XDG_CONFIG_HOME": str(tmp_path / "config"), "WHOOPS_CONFIG": str(tmp_path / "none.toml"),
        }  # fmt: skip
        terminal = Terminal(command, columns, rows, {**kept, **private, **environment}, cells)
        running.append(terminal)
        return terminal

    yield start
    for terminal in running:
        terminal.close()

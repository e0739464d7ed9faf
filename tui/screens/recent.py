"""The targets opened last, for the connect screen: lines one could type, without their secrets."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from tui.facts.redaction import Redactor
from tui.screens.session_words import session_line

KEPT = 20


class _File(msgspec.Struct):
    targets: list[str] = []
    """Newest first."""


class Recent:
    """The last ``KEPT`` targets of one user, in a file only that user may read.

    Args:
        path: the file; made with the first target.
        redactor: takes the secrets out before anything is written.
    """

    def __init__(self, path: Path, redactor: Redactor) -> None:
        self._path = path
        self._redactor = redactor

    def lines(self) -> list[str]:
        """The targets, newest first; none where there is no file or it cannot be read."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_File).targets[:KEPT]
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return []

    def add(self, table: Mapping[str, Any]) -> None:
        """A session was opened. A file that cannot be written is no reason to stop."""
        line = session_line(table, self._redactor)
        targets = [line, *(other for other in self.lines() if other != line)][:KEPT]
        new = self._path.with_suffix(f".{os.getpid()}")
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            new.touch(mode=0o600)
            new.write_bytes(msgspec.json.format(msgspec.json.encode(_File(targets))) + b"\n")
            new.replace(self._path)

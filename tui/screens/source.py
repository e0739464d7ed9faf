"""Where a screen's lines come from. ``tui.cli`` says it, ``tui.screens.desk`` opens it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Asked:
    """A session to open once the probe runs."""

    table: Mapping[str, Any]
    """The keys of a profile's session table, ``name`` and ``url`` among them."""
    delay: float = 0.0
    """Seconds after the first one."""
    fleeting: bool = False
    """Its target will not be there another day: it is not remembered."""


@dataclass(frozen=True, slots=True)
class ProbeSource:
    """A probe of our own, started as a child."""

    sessions: tuple[Asked, ...] = ()
    args: tuple[str, ...] = ()
    """Further words for the probe's command line, e.g. ``--redact``."""
    record: Path | None = None
    """The recording; None for a new one among the unsaved."""
    command: tuple[str, ...] | None = None
    """The whole command, where it is not ``whoops watch`` of this installation."""
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FileSource:
    """A recording. One that grows is followed."""

    path: Path


@dataclass(frozen=True, slots=True)
class StdinSource:
    """Fact lines from standard input, recorded as they come."""

    fd: int = 0
    """The pipe. Where the screen reads keys from is another file then (``tui.app``)."""
    record: Path | None = None


Source = ProbeSource | FileSource | StdinSource

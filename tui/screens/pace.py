"""How often the screen looks at the data and paints. Read by ``tui.cli`` before Textual is imported: it reads
``TEXTUAL_FPS`` once, when it is.
"""

from collections.abc import Mapping
from typing import NamedTuple

NEAR, FAR = 10.0, 4.0
"""Looks at the data a second: at a terminal of this machine, and over ssh, where bytes are dear."""

_PAINTS = 3
"""Paints for each look, so that typing is echoed at once; nothing is painted that did not change."""


class Pace(NamedTuple):
    """What was chosen, and whether because the terminal is far away."""

    ticks: float
    slowed: bool

    @property
    def environment(self) -> dict[str, str]:
        """What Textual must find in its environment."""
        return {"TEXTUAL_FPS": str(max(1, round(self.ticks * _PAINTS)))}


def pace(fps: float | None, environ: Mapping[str, str]) -> Pace:
    """The pace asked for, or the one that suits the terminal."""
    if fps is not None:
        return Pace(max(0.5, min(60.0, fps)), False)
    far = bool(environ.get("SSH_CONNECTION") or environ.get("SSH_TTY"))
    return Pace(FAR if far else NEAR, far)

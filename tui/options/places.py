"""Where things of ours are on this machine: config, themes, recordings, log, recent targets.

``whoops where`` says them; the inspector reads and writes them. Asking creates nothing.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import platformdirs

from tui.options.layers import config_path


class Places(NamedTuple):
    """One user's places."""

    config: Path
    """The config file."""
    themes: Path
    """The folder of the user's own themes."""
    recordings: Path
    """The folder of recordings that nobody has named."""
    recent: Path
    """The file of the targets opened last."""
    log: Path
    """The file of what probes said on stderr, and of commands of ours that failed."""


def places(environ: Mapping[str, str]) -> Places:
    """The places of whoever runs us."""
    state = Path(platformdirs.user_state_dir("whoops"))
    return Places(
        config=config_path(environ),
        themes=Path(platformdirs.user_config_dir("whoops")) / "themes",
        recordings=state / "recordings",
        recent=state / "recent.json",
        log=state / "whoops.log",
    )

"""Real runs kept as scenarios, ``NAME.jsonl``: the lines as ``watch --json`` wrote them, without this machine."""

import json
import socket
from pathlib import Path

from tests.watching import Watch

LONGEST = 200
"""Lines a recording may have: it is read by people too."""


class Recorder:
    """Writes runs where the tests run with ``--record-scenarios``; otherwise does nothing.

    Args:
        into: the directory to write into, if any.
        machine: paths of this machine that may stand in a line, and what stands there instead.
    """

    def __init__(self, into: Path | None, machine: dict[str, str]) -> None:
        self._into = into
        self._replaced = {json.dumps(socket.gethostname())[1:-1]: "ground"} | machine

    def keep(self, name: str, watch: Watch) -> None:
        """The lines of a finished run as the scenario ``name``."""
        assert len(watch.raw) < LONGEST, f"{name}: {len(watch.raw)} lines are too many for a scenario"
        if self._into is None:
            return
        text = b"".join(watch.raw).decode()
        probe, _, rest = text.partition("\n")
        for mine, yours in self._replaced.items():
            probe = probe.replace(f'"host":"{mine}"', f'"host":"{yours}"')
            rest = rest.replace(mine, yours) if "/" in mine else rest
        (self._into / f"{name}.jsonl").write_text(f"{probe}\n{rest}", encoding="utf-8")

"""What a server or a client must be built from before it runs: done once per machine, kept by its sources' hash."""

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from platformdirs import user_cache_path

_SECONDS = 300
"""How long a build may take where nothing has been downloaded yet."""


def built(sources: Path, command: Sequence[str]) -> Path:
    """The directory where ``command`` has run beside a copy of ``sources``; built where that has not been done yet.

    Raises:
        AssertionError: the build failed; with what it said.
    """
    digest = hashlib.sha256(" ".join(command).encode())
    for file in sorted(sources.iterdir()):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    home = user_cache_path("whoops-tests") / f"{sources.name}-{digest.hexdigest()[:16]}"
    if not home.exists():
        home.parent.mkdir(parents=True, exist_ok=True)
        place = Path(tempfile.mkdtemp(dir=home.parent))
        try:
            shutil.copytree(sources, place, dirs_exist_ok=True)
            _run(command, place)
            try:
                place.rename(home)
            except OSError:
                if not home.exists():  # it does where another run was faster
                    raise
        finally:
            shutil.rmtree(place, ignore_errors=True)
    return home


def _run(command: Sequence[str], place: Path) -> None:
    assert shutil.which(command[0]) is not None, f"{command[0]} is not installed"
    done = subprocess.run(
        command, cwd=place, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_SECONDS
    )
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}"

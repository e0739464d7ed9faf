"""The inspector without the command line: what a terminal test runs. ``python -m tests.terminal.inspector …``"""

import json
import subprocess
import sys
from pathlib import Path


def main(what: str, folder: str, *rest: str) -> int:
    """``open FILE`` shows a recording, ``lab`` two clients of the lab's broker as its first story has them."""
    from tui.app import run
    from tui.lab import stories
    from tui.screens.source import Asked, FileSource, ProbeSource

    if what == "open":
        return run([FileSource(Path(path)) for path in rest], folder=Path(folder))
    lab = subprocess.Popen(
        [sys.executable, "-m", "tui", "lab", "--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert lab.stdin is not None and lab.stdout is not None
    try:
        urls = json.loads(lab.stdout.readline())["urls"]
        tables = stories.find(stories.DEFAULT).sessions(urls)
        return run([ProbeSource(tuple(Asked(table) for table in tables))], folder=Path(folder))
    finally:
        lab.stdin.close()
        lab.wait()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

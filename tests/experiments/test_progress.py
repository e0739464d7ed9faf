"""Progress on a terminal is one line drawn again; elsewhere a line a stage."""

import io

from tui.experiments.idle import Stage
from tui.experiments.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_is_drawn_again_in_its_place() -> None:
    out = Terminal()
    progress = Progress(out, "en")
    progress.show(Stage("silent", 0.0, 15.0))
    progress.show(Stage("silent", 7.5, 15.0))
    progress.clear()
    empty, half, cleared = out.getvalue().split("\r")[1:]
    assert empty.startswith("[" + "-" * 24 + "] silent")
    assert half.startswith("[" + "#" * 12 + "-" * 12 + "] silent")
    assert half.endswith("8 of at most 15 s\x1b[K")
    assert cleared == "\x1b[K"


def test_elsewhere_a_stage_is_said_once() -> None:
    out = io.StringIO()
    progress = Progress(out, "en")
    for waited, of in ((0.0, 15.0), (7.0, 15.0), (16.0, 30.0)):
        progress.show(Stage("silent", waited, of))
    progress.clear()
    assert out.getvalue().splitlines() == [
        "silent, waiting to be dropped: at most 15 s",
        "silent, waiting to be dropped: at most 30 s",
    ]

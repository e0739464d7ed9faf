"""A recording of a million frames on a real terminal: it can be scrolled while it loads, and memory stays flat."""

import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.terminal.conftest import Spawn
from tests.view.story import T0, Story

FRAMES = 1_000_000
AT_ONCE = 10_000

LIMIT = 128 << 20
"""Bytes of memory the screen may have: without a recording it has about 70 MiB."""


SLOWEST_S = 300
"""Seconds the slowest machine may take for all of it; how fast it is, is for the benchmark."""


def recording() -> Iterator[bytes]:
    """A session whose broker says a million messages, a millisecond apart, each with its number in it."""
    story = Story()
    story.probe()
    story.open("A")
    yield story.data
    before, m = story.n + 1, story.m
    story.message("A", "frame-%07d")
    line = story.lines[-1].replace(b"%07d", b"\1")
    line = re.sub(rb'"t":[\d.]+,"m":[\d.]+', b'"t":\2,"m":\2', line).replace(b'"n":%d' % before, b'"n":\3')
    form = line.replace(b"%", b"%%").replace(b"\1", b"%07d")
    form = form.replace(b"\2", b"%.3f").replace(b"\3", b"%d")
    for first in range(0, FRAMES, AT_ONCE):
        at = [number / 1000 for number in range(first, first + AT_ONCE)]
        yield b"".join(form % (T0 + s, m + s, before + first + i, first + i) for i, s in enumerate(at))


@pytest.mark.timeout(2 * SLOWEST_S)
def test_a_million_frames_open_and_scroll_in_flat_memory(
    spawn: Spawn, tmp_path: Path, record_testsuite_property: Callable[[str, object], None]
) -> None:
    path = tmp_path / "million.jsonl"
    with path.open("wb") as file:
        file.writelines(recording())
    terminal = spawn([sys.executable, "-m", "tui", "open", str(path)])
    terminal.shows("catching up", "frame-")
    began = time.monotonic()

    terminal.send("g")
    text = terminal.shows("CONNECTED", "frame-0000000", "paused", seconds=3)
    assert "catching up" in text
    terminal.send("\x1b[6~" * 2)
    terminal.shows("frame-0000030", seconds=3)
    terminal.send("f")

    text = terminal.until(lambda text: "catching up" not in text and "frame-0999999" in text, seconds=SLOWEST_S)
    loaded = time.monotonic() - began
    assert "1.0M" in text
    full = terminal.rss

    terminal.send("g")
    terminal.shows("CONNECTED", "frame-0000000")
    terminal.send("G")
    terminal.shows("frame-0999999")
    terminal.send("\x1b[5~" * 20)
    terminal.until(lambda text: "frame-0999999" not in text and "frame-0999" in text)
    record_testsuite_property("rows_per_second", round(FRAMES / loaded))
    record_testsuite_property("screen_mib", round(terminal.rss / 2**20))
    assert max(full, terminal.rss) < LIMIT
    terminal.send("q")
    assert terminal.ends() == 0

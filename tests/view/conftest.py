"""Fact lines made by hand: the asker's story, as a probe would have written it."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.view.story import Story
from tui.recording.reader import read
from tui.view.look import Look
from tui.view.replay import Replay


@pytest.fixture
def story() -> Story:
    """An empty story."""
    return Story()


@pytest.fixture
def asker(tmp_path: Path) -> Iterator[Path]:
    """A file with two STOMP clients of one server, of which B is dropped for its late beats."""
    path = tmp_path / "asker.jsonl"
    path.write_bytes(Story().asker().data)
    yield path


@pytest.fixture
def replay() -> Callable[..., Replay]:
    """Folds bytes of a recording."""

    def fold(data: bytes, look: Look | None = None) -> Replay:
        def read_line(offset: int) -> bytes:
            return data[offset : data.index(b"\n", offset)]

        folded = Replay(look or Look(), read_line)
        for row in read(io.BytesIO(data)):
            folded.feed(row)
        for pane in folded.panes.values():
            pane.table.refresh(limit=10**9)
        return folded

    return fold

"""Fact lines made by hand: the asker's story, as a probe would have written it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.view.story import Story


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

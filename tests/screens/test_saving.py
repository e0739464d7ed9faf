import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.waiting import eventually
from tui.screens.feed import PipeFeed
from tui.screens.saving import Saving
from tui.view.look import Look


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[tuple[int, PipeFeed]]:
    """A recording and the pipe its lines come from."""
    out, into = os.pipe()
    feed = PipeFeed(out, tmp_path / "rec.jsonl")
    yield into, feed
    os.close(into)
    feed.join(5)
    feed.close()
    os.close(out)


def test_a_saved_recording_goes_on_growing(pipe: tuple[int, PipeFeed], tmp_path: Path) -> None:
    into, feed = pipe
    saving, kept = Saving(feed), tmp_path / "kept.jsonl"
    assert saving.finish(Look()) == f"recording: {feed.path}"
    saving.keep(kept)
    os.write(into, b"{}\n")
    eventually(lambda: kept.read_bytes() == b"{}\n")
    assert saving.finish(Look()) == f"recording: {kept}"


def test_where_it_cannot_have_two_names_it_is_copied_and_brought_up_to_date(
    pipe: tuple[int, PipeFeed], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    into, feed = pipe
    saving, kept = Saving(feed), tmp_path / "kept.jsonl"
    saving.keep(kept)
    os.write(into, b"{}\n")
    eventually(lambda: feed.path.read_bytes() == b"{}\n")
    assert kept.read_bytes() == b""
    saving.finish(Look())
    assert kept.read_bytes() == b"{}\n"


def test_a_place_that_is_taken_is_refused(pipe: tuple[int, PipeFeed], tmp_path: Path) -> None:
    saving = Saving(pipe[1])
    with pytest.raises(OSError):
        saving.keep(tmp_path / "none" / "kept.jsonl")
    assert saving.path is None

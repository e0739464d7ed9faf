import errno
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.view.story import Story
from tui.recording.reader import BadRow, Line
from tui.screens.feed import Fed, Feed, FileFeed, PipeFeed


def drain(feed: Feed, until: Callable[[list[Fed]], bool], seconds: float = 10) -> list[Fed]:
    got: list[Fed] = []
    deadline = time.monotonic() + seconds
    while not until(got) and time.monotonic() < deadline:
        got += feed.poll(0.05)
    return got


def kinds(got: list[Fed]) -> list[str]:
    return [type(fed.row.fact).__name__ if isinstance(fed.row, Line) else "bad" for fed in got]


def test_a_file_is_read_and_followed(tmp_path: Path) -> None:
    story = Story().asker(end=2)
    path = tmp_path / "a.jsonl"
    path.write_bytes(story.data)
    feed = FileFeed(path)
    got = drain(feed, lambda got: len(got) == len(story.lines))
    assert len(got) == len(story.lines) and not feed.behind and not feed.ended
    before = len(story.lines)
    story.message("A", "later")
    with path.open("ab") as file:
        file.write(b"".join(story.lines[before:])[:20])
    assert list(feed.poll(0.05)) == []
    with path.open("ab") as file:
        file.write(b"".join(story.lines[before:])[20:])
    [fed] = drain(feed, bool)
    assert isinstance(fed.row, Line) and feed.read_line(fed.row.offset) + b"\n" == story.lines[before]
    feed.close()


def test_a_pipe_is_recorded_as_it_came(tmp_path: Path) -> None:
    story = Story().asker(end=5)
    out, into = os.pipe()
    feed = PipeFeed(out, tmp_path / "rec.jsonl")
    for at in range(0, len(story.data), 97):
        os.write(into, story.data[at : at + 97])
    os.close(into)
    got = drain(feed, lambda got: feed.ended)
    assert len(got) == len(story.lines) and all(fed.stored for fed in got)
    assert (tmp_path / "rec.jsonl").read_bytes() == story.data
    feed.close()
    os.close(out)


def test_a_torn_last_line_does_not_spoil_what_follows(tmp_path: Path) -> None:
    story = Story().asker(end=1)
    out, into = os.pipe()
    feed = PipeFeed(out, tmp_path / "rec.jsonl")
    os.write(into, story.lines[0] + story.lines[1][:10])
    os.close(into)
    assert kinds(drain(feed, lambda got: feed.ended)) == ["Probe", "bad"]
    again, into = os.pipe()
    feed.listen(again)
    os.write(into, story.lines[0])
    assert kinds(drain(feed, bool)) == ["Probe"]
    os.close(into)
    feed.join(5)
    feed.close()
    os.close(out)
    os.close(again)


def test_a_full_disk_stops_the_recording_not_the_lines(tmp_path: Path) -> None:
    story = Story().asker(end=20)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, before[1]))
    try:
        out, into = os.pipe()
        feed = PipeFeed(out, tmp_path / "rec.jsonl")
        for at in range(0, len(story.data), 150):
            os.write(into, story.data[at : at + 150])
        os.close(into)
        got = drain(feed, lambda got: feed.ended)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert feed.writer.stopped is not None and feed.writer.stopped.errno == errno.errorcode[errno.EFBIG]
    assert [fed.row.fact.n for fed in got if isinstance(fed.row, Line)] == list(range(1, len(story.lines) + 1))
    assert not any(isinstance(fed.row, BadRow) for fed in got)
    stored = [fed.stored for fed in got]
    assert stored[0] and not stored[-1] and stored == sorted(stored, reverse=True)
    feed.close()
    os.close(out)


def test_polling_gives_up_after_its_time(tmp_path: Path) -> None:
    story = Story().asker(end=400)
    path = tmp_path / "a.jsonl"
    path.write_bytes(story.data * 20)
    feed = FileFeed(path)
    count = sum(1 for _ in feed.poll(0.0))
    assert count == 0 and feed.behind
    assert 0 < sum(1 for _ in feed.poll(0.001)) < len(story.lines) * 20
    feed.close()


@pytest.mark.parametrize("size", [10, 4095, 4096, 100_000])
def test_a_line_of_any_length_is_read_back(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"first\n" + b"x" * size + b"\nlast\n")
    feed = FileFeed(path)
    assert feed.read_line(6) == b"x" * size
    assert feed.read_line(6 + size + 1) == b"last"
    feed.close()

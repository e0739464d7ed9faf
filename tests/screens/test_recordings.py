import os
from pathlib import Path

from tui.recording.writer import Writer
from tui.screens import recordings


def test_a_new_recording_never_takes_a_name_twice(tmp_path: Path) -> None:
    first = recordings.begin(tmp_path / "new", now=1_763_863_200)
    second = recordings.begin(tmp_path / "new", now=1_763_863_200)
    assert first.parent == second.parent and first != second


def test_the_newest_are_kept(tmp_path: Path) -> None:
    for number in range(25):
        path = tmp_path / f"whoops-{number:02}.jsonl"
        path.touch()
        os.utime(path, (number, number))
    (tmp_path / "mine.jsonl").touch()
    recordings.begin(tmp_path)
    left = sorted(path.name for path in tmp_path.glob("whoops-*"))
    assert len(left) == recordings.KEPT and left[0] == "whoops-06.jsonl"
    assert (tmp_path / "mine.jsonl").exists()


def test_together_they_stay_under_the_limit(tmp_path: Path) -> None:
    for number in range(3):
        path = tmp_path / f"whoops-{number}.jsonl"
        with path.open("wb") as file:
            file.truncate(recordings.KEPT_BYTES // 2 - 1)
        os.utime(path, (number, number))
    recordings.prune(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["whoops-1.jsonl", "whoops-2.jsonl"]


def test_the_newest_is_kept_however_big_it_is(tmp_path: Path) -> None:
    for number in range(2):
        path = tmp_path / f"whoops-{number}.jsonl"
        with path.open("wb") as file:
            file.truncate(recordings.KEPT_BYTES + 1)
        os.utime(path, (number, number))
    recordings.prune(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["whoops-1.jsonl"]


def test_one_that_is_being_written_is_left_alone(tmp_path: Path) -> None:
    """A session that has said nothing for a week, while there were twenty others."""
    old = Writer(tmp_path / "whoops-00.jsonl")
    for number in range(25):
        path = tmp_path / f"whoops-{number:02}.jsonl"
        path.touch()
        os.utime(path, (number, number))
    recordings.prune(tmp_path)
    assert old.path.exists() and len(list(tmp_path.iterdir())) == recordings.KEPT
    old.close()
    recordings.prune(tmp_path)
    assert not old.path.exists()

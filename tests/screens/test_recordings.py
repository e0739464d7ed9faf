import os
from pathlib import Path

from tui.screens import recordings


def test_a_new_recording_never_takes_a_name_twice(tmp_path: Path) -> None:
    first = recordings.begin(tmp_path / "new", now=1_763_863_200)
    first.touch()
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
    assert len(left) == recordings.KEPT - 1 and left[0] == "whoops-06.jsonl"
    assert (tmp_path / "mine.jsonl").exists()


def test_together_they_stay_under_the_limit(tmp_path: Path) -> None:
    for number in range(3):
        path = tmp_path / f"whoops-{number}.jsonl"
        with path.open("wb") as file:
            file.truncate(recordings.KEPT_BYTES // 2 - 1)
        os.utime(path, (number, number))
    recordings.prune(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["whoops-1.jsonl", "whoops-2.jsonl"]

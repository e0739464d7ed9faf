from pathlib import Path

from tui.screens import log
from tui.screens.log import Log


def test_lines_are_kept_to_look_at_and_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "state" / "whoops.log"
    kept = Log(path)
    assert kept.last == "" and not path.parent.exists()
    kept.append("one")
    kept.append("two \udcff")
    assert list(kept) == ["one", "two \udcff"] and kept.last == "two \udcff"
    lines = path.read_text().splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == ["one", "two \\udcff"]
    assert lines[0].startswith("20") and "T" in lines[0].split()[0]


def test_only_the_newest_are_looked_at() -> None:
    kept = Log()
    for number in range(log.KEPT + 3):
        kept.append(str(number))
    assert next(iter(kept)) == "3" and len(list(kept)) == log.KEPT


def test_a_long_file_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "whoops.log"
    for _ in range(2):
        path.write_bytes(b"x" * (log.FILE_LIMIT + 1))
        Log(path).append("new")
    assert path.read_text().endswith("new\n") and path.stat().st_size < 100
    assert (tmp_path / "whoops.old.log").stat().st_size == log.FILE_LIMIT + 1


def test_a_file_that_cannot_be_written_is_no_reason_to_stop(tmp_path: Path) -> None:
    kept = Log(tmp_path)
    kept.append("one")
    assert list(kept) == ["one"]

"""Writing a recording, and what a full disk does to it."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from tui.recording.writer import Writer, in_use


def test_lines_are_in_the_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with Writer(path) as writer:
        assert writer.write(b'{"type":"a"}\n') and writer.write(b'{"ty')
        assert path.read_bytes() == b'{"type":"a"}\n{"ty'
        assert (writer.position, writer.stopped) == (17, None)


def test_a_recording_begins_anew_and_is_its_owner_s(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("old")
    path.chmod(0o600)
    Writer(path).close()
    assert path.read_bytes() == b""
    Writer(tmp_path / "b.jsonl").close()
    assert (tmp_path / "b.jsonl").stat().st_mode & 0o077 == 0


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Writer(tmp_path / "none" / "a.jsonl")


# A limit on the file's size stands for a full disk: the kernel writes what fits and refuses the rest.
_FULL = """
import resource, sys
from pathlib import Path
from tui.recording.writer import Writer, in_use
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
writer = Writer(Path(sys.argv[1]))
line = b"x" * 63 + b"\\n"
answers = [writer.write(line) for _ in range(20)]
print(answers.count(True), writer.position, *writer.stopped[:2])
"""


def test_a_full_disk_stops_the_recording_at_a_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", _FULL, str(path)], capture_output=True, text=True, check=True, cwd=Path.cwd()
    )
    assert done.stdout.split() == ["15", "960", "960", errno.errorcode[errno.EFBIG]]
    assert path.read_bytes() == (b"x" * 63 + b"\n") * 15


def test_a_chunk_that_does_not_fit_leaves_the_whole_lines_of_it(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    script = _FULL.replace("for _ in range(20)", "for line in (line * 40,)")
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "960", "960", errno.errorcode[errno.EFBIG]]
    assert path.stat().st_size == 960


def test_what_another_is_writing_is_neither_emptied_nor_written(tmp_path: Path) -> None:
    path = tmp_path / "night.jsonl"
    with Writer(path) as first:
        first.write(b"1\n")
        with pytest.raises(OSError, match="busy") as refused:
            Writer(path)
        first.write(b"2\n")
    assert refused.value.filename == str(path)
    assert path.read_bytes() == b"1\n2\n"


def test_whether_somebody_is_writing_it(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    assert not in_use(path) and not path.exists()
    with Writer(path):
        assert in_use(path)
        assert in_use(path)
    assert not in_use(path)


def test_why_it_stopped(tmp_path: Path) -> None:
    with Writer(Path("/dev/full")) as writer:
        assert not writer.write(b"{}\n") and writer.stopped is not None
        assert (writer.stopped.at, writer.stopped.errno, writer.stopped.error.errno) == (0, "ENOSPC", errno.ENOSPC)

import os
import stat
from pathlib import Path

import pytest

from tui.facts.redaction import Redactor
from tui.screens.recent import KEPT, Recent


def test_the_last_twenty_newest_first_each_once(tmp_path: Path) -> None:
    recent = Recent(tmp_path / "state" / "recent.json", Redactor())
    assert recent.lines() == [] and not (tmp_path / "state").exists()
    for number in range(KEPT + 5):
        recent.add({"name": "A", "url": f"ws://h/{number}"})
    recent.add({"name": "bob", "url": "ws://h/10", "insecure": True})
    recent.add({"name": "C", "url": "ws://h/20"})
    lines = recent.lines()
    assert lines[:3] == ["ws://h/20", "ws://h/10 --insecure", "ws://h/24"]
    assert len(lines) == KEPT == len(set(lines))


def test_only_its_owner_may_read_it_and_no_secret_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "recent.json"
    old = os.umask(0)
    try:
        recent = Recent(path, Redactor(["sesame"]))
        recent.add({"name": "A", "url": "ws://me:hunter2@h/?access_token=hunter2", "passcode": "hunter2"})
        recent.add({"name": "A", "url": "ws://h/", "do": ["1 send sesame"], "cookie": ["s=hunter2"]})
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "hunter2" not in path.read_text() and "sesame" not in path.read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["recent.json"]


@pytest.mark.parametrize("spoilt", [b"", b"{", b'{"targets":[1]}', b"\xff", b"[]"])
def test_a_spoilt_file_is_none_and_is_written_anew(tmp_path: Path, spoilt: bytes) -> None:
    path = tmp_path / "recent.json"
    path.write_bytes(spoilt)
    recent = Recent(path, Redactor())
    assert recent.lines() == []
    recent.add({"name": "A", "url": "ws://h/"})
    assert recent.lines() == ["ws://h/"]


def test_a_place_that_cannot_be_written_is_no_reason_to_stop(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    recent = Recent(tmp_path / "file" / "recent.json", Redactor())
    recent.add({"name": "A", "url": "ws://h/"})
    assert recent.lines() == []

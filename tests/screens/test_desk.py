import time
from pathlib import Path

from tests.view.story import Story
from tui.screens.desk import Desk
from tui.screens.source import Asked, FileSource, ProbeSource
from tui.view.look import Look


def write(path: Path, story: Story) -> Path:
    path.write_bytes(story.data)
    return path


def test_two_recordings_stand_side_by_side_under_their_own_names(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{name}.jsonl", Story().asker()) for name in ("home", "office")]
    desk = Desk([FileSource(path) for path in paths], Look(), tmp_path)
    deadline = time.monotonic() + 10
    while (desk.behind or not desk.panes) and time.monotonic() < deadline:
        desk.poll()
    assert [pane.name for pane in desk.panes] == ["A@home", "B@home", "A@office", "B@office"]
    assert [pane.name for pane in desk.siblings(desk.panes[2])] == ["A@office", "B@office"]
    assert desk.open_sessions == 0 and desk.recording is None and not desk.lost


def test_a_recording_s_clock_is_its_own(tmp_path: Path) -> None:
    desk = Desk([FileSource(write(tmp_path / "a.jsonl", Story().asker(end=5)))], Look(), tmp_path)
    desk.poll()
    assert desk.stream_of(desk.panes[0]).now() == 104.52
    time.sleep(0.01)
    assert desk.stream_of(desk.panes[0]).now() == 104.52


def test_sessions_are_opened_when_their_delay_has_passed(tmp_path: Path) -> None:
    source = ProbeSource(
        sessions=(Asked({"name": "A", "url": "ws://a/"}), Asked({"name": "B", "url": "ws://b/"}, delay=5)),
        command=("cat",),
    )
    desk = Desk([source], Look(), tmp_path / "rec")
    assert desk.child is not None
    try:
        desk.open_due(0.0)
        assert [table["name"] for table in desk.child.opened] == ["A"]
        desk.open_due(5.1)
        assert [table["name"] for table in desk.child.opened] == ["A", "B"]
        assert desk.recording is desk.child and desk.child.path.parent == tmp_path / "rec"
    finally:
        desk.child.stop()
        desk.child.close()

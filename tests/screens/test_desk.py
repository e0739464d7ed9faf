from pathlib import Path

from tests.view.story import Story
from tests.waiting import eventually
from tui.facts.redaction import Redactor
from tui.screens.desk import Desk
from tui.screens.recent import Recent
from tui.screens.source import Asked, FileSource, ProbeSource
from tui.view.look import Look


def write(path: Path, story: Story) -> Path:
    path.write_bytes(story.data)
    return path


def test_two_recordings_stand_side_by_side_under_their_own_names(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{name}.jsonl", Story().asker()) for name in ("home", "office")]
    desk = Desk([FileSource(path) for path in paths], Look(), tmp_path)
    eventually(lambda: desk.poll() or (desk.panes and not desk.behind))
    assert [pane.name for pane in desk.panes] == ["A@home", "B@home", "A@office", "B@office"]
    assert [pane.name for pane in desk.siblings(desk.panes[2])] == ["A@office", "B@office"]
    assert desk.open_sessions == 0 and desk.recording is None and not desk.lost


def test_a_recording_s_clock_is_its_own(tmp_path: Path) -> None:
    desk = Desk([FileSource(write(tmp_path / "a.jsonl", Story().asker(end=5)))], Look(), tmp_path)
    eventually(lambda: desk.poll() or (desk.panes and not desk.behind))
    stream = desk.stream_of(desk.panes[0])
    assert stream.feed.clock() is None and stream.now() == 104.52


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


def test_how_far_it_is_and_whether_there_is_more_to_do(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", Story().asker(end=400))
    desk = Desk([FileSource(path)], Look(), tmp_path)
    assert desk.busy and desk.progress == 0.0
    eventually(lambda: desk.poll() or (desk.panes and not desk.behind))
    assert desk.busy and desk.progress == 1.0
    desk.search()
    assert not desk.busy
    desk.panes[0].table.show(query="price")
    desk.panes[0].table.refresh(limit=0)
    eventually(lambda: desk.search() or not desk.busy)


def test_a_session_that_is_opened_is_remembered_unless_it_is_fleeting(tmp_path: Path) -> None:
    recent = Recent(tmp_path / "recent.json", Redactor())
    source = ProbeSource(sessions=(Asked({"name": "A", "url": "ws://lab/"}, fleeting=True),), command=("cat",))
    desk = Desk([source], Look(), tmp_path / "rec", recent=recent)
    assert desk.child is not None
    try:
        desk.open_due(0.0)
        assert recent.lines() == []
        desk.open(Asked({"name": "B", "url": "ws://b/"}))
        assert recent.lines() == ["ws://b/"] and len(desk.child.opened) == 2
    finally:
        desk.child.stop()
        desk.child.close()


def test_a_recording_opens_nothing(tmp_path: Path) -> None:
    recent = Recent(tmp_path / "recent.json", Redactor())
    desk = Desk([FileSource(write(tmp_path / "a.jsonl", Story().asker()))], Look(), tmp_path, recent=recent)
    desk.open(Asked({"name": "B", "url": "ws://b/"}))
    assert recent.lines() == []

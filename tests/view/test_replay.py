from collections.abc import Callable

from tests.view.story import Story
from tui.facts import facts
from tui.view.look import Look
from tui.view.replay import Replay

Fold = Callable[..., Replay]


def test_a_pane_for_every_session_in_the_order_they_came(replay: Fold) -> None:
    assert list(replay(Story().asker().data).panes) == ["A", "B"]


def test_a_drop_is_news_once(replay: Fold) -> None:
    folded = replay(Story().asker().data)
    assert [(drop.name, drop.close.code) for drop in folded.drops()] == [("B", 1002)]
    assert folded.drops() == []


def test_an_end_that_was_asked_for_is_no_drop(replay: Fold) -> None:
    story = Story()
    story.probe()
    story.open("A")
    story.say(facts.Command, "A", id=None, do="close 1000", ok=True, why=None)
    story.control("A", "out", 8, b"\x03\xe8", code=1000, reason="")
    story.control("A", "in", 8, b"\x03\xe8", code=1000, reason="")
    story.end("A")
    assert replay(story.data).drops() == []


def test_bad_lines_are_counted_and_skipped(replay: Fold) -> None:
    data = Story().asker(end=1).data
    folded = replay(data + b"not json\n" + b'{"type":"frame","t":')
    assert [row.torn for row in folded.bad] == [False, True]
    assert folded.bad[0].offset == len(data)
    assert len(folded.panes) == 2


def test_missing_lines_are_counted(replay: Fold) -> None:
    lines = Story().asker(end=5).lines
    assert replay(b"".join(lines)).missing == 0
    assert replay(b"".join(lines[:5] + lines[8:])).missing == 3


def test_time_alone_makes_a_late_row(replay: Fold) -> None:
    folded = replay(Story().asker(end=1).data)
    before = len(folded.panes["A"].blocks)
    folded.advance(110.5)
    rows = [folded.panes["A"].blocks.row(number) for number in range(before, len(folded.panes["A"].blocks))]
    assert [row.key for row in rows] == ["row_beat_late", "row_beat_late"]


def test_what_is_true_of_the_probe_is_seen_in_every_pane(replay: Fold) -> None:
    story = Story().asker(end=1)
    story.say(facts.Stall, why="scheduling", wall=2.5, mono=2.5)
    folded = replay(story.data)
    for pane in folded.panes.values():
        assert pane.blocks.row(len(pane.blocks) - 1).key == "row_stall_scheduling"


def test_a_probe_that_is_gone_leaves_its_open_sessions_lost(replay: Fold) -> None:
    folded = replay(Story().asker().data)
    folded.lose()
    assert {name: pane.lost for name, pane in folded.panes.items()} == {"A": True, "B": False}


def test_a_probe_started_again_goes_on_in_the_same_pane(replay: Fold) -> None:
    story = Story().asker(end=2)
    story.n = 0
    story.at(500).probe()
    story.open("A")
    folded = replay(story.data)
    pane = folded.panes["A"]
    assert pane.session.ready_at == 600.0
    assert not pane.lost and folded.missing == 0


def test_another_look_reaches_every_pane(replay: Fold) -> None:
    folded = replay(Story().asker().data)
    folded.use(Look(lang="zh"))
    assert {pane.table.look.lang for pane in folded.panes.values()} == {"zh"}

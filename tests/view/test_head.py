from collections.abc import Callable

import pytest

from tests.view.story import Story
from tui.view import head
from tui.view.glyphs import ASCII
from tui.view.lines import plain, width
from tui.view.look import Look
from tui.view.replay import Replay

Fold = Callable[..., Replay]

LOOKS = [Look(), Look(lang="zh"), Look(glyphs=ASCII)]


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("room", [50, 60, 80, 120])
def test_a_boxed_head_is_straight(replay: Fold, look: Look, room: int) -> None:
    folded = replay(Story().asker().data, look)
    for pane in folded.panes.values():
        lines = head.boxed(pane, 150, look, room, focused=True)
        assert [width(line) for line in lines] == [room] * 7
        assert width(head.foot(look, room, (), focused=False)) == room


def test_a_boxed_head_says_who_where_and_how(replay: Fold) -> None:
    folded = replay(Story().asker().data)
    title, chips, *_ = [plain(line) for line in head.boxed(folded.panes["B"], 150, Look(), 60, focused=False)]
    assert title == "╭─ B ─ stomp+ws://shop.local:8080/app ───── ✖ DROPPED 0:42 ╮"
    assert chips == "│ ws · stomp 1.2 · deflate                ▲ 5      ▼ 19    │"


def test_a_long_url_gives_way_to_the_state(replay: Fold) -> None:
    story = Story()
    story.probe()
    story.open("A", url="ws://shop.local/" + "x" * 99)
    [title, *_] = head.boxed(replay(story.data).panes["A"], 101, Look(), 60, focused=False)
    assert plain(title).endswith("● OPEN 0:01 ╮") and "…" in plain(title)


@pytest.mark.parametrize("look", LOOKS)
def test_a_bare_head_takes_two_timers_a_line(replay: Fold, look: Look) -> None:
    folded = replay(Story().asker().data, look)
    lines = head.bare(folded.panes["A"], 150, look, 80, ())
    assert [width(line) for line in lines] == [80] * 4


def test_the_strip_has_every_session_in_a_word(replay: Fold) -> None:
    panes = list(replay(Story().asker().data).panes.values())
    assert plain(head.strip(panes, 1, [150, 150], Look(), 80)) == "A ● 0:50   B ✖ 1002 0:42   [2/2]"


def test_a_table_says_that_it_is_paused_and_how_far_behind() -> None:
    assert head.table_note(Look(), behind=0, following=True, query="", searched=1) == ()
    note = plain(head.table_note(Look(), behind=37, following=False, query="a\x1b", searched=0.5))
    assert "‖ paused +37" in note and "50%" in note and note.isprintable()


def test_a_session_whose_probe_is_gone_is_said_to_be_lost(replay: Fold) -> None:
    folded = replay(Story().asker().data)
    folded.lose()
    assert head.shown_state(folded.panes["A"], Look()).word == "PROBE LOST"
    assert head.shown_state(folded.panes["B"], Look()).word == "DROPPED"


def test_an_empty_table_says_why(replay: Fold) -> None:
    pane = replay(Story().asker().data).panes["A"]
    assert "filter" in plain(head.waiting(pane, Look()))

import io
from collections.abc import Callable

from textual.app import App

from tests.view.story import Story
from tui.recording.reader import read
from tui.view.lines import plain
from tui.view.look import Look
from tui.view.replay import Replay
from tui.widgets.session_pane import Frame, SessionPane

Alone = Callable[..., App[None]]


def folded(data: bytes) -> Replay:
    replay = Replay(Look(), lambda offset: data[offset : data.index(b"\n", offset)])
    for row in read(io.BytesIO(data)):
        replay.feed(row)
    return replay


def frame(replay: Replay, *, boxed: bool, now: float = 150.0) -> Frame:
    return Frame(now, Look(), list(replay.panes.values()), boxed)


async def test_a_dropped_session_has_head_rows_edge_and_card(alone: Alone) -> None:
    replay = folded(Story().asker().data)
    pane = SessionPane(replay.panes["B"], Look())
    async with alone(pane).run_test(size=(60, 38)) as pilot:
        await pilot.pause()
        pane.tick(frame(replay, boxed=True))
        await pilot.pause()
        pane.tick(frame(replay, boxed=True))
        assert pane.head.size.height == 7 and pane.foot.display and pane.card.display
        assert "1002 Protocol error" in plain(pane.card.lines[0])
        assert pane.card.size.height <= 38 * 2 // 5
        last = pane.table.render_line(pane.table.size.height - 1).text
        assert "end" in last and "FIN" in last


async def test_without_a_box_it_has_no_edges(alone: Alone) -> None:
    replay = folded(Story().asker().data)
    pane = SessionPane(replay.panes["A"], Look())
    async with alone(pane).run_test(size=(80, 22)) as pilot:
        await pilot.pause()
        pane.tick(frame(replay, boxed=False))
        await pilot.pause()
        assert pane.head.size.height == 4 and not pane.foot.display and not pane.card.display


async def test_numbers_move_once_a_second_until_something_is_about_to_happen(alone: Alone) -> None:
    story = Story()
    story.probe()
    story.open("A")
    replay = folded(story.data)
    pane = SessionPane(replay.panes["A"], Look())
    async with alone(pane).run_test(size=(60, 38)) as pilot:
        await pilot.pause()
        pane.tick(frame(replay, boxed=True, now=101.05))
        await pilot.pause()
        before = pane.head.repaints
        for tenth in range(1, 9):
            pane.tick(frame(replay, boxed=True, now=101.05 + tenth / 10))
        assert pane.head.repaints == before
        for tenth in range(5):
            pane.tick(frame(replay, boxed=True, now=108 + tenth / 10))
        assert pane.head.repaints >= before + 5

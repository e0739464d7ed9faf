from collections.abc import Callable

from tests.view.story import Story
from tui.view.lines import plain
from tui.view.look import Look
from tui.view.replay import Replay
from tui.view.table import Table

Fold = Callable[..., Replay]


def table(replay: Fold) -> Table:
    return replay(Story().asker().data).panes["A"].table


def types(rows: Table) -> set[str]:
    return {rows.row(index).type for index in range(len(rows))}


def test_beats_can_be_hidden_and_shown(replay: Fold) -> None:
    rows = table(replay)
    everything = len(rows)
    rows.show(hidden={"beat", "trace"})
    assert "⏎" not in types(rows) and len(rows) < everything
    rows.show(hidden=())
    assert "⏎" in types(rows)


def test_a_text_filter_looks_at_layer_type_and_summary(replay: Fold) -> None:
    rows = table(replay)
    rows.show(query="价格 7")
    assert len(rows) == 3 and types(rows) == {"MESSAGE"}
    rows.show(query="connected")
    assert types(rows) == {"CONNECTED"}
    rows.show(query="no such thing")
    assert len(rows) == 0


def test_a_filter_takes_in_new_rows_piece_by_piece(replay: Fold) -> None:
    rows = table(replay)
    rows.query = "stomp"
    rows._shown, rows._scanned = rows._shown[:0], 0
    rows.refresh(limit=10)
    assert rows.searched < 1
    while rows.searched < 1:
        rows.refresh(limit=10)
    assert types(rows) >= {"MESSAGE", "CONNECT"}


def test_a_row_is_found_again_by_its_number(replay: Fold) -> None:
    rows = table(replay)
    number = rows.number(12)
    rows.show(hidden={"event", "trace"})
    assert rows.number(rows.index_of(number)) >= number


def test_another_look_is_another_version(replay: Fold) -> None:
    rows = table(replay)
    version = rows.version
    rows.use(Look())
    assert rows.version == version
    rows.use(Look(lang="zh"))
    assert rows.version != version


def test_times_since_the_row_before_are_those_of_the_rows_shown(replay: Fold) -> None:
    rows = table(replay)
    rows.use(Look(time="since-previous"))
    rows.show(query="MESSAGE")
    assert plain(rows.line(1, 80))[1:13].strip() == "+3.500"

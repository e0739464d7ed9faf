from dataclasses import replace
from datetime import datetime

import pytest

from tui.view.glyphs import ASCII
from tui.view.lines import plain, width
from tui.view.look import Look
from tui.view.rows import Row, draw, heading, type_cells

ROW = Row(1_763_863_200.2049, 100.0, 7, "stomp", "MESSAGE", "data", "in", '/topic/prices {"p":12}', size=84)


@pytest.mark.parametrize("room", [58, 78, 118])
def test_a_row_is_exactly_as_wide_as_its_room(room: int) -> None:
    assert width(draw(ROW, room, Look())) == room
    assert width(heading(Look(), room)) == room


def test_a_row_reads_as_it_should() -> None:
    clock = f"{datetime.fromtimestamp(ROW.t):%H:%M:%S}.204"  # noqa: DTZ006 - the reader's own clock
    assert plain(draw(ROW, 60, Look())) == f' {clock} ◀ stomp  MESSAGE   /topic/prices {{"p":12}}   84'


def test_columns_stand_under_their_names() -> None:
    head, row = plain(heading(Look(), 60)), plain(draw(ROW, 60, Look()))
    assert head.index("time") == row.index(f"{datetime.fromtimestamp(ROW.t):%H}")  # noqa: DTZ006
    assert head.index("layer") == row.index("stomp")
    assert head.index("type") == row.index("MESSAGE")
    assert head.index("summary") == row.index("/topic")


def test_the_longest_command_has_room_where_there_is_some() -> None:
    row = replace(ROW, type="UNSUBSCRIBE")
    assert "UNSUBSCRIBE" in plain(draw(row, 78, Look()))
    assert "UNSUBSCR…" in plain(draw(row, 58, Look()))
    assert type_cells(58) < type_cells(78)


def test_wide_characters_do_not_move_the_columns() -> None:
    line = draw(replace(ROW, text="价格" * 40), 58, Look())
    assert width(line) == 58 and plain(line).endswith("84")


def test_times_since_open_and_since_the_row_before() -> None:
    since_open = plain(draw(ROW, 60, Look(time="since-open"), opened=98.5))
    since_previous = plain(draw(ROW, 60, Look(time="since-previous"), previous=replace(ROW, m=99.75)))
    assert since_open[1:13].strip() == "+1.500"
    assert since_previous[1:13].strip() == "+0.250"


def test_a_marked_row_says_so_with_a_sign() -> None:
    assert plain(draw(ROW, 60, Look(), marked=True)).startswith("▸")


def test_ascii_rows_are_ascii() -> None:
    assert plain(draw(replace(ROW, text="x" * 99), 60, Look(glyphs=ASCII))).isascii()
    assert plain(heading(Look(glyphs=ASCII), 60)).isascii()


def test_a_sentence_of_ours_stands_before_remote_text_in_either_language() -> None:
    row = replace(ROW, key="row_eof_in", text="")
    assert "the server ended" in plain(draw(row, 90, Look()))
    assert "服务器" in plain(draw(row, 90, Look(lang="zh")))

"""The sparse index: any row of a million with few reads and flat memory."""

import io
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.facts import codec
from tui.facts.facts import Stop
from tui.recording.index import Checkpoint, Index
from tui.recording.reader import Line, Reader


def test_row_k_of_a_million_is_near_a_checkpoint() -> None:
    index = Index()
    for row in range(1_000_000):
        index.add(row * 100)
    assert len(index) == 1_000_000
    assert index.checkpoints < 4000
    for row in (0, 1, 255, 256, 123_456, 999_999):
        near = index.checkpoint(row)
        assert 0 <= row - near.row < 256
        assert near.offset == near.row * 100


def test_reading_a_row_back() -> None:
    data = io.BytesIO()
    index = Index(rows=16)
    for row in range(1000):
        index.add(data.tell())
        data.write(codec.encode(Stop(t=1.0, m=float(row), n=row + 1, why="eof")))
    near = index.checkpoint(777)
    data.seek(near.offset)
    rows = Reader(data, offset=near.offset, number=near.row + 1).poll()
    line = next(itertools.islice(rows, 777 - near.row, None))
    assert isinstance(line, Line)
    assert (line.number, line.fact.m) == (778, 777.0)


def test_rare_rows_in_a_large_file_have_a_checkpoint_each() -> None:
    index = Index(rows=256, span=1000)
    for row in range(10):
        index.add(row * 5000)
    assert index.checkpoint(7) == Checkpoint(7, 35000)


@given(st.lists(st.integers(1, 40), min_size=1), st.integers(1, 5), st.integers(1, 60))
def test_a_checkpoint_is_a_line_s_first_row(rows_of_lines: list[int], rows: int, span: int) -> None:
    index = Index(rows=rows, span=span)
    first: dict[int, int] = {}
    for number, count in enumerate(rows_of_lines):
        for _ in range(count):
            first.setdefault(number * 10, index.add(number * 10))
    for row in range(len(index)):
        near = index.checkpoint(row)
        assert near.row <= row and first[near.offset] == near.row


def test_no_such_row() -> None:
    index = Index()
    index.add(0)
    for row in (-1, 1):
        with pytest.raises(IndexError):
            index.checkpoint(row)

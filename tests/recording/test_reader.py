"""Reading a recording back: offsets, findings, torn and bad lines, a growing file."""

import io
import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.session.tape import stomp
from tui.facts import codec
from tui.facts.facts import Unknown
from tui.recording.reader import BadRow, Line, Reader, read

TAPE = stomp()
FACTS = [codec.encode(fact) for fact in TAPE.facts]


def test_every_fact_with_its_place() -> None:
    data = b"".join(FACTS)
    rows = list(read(io.BytesIO(data)))
    assert [row.fact for row in rows if isinstance(row, Line)] == TAPE.facts
    assert [row.number for row in rows] == list(range(1, len(FACTS) + 1))
    assert all(data[row.offset :].startswith(raw) for row, raw in zip(rows, FACTS, strict=True))


def test_findings_and_blank_lines_are_passed_over_and_counted() -> None:
    data = codec.encode(TAPE.findings[0]) + b"\r\n" + FACTS[0]
    (row,) = read(io.BytesIO(data))
    assert (row.number, row.offset) == (3, len(data) - len(FACTS[0]))


def test_a_torn_last_line_is_reported() -> None:
    rows = list(read(io.BytesIO(FACTS[0] + FACTS[1][:-20])))
    assert isinstance(rows[0], Line)
    assert isinstance(rows[1], BadRow)
    assert (rows[1].torn, rows[1].number, rows[1].offset) == (True, 2, len(FACTS[0]))


def test_a_whole_last_line_without_its_newline_is_read() -> None:
    assert isinstance(next(iter(read(io.BytesIO(FACTS[0][:-1])))), Line)


def test_a_bad_line_in_the_middle_is_reported_and_skipped() -> None:
    rows = list(read(io.BytesIO(FACTS[0] + b"not json\n" + FACTS[1])))
    assert [type(row) for row in rows] == [Line, BadRow, Line]
    assert isinstance(rows[1], BadRow)
    assert (rows[1].number, rows[1].torn) == (2, False) and rows[1].why
    assert rows[2].number == 3


def test_an_unknown_line_is_kept() -> None:
    (row,) = read(io.BytesIO(b'{"type":"hologram","t":1.0,"m":2.0,"n":3,"x":[1]}\n'))
    assert isinstance(row, Line) and isinstance(row.fact, Unknown)
    assert row.fact.line.endswith(b'"x":[1]}')


def test_a_growing_file_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with path.open("wb", buffering=0) as writing, path.open("rb") as reading:
        reader = Reader(reading)
        assert list(reader.poll()) == []
        writing.write(FACTS[0] + FACTS[1][:10])
        assert [row.number for row in reader.poll()] == [1]
        assert reader.pending == 10
        writing.write(FACTS[1][10:])
        assert [(row.number, row.offset) for row in reader.poll()] == [(2, len(FACTS[0]))]
        assert list(reader.finish()) == []


def test_a_pipe_gives_what_it_has() -> None:
    receiving, sending = os.pipe()
    os.write(sending, FACTS[0])
    with os.fdopen(receiving, "rb") as file:
        rows = Reader(file).poll()
        assert isinstance(next(rows), Line)  # while the other end is still open
        os.close(sending)
        assert list(rows) == []


def test_reading_begins_anywhere() -> None:
    data = b"".join(FACTS)
    at = len(FACTS[0])
    file = io.BytesIO(data)
    file.seek(at)
    row = next(Reader(file, offset=at, number=2).poll())
    assert (row.number, row.offset) == (2, at)


def test_a_line_without_end_is_given_up_on() -> None:
    reader = Reader(io.BytesIO(), longest=1000)
    rows = [row for _ in range(10) for row in reader.feed(b"x" * 600)]
    rows += reader.feed(b"x\n" + FACTS[0])
    assert [(type(row), row.number, row.offset) for row in rows] == [(BadRow, 1, 0), (Line, 2, 6002)]


@given(st.lists(st.integers(1, 200), max_size=20))
def test_chunks_do_not_matter(cuts: list[int]) -> None:
    data = b"".join(FACTS) + b"bad\n" + FACTS[0][:7]
    reader = Reader(io.BytesIO())
    rows: list[Line | BadRow] = []
    for cut in cuts:
        rows += reader.feed(data[:cut])
        data = data[cut:]
    rows += reader.feed(data)
    rows += reader.finish()
    assert rows == list(read(io.BytesIO(b"".join(FACTS) + b"bad\n" + FACTS[0][:7])))

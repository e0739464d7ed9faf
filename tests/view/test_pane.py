import io
from collections.abc import Callable

from tests.view.story import Story
from tui.facts import facts
from tui.protocols.stomp import Beat, StompFrame
from tui.recording.reader import read
from tui.view.blocks import RECENT, ROWS_PER_BLOCK
from tui.view.lines import plain
from tui.view.look import Look
from tui.view.replay import Replay
from tui.view.rows import Row

Fold = Callable[..., Replay]


def test_rows_read_back_are_the_rows_that_were_there() -> None:
    story = Story()
    story.probe()
    story.open("A", beat="1000,1000")
    story.open("B")
    for number in range(12 * ROWS_PER_BLOCK):
        story.at(number * 0.7).message("A", f"body {number}")
        if number % 3 == 0:
            story.message("B", "x")
        if number % 5 == 0:  # a STOMP frame in two messages, across every kind of block border
            story.text("A", "in", f"MESSAGE\ndestination:/split\n\nhalf {number} ")
            story.text("A", "in", "and half\0")
        if number % 11 == 0:
            story.at(number * 0.7 + 0.3).text("A", "out", "\n")
    data = story.data
    live: list[Row] = []  # as they were made, before any was dropped from memory
    streamed = Replay(Look(), lambda offset: data[offset : data.index(b"\n", offset)])
    for line in read(io.BytesIO(data)):
        streamed.feed(line)
        if "A" in streamed.panes:
            blocks = streamed.panes["A"].blocks
            live += [blocks.row(number) for number in range(len(live), len(blocks))]
    assert len(live) > (RECENT + 4) * ROWS_PER_BLOCK
    assert [blocks.row(number) for number in range(len(blocks))] == live


def test_what_a_row_was_made_of_can_be_had_again(replay: Fold) -> None:
    pane = replay(Story().asker().data).panes["A"]
    numbers = {pane.blocks.row(number).type: number for number in range(len(pane.blocks))}
    message = pane.whole(numbers["MESSAGE"])
    assert message is not None
    assert isinstance(message.fact, facts.Frame) and isinstance(message.decoded, StompFrame)
    beat = pane.whole(numbers["⏎"])
    assert beat is not None and isinstance(beat.decoded, Beat)
    opened = pane.whole(numbers["open"])
    assert opened is not None and opened.decoded is None


def test_a_late_beat_is_a_row(replay: Fold) -> None:
    pane = replay(Story().asker().data).panes["B"]
    rows = [pane.blocks.row(number) for number in range(len(pane.blocks))]
    assert [(row.type, row.role) for row in rows if row.key in ("row_beat_late", "row_beat_missed")] == [
        ("late", "late"),
        ("missed", "dead"),
    ]


def test_a_line_this_version_does_not_know_is_shown_as_such(replay: Fold) -> None:
    data = Story().asker(end=1).data + b'{"type":"future","t":1,"m":102,"s":"A","c":1,"n":99,"what":"\\u001b"}\n'
    pane = replay(data).panes["A"]
    row = pane.blocks.row(len(pane.blocks) - 1)
    assert (row.layer, row.type, row.key) == ("?", "future", "row_unknown")
    assert plain(pane.table.line(len(pane.table) - 1, 120)).isprintable()

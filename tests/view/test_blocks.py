import pytest

from tui.view.blocks import RECENT, REREAD, ROWS_PER_BLOCK, Block, Blocks
from tui.view.rows import Kind, Row


def row(number: int, kind: Kind = "data") -> Row:
    return Row(0.0, float(number), number, "ws", "text", kind, text=str(number))


class Store:
    """Blocks over a list of rows, one fact a row, with a count of what was made again."""

    def __init__(self, *, checkpoint: bytes | None = b"here") -> None:
        self.remade: list[int] = []
        self.checkpoint = checkpoint
        self.blocks = Blocks(self.remake, lambda: self.checkpoint)

    def remake(self, block: Block) -> list[Row]:
        self.remade.append(block.first)
        return [row(offset // 10) for offset in block.offsets]

    def fill(self, count: int, *, stored: bool = True) -> None:
        start = len(self.blocks)
        for number in range(start, start + count):
            self.blocks.append([row(number)], number * 10 if stored else None)


def test_every_row_can_be_had_while_few_are_in_memory() -> None:
    store = Store()
    store.fill(50 * ROWS_PER_BLOCK)
    assert len(store.blocks) == 50 * ROWS_PER_BLOCK
    assert store.blocks.resident <= (RECENT + 1) * ROWS_PER_BLOCK
    for number in (0, 1, ROWS_PER_BLOCK, 17 * ROWS_PER_BLOCK + 3, len(store.blocks) - 1):
        assert store.blocks.row(number).n == number
    assert store.blocks.resident <= (RECENT + REREAD + 1) * ROWS_PER_BLOCK


def test_a_block_read_back_is_kept_for_a_while() -> None:
    store = Store()
    store.fill(20 * ROWS_PER_BLOCK)
    for number in range(100):
        store.blocks.row(number)
    assert store.remade == [0]


def test_recent_rows_are_not_read_back() -> None:
    store = Store()
    store.fill(20 * ROWS_PER_BLOCK)
    store.blocks.row(len(store.blocks) - 1)
    assert store.remade == []


def test_rows_that_are_in_no_file_stay_in_memory() -> None:
    store = Store()
    store.fill(20 * ROWS_PER_BLOCK, stored=False)
    assert store.blocks.row(0).n == 0
    assert store.remade == []


def test_without_a_checkpoint_a_block_goes_on() -> None:
    store = Store(checkpoint=None)
    store.fill(3 * ROWS_PER_BLOCK)
    assert store.blocks.block_of(0) is store.blocks.block_of(len(store.blocks) - 1)


def test_kinds_are_known_without_reading_back() -> None:
    store = Store()
    store.blocks.append([row(0, "beat")], 0)
    store.fill(20 * ROWS_PER_BLOCK)
    count = len(store.blocks)
    assert list(store.blocks.kinds(0, 1)) == [(0, "beat")]
    everything = list(store.blocks.kinds(0, count))
    assert [number for number, _ in everything] == list(range(count))
    for first, end in ((511, 514), (1, ROWS_PER_BLOCK * 3), (count - 1, count + 99), (5, 5), (count, count)):
        assert list(store.blocks.kinds(first, end)) == everything[first:end]
    assert store.remade == []


def test_a_file_that_lost_lines_does_not_move_later_rows() -> None:
    store = Store()
    store.blocks = Blocks(lambda block: [], lambda: b"here")
    store.fill(20 * ROWS_PER_BLOCK)
    assert store.blocks.row(3).key == "row_lost"
    assert store.blocks.row(len(store.blocks) - 1).n == len(store.blocks) - 1


def test_there_is_no_row_beyond_the_last() -> None:
    with pytest.raises(IndexError):
        Store().blocks.row(0)

"""Hex rows, as ``hexdump -C`` has them."""

from hypothesis import given
from hypothesis import strategies as st

from tui.text.hexrows import hex_rows


def test_rows() -> None:
    rows = list(hex_rows(b"hello\x00\x1b\xff world, 17"))
    assert rows == [
        "00000000  68 65 6c 6c 6f 00 1b ff 20 77 6f 72 6c 64 2c 20  |hello... world, |",
        "00000010  31 37                                            |17|",
    ]
    assert list(hex_rows(b"")) == []


@given(st.binary(max_size=200), st.integers(1, 32))
def test_every_byte_is_there_once(data: bytes, per_row: int) -> None:
    rows = list(hex_rows(data, per_row=per_row))
    assert bytes.fromhex("".join(row.split("  |")[0][10:] for row in rows)) == data
    assert all(row.isascii() and row.isprintable() for row in rows)

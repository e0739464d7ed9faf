"""Bytes as hex rows, for a detail pane or a log."""

from collections.abc import Iterator


def hex_rows(data: bytes, *, per_row: int = 16) -> Iterator[str]:
    """Rows of ``offset  hex  |ASCII|``; what is not printable ASCII shows as a dot."""
    for at in range(0, len(data), per_row):
        row = data[at : at + per_row]
        ascii_ = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        yield f"{at:08x}  {row.hex(' '):<{per_row * 3 - 1}}  |{ascii_}|"

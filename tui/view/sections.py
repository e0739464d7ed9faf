"""The parts a page of ``whoops explain`` is made of: labelled facts and titled lists, in lines."""

from collections.abc import Sequence

from tui.text.cells import pad, width
from tui.text.wrapping import wrap


def labelled(facts: Sequence[tuple[str, str]], cells: int) -> list[str]:
    """Label and text of each fact, the texts in a column of their own.

    Args:
        facts: labels with their texts.
        cells: the most cells a line may have.
    """
    column = max(width(label) for label, _ in facts) + 4
    lines = []
    for label, text in facts:
        lines += wrap(text, cells, first=pad(f"  {label}", column), rest=" " * column)
    return lines


def section(title: str, paragraphs: Sequence[str], cells: int) -> list[str]:
    """A blank line, a title and its list; nothing where there is nothing to list."""
    if not paragraphs:
        return []
    lines = ["", *wrap(title, cells)]
    for paragraph in paragraphs:
        lines += wrap(paragraph, cells, first="  - ", rest="    ")
    return lines

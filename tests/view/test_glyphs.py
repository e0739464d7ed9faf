from dataclasses import fields

import pytest

from tui.text import cells
from tui.view.glyphs import ASCII, UNICODE, Glyphs, named


def signs(glyphs: Glyphs) -> list[str]:
    values = [getattr(glyphs, field.name) for field in fields(glyphs) if field.name != "name"]
    return [sign for value in values for sign in ([value] if isinstance(value, str) else value)]


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_every_sign_is_one_cell_wide(glyphs: Glyphs) -> None:
    assert [sign for sign in signs(glyphs) if cells.width(sign) != 1] == []


def test_every_sign_has_an_ascii_twin() -> None:
    assert all(sign.isascii() and sign.isprintable() for sign in signs(ASCII))
    assert len(ASCII.sparks) == len(UNICODE.sparks)


def test_directions_and_states_stay_apart_in_ascii() -> None:
    assert len({ASCII.open, ASCII.closed, ASCII.dropped, ASCII.connecting, ASCII.closing, ASCII.frozen}) == 6
    assert ASCII.incoming != ASCII.outgoing


def test_a_set_is_found_by_its_name() -> None:
    assert (named("ascii"), named("unicode")) == (ASCII, UNICODE)

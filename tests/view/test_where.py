from pathlib import Path

import pytest

from tui.knowledge.catalogue import LANGUAGES, Language
from tui.options.places import Places
from tui.text import cells
from tui.view.where import where_data, where_lines


@pytest.fixture
def places(tmp_path: Path) -> Places:
    (tmp_path / "log").touch()
    return Places(*(tmp_path / name for name in Places._fields))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_line_for_each_place_in_straight_columns(places: Places, lang: Language) -> None:
    lines = where_lines(places, lang)
    assert len(lines) == len(places)
    assert len({cells.width(line[: line.index("/")]) for line in lines}) == 1
    absent = "not there yet" if lang == "en" else "尚不存在"
    assert [absent in line for line in lines] == [True, True, True, True, False]


def test_as_data(places: Places) -> None:
    data = where_data(places)
    assert list(data) == ["config", "themes", "recordings", "recent", "log"]
    assert data["log"] == {"path": str(places.log), "exists": True} and not data["config"]["exists"]


def test_a_strange_path_is_made_safe(tmp_path: Path) -> None:
    places = Places(*(tmp_path / "\x1b]0;owned\x07" for _ in Places._fields))
    assert all(line.isprintable() for line in where_lines(places, "en"))

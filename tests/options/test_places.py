"""Where things are: from the usual variables, and nothing is made by asking."""

from pathlib import Path

import pytest

from tui.options.places import places


def test_the_config_file_may_be_named(tmp_path: Path) -> None:
    assert places({"WHOOPS_CONFIG": str(tmp_path / "mine.toml")}).config == tmp_path / "mine.toml"


def test_nothing_is_made_by_asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    found = places({})
    assert all(path.is_relative_to(tmp_path) for path in found)
    assert found.themes.parent == found.config.parent and found.log.parent == found.recent.parent
    assert list(tmp_path.iterdir()) == []

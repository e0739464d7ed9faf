from pathlib import Path

import pytest
from textual.color import Color
from textual.theme import Theme

from tui.knowledge.catalogue import LANGUAGES, phrase
from tui.screens import themes


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return path


GOOD = '[colors]\nprimary = "#123456"\nforeground = "#eeeeee"\nbackground = "#000000"\n'


def test_ours_are_a_dark_and_a_light_one_the_dark_first() -> None:
    assert [(theme.name, theme.dark) for theme in themes.ours()] == [("whoops-dark", True), ("whoops-light", False)]


@pytest.mark.parametrize("theme", themes.ours(), ids=lambda theme: theme.name)
def test_every_text_colour_of_ours_can_be_read(theme: Theme) -> None:
    ground = Color.parse(theme.background or "")
    for role, value in theme.variables.items():
        if role not in ("role-edge", "role-focus", "role-marked"):
            assert ground.get_contrast_text(1) and _contrast(Color.parse(value), ground) >= 4.5, role


def _contrast(one: Color, other: Color) -> float:
    def luminance(color: Color) -> float:
        parts = [part / 255 for part in color.rgb]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_a_theme_file_is_read(tmp_path: Path) -> None:
    theme = themes.load(write(tmp_path, 'name = "mine"\ndark = false\n' + GOOD + '[roles]\nlate = "red"\n'))
    assert (theme.name, theme.dark, theme.variables) == ("mine", False, {"role-late": "red"})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[colors", "mine.toml"),
        ("colors = 3\n", "[colors] is a table of colours"),
        (GOOD + '[roles]\nlat = "red"\n', "roles.lat is unknown; did you mean late?"),
        (GOOD + "wrong = 1\n", "colors.wrong is unknown"),
        ('[colors]\nforeground = "red"\nbackground = "red"\n', "colors.primary is missing"),
        (GOOD + '[roles]\nlate = "blurple"\n', "late = 'blurple' is no colour"),
    ],
)
def test_a_bad_theme_is_said_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(themes.BadTheme) as caught:
        themes.load(write(tmp_path, text))
    for lang in LANGUAGES:
        said = phrase(f"screen.{caught.value.key}", lang, **caught.value.args_)
        assert "mine.toml" in said and "\n" not in said
        assert lang == "zh" or words in said


def test_a_users_themes_stand_beside_ours_and_a_bad_one_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text('name = "mine"\n' + GOOD)
    (tmp_path / "a.toml").write_text("[colors")
    (tmp_path / "c.toml").write_text('name = "whoops-light"\ndark = true\n' + GOOD)
    (tmp_path / "notes.txt").write_text("no theme")
    found, bad = themes.choice(tmp_path)
    assert list(found) == ["whoops-dark", "whoops-light", "mine"] and found["whoops-light"].dark
    assert [error.args_["path"] for error in bad] == ["a.toml"]


def test_no_folder_of_themes_is_no_theme(tmp_path: Path) -> None:
    assert themes.theirs(tmp_path / "none") == ([], [])
    assert not (tmp_path / "none").exists()

from tui.view.glyphs import ASCII
from tui.view.help import KEYS, help_lines
from tui.view.lines import plain, width
from tui.view.look import Look


def test_every_key_is_explained_in_both_languages() -> None:
    for look in (Look(), Look(lang="zh")):
        lines = help_lines(look, 100)
        assert {width(line) for line in lines} == {100}
        assert len(lines) > sum(len(keys) for _, keys in KEYS)


def test_no_key_is_listed_twice() -> None:
    keys = [key for _, group in KEYS for key, _ in group]
    assert len(keys) == len(set(keys))


def test_ascii_help_is_ascii() -> None:
    assert "\n".join(map(plain, help_lines(Look(glyphs=ASCII), 100))).isascii()

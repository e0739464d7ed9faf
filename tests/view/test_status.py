from collections.abc import Callable

from tests.view.story import Story
from tui.view import status
from tui.view.lines import line, plain, width
from tui.view.look import Look
from tui.view.replay import Replay

Fold = Callable[..., Replay]


def test_the_top_line(replay: Fold) -> None:
    panes = list(replay(Story().asker().data).panes.values())
    top = status.header(panes, status.Status(recording=72, theme="whoops-dark"), Look(), 120)
    assert width(top) == 120
    assert plain(top).startswith(" whoops   2 sessions · 1 dropped   ● rec 00:01:12")
    assert plain(top).endswith("en   whoops-dark   ^p palette ")


def test_what_is_wrong_is_in_the_top_line(replay: Fold) -> None:
    said = plain(status.header([], status.Status(stopped="ENOSPC", lost=True), Look(), 120))
    assert "recording stopped: ENOSPC" in said and "probe lost" in said


def test_a_file_is_named_and_made_safe() -> None:
    assert "a\\x1b.jsonl" in plain(status.header([], status.Status(file="a\x1b.jsonl"), Look(), 120))


def test_how_far_it_has_caught_up_is_said() -> None:
    assert "catching up 42%" in plain(status.header([], status.Status(behind=0.429), Look(), 120))
    assert "catching up" not in plain(status.header([], status.Status(), Look(), 120))


def test_a_slow_pace_is_said() -> None:
    assert "4 fps (ssh)" in plain(status.header([], status.Status(slow=4), Look(), 120))


def test_a_narrow_top_line_keeps_the_recording_in_sight() -> None:
    top = status.narrow_header(line("A ● 0:50 " * 20), status.Status(recording=5), Look(), 80)
    assert width(top) == 80 and plain(top).endswith("● rec 00:00:05 ")


def test_the_bottom_line_is_keys_or_what_was_said() -> None:
    keys = {"?": "key_help", "q": "key_quit"}
    assert plain(status.footer(keys, Look(), 80)) == " ? help   q quit   "
    assert plain(status.footer(keys, Look(), 80, line("no such thing"))) == " no such thing"
    assert width(status.footer(keys, Look(), 10, line("x" * 99))) == 10

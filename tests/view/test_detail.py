from collections.abc import Callable

import pytest

from tests.view.story import Story
from tui.facts import facts
from tui.view.detail import SHOWN, card_detail, detail
from tui.view.lines import plain, width
from tui.view.look import Look
from tui.view.pane import Pane
from tui.view.replay import Replay

Fold = Callable[..., Replay]


def row_of(pane: Pane, type_: str) -> int:
    return next(number for number in range(len(pane.blocks)) if pane.blocks.row(number).type == type_)


def text(pane: Pane, type_: str, *, look: Look | None = None, room: int = 100) -> str:
    lines = detail(pane, row_of(pane, type_), look or Look(), room)
    assert {width(line) for line in lines} == {room}
    return "\n".join(plain(line).rstrip() for line in lines)


def test_a_stomp_frame_in_full(replay: Fold) -> None:
    said = text(replay(Story().asker().data).panes["A"], "MESSAGE")
    assert " destination     /topic/prices" in said
    assert '    "p": 7,' in said
    assert "FIN 1 · RSV 000 · opcode 0x1 · MASK 0" in said
    assert "00000000  4d 45 53 53 41 47 45" in said


def test_a_close_in_full(replay: Fold) -> None:
    said = text(replay(Story().asker().data).panes["B"], "close")
    assert "close code      1002" in said and "03 ea" in said


def test_an_http_answer_in_full(replay: Fold) -> None:
    said = text(replay(Story().asker().data).panes["A"], "answer")
    assert "Server: nginx/1.22" in said and "101" in said


def test_a_finding_says_what_is_known(replay: Fold) -> None:
    assert "20.0s of silence" in text(replay(Story().asker().data).panes["B"], "missed")


def test_a_big_payload_is_cut_and_says_so(replay: Fold) -> None:
    story = Story()
    story.probe()
    story.open("A", url="ws://a/")
    story.text("A", "in", "x" * (SHOWN + 1000))
    assert "and 1000 bytes more" in text(replay(story.data).panes["A"], "text")


def test_nothing_of_it_can_reach_the_terminal(replay: Fold) -> None:
    evil = "\x1b]0;t\x07\x9b\u202e"
    story = Story()
    story.probe()
    story.open("A")
    story.message("A", evil)
    story.say(facts.Http, "A", dir="in", status=200, headers=[(evil, evil)], body=evil, phrase=evil)
    pane = replay(story.data).panes["A"]
    for number in range(len(pane.blocks)):
        assert all(plain(line).isprintable() for line in detail(pane, number, Look(), 80))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_row_of_a_story_can_be_written_out(replay: Fold, lang: str) -> None:
    look = Look(lang=lang)  # type: ignore[arg-type]
    for pane in replay(Story().asker(end=45).data, look).panes.values():
        for number in range(len(pane.blocks)):
            assert detail(pane, number, look, 78)


def test_the_whole_card(replay: Fold) -> None:
    folded = replay(Story().asker().data)
    panes = list(folded.panes.values())
    assert card_detail(panes[0], panes, Look(), 80) == []
    assert any(
        "requires" in plain(line) or "receipt." in plain(line) for line in card_detail(panes[1], panes, Look(), 80)
    )

from collections.abc import Callable

import pytest

from tests.view.story import Story
from tui.facts import facts
from tui.view import timer_rows
from tui.view.glyphs import ASCII
from tui.view.lines import plain, width
from tui.view.look import Look
from tui.view.replay import Replay

Fold = Callable[..., Replay]


def shown(folded: Replay, name: str, now: float, look: Look | None = None, *, room: int = 58) -> list[str]:
    look = look or Look()
    folded.advance(now)
    columns = timer_rows.timers(folded.panes[name].session, now, look)
    lines = [timer_rows.row(column, room, look) for column in columns]
    assert [width(line) for line in lines] == [room] * len(lines)
    return [plain(line).rstrip() for line in lines]


def test_a_healthy_session_counts_down(replay: Fold) -> None:
    story = Story()
    story.probe()
    story.open("A")
    out, in_, ping, tcp = shown(replay(story.data), "A", 102.5)
    assert out == " STOMP ▲ 10.0s ██       next   7.5s               ▁ ok"
    assert in_ == " STOMP ▼ 10.0s ██       due    7.5s +10.0s          ok"
    assert ping == " ping        –  none seen"
    assert tcp == " TCP     quiet ▲  2.5s    ▼    2.5s 0.31ms"


def test_late_is_drawn_before_it_is_fatal(replay: Fold) -> None:
    story = Story()
    story.probe()
    story.open("A")
    folded = replay(story.data)
    out, in_, *_ = shown(folded, "A", 112.0)
    assert out.startswith(" STOMP ▲ 10.0s          gap   12.0s") and out.endswith("LATE")
    assert "+8.0s" in in_ and in_.endswith("LATE")
    out, in_, *_ = shown(folded, "A", 121.0)
    assert out.endswith("MISSED") and in_.endswith("MISSED") and "+" not in in_


def test_timers_stand_still_after_the_end(replay: Fold) -> None:
    folded = replay(Story().asker().data)
    assert shown(folded, "B", 150) == shown(folded, "B", 900)
    out, in_, *_ = shown(folded, "B", 900)
    assert "gap   32.5s" in out and out.endswith("MISSED")
    assert "last   0.0s" in in_ and in_.endswith("ok")


def test_before_and_without_beats(replay: Fold) -> None:
    story = Story()
    story.probe()
    story.open("A", beat="0,0")
    story.open("C", url="ws://echo/")
    folded = replay(story.data)
    assert "off: none agreed" in shown(folded, "A", 101)[0]
    assert len(shown(folded, "C", 101)) == 2


def test_pings_show_their_round_trip_and_one_that_waits(replay: Fold) -> None:
    story = Story()
    story.probe()
    story.open("C", url="ws://echo/")
    story.at(1).control("C", "out", 9, b"a")
    story.at(1.0042).control("C", "in", 10, b"a")
    ping, _ = shown(replay(story.data), "C", 102)
    assert ping.startswith(" ping        – ▲1 ▼0    rtt   4.2ms") and ping.endswith("ok")
    story.at(2).control("C", "out", 9, b"b")
    ping, _ = shown(replay(story.data), "C", 105)
    assert "wait   3.0s" in ping and ping.endswith("LATE")


def test_a_segment_sent_again_is_said(replay: Fold) -> None:
    story = Story()
    story.probe()
    story.open("A")
    story.say(
        facts.TcpInfo, "A", when="silent", outq=5, notsent=0, unacked=1, retrans=2, total_retrans=2, rtt_ms=0.2,
        last_ack_ms=900, last_data_ms=900, state="ESTABLISHED",
    )  # fmt: skip
    folded = replay(story.data)
    columns = timer_rows.timers(folded.panes["A"].session, 101, Look(), retrans=folded.panes["A"].seen.retrans)
    assert plain(timer_rows.row(columns[-1], 58, Look())).rstrip().endswith("RESENT")


@pytest.mark.parametrize("look", [Look(), Look(lang="zh"), Look(glyphs=ASCII), Look(lang="zh", glyphs=ASCII)])
def test_columns_keep_their_places_in_every_look(replay: Fold, look: Look) -> None:
    folded = replay(Story().asker().data)
    for now in (100.0, 109.99, 112, 121, 5000, 1_000_000):
        shown(folded, "A", now, look)
        shown(folded, "A", now, look, room=78)
        for column in timer_rows.timers(folded.panes["A"].session, now, look):
            assert width(timer_rows.short(column, 39, look)) == 39


def test_two_short_timers_never_touch(replay: Fold) -> None:
    folded = replay(Story().asker().data)
    column = timer_rows.timers(folded.panes["B"].session, 150, Look())[0]
    assert plain(timer_rows.short(column, 39, Look())).endswith("MISSED ")


@pytest.mark.parametrize(("now", "sent"), [(102.5, "2.5s"), (149.5, "49.5s"), (5000.0, " 82m")])
def test_a_short_timer_says_both_ways_whole(replay: Fold, now: float, sent: str) -> None:
    story = Story()
    story.probe()
    story.open("A")
    tcp = timer_rows.timers(replay(story.data).panes["A"].session, now, Look())[-1]
    said = plain(timer_rows.short(tcp, 39, Look()))
    assert said.split()[:3] == ["TCP", "quiet", "▼"] and said.rstrip().endswith(f"▲ {sent}")

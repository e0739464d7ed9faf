"""The plan of the idle experiment: what it opens and when, and what each twin sends."""

import pytest

from tests.experiments.lives import READY, alive, connecting, ended
from tui.experiments.idle import Idle, Stage, doubled
from tui.experiments.twins import Kind, twin, twins
from tui.options.spec import SessionSpec, check

STOMP = SessionSpec(url="stomp+ws://h/ws", name="A")
PLAIN = SessionSpec(url="ws://h/", name="A")


@pytest.mark.parametrize(
    ("url", "kinds"),
    [
        ("stomp+ws://h/", ["silent", "up", "down", "ping", "both"]),
        ("stomp+http://h/", ["silent", "up", "down", "ping", "both"]),
        ("stomp://h", ["silent", "up", "down", "both"]),
        ("ws://h/", ["silent", "up", "ping"]),
    ],
)
def test_the_twins_a_target_can_have(url: str, kinds: list[Kind]) -> None:
    found = twins(SessionSpec(url=url, name="A"))
    assert list(found.kinds) == kinds
    assert set(found.skipped) == {"silent", "up", "down", "ping", "both"} - set(kinds)


def test_without_a_websocket_or_stomp_nothing_can_be_sent() -> None:
    assert twins(SessionSpec(url="http://h/", name="A", sockjs_transport="xhr-polling")).kinds == ("silent",)


def test_twins_differ_only_in_who_sends() -> None:
    asked = SessionSpec(
        url=STOMP.url, name="A", login="me", heart_beat="5000,5000", subscribe=["/topic/x"], do=["1 ping"]
    )
    silent, up, down, ping, both = (twin(asked, kind, 2, 5) for kind in twins(asked).kinds)
    assert [one.name for one in (silent, up, down, ping, both)] == ["A-silent", "A-up", "A-down", "A-ping", "A-both"]
    assert (silent.heart_beat, silent.do, silent.subscribe, silent.login) == ("0,0", [], [], "me")
    assert (up.heart_beat, up.do) == ("0,0", ["2 stomp-frame \\n", "4 stomp-frame \\n"])
    assert (down.heart_beat, down.do) == ("0,2000", [])
    assert (ping.heart_beat, ping.do) == ("0,0", ["2 ping", "4 ping"])
    assert (both.heart_beat, both.do) == (down.heart_beat, up.do)
    assert twin(PLAIN, "up", 0.25, 0.5).do == ["0.25 pong", "0.5 pong"]
    for one in (silent, up, down, ping, both):
        check(one)


@pytest.mark.parametrize(("length", "every"), [(1, 0.25), (3, 1), (10, 4), (30, 8), (60, 16), (350, 128), (600, 128)])
def test_two_doubled_intervals_fit_into_the_length(length: float, every: float) -> None:
    assert doubled(length) == every


def test_the_silent_twin_goes_first_and_its_life_is_the_length() -> None:
    plan = Idle(STOMP)
    assert [spec.name for spec in plan.begin()] == ["A-silent"]
    assert plan.step(READY, {"A-silent": connecting()}) == []
    assert plan.step(READY + 59, {"A-silent": alive()}) == []
    opened = plan.step(READY + 60, {"A-silent": ended(60)})
    assert [spec.name for spec in opened] == ["A-up", "A-down", "A-ping", "A-both"]
    assert plan.every == 16
    assert opened[0].do[0] == "16.0 stomp-frame \\n"
    assert len(opened[0].do) >= 1.5 * 60 / 16

    lives = {"A-silent": ended(60), "A-up": alive(), "A-down": ended(60), "A-ping": ended(60), "A-both": alive(16)}
    assert plan.step(READY + 90, lives) == []
    assert not plan.over
    plan.step(READY + 106, lives)
    assert plan.over


def test_an_interval_that_is_given_has_all_of_them_run_at_once() -> None:
    plan = Idle(PLAIN, every=5)
    assert [spec.name for spec in plan.begin()] == ["A-silent", "A-up", "A-ping"]
    plan.step(READY + 20, {"A-silent": ended(20), "A-up": alive(), "A-ping": ended(20)})
    assert not plan.over
    plan.step(READY + 40, {"A-silent": ended(20), "A-up": alive(), "A-ping": ended(20)})
    assert plan.over


def test_it_gives_up_waiting() -> None:
    plan = Idle(PLAIN, at_most=120)
    plan.begin()
    plan.step(READY + 119, {"A-silent": alive()})
    assert not plan.over
    plan.step(READY + 120, {"A-silent": alive()})
    assert plan.over
    assert plan.reading(READY + 120, {"A-silent": alive()}).answer == "none"


def test_it_is_over_where_no_session_comes_to_be() -> None:
    plan = Idle(PLAIN)
    plan.begin()
    assert plan.step(READY, {"A-silent": ended(None, how="refused")}) == []
    assert plan.over


def test_a_wait_is_cut_in_stages_that_double() -> None:
    plan = Idle(PLAIN, at_most=100)
    plan.begin()
    assert plan.stage(READY, {}).name == "opening"
    stages = [plan.stage(READY + waited, {"A-silent": alive()}) for waited in (1, 16, 31, 70)]
    assert stages == [Stage("silent", waited, of) for waited, of in ((1, 15), (16, 30), (31, 60), (70, 100))]

"""Which bytes reset the clock, for every way the twins can fare."""

import pytest

from tests.experiments.lives import READY, alive, connecting, ended
from tui.experiments.life import Life
from tui.experiments.products import fits
from tui.experiments.reading import Answer, Reading, read
from tui.experiments.twins import Kind
from tui.facts.findings import CloseFrame

LENGTH = 60.0
EVERY = 16.0
LONG = READY + 2 * LENGTH


def reading(lives: dict[Kind, Life], *, websocket_only: bool = False, every: float = EVERY) -> Reading:
    return read({"silent": ended(LENGTH), **lives}, m=LONG, every=every, websocket_only=websocket_only)


DEAD, BEATEN = ended(LENGTH + 0.1), ended(LENGTH + 0.1, beat_s=EVERY)
LIVES, BEATS = alive(), alive(EVERY)


@pytest.mark.parametrize(
    ("lives", "answer", "clocks"),
    [
        ({"up": LIVES, "down": BEATS, "both": BEATS}, "any", ("idle_any",)),
        ({"up": LIVES, "down": BEATEN, "both": BEATS}, "ours", ("idle_tx",)),
        ({"up": DEAD, "down": BEATS, "both": BEATS}, "theirs", ("idle_rx",)),
        ({"up": DEAD, "down": BEATEN, "both": BEATS}, "each", ("idle_tx", "idle_rx")),
        ({"up": DEAD, "down": BEATEN, "both": BEATEN}, "lifetime", ("age",)),
        ({"up": LIVES}, "ours_at_least", ("idle_any", "idle_tx")),
        ({"up": DEAD}, "not_ours", ("idle_rx", "age")),
        ({"up": DEAD, "ping": LIVES}, "theirs", ("idle_rx",)),
        ({"down": BEATS}, "theirs_at_least", ("idle_any", "idle_rx")),
    ],
)
def test_the_twins_that_live_tell_the_clock(lives: dict[Kind, Life], answer: Answer, clocks: tuple[str, ...]) -> None:
    found = reading(lives)
    assert (found.answer, found.clocks, found.length) == (answer, clocks, LENGTH)


def test_on_a_plain_websocket_a_message_counter_looks_like_a_lifetime() -> None:
    assert reading({"up": DEAD, "ping": DEAD}, websocket_only=True).answer == "lifetime_or_messages"


def test_a_server_that_did_not_agree_to_beat_shows_nothing() -> None:
    never, seldom = alive(0.0), ended(LENGTH, beat_s=LENGTH)
    assert reading({"up": LIVES, "down": never, "both": never}).answer == "ours_at_least"
    assert reading({"up": LIVES, "down": seldom}).answer == "ours_at_least"


def test_a_twin_that_ends_much_too_early_was_killed_by_something_else() -> None:
    found = reading({"up": ended(2.0), "down": BEATS})
    assert found.answer == "theirs_at_least"
    assert [one.kept for one in found.outcomes] == [None, None, True]


def test_a_killer_that_looks_at_intervals_is_late_but_kills() -> None:
    found = reading({"up": ended(71.0), "down": BEATEN, "both": BEATEN})
    assert found.answer == "lifetime"
    assert found.margin == pytest.approx(11.0)


def test_an_interval_longer_than_the_clock_shows_nothing() -> None:
    found = reading({"up": DEAD, "down": BEATEN, "both": BEATEN}, every=50.0)
    assert found.answer == "too_slow"
    assert all(one.kept is None for one in found.outcomes)


def test_nobody_was_killed() -> None:
    found = read({"silent": alive()}, m=LONG, every=None, websocket_only=True)
    assert (found.answer, found.length, found.clocks) == ("none", None, ())
    assert fits(found) == ((), ())


@pytest.mark.parametrize("silent", [ended(None, how="refused"), connecting()])
def test_no_session_came_to_be(silent: Life) -> None:
    assert read({"silent": silent}, m=LONG, every=None, websocket_only=True).answer == "failed"


def test_a_server_that_sends_unasked_is_told_of() -> None:
    chatty = ended(LENGTH, idle_rx=10.0)
    assert read({"silent": chatty, "up": LIVES}, m=LONG, every=EVERY, websocket_only=True).chatty
    assert not reading({"up": LIVES}).chatty

    pinged = Life(READY, None, 0.0, 0.0, heard_at=READY + 40)
    assert read({"silent": pinged}, m=LONG, every=None, websocket_only=True).chatty
    assert not read({"silent": alive()}, m=LONG, every=None, websocket_only=True).chatty


def products(found: Reading) -> list[str]:
    return [window.id for window in fits(found).default]


def test_products_fit_by_clock_length_and_ending() -> None:
    any_byte: dict[Kind, Life] = {"up": LIVES, "down": BEATS, "ping": LIVES}
    found = reading(any_byte)
    assert products(found) == ["nginx-proxy-read", "apache-proxytimeout", "aws-alb", "haproxy-tunnel"]

    jetty = ended(30.2, received=CloseFrame(code=1001, reason="Connection Idle Timeout"))
    assert products(read({"silent": jetty, **any_byte}, m=LONG, every=8.0, websocket_only=False)) == ["jetty-idle"]

    cowboy = ended(60.2, received=CloseFrame(code=1000, reason=""))
    only_ours = read({"silent": cowboy, "up": LIVES, "down": BEATEN}, m=LONG, every=EVERY, websocket_only=False)
    assert products(only_ours) == ["cowboy-idle-old", "cowboy-idle-new", "phoenix-idle"]

    artemis = ended(61.0, error="AMQ229014")
    only_ours = read({"silent": artemis, "up": LIVES, "down": BEATEN}, m=LONG, every=EVERY, websocket_only=False)
    assert products(only_ours) == ["artemis-ttl-default"]


def test_what_counts_bytes_is_not_blamed_where_pings_do_not_count() -> None:
    found = reading({"up": LIVES, "down": BEATS, "ping": DEAD})
    assert found.pings is False
    assert products(found) == []
    assert "nginx-proxy-read" not in [window.id for window in fits(found).otherwise]


def test_another_length_is_a_setting_of_somebodys() -> None:
    found = read({"silent": ended(3.0), "up": LIVES, "down": alive(1.0)}, m=LONG, every=1.0, websocket_only=False)
    default, otherwise = fits(found)
    assert default == ()
    assert "nginx-proxy-read" in [window.id for window in otherwise]
    assert not any(window.setting.startswith("none") for window in otherwise)

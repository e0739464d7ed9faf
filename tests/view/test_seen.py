from tests.view.story import T0, Story
from tui.facts import facts
from tui.view.seen import Seen


def test_the_server_s_clock_comes_from_its_date(story: Story) -> None:
    seen = Seen()
    headers = [("Server", "nginx"), ("Date", "Sun, 23 Nov 2025 02:00:05 GMT")]
    seen.notice(story.say(facts.Http, "A", dir="in", status=101, headers=headers))
    assert seen.server == "nginx"
    assert seen.clock_ahead is not None and abs(seen.clock_ahead - (1_763_863_205.5 - T0)) < 1e-6


def test_a_date_that_is_none_is_none(story: Story) -> None:
    seen = Seen()
    seen.notice(story.say(facts.Http, "A", dir="in", status=101, headers=[("Date", "yesterday")]))
    assert seen.clock_ahead is None


def test_a_new_connection_knows_nothing_of_the_one_before(story: Story) -> None:
    seen = Seen()
    seen.notice(story.say(facts.Tls, "A", ok=True, version="TLSv1.3"))
    seen.notice(story.say(facts.Tcp, "A", role="main", remote="10.0.0.7:443", local=None, ms=1.0))
    assert (seen.tls, seen.remote) == ("TLSv1.3", "10.0.0.7:443")
    seen.notice(story.say(facts.Resolved, "A", c=2, host="h", addresses=[], ms=0.1))
    assert (seen.tls, seen.remote) == ("", "")

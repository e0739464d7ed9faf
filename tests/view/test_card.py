from collections.abc import Callable

import pytest

from tests.scenarios.replaying import HERE
from tests.view.story import Story
from tui.facts import facts
from tui.view import card
from tui.view.glyphs import ASCII
from tui.view.lines import plain, width
from tui.view.look import Look
from tui.view.replay import Replay

Fold = Callable[..., Replay]


def made(folded: Replay, name: str, look: Look | None = None) -> card.Card:
    found = card.card(folded.panes[name], list(folded.panes.values()), look or Look())
    assert found is not None
    return found


def text(folded: Replay, name: str, *, room: int = 100) -> str:
    return "\n".join(plain(line).rstrip() for line in card.bare(made(folded, name), Look(), room, 99))


def ended(replay: Fold, *, url: str = "ws://shop.local/app", close: int | None = None, **end: object) -> Replay:
    story = Story()
    story.probe()
    story.open("A", url=url)
    if close is not None:
        story.at(3).control("A", "in", 8, close.to_bytes(2), code=close, reason="go away")
    story.at(3).end("A", **end)
    return replay(story.data)


def test_a_session_that_lives_has_no_card(replay: Fold) -> None:
    folded = replay(Story().asker().data)
    assert card.card(folded.panes["A"], [], Look()) is None


def test_the_asker_s_card(replay: Fold) -> None:
    said = text(replay(Story().asker().data), "B")
    assert said.splitlines()[0].startswith(" ✖ 1002 Protocol error · received · server closed first")
    assert "why      our heart-beats came too late · certain, 99 %" in said
    assert "side     client · this session alone: A, same server, lives" in said
    assert "because  ERROR “Session closed.”" in said
    assert "next     Beat from a Worker" in said and "confirm  Compare the gap" in said
    assert 'said     STOMP ERROR "Session closed."' in said
    assert "CloseEvent: code 1002, wasClean true" in said
    assert "lived    42.5s; last byte received 0.0s, sent 32.5s before the end" in said
    assert "others   A, same server, lives" in said
    assert "UTC by its own clock" in said


def test_a_bare_end_is_synthetic(replay: Fold) -> None:
    said = text(ended(replay, how="reset", errno="ECONNRESET"), "A")
    assert "1006" in said and "synthetic" in said
    assert "TCP      RST: reset · ECONNRESET" in said
    assert "wasClean false" in said


def test_tls_and_what_was_left_over_are_said(replay: Fold) -> None:
    said = text(
        ended(
            replay, url="wss://shop.local/app", how="tls", detail="wrong \x1b thing",
            alert=facts.Alert(name="handshake_failure", number=40, dir="in"),
            close_notify=facts.CloseNotify(in_=False, out=False), undecoded=7, unread=0, unsent=1234,
        ),
        "A",
    )  # fmt: skip
    assert "TLS alert received: handshake_failure (40)" in said
    assert "no TLS close_notify" in said
    assert "7 B of a frame" in said and "1234 B unsent" in said
    assert "\x1b" not in said


def test_a_session_that_never_became_ready(replay: Fold) -> None:
    story = Story()
    story.probe()
    story.say(facts.Target, "A", c=0, url="ws://nowhere/", spec={})
    story.end("A", how="refused", phase="tcp", errno="ECONNREFUSED")
    said = text(replay(story.data), "A")
    assert "it never became ready" in said
    assert "refused · ECONNREFUSED · while TCP" in said


def test_a_close_that_was_asked_for_is_quiet(replay: Fold) -> None:
    story = Story()
    story.probe()
    story.open("A")
    story.say(facts.Command, "A", id=None, do="close 1000", ok=True, why=None)
    story.control("A", "out", 8, b"\x03\xe8", code=1000, reason="")
    story.control("A", "in", 8, b"\x03\xe8", code=1000, reason="")
    story.end("A")
    folded = replay(story.data)
    assert made(folded, "A").role == "muted"
    assert text(folded, "A").startswith(" ○ 1000")


def test_what_became_of_the_others(replay: Fold) -> None:
    story = Story().asker()
    story.at(52).end("A", how="reset")
    said = text(replay(story.data), "B")
    assert "A, same server, ended 9.5s after" in said


def test_a_lost_probe_has_a_card_of_its_own(replay: Fold) -> None:
    folded = replay(Story().asker().data)
    folded.lose()
    assert "the probe is gone" in text(folded, "A")


@pytest.mark.parametrize("look", [Look(), Look(lang="zh"), Look(glyphs=ASCII), Look(lang="zh", glyphs=ASCII)])
@pytest.mark.parametrize("room", [40, 60, 100])
@pytest.mark.parametrize("height", [6, 9, 16])
def test_a_card_is_straight_and_never_higher_than_its_room(replay: Fold, look: Look, room: int, height: int) -> None:
    found = made(replay(Story().asker().data, look), "B", look)
    for draw in (card.boxed, card.bare):
        lines = draw(found, look, room, height)
        assert len(lines) <= height
        assert {width(line) for line in lines} == {room}


def test_a_low_card_keeps_what_matters_most(replay: Fold) -> None:
    lines = card.bare(made(replay(Story().asker().data), "B"), Look(), 78, 4)
    said = "\n".join(map(plain, lines))
    assert "1002" in said and "Session closed." in said
    assert "CloseEvent" not in said


def test_a_title_without_room_says_the_rest_below(replay: Fold) -> None:
    lines = [plain(line) for line in card.boxed(made(replay(Story().asker().data), "B"), Look(), 40, 20)]
    assert lines[0].startswith("╭ ✖ 1002 Protocol error · received")
    assert any("who" in line and "server closed first" in line for line in lines)


def vendor(replay: Fold, code: int, reason: str, *, ours: bool = False, look: Look | None = None, **known: str) -> str:
    """What a card says a Close means, in these surroundings."""
    story = Story()
    story.probe()
    story.say(facts.Target, "A", c=0, url=known.get("url", "wss://shop.local/"), spec={})
    story.say(facts.Http, "A", dir="in", status=101, headers=[("Server", known.get("server", ""))], ms=1.0)
    story.say(facts.Open, "A", subprotocol=known.get("subprotocol"), extensions=[])
    ways = ("out", "in") if ours else ("in", "out")
    for way in ways:
        story.at(61).control("A", way, 8, code.to_bytes(2) + reason.encode(), code=code, reason=reason)
    story.end("A")
    sections = {section.label: section.text for section in made(replay(story.data, look), "A", look).sections}
    return sections[(look or Look()).say("card_means")]


def test_a_card_says_what_the_vendor_means(replay: Fold) -> None:
    discord = vendor(replay, 4004, "Authentication failed.", url="wss://gateway.discord.gg/?v=10", server="cloudflare")
    assert discord == "Discord gateway: The token is wrong. Do not connect again."
    rabbit = vendor(replay, 1000, "", server="Cowboy", subprotocol="v12.stomp")
    assert rabbit.startswith("RabbitMQ Web STOMP: Most likely cowboy's idle timer")
    graphql = vendor(replay, 4429, "slow down", subprotocol="graphql-transport-ws", look=Look(lang="zh"))
    assert graphql == "graphql-ws: 我方发了不止一次 connection_init。与限流无关。"


def test_a_card_says_what_was_not_verified(replay: Fold) -> None:
    url = "wss://ws-eu.pusher.com/app/key?protocol=7"
    assert vendor(replay, 4201, "Pong reply not received", url=url).endswith("Connect again at once. (Not verified.)")
    assert vendor(replay, 4201, "", url=url, look=Look(lang="zh")).endswith("（未经核实）")


def test_the_echo_of_our_own_code_is_not_the_server_s(replay: Fold) -> None:
    assert vendor(replay, 1000, "", server="Cowboy", ours=True) == "The connection has done what it was opened for."


def test_an_open_session_whose_next_request_is_refused_shows_the_status(replay: Fold) -> None:
    said = text(replay((HERE / "between-nginx-polls-outlast-it.jsonl").read_bytes()), "polls")
    assert said.splitlines()[0].startswith(" ✖ HTTP refused a later request")
    assert "504 Gateway Time-out" in said

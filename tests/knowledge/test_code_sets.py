"""Every vendor's set: whole, told apart by its surroundings, and first where it is meant."""

import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tui.knowledge.catalogue import LANGUAGES, Text
from tui.knowledge.close_codes import Context, code, meanings
from tui.knowledge.code_sets import CodeSet, sets

EXAMPLES: dict[str, dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("close_set_examples.toml").read_text("utf-8")
)
SETS = {a_set.id: a_set for a_set in sets()}
CLOSES = [(set_id, close) for set_id, each in EXAMPLES.items() for close in each.get("closes", [])]
OFFERS = [(set_id, close) for set_id, each in EXAMPLES.items() for close in each.get("offers", [])]
ASKED_FOR = {
    "sockjs", "sockjs-node", "sockjs-client", "spring", "spring-session", "tomcat", "jetty", "undertow", "netty",
    "cowboy", "rabbitmq", "activemq", "artemis", "node-ws", "gorilla", "python-websockets", "uvicorn", "daphne",
    "graphql-ws", "discord", "discord-voice", "pusher", "phoenix", "engine-io", "signalr", "aws-api-gateway",
    "cloudflare", "proxies", "slack", "action-cable", "mqtt", "binance", "kraken", "stompjs",
}  # fmt: skip


def surroundings(example: dict[str, Any]) -> Context:
    return Context(**{key: value for key, value in example.items() if key not in ("code", "name")})


def texts(a_set: CodeSet) -> list[Text]:
    said = [a_set.tell, *a_set.notes, *(use.meaning for use in a_set.codes)]
    return [*said, *(saying.meaning for saying in a_set.says)]


def test_the_sets_are_those_that_were_asked_for() -> None:
    assert set(SETS) == ASKED_FOR == set(EXAMPLES)


def test_a_product_has_one_set() -> None:
    assert [product for product, times in Counter(each.product for each in sets()).items() if times > 1] == []


@pytest.mark.parametrize("set_id", SETS)
def test_a_set_speaks_both_languages(set_id: str) -> None:
    for text in texts(SETS[set_id]):
        assert all(text.in_(lang).strip() for lang in LANGUAGES)
        assert re.search(r"[\u4e00-\u9fff]", text.zh), text.zh
        assert not re.search(r"[\u4e00-\u9fff]", text.en), text.en


@pytest.mark.parametrize("set_id", SETS)
def test_sentences_end_and_signs_do_not(set_id: str) -> None:
    """A sign goes into a sentence, which ends it."""
    for text in texts(SETS[set_id]):
        if text is SETS[set_id].tell:
            assert text.en[-1] not in ".;" and text.zh[-1] not in "。；"
        else:
            assert text.en.endswith((".", ".)")) and text.zh.endswith(("。", "）")), text.en


@pytest.mark.parametrize("set_id", SETS)
def test_a_set_says_something(set_id: str) -> None:
    assert SETS[set_id].codes or SETS[set_id].says or SETS[set_id].notes


@pytest.mark.parametrize("set_id", SETS)
def test_the_codes_may_be_where_they_are_said_to_be(set_id: str) -> None:
    """On the wire only what RFC 6455 §7.4 lets on it; a stand-in is sent by nobody and seen at one end only."""
    a_set = SETS[set_id]
    for use in a_set.codes:
        where = use.where or a_set.where
        for number in (use.code, use.code if use.last is None else use.last):
            wire = code(number).wire
            assert where != "wire" or wire == "yes", number
            assert where == "local" or wire != "never", number
            if where == "local":
                assert use.who == "nobody", number
        assert use.last is None or use.last > use.code


@pytest.mark.parametrize("set_id", SETS)
def test_uses_of_one_number_are_told_apart(set_id: str) -> None:
    a_set = SETS[set_id]
    for number, times in Counter(use.code for use in a_set.codes if use.last is None).items():
        uses = a_set.uses(number)
        names = {use.name for use in uses}
        assert len(uses) == times == len(names)
        if times > 1:
            assert all(use.reasons or use.where for use in uses), number


@pytest.mark.parametrize("set_id", SETS)
def test_every_expression_is_met_and_missed(set_id: str) -> None:
    a_set, example = SETS[set_id], EXAMPLES[set_id]
    for sign in a_set.when:
        for field, patterns in sign.items():
            for pattern in patterns:
                meets = re.compile(pattern, re.IGNORECASE).fullmatch
                assert any(meets(case[field]) for case in example["yes"] if field in case), pattern
                assert any(not meets(case[field]) for case in example["no"] if field in case), pattern
    assert all(a_set.meant(Context(**case)) for case in example.get("yes", []))
    assert [case for case in example.get("no", []) if a_set.meant(Context(**case))] == []


def test_nothing_known_means_nobody() -> None:
    assert [a_set.id for a_set in sets() if a_set.meant(Context())] == []


@pytest.mark.parametrize("set_id", SETS)
def test_every_reason_is_met_whole(set_id: str) -> None:
    seen = [*EXAMPLES[set_id].get("closes", []), *EXAMPLES[set_id].get("offers", [])]
    for use in SETS[set_id].codes:
        for pattern in use.reasons:
            assert re.fullmatch(pattern, "so long") is None
            if set_id == "spring" and use.code == 3000:
                continue  # SockJS's own text.
            said = [close["reason"] for close in seen if close["code"] == use.code]
            met = [text for text in said if re.fullmatch(pattern, text)]
            assert met or not pattern, (use.code, pattern)
            assert not any(re.fullmatch(pattern, f"x {text}") for text in met), pattern


@pytest.mark.parametrize(("set_id", "close"), CLOSES, ids=lambda case: case if isinstance(case, str) else case["name"])
def test_a_close_is_its_vendors(set_id: str, close: dict[str, Any]) -> None:
    best = meanings(close["code"], surroundings(close))[0]
    assert best.by is not None
    assert (best.by.id, best.name) == (set_id, close["name"])


@pytest.mark.parametrize(("set_id", "close"), OFFERS, ids=lambda case: case if isinstance(case, str) else case["name"])
def test_a_close_that_many_end_with_is_offered(set_id: str, close: dict[str, Any]) -> None:
    found = meanings(close["code"], surroundings(close))
    assert (set_id, close["name"]) in [(meaning.by.id, meaning.name) for meaning in found if meaning.by]


@pytest.mark.parametrize("set_id", [each.id for each in sets() if each.codes])
def test_a_vendor_with_codes_has_a_close_to_show_it(set_id: str) -> None:
    assert EXAMPLES[set_id].get("closes") or EXAMPLES[set_id].get("offers")


def test_what_was_not_verified_is_marked() -> None:
    unsure = {(each.id, use.code) for each in sets() for use in each.codes if not use.sure}
    assert unsure == {
        ("aws-api-gateway", 1001), ("netty", 1002), ("pusher", 4009), ("pusher", 4100), ("pusher", 4200),
        ("pusher", 4201), ("pusher", 4202), ("signalr", 1000),
    }  # fmt: skip
    assert {each.id for each in sets() if any(not saying.sure for saying in each.says)} == {
        "action-cable", "signalr", "slack"
    }  # fmt: skip
    (gone,) = [each for each in meanings(1001) if each.by and each.by.id == "aws-api-gateway"]
    assert not gone.sure


def test_a_number_goes_before_the_range_it_is_in() -> None:
    pusher = SETS["pusher"]
    assert [use.name for use in pusher.uses(4001)] == ["application does not exist"]
    assert [use.name for use in pusher.uses(4002)] == ["refused"]
    assert [use.name for use in pusher.uses(4299)] == ["reconnect"]
    assert pusher.uses(3999) == []


def test_a_long_text_of_the_other_end_costs_little() -> None:
    """Expressions go back and forth over a text: what is compared is bounded, or this would not end."""
    long = "Broker: " + " already connected" * 100_000
    url = "wss://x" + "/app/k?" * 200_000
    assert meanings(4000, Context(reason=long, url=url, server=long, error=long))

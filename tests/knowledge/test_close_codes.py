"""What is known of close codes, against RFC 6455 §7.4 and the registry."""

import re
import struct
from typing import Any

import pytest
from websockets.exceptions import ProtocolError
from websockets.frames import Close

from tui.knowledge import close_codes
from tui.knowledge.catalogue import LANGUAGES, Text
from tui.knowledge.close_codes import Context, code, meanings, name, table
from tui.protocols.websocket import valid_close_code

IANA = {
    1000: "Normal Closure", 1001: "Going Away", 1002: "Protocol error", 1003: "Unsupported Data", 1004: "Reserved",
    1005: "No Status Rcvd", 1006: "Abnormal Closure", 1007: "Invalid frame payload data", 1008: "Policy Violation",
    1009: "Message Too Big", 1010: "Mandatory Ext.", 1011: "Internal Error", 1012: "Service Restart",
    1013: "Try Again Later", 1014: "Bad Gateway", 1015: "TLS handshake", 3000: "Unauthorized", 3003: "Forbidden",
    3008: "Timeout",
}  # fmt: skip


def test_the_registered_codes_have_entries_and_no_others() -> None:
    assert {entry.first: entry.name for entry in table() if not entry.is_range} == IANA


def test_every_number_has_an_entry() -> None:
    for number in range(close_codes.LAST + 1):
        entry = code(number)
        assert entry.first <= number <= entry.last
        assert entry.is_range == (number not in IANA)


@pytest.mark.parametrize("number", [-1, 65536, 10**9])
def test_a_number_no_close_frame_can_hold(number: int) -> None:
    with pytest.raises(ValueError, match=str(number)):
        code(number)


@pytest.mark.parametrize(
    ("number", "first", "last"),
    [(0, 0, 999), (999, 0, 999), (1016, 1000, 2999), (1999, 1000, 2999), (2000, 1000, 2999), (2999, 1000, 2999),
     (3001, 3000, 3999), (3999, 3000, 3999), (4000, 4000, 4999), (4999, 4000, 4999), (5000, 5000, 65535)],
)  # fmt: skip
def test_the_ranges_are_the_rfcs(number: int, first: int, last: int) -> None:
    """RFC 6455 §7.4.2. The split at 2000 that tables show is not in it."""
    assert (code(number).first, code(number).last) == (first, last)


def test_what_may_be_on_the_wire_agrees_with_the_scanner_and_the_library() -> None:
    for number in range(5100):
        on_wire = code(number).wire == "yes"
        assert on_wire == valid_close_code(number), number
        try:
            Close.parse(struct.pack("!H", number))
        except ProtocolError:
            assert not on_wire, number
        else:
            assert on_wire, number


def test_the_stand_ins() -> None:
    """RFC 6455 §7.4.1: 1005, 1006 and 1015 MUST NOT be set by an endpoint."""
    assert [entry.first for entry in table() if entry.wire == "never"] == [1005, 1006, 1015]
    assert all(entry.who == "nobody" for entry in table() if entry.wire != "yes")


def test_only_a_client_misses_an_extension() -> None:
    """RFC 6455 §7.4.1, 1010."""
    assert [entry.first for entry in table() if entry.who == "client"] == [1010]


def test_what_a_script_may_send() -> None:
    """WHATWG websockets: 1000, or 3000 to 4999."""
    allowed = {number for number in range(6000) if code(number).from_a_script}
    assert allowed == {1000, *range(3000, 5000)}


def test_the_old_mistakes_are_corrected() -> None:
    assert any("1003" in myth.en for myth in code(1007).myths)
    assert any("1006" in myth.en for myth in code(1005).myths)
    assert any("one range" in myth.en for myth in code(1500).myths)
    assert any("assigned" in myth.en for myth in code(1014).myths)
    assert any("sends the Close" in myth.en for myth in code(1011).myths)
    assert any("applications" in myth.en for myth in code(3500).myths)


def texts() -> list[tuple[str, Text]]:
    found = []
    for entry in table():
        said = (entry.title, entry.meaning, *entry.causes, *entry.myths, *entry.notes)
        found += [(str(entry.first), text) for text in said]
    return found


def test_everything_is_said_in_both_languages() -> None:
    for where, text in texts():
        assert all(text.in_(lang).strip() for lang in LANGUAGES), where
        assert re.search(r"[\u4e00-\u9fff]", text.zh), where


def test_every_entry_says_what_is_behind_it() -> None:
    assert all(entry.causes for entry in table())


def test_names() -> None:
    assert name(1002) == "Protocol error"
    assert name(1006) == "Abnormal Closure"
    assert name(3000) == "Unauthorized"
    assert name(1016) is None
    assert name(4001) is None
    assert name(4500) is None


def test_a_reason_text_names_the_vendor() -> None:
    assert name(3000, Context(reason="Broken framing.")) == "sockjs-node: Broken framing."
    limit = Context(reason="Failed to send message within the configured send limit")
    assert name(4500, limit) == "Spring: SESSION_NOT_RELIABLE"
    assert name(1000, Context(reason="Normal closure")) == "Normal Closure"


def test_three_thousand_collides_and_says_so() -> None:
    alone = meanings(3000)
    assert (alone[0].product, alone[0].fit) == (None, "protocol")
    assert {meaning.product for meaning in alone} == {None, "SockJS", "sockjs-node", "Spring"}
    told = meanings(3000, Context(reason="Go away!"))
    assert [meaning.product for meaning in told if meaning.fit == "reason"] == ["SockJS", "Spring"]
    assert told[2].product is None


def test_a_strange_reason_is_not_the_vendors() -> None:
    """``Go away!`` has texts of its own: another text in a SockJS session speaks against it."""
    found = meanings(3000, Context(url="http://host/app", reason="token expired"))
    assert found[0].product is None


@pytest.mark.parametrize(
    "context",
    [Context(url="stomp+http://host/app"), Context(url="wss://host/app/123/abcdefgh/websocket")],
)
def test_a_sockjs_session_makes_the_sockjs_meaning_likely(context: Context) -> None:
    assert (meanings(3000, context)[0].product, meanings(3000, context)[0].fit) == ("SockJS", "context")


def test_a_raw_endpoint_of_a_sockjs_server_is_no_sockjs_session() -> None:
    assert meanings(3000, Context(url="ws://host/app/websocket"))[0].product is None


def test_springs_error_makes_springs_meaning_likely() -> None:
    found = meanings(1002, Context(error="Session closed."))
    assert (found[0].product, found[0].fit) == ("Spring", "context")


@pytest.mark.parametrize(
    ("number", "vendors"),
    [
        (3000, {"sockjs", "sockjs-node", "spring"}),
        (4001, {"discord", "discord-voice", "pusher", "stompjs"}),
        (4004, {"discord", "discord-voice", "pusher", "graphql-ws"}),
        (4005, {"discord", "discord-voice", "pusher", "graphql-ws"}),
        (4008, {"discord", "pusher"}),
        (4009, {"discord", "discord-voice", "pusher"}),
        (4500, {"spring", "graphql-ws", "pusher"}),
    ],
)
def test_numbers_that_several_vendors_use(number: int, vendors: set[str]) -> None:
    found = meanings(number)
    assert {meaning.by.id for meaning in found if meaning.by} == vendors
    assert found[0].fit == "protocol"
    assert {meaning.fit for meaning in found[1:]} == {"possible"}


def test_the_surroundings_choose_between_them() -> None:
    def named(number: int, **known: Any) -> str | None:
        return name(number, Context(**known))

    assert named(4004, url="wss://gateway.discord.gg/?v=10") == "Discord gateway: Authentication failed"
    assert named(4004, subprotocol="graphql-transport-ws") == "graphql-ws: Bad response"
    assert named(4004, url="wss://ws-eu.pusher.com/app/k") == "Pusher Channels: over connection quota"
    assert named(4004) is None


def test_more_signs_outweigh_one() -> None:
    """RabbitMQ stands on cowboy, Discord behind Cloudflare."""
    found = meanings(1011, Context(reason="", server="Cowboy", subprotocol="v12.stomp"))
    assert [meaning.by.id for meaning in found[:2] if meaning.by] == ["rabbitmq", "cowboy"]


def test_a_close_without_a_text_is_not_one_with_a_text() -> None:
    """cowboy's idle timeout has none; "STOMP died" is another matter, and so is a text of the application's own."""
    cowboy: dict[str, Any] = {"server": "Cowboy", "subprotocol": "v12.stomp"}
    assert meanings(1000, Context(reason="", **cowboy))[0].name == "idle timeout"
    assert meanings(1000, Context(reason="STOMP died", **cowboy))[0].name == "STOMP died"
    assert meanings(1000, Context(reason="bye", **cowboy))[0].product is None


def test_a_proxy_in_front_has_not_chosen_the_code() -> None:
    assert meanings(1001, Context(reason="", server="cloudflare"))[0].product is None
    assert meanings(1001, Context(reason="maintenance", server="cloudflare"))[0].product is None


@pytest.mark.parametrize(
    ("number", "known"), [(1000, {"server": "Cowboy"}), (4001, {"url": "wss://gateway.discord.gg"})]
)
def test_an_echo_of_our_own_code_is_no_servers(number: int, known: dict[str, Any]) -> None:
    assert meanings(number, Context(reason="", **known))[0].product is not None
    assert meanings(number, Context(reason="", ours=True, **known))[0].product is None


def test_a_stand_in_stays_the_protocols() -> None:
    """1006 says nothing about why, whatever stood in front; the proxy is the first of the others."""
    found = meanings(1006, Context(reason="", server="nginx/1.22.1"))
    assert found[0].product is None
    assert found[1].by is not None and found[1].by.id == "proxies"


def test_the_protocols_own_meaning_is_always_there() -> None:
    for number in (0, 1000, 1006, 1016, 2000, 3000, 4500, 5000):
        assert sum(meaning.product is None for meaning in meanings(number)) == 1

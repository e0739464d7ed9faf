"""SockJS as our client speaks it: quoted messages, a poll after each poll, sends that wait for their turn."""

import pytest

from tui.client.client import Client
from tui.client.commands import carry_out
from tui.client.outgoing import Act, OutFrame, OutRequest
from tui.client.sockjs import PARTING, SEND_PAUSE, SockjsWebSocket, XhrClient
from tui.facts.commands import parse_words
from tui.facts.findings import Sockjs
from tui.options.spec import SessionSpec


def heard(client: Client, kind: str, m: float, code: int | None = None) -> None:
    """A SockJS frame came."""
    client.heard(Sockjs(finding=True, t=m, m=m, dir="in", kind=kind, code=code, reason="" if code else None), m)


def over_websocket(**options: object) -> Client:
    spec = SessionSpec(url="http://h/app", **options)  # type: ignore[arg-type]
    client = Client(spec, SockjsWebSocket(deflate=None, close_timeout=5.0))
    client.opened(0.0)
    return client


def over_xhr(**options: object) -> Client:
    client = Client(SessionSpec(url="http://h/app", **options), XhrClient())  # type: ignore[arg-type]
    client.opened(0.0)
    return client


def out(client: Client) -> list[object]:
    """What is to be done, taken out."""
    items: list[object] = []
    while client.out:
        item = client.out.popleft()
        items.append(item.payload.decode() if isinstance(item, OutFrame) else item)
    return items


def do(client: Client, words: str, m: float = 0.0) -> str | None:
    return carry_out(client, parse_words(words), m)


def test_a_message_is_an_array_and_a_raw_one_is_not() -> None:
    client = over_websocket()
    assert do(client, 'send say "hi"') is None
    assert do(client, "send-raw broken") is None
    assert out(client) == [r'["say \"hi\""]', "broken"]


@pytest.mark.parametrize("words", ["send-binary 00ff", r"send \xff", r"send-raw \xff"])
def test_sockjs_carries_text_only(words: str) -> None:
    client = over_websocket()
    assert do(client, words) == "command.sockjs_text"
    assert out(client) == []


def test_stomp_waits_for_o() -> None:
    client = over_websocket(stomp=True)
    assert out(client) == []
    heard(client, "o", 1.0)
    assert str(out(client)[0]).startswith('["CONNECT')


def test_after_c_the_server_may_close_first() -> None:
    client = over_websocket()
    heard(client, "c", 1.0, 3000)
    assert client.next_wake() == 1.0 + PARTING
    client.wake(1.0 + PARTING)
    assert len(out(client)) == 1 and client.wire.close_sent


def test_a_second_o_ends_it() -> None:
    client = over_websocket()
    heard(client, "o", 1.0)
    heard(client, "o", 2.0)
    assert out(client) == [Act("finish", "local", "sockjs-lost-session")]


def test_polls_follow_each_other_and_sends_wait() -> None:
    client = over_xhr()
    xhr = client.wire
    assert isinstance(xhr, XhrClient)
    assert out(client) == [OutRequest("receive")]
    heard(client, "o", 0.1)
    for text in ("a", "b", "c"):
        do(client, f"send {text}")
    assert out(client) == [OutRequest("send", b'["a"]')]
    xhr.answered("receive", 1.0)
    client.wake(1.0)
    assert out(client) == [OutRequest("receive")]
    xhr.answered("send", 2.0)
    assert client.next_wake() == 2.0 + SEND_PAUSE
    client.wake(2.0 + SEND_PAUSE)
    assert out(client) == [OutRequest("send", b'["b","c"]')]


def test_a_pause_holds_the_next_poll() -> None:
    client = over_xhr()
    out(client)
    assert do(client, "pause-polling 7", 1.0) is None
    assert isinstance(client.wire, XhrClient)
    client.wire.answered("receive", 2.0)
    client.wake(7.9)
    assert out(client) == []
    client.wake(8.0)
    assert out(client) == [OutRequest("receive")]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("ping", "command.no_websocket"), ("raw-frame 8100", "command.no_stream"), ("half-close", "command.no_stream"),
        ("close 4000 bye", "command.no_code"), ("close", None), ("abort", None),
    ],
)  # fmt: skip
def test_what_makes_no_sense_over_xhr_is_refused_with_why(words: str, why: str | None) -> None:
    assert do(over_xhr(), words) == why


def test_pause_polling_is_for_who_polls() -> None:
    assert do(over_websocket(), "pause-polling 5") == "command.no_xhr"

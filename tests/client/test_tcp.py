"""The TCP half: a stream without frames or codes, ended by a FIN; no socket, no clock."""

import pytest

from tests.client.bench import Bench, stomp_bench
from tui.client.outgoing import Act, OutBytes, RawBytes
from tui.client.tcp import PARTING

URL = "stomp://h.example"

CONNECT = b"CONNECT\naccept-version:1.0,1.1,1.2\nheart-beat:1000,1000\nhost:h.example\n\n\0"


def tcp_bench(**options: object) -> Bench:
    """A STOMP session over TCP that is connected, at moment 0."""
    return stomp_bench(url=URL, **options)  # type: ignore[arg-type]


def test_what_is_said_is_the_bytes_themselves() -> None:
    bench = tcp_bench(subscribe=["/a"])
    assert bench.payloads() == [(0.0, CONNECT), (0.0, b"SUBSCRIBE\nack:auto\ndestination:/a\nid:sub-0\n\n\0")]
    assert all(item == OutBytes(item.data, composed=True) for _, item in bench.sent if isinstance(item, OutBytes))


@pytest.mark.parametrize("body", ["00ff", "7a"])
def test_text_and_binary_are_the_same_to_a_stream(body: str) -> None:
    bench = tcp_bench(subscribe=["/a"])
    assert bench.do(f"send-binary {body}") is None
    assert bench.stomps()[-1].body == bytes.fromhex(body)


def test_raw_bytes_go_as_they_are() -> None:
    bench = tcp_bench()
    assert bench.do("raw-frame 8100") is None
    assert bench.sent[-1].item == RawBytes(b"\x81\x00")


def test_without_stomp_connect_nothing_is_said() -> None:
    assert Bench(URL, no_stomp_connect=True).sent == []


def test_beats_leave_at_their_cadence() -> None:
    bench = tcp_bench(server="0,500")
    bench.wake_until(3.5)
    assert bench.beats() == [1, 2, 3]


# The end.


def test_close_is_a_fin_sent_once() -> None:
    bench = tcp_bench()
    assert bench.do("close") is None
    assert bench.do("close") == "command.closing"
    bench.leave()
    assert bench.acts() == [Act("half-close")]


def test_nothing_is_said_after_our_fin() -> None:
    bench = tcp_bench(subscribe=["/a"])
    bench.do("close")
    before = len(bench.sent)
    assert [bench.do(words) for words in ("send x", "stomp-send /a x", "disconnect")] == ["command.closing"] * 3
    bench.wake_until(4)
    assert len(bench.sent) == before


def test_a_fin_nobody_answers_ends_it_after_close_timeout() -> None:
    bench = tcp_bench(close_timeout=2.0)
    bench.wake_until(1.5)
    bench.do("close")
    bench.wake_until(3.4)
    assert bench.acts() == [Act("half-close")]
    bench.wake_until(10)
    assert bench.acts() == [Act("half-close"), Act("finish", "local", "close-timeout")]
    assert bench.sent[-1].m == 3.5


def test_disconnect_waits_for_its_receipt_and_then_sends_the_fin() -> None:
    bench = tcp_bench()
    assert bench.do("disconnect") is None
    assert bench.said("DISCONNECT") == {"receipt": "disconnect"}
    assert bench.acts() == []
    bench.stomp("RECEIPT", receipt_id="of something else")
    assert bench.acts() == []
    bench.stomp("RECEIPT", receipt_id="disconnect")
    assert bench.acts() == [Act("half-close")]
    bench.wake_until(4)
    assert bench.beats() == [], "no frame of ours follows DISCONNECT, no beat either"


def test_over_tls_the_server_may_go_first_after_the_receipt() -> None:
    bench = stomp_bench(url="stomps://h.example")
    bench.do("disconnect")
    bench.stomp("RECEIPT", receipt_id="disconnect")
    bench.wake_until(0.49)
    assert bench.acts() == []
    bench.wake_until(0.6)
    assert (bench.acts(), bench.sent[-1].m) == ([Act("half-close")], PARTING)


def test_a_disconnect_without_a_receipt_ends_in_a_fin_all_the_same() -> None:
    bench = tcp_bench(close_timeout=2.0)
    bench.do("disconnect")
    bench.wake_until(2)
    assert [(sent.m, sent.item) for sent in bench.sent if isinstance(sent.item, Act)] == [(2.0, Act("half-close"))]
    bench.wake_until(10)
    assert bench.sent[-1] == (4.0, Act("finish", "local", "close-timeout"))


def test_leaving_before_connected_is_a_fin_without_disconnect() -> None:
    bench = Bench(URL)
    bench.leave()
    assert [frame.command for frame in bench.stomps()] == ["CONNECT"]
    assert bench.acts() == [Act("half-close")]


def test_half_close_leaves_the_session_to_the_peer() -> None:
    bench = tcp_bench(close_timeout=2.0)
    assert bench.do("half-close") is None
    bench.wake_until(9)
    assert bench.do("stomp-send /a x") == "command.half_closed"
    assert (bench.acts(), bench.beats()) == ([Act("half-close")], [])


@pytest.mark.parametrize("words", ["close 1000", "close 4000 because"])
def test_tcp_has_no_close_code(words: str) -> None:
    bench = tcp_bench()
    assert bench.do(words) == "command.no_code"
    assert bench.acts() == []


@pytest.mark.parametrize("words", ["ping", "ping x", "pong", "hold-pongs", "release-pongs"])
def test_tcp_has_no_pings(words: str) -> None:
    bench = tcp_bench()
    before = len(bench.sent)
    assert bench.do(words) == "command.no_websocket"
    assert len(bench.sent) == before

"""Protocols inside WebSocket messages: what MQTT says of an end, and the pings of Engine.IO."""

import pytest

from tests.diagnosis.test_verdict import busy, head, last, named
from tests.session.tape import Tape

CONNECT = bytes.fromhex("101100044d51545404020002000570686f6e65")
"""MQTT 3.1.1, keep-alive 2 s, client-id ``phone``."""

ACCEPTED, KEEP_ALIVE_S = bytes.fromhex("20020000"), 2
OPENED = '0{"sid":"a","pingInterval":1500,"pingTimeout":800}'


def mqtt(name: str = "A", at: float = 0.2) -> Tape:
    """A session whose CONNECT was accepted."""
    tape = Tape(name=name).at(at).open("mqtt").at(at + 0.1).frame("out", 2, CONNECT)
    return tape.at(at + 0.2).frame("in", 2, ACCEPTED)


def socket_io(*said: str) -> Tape:
    """A raw session to a Socket.IO server, and what it says itself."""
    tape = Tape("ws://shop.test/socket.io/?EIO=4&transport=websocket").at(0.2).open().at(0.3).text("in", OPENED)
    for text in said:
        tape.at(0.4).text("out", text)
    return tape


@pytest.mark.parametrize(
    ("packet", "cause"),
    [("20020005", ("auth-failed", "client")), ("e0028e00", ("duplicate-session", "server")),
     ("e0018b", ("going-away", "server")), ("e0018d", ("client-heartbeat-missed", "client"))],
)  # fmt: skip
def test_a_reason_of_mqtt_is_the_peers_own_word(packet: str, cause: tuple[str, str]) -> None:
    tape = mqtt().at(2).frame("in", 2, bytes.fromhex(packet)).at(2.1).eof().end()
    verdict = last("A", tape)
    assert head(verdict) == cause and verdict.grade == "certain"
    assert named(verdict, cause[0]).evidence[0].lines == [tape.facts[-3].n]


def test_mqtts_keep_alive_runs_out_one_and_a_half_times_later() -> None:
    at = 0.3 + 1.5 * KEEP_ALIVE_S + 0.4
    assert head(last("A", mqtt().at(at).eof().end())) == ("client-heartbeat-missed", "client")
    sooner = last("A", mqtt().at(0.3 + 1.2 * KEEP_ALIVE_S).eof().end())
    assert "client-heartbeat-missed" not in [one.cause for one in sooner.causes]


def test_the_same_client_id_again_takes_the_elders_place() -> None:
    elder, younger = mqtt(), mqtt("B", at=1.0)
    elder.at(1.15).eof().end()
    verdict = last("A", elder, younger)
    assert head(verdict) == ("duplicate-session", "server")


def test_a_ping_of_engine_io_wants_an_answer() -> None:
    mute = socket_io("40").at(1.8).text("in", "2").at(2.6).closing("in", None).eof().end()
    assert head(last("A", mute)) == ("server-ping-timeout", "client")
    polite = socket_io("40").at(1.8).text("in", "2").at(1.9).text("out", "3").at(2.6).closing("in", None).eof().end()
    assert last("A", polite).cause != "server-ping-timeout"


def test_a_socket_io_client_has_to_join() -> None:
    silent = socket_io().at(3.7).closing("in", None).eof().end()
    assert head(last("A", silent)) == ("idle-timeout-server", "client")


@pytest.mark.parametrize("said", ["hello", "{}"])
def test_a_message_that_is_none_of_its_protocol(said: str) -> None:
    odd = socket_io("40").at(1).text("out", said).at(1.1).closing("in", None).eof().end()
    assert head(last("A", odd)) == ("protocol-error", "client")
    no_mqtt = Tape().at(0.2).open("mqtt").at(1).text("out", said).at(1.1).eof().end()
    assert head(last("A", no_mqtt)) == ("protocol-error", "client")


def test_text_that_is_no_utf_8_is_none_of_its_protocol_either() -> None:
    odd = socket_io("40").at(1).text("out", "hello").at(1.1).closing("in", 1007)
    assert head(last("A", odd.closing("out", 1007).eof().end())) == ("invalid-utf8", "client")


@pytest.mark.parametrize(("version", "cause"), [(4, "protocol-error"), (3, "normal-close")])
def test_who_pings_since_engine_io_4(version: int, cause: str) -> None:
    opened = OPENED[:-1] + (',"maxPayload":1000000}' if version == 4 else "}")
    tape = Tape("ws://shop.test/socket.io/?transport=websocket").at(0.2).open().at(0.3).text("in", opened)
    tape.at(0.4).text("out", "40").at(1.9).text("out", "2").at(1.95).closing("in", None).closing("out", None)
    assert last("A", tape.eof().end()).cause == cause


@pytest.mark.parametrize(("said", "side"), [("e000", "client"), ("c000", "server")])
def test_a_server_closes_upon_our_disconnect(said: str, side: str) -> None:
    tape = mqtt().at(2).frame("out", 2, bytes.fromhex(said)).at(2.1).closing("in", 1000).closing("out", 1000)
    assert head(last("A", tape.eof().end())) == ("normal-close", side)


@pytest.mark.parametrize("ping", ['{"type":"ping"}', "PING", '{"id": 7, "op": "heartbeat"}'])
def test_an_application_pings_by_messages_and_wants_an_answer(ping: str) -> None:
    def asked(answer: str | None) -> Tape:
        tape = Tape().open()
        for m in (1.0, 2.0, 3.0):
            tape.at(m).text("in", ping).at(m + 0.3).text("out", "news?")
            tape = tape if answer is None else tape.at(m + 0.4).text("out", answer)
        return tape.at(3.9).eof().end()

    assert head(last("A", asked(None))) == ("server-ping-timeout", "client")
    lives = busy(Tape(name="B").open(), 6)
    assert head(last("A", asked(None), lives)) == ("server-ping-timeout", "client")  # not cut for no reason
    assert "server-ping-timeout" not in [one.cause for one in last("A", asked('{"type":"pong"}')).causes]
    assert "server-ping-timeout" not in [one.cause for one in last("A", asked("pong")).causes]

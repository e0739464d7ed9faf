"""Keep-alive timers: late past 1.0 n + 250 ms, missed past 2 n, what counts as life."""

from tests.session.tape import Tape, stomp
from tui.facts.findings import Heartbeat
from tui.session.timers import PingTimer, Timer


def test_negotiated_both_ways() -> None:
    tape = Tape("stomp+ws://shop.test/").open().connected("1000,4000", "3000,0")
    found = [(one.layer, one.state, one.every_ms) for one in tape.of(Heartbeat)]
    assert found == [("stomp-out", "negotiated", 0), ("stomp-in", "negotiated", 4000)]
    assert tape.session.timers["stomp-out"].state == "off"
    assert tape.session.timers["stomp-in"].next_due == 104.0


def test_no_header_is_no_beats() -> None:
    tape = Tape("stomp+ws://shop.test/").open().text("out", "CONNECT\n\n\0").text("in", "CONNECTED\n\n\0")
    assert [one.every_ms for one in tape.of(Heartbeat)] == [0, 0]
    assert tape.session.stomp_version == "1.0"
    assert tape.session.next_deadline() is None


def test_late_then_missed_then_recovered() -> None:
    tape = stomp()
    tape.at(1.9).text("out", "\n").at(3.5).text("out", "\n").at(5).text("out", "\n").text("in", "\n")
    found = [one for one in tape.of(Heartbeat) if one.layer == "stomp-in" and one.state != "negotiated"]
    assert [(one.state, one.m, one.gap_ms) for one in found] == [
        ("late", 102.25, 2250.0), ("missed", 104.0, 4000.0), ("recovered", 105.0, 5000.0),
    ]  # fmt: skip
    assert not [one for one in tape.of(Heartbeat) if one.layer == "stomp-out" and one.state != "negotiated"]
    timer = tape.session.timers["stomp-in"]
    assert (timer.missed, timer.received, timer.state, timer.max_gap_ms) == (1, 1, "ok", 5000.0)


def test_nobody_beats_behind_a_disconnect() -> None:
    tape = stomp().at(1.9).text("out", "\n").text("in", "\n").text("out", "DISCONNECT\nreceipt:1\n\n\0")
    tape.at(9).text("in", "RECEIPT\nreceipt-id:1\n\n\0")
    assert {layer for layer, state, _ in tape.beats() if state != "negotiated"} == {"stomp-in"}


def test_nobody_beats_behind_a_close() -> None:
    tape = stomp().at(1.9).text("out", "\n").text("in", "\n").closing("in", 1000).at(9).closing("out", 1000)
    assert {layer for layer, state, _ in tape.beats() if state != "negotiated"} == {"stomp-out"}
    tape = stomp().at(1.9).text("out", "\n").text("in", "\n").closing("out", 1000).at(9).closing("in", 1000)
    assert {layer for layer, state, _ in tape.beats() if state != "negotiated"} == {"stomp-in"}


def test_a_beat_at_the_deadline_is_late() -> None:
    tape = stomp().at(2.25).text("in", "\n").text("out", "\n")
    assert [beat[1:] for beat in tape.beats() if beat[0] == "stomp-in"][1:] == [
        ("late", 2250.0), ("recovered", 2250.0),
    ]  # fmt: skip


def test_any_data_of_its_direction_is_life() -> None:
    tape = stomp()
    for second in (2, 4, 6):
        tape.at(second).text("in", "MESSAGE\ndestination:/q\n\nhi\0").text("out", "SEND\ndestination:/q\n\n\0")
    assert len(tape.beats()) == 2
    assert list(tape.session.timers["stomp-in"].gaps) == [2000.0] * 3
    assert tape.session.timers["stomp-in"].received == 0


def test_websocket_control_frames_are_no_stomp_life() -> None:
    tape = stomp()
    for second in (1, 2, 3):
        tape.at(second).frame("in", 9, b"").frame("out", 10, b"")
    assert {layer for layer, state, _ in tape.beats() if state == "late"} == {"stomp-in", "stomp-out"}


def test_a_long_silence_counts_every_beat_it_lacked() -> None:
    tape = stomp().at(11).text("in", "\n")
    assert tape.session.timers["stomp-in"].missed == 4  # due at 2, 4, 6, 8 and 10; the one due at 10 is only late


def test_an_interval_shorter_than_the_margin_is_missed_at_once() -> None:
    tape = Tape("stomp+ws://shop.test/").open().connected("0,100", "100,0").at(1).text("in", "\n")
    assert tape.beats()[2:] == [("stomp-in", "missed", 200.0), ("stomp-in", "recovered", 1000.0)]


def test_timers_stop_with_the_connection_not_before() -> None:
    tape = stomp().at(1).closing("in", 1000)
    assert tape.session.next_deadline() == 102.25
    tape.end()
    assert tape.session.next_deadline() is None
    assert tape.session.advance(1000.0) == []


def test_gaps_are_bounded() -> None:
    timer = Timer("stomp-in")
    timer.start(1000, 0.0)
    for second in range(1, 40):
        timer.alive(float(second))
    assert len(timer.gaps) == 16


def test_round_trip_of_a_ping() -> None:
    tape = Tape().open().at(1).frame("out", 9, b"a").at(1.02).frame("in", 10, b"a")
    pings = tape.session.pings
    assert (pings.sent, pings.pongs_received, pings.unsolicited) == (1, 1, 0)
    assert pings.rtt_ms is not None and abs(pings.rtt_ms - 20) < 1e-6
    assert pings.outstanding is None
    assert tape.beats() == []


def test_the_pong_to_the_latest_ping_answers_those_before() -> None:
    pings = PingTimer()
    for at, payload in enumerate(("a", "b", "c")):
        pings.ping_out(payload, float(at))
    pings.pong_in("b", 5.0)
    assert pings.rtt_ms == 4000
    assert pings.outstanding is not None and pings.outstanding.payload == "c"
    pings.pong_in("never sent", 6.0)
    assert pings.unsolicited == 1


def test_how_long_our_pong_took() -> None:
    tape = Tape().open().at(1).frame("in", 9, b"x")
    assert tape.session.pings.unanswered is not None
    tape.at(1.5).frame("out", 10, b"x")
    assert (tape.session.pings.received, tape.session.pings.answer_ms) == (1, 500.0)
    assert tape.session.pings.unanswered is None


def test_own_pings_at_an_interval_want_their_pongs() -> None:
    tape = Tape(ping_interval=2.0).open().at(2).frame("out", 9, b"a").at(2.1).frame("in", 10, b"a")
    tape.at(4).frame("out", 9, b"b").at(8).frame("in", 10, b"b")
    assert [(layer, state) for layer, state, _ in tape.beats()] == [
        ("ws-ping", "late"), ("ws-ping", "missed"), ("ws-ping", "recovered"),
    ]  # fmt: skip


def test_quiet_time_counts_every_byte() -> None:
    tape = stomp().at(1).frame("in", 9, b"").at(2).closing("out", 1000)
    assert (tape.session.last_rx_m, tape.session.last_tx_m) == (101.0, 102.0)


def test_the_layers_of_a_session() -> None:
    assert set(Tape().session.timers) == {"ws-ping"}
    assert set(Tape("stomp+ws://shop.test/").session.timers) == set(stomp().session.timers)
    assert set(stomp().session.timers) == {"stomp-out", "stomp-in", "ws-ping"}
    tcp = Tape("stomp://shop.test/")
    assert set(tcp.session.timers) == {"stomp-out", "stomp-in"}

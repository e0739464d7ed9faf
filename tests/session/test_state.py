"""The table of states."""

from tests.session.tape import Tape, stomp
from tui.facts import facts
from tui.session.state import TRANSITIONS, Event, State, after


def test_an_unlisted_move_changes_nothing() -> None:
    assert after(State.CLOSED, Event.READY) is State.CLOSED
    assert after(State.CLOSING, Event.FREEZE) is State.CLOSING


def test_every_state_can_be_reached_and_every_event_is_used() -> None:
    assert {*TRANSITIONS.values(), State.CONNECTING} == set(State)
    assert {event for _, event in TRANSITIONS} == set(Event)


def test_plain_websocket_is_ready_with_the_101() -> None:
    assert Tape().session.state is State.CONNECTING
    session = Tape().at(1).open().session
    assert (session.state, session.ready_at) == (State.OPEN, 101.0)


def test_stomp_is_ready_with_connected() -> None:
    tape = Tape("stomp+wss://shop.test/").open()
    states = [tape.session.state]
    tape.at(1).connected()
    assert states == [State.CONNECTING]
    assert (tape.session.state, tape.session.ready_at) == (State.OPEN, 101.0)
    assert tape.session.stomp_version == "1.2"


def test_stomp_on_a_plain_scheme_needs_the_option() -> None:
    assert Tape(stomp=True).open().session.ready_at is None
    assert Tape(stomp=True, no_stomp_connect=True).open().session.ready_at is not None


def test_stomp_over_tcp_without_connect_is_ready_with_the_transport() -> None:
    plain = Tape("stomp://shop.test/", no_stomp_connect=True)
    plain.add(facts.Tcp, role="attempt", remote="192.0.2.1:61613", local=None, ms=1.0, errno="ECONNREFUSED")
    assert plain.session.ready_at is None
    plain.add(facts.Tcp, role="main", remote="192.0.2.2:61613", local=None, ms=1.0)
    assert plain.session.ready_at is not None
    secure = Tape("stomps://shop.test/", no_stomp_connect=True)
    secure.add(facts.Tcp, role="main", remote="192.0.2.2:61614", local=None, ms=1.0)
    assert secure.session.ready_at is None
    secure.add(facts.Tls, ok=True)
    assert secure.session.ready_at is not None


def test_dropped_whatever_the_code() -> None:
    tape = Tape().open().closing("in", 1000).closing("out", 1000)
    assert tape.session.state is State.CLOSING
    assert tape.end().session.state is State.DROPPED


def test_failed_without_ready() -> None:
    tape = Tape("stomp+ws://shop.test/").open()
    assert tape.text("in", "ERROR\nmessage:Bad CONNECT\n\n\0").eof().end().session.state is State.FAILED


def test_closed_where_it_was_asked() -> None:
    tape = Tape().open().command("close 1000").closing("out", 1000).closing("in", 1000)
    assert tape.end().session.state is State.CLOSED


def test_frozen_until_time_has_passed() -> None:
    tape = Tape().open().at(1).command("freeze 2.5")
    assert tape.session.state is State.FROZEN
    assert tape.session.next_deadline() == 103.5
    tape.session.advance(103.4)
    assert tape.session.state is State.FROZEN
    assert tape.session.advance(103.5) == []
    assert (tape.session.state, tape.session.next_deadline()) == (State.OPEN, None)


def test_a_refused_freeze_freezes_nothing() -> None:
    assert Tape().open().command("freeze 2", ok=False).session.state is State.OPEN


def test_reconnecting() -> None:
    tape = stomp().at(1).eof().end()
    assert (tape.session.state, tape.session.connection) == (State.DROPPED, 1)
    tape.c = 2
    tape.add(facts.Resolved, host="shop.test", addresses=["192.0.2.1"], ms=1.0)
    assert (tape.session.state, tape.session.connection) == (State.RECONNECTING, 2)
    assert (tape.session.ready_at, tape.session.ended_at) == (None, None)
    assert tape.session.close is not None
    tape.open().connected()
    assert tape.session.state is State.OPEN


def test_counters_go_on_over_connections() -> None:
    tape = Tape().open().text("in", "one").eof().end()
    tape.c = 2
    tape.open().text("in", "two").text("out", "three")
    counters = tape.session.counters
    assert (counters.frames_in, counters.bytes_in) == (2, 10)
    assert (counters.frames_out, counters.bytes_out) == (1, 11)

"""The close report (design §4): codes, who ended it, clean, idle times, asked."""

import pytest

from tests.session.tape import Tape, stomp
from tui.facts import facts
from tui.facts.facts import Alert, Direction, How
from tui.facts.findings import AppView, CloseFrame
from tui.session.ending import verb_of


def test_the_peer_closes_and_we_echo() -> None:
    close = Tape().open().at(5).closing("in", 1001, "bye").closing("out", 1001).eof().end().close
    assert (close.code, close.name, close.reason, close.synthetic) == (1001, "Going Away", "bye", False)
    assert close.received == CloseFrame(code=1001, reason="bye")
    assert close.sent == CloseFrame(code=1001, reason="")
    assert (close.clean, close.initiator, close.asked) == (True, "remote", False)
    assert close.app_view == AppView(code=1001, reason="bye", was_clean=True)
    assert close.transport.how == "fin"


def test_a_close_without_status_is_1005() -> None:
    close = Tape().open().closing("in", None).closing("out", None).end().close
    assert (close.code, close.synthetic, close.clean) == (1005, True, True)
    assert close.received == CloseFrame(code=None, reason="")
    assert close.app_view == AppView(code=1005, reason="", was_clean=True)


def test_a_bare_fin_is_1006() -> None:
    close = Tape().open().eof().end().close
    assert (close.code, close.synthetic, close.received, close.sent) == (1006, True, None, None)
    assert (close.clean, close.initiator) == (False, "remote")
    assert close.app_view == AppView(code=1006, reason="", was_clean=False)


def test_our_close_without_an_answer_is_1006() -> None:
    close = Tape().open().command("close 4000").closing("out", 4000).at(5).end("local").close
    assert (close.code, close.synthetic, close.sent) == (1006, True, CloseFrame(code=4000, reason=""))
    assert (close.clean, close.initiator, close.asked) == (False, "local", True)


def test_a_code_that_must_not_be_on_the_wire_is_reported_as_received() -> None:
    close = Tape().open().closing("in", 1006, error="close-code").closing("out", 1002).eof().end().close
    assert (close.code, close.synthetic, close.clean) == (1006, False, False)
    assert close.app_view == AppView(code=1006, reason="", was_clean=False)


def test_a_reset_after_both_closes_is_clean() -> None:
    close = Tape().open().closing("in", 1000).closing("out", 1000).end("reset", errno="ECONNRESET").close
    assert (close.clean, close.transport.how, close.transport.errno) == (True, "reset", "ECONNRESET")


def test_stomp_over_tcp_has_no_code() -> None:
    tape = Tape("stomp://shop.test/")
    tape.add(facts.Tcp, role="main", remote="192.0.2.1:61613", local=None, ms=1.0)
    tape.add(facts.Bytes, dir="in", size=9, text="ERROR\nmessage:go away\n\n\0")
    close = tape.eof().end().close
    assert (close.code, close.name, close.app_view, close.synthetic) == (None, None, None, False)
    assert close.error == "go away"


@pytest.mark.parametrize(
    ("how", "errno", "initiator"),
    [
        ("fin", None, "remote"), ("reset", "ECONNRESET", "remote"), ("timeout", "ETIMEDOUT", "none"),
        ("timeout", None, "local"), ("unreachable", "EHOSTUNREACH", "none"), ("refused", "ECONNREFUSED", "none"),
        ("dns", None, "none"), ("http", None, "remote"), ("proxy", None, "remote"), ("handshake", None, "local"),
        ("protocol", None, "local"), ("local", None, "local"),
    ],
)  # fmt: skip
def test_who_ended_it_where_only_the_end_says_so(how: How, errno: str | None, initiator: str) -> None:
    assert Tape().end(how, "tcp", errno=errno).close.initiator == initiator


@pytest.mark.parametrize(("direction", "initiator"), [("in", "remote"), ("out", "local"), (None, "local")])
def test_who_ended_a_tls_handshake(direction: Direction | None, initiator: str) -> None:
    alert = Alert(name="unknown_ca", number=48, dir=direction) if direction else None
    assert Tape("wss://shop.test/").end("tls", "tls", alert=alert).close.initiator == initiator


def test_disconnect_is_a_local_act() -> None:
    tape = stomp().at(3).command("disconnect").text("out", "DISCONNECT\nreceipt:1\n\n\0")
    tape.at(3.5).text("in", "RECEIPT\nreceipt-id:1\n\n\0").closing("in", 1000, "STOMP died").closing("out", 1000).end()
    assert (tape.close.initiator, tape.close.asked, tape.close.age) == ("local", True, 3.0)
    assert tape.close.idle_tx == 3.0


def test_an_error_and_the_server_s_close() -> None:
    tape = stomp().at(6).text("in", "ERROR\nmessage:first\n\n\0").text("in", "ERROR\nmessage:Session closed.\n\n\0")
    close = tape.closing("in", 1002).closing("out", 1002).end().close
    assert (close.initiator, close.error, close.asked) == ("remote", "Session closed.", False)
    assert (close.idle_rx, close.idle_tx) == (0.0, 6.0)


def test_half_close_is_a_local_act() -> None:
    tape = Tape().open().at(1).command("half-close").eof("out").at(2).eof().end()
    assert (tape.close.initiator, tape.close.asked, tape.close.age) == ("local", True, 1.0)


@pytest.mark.parametrize(
    ("after", "code", "reason", "initiator"),
    [
        (0.030, 1001, "", "simultaneous"),
        (0.030, 1000, "server says so", "simultaneous"),
        (0.030, 1000, "", "local"),
        (0.050, 1001, "", "local"),
    ],
)
def test_closes_that_crossed(after: float, code: int, reason: str, initiator: str) -> None:
    # The connection took 40 ms to be made: no answer comes sooner.
    tape = Tape().open().at(5).closing("out", 1000, "mine").at(5 + after).closing("in", code, reason).end()
    assert tape.close.initiator == initiator


def test_the_kernel_s_round_trip_is_better_than_the_time_to_connect() -> None:
    tape = Tape().open()
    tape.add(
        facts.TcpInfo, when="silent", outq=0, notsent=0, unacked=0, retrans=0, total_retrans=0, rtt_ms=100.0,
        last_ack_ms=0.0, last_data_ms=0.0, state="ESTABLISHED",
    )  # fmt: skip
    assert tape.at(5).closing("out", 1000).at(5.05).closing("in", 1001).end().close.initiator == "simultaneous"


def test_idle_times_end_with_the_first_act() -> None:
    tape = Tape().open().at(2).text("in", "x").at(3).text("out", "y").at(10).closing("in", 1001)
    close = tape.at(11).text("in", "late").at(12).closing("out", 1001).at(15).eof().end().close
    assert (close.age, close.idle_rx, close.idle_tx, close.idle_any) == (10.0, 8.0, 7.0, 7.0)


def test_idle_counts_from_the_handshake_where_nothing_followed() -> None:
    close = Tape().at(1).open().at(61).eof().end().close
    assert (close.age, close.idle_rx, close.idle_tx, close.idle_any) == (60.0, 60.0, 60.0, 60.0)


def test_a_session_that_never_opened_has_a_report_too() -> None:
    close = Tape().end("refused", "tcp", errno="ECONNREFUSED").close
    assert (close.code, close.synthetic, close.age, close.idle_any) == (1006, True, None, None)
    assert close.app_view == AppView(code=1006, reason="", was_clean=False)


@pytest.mark.parametrize("do", ["close", "A: close 1000 bye", "A:disconnect", "abort", "reconnect", "quit", "forget"])
def test_commands_that_ask(do: str) -> None:
    assert Tape().open().command(do).closing("out", 1000).closing("in", 1000).end().close.asked


@pytest.mark.parametrize("do", ["send close", "mark close", "ping", "freeze 1", ""])
def test_commands_that_do_not_ask(do: str) -> None:
    assert not Tape().open().command(do).eof().end().close.asked


def test_a_refused_command_does_not_ask() -> None:
    assert not Tape().open().command("close", ok=False).eof().end().close.asked


def test_a_command_after_the_peer_s_act_does_not_ask() -> None:
    assert not Tape().open().closing("in", 1001).command("close").closing("out", 1001).end().close.asked


def test_a_command_that_is_answered_after_its_frame_asks() -> None:
    assert Tape().open().closing("out", 1000).command("close").closing("in", 1000).end().close.asked


def test_a_stop_asks_unless_the_end_had_begun() -> None:
    assert Tape().open().stop().closing("out", 1001).end().close.asked
    assert not Tape().open().closing("out", 1011, "keepalive ping timeout").stop().end().close.asked


def test_what_was_asked_before_the_first_connection_holds() -> None:
    tape = Tape()
    tape.c = 0
    tape.command("close")
    tape.c = 1
    assert tape.end("local", "dns").close.asked


def test_asking_is_for_one_connection_but_stopping_for_all() -> None:
    tape = Tape().open().command("reconnect").closing("out", 1000).end()
    tape.c = 2
    assert not tape.open().eof().end().close.asked
    tape.stop()
    tape.c = 3
    assert tape.open().eof().end().close.asked


def test_facts_after_the_end_change_nothing() -> None:
    tape = Tape().open().eof().end()
    before = tape.close
    tape.closing("in", 1000)
    tape.end("reset")
    assert tape.close is before


def test_one_report_for_each_connection() -> None:
    tape = Tape().open().eof().end()
    tape.c = 2
    tape.open().closing("in", 1001).end()
    assert [(one.c, one.code) for one in tape.findings if one is tape.close or hasattr(one, "code")] == [
        (1, 1006), (2, 1001),
    ]  # fmt: skip


def test_the_verb_of_a_command() -> None:
    assert [verb_of(do) for do in ("close 1000", "A: close", "A:close 1", "", "  reset ")] == [
        "close", "close", "close", "", "reset",
    ]  # fmt: skip


def test_a_vendor_s_name_is_for_its_own_code_not_for_our_echo() -> None:
    theirs = Tape("wss://gateway.discord.gg/?v=10").open().closing("in", 4004).closing("out", 4004).end().close
    assert theirs.name == "Discord gateway: Authentication failed"
    ours = Tape("wss://gateway.discord.gg/?v=10").open().closing("out", 4004).at(5).closing("in", 4004).end().close
    assert (ours.initiator, ours.name) == ("local", None)

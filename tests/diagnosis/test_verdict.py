"""Verdicts over hand-made evidence: each relation moves the cause it should, and nothing is claimed of the healthy."""

import ast
from pathlib import Path
from typing import Any

import pytest

from tests.diagnosis.test_engine import numbered, replay
from tests.session.tape import Tape, stomp
from tui.diagnosis import ranking
from tui.facts import facts
from tui.facts.facts import Alert, Fact
from tui.facts.findings import Cause, Verdict
from tui.knowledge.catalogue import entries
from tui.protocols.websocket import PING, PONG

RULES = Path(ranking.__file__).parent / "rules"


def verdicts(*tapes: Tape) -> list[Verdict]:
    """Every verdict over the tapes' facts, as one probe would have written them."""
    lines: list[Fact] = numbered([fact for tape in tapes for fact in tape.facts])
    return [finding for finding in replay(lines) if isinstance(finding, Verdict)]


def last(name: str, *tapes: Tape) -> Verdict:
    """The last verdict about one session."""
    return [verdict for verdict in verdicts(*tapes) if verdict.s == name][-1]


def head(verdict: Verdict) -> tuple[str, str]:
    """Its cause and side."""
    return verdict.cause, verdict.side


def named(verdict: Verdict, cause: str) -> Cause:
    """One of its causes."""
    return next(one for one in verdict.causes if one.cause == cause)


def busy(tape: Tape, until: float, every: float = 1.0) -> Tape:
    """Beats both ways up to a moment."""
    m = 0.3
    while m < until:
        tape.at(m).text("out", "\n").at(m + 0.1).text("in", "\n")
        m += every
    return tape


def test_a_session_left_open_and_well_has_no_cause() -> None:
    tape = busy(stomp(), 6).at(6.2).stop()
    found = verdicts(tape)
    assert [(one.cause, one.side, one.grade, one.scope) for one in found] == [("none", "none", "certain", "one")]


def test_what_refused_an_attempt_is_known_still_when_the_next_gets_in() -> None:
    tape = Tape().add(facts.Tcp, role="main", remote="192.0.2.1:80", local="192.0.2.9:5000", ms=40.0)
    tape.at(0.1).add(facts.Http, dir="in", status=502, headers=[("Server", "nginx/1.22.1")])
    tape.end("http", phase="http")
    tape.c = 2
    found = verdicts(tape.at(1).open().at(3).stop())
    assert [(one.c, one.cause) for one in found] == [(1, "upstream-down"), (2, "none")]


@pytest.mark.parametrize(("last_said", "cause"), [(2.0, "client-heartbeat-missed"), (5.9, "broker-unavailable")])
def test_a_relay_passes_our_beats_on_and_the_broker_misses_them(last_said: float, cause: str) -> None:
    tape = busy(stomp(), last_said).at(6.0).text("in", "ERROR\nmessage:Connection to broker closed.\n\n\0")
    assert last("A", tape.eof().end()).cause == cause


@pytest.mark.parametrize(("headers", "side"), [(["Upgrade", "Connection"], "server"), (["Date", "Upgrade"], "proxy")])
def test_an_age_is_the_servers_where_its_101_came_as_it_wrote_it(headers: list[str], side: str) -> None:
    def aged(name: str, at: float) -> Tape:
        tape = (
            Tape(name=name).at(at).add(facts.Tcp, role="main", remote="192.0.2.1:80", local="192.0.2.9:5000", ms=40.0)
        )
        tape.add(facts.Http, dir="in", status=101, headers=[(one, "websocket") for one in headers])
        tape.add(facts.Open, subprotocol=None, extensions=[])
        for tenth in range(2, 39, 2):
            tape.at(at + tenth / 10).text("in", "news")
        return tape.at(at + 4.0).eof().end()

    assert head(last("A", aged("A", 0.0), aged("B", 1.5))) == ("connection-lifetime", side)


def test_what_we_do_after_the_stop_changes_nothing() -> None:
    tape = busy(stomp(), 3).at(3.2).stop().closing("out", 1000).closing("in", 1000).eof().end()
    assert [one.cause for one in verdicts(tape)] == ["none"]


def test_a_close_somebody_here_asked_for() -> None:
    tape = stomp().at(1).command("close 1000 bye").closing("out", 1000, "bye").closing("in", 1000, "bye").eof().end()
    assert head(last("A", tape)) == ("normal-close", "client")


@pytest.mark.parametrize("verb", ["reset", "abort"])
def test_cut_by_our_own_command(verb: str) -> None:
    tape = stomp().at(1).command(verb).end("local")
    assert head(last("A", tape)) == ("local-abort", "client")


def test_a_killed_socket() -> None:
    tape = busy(stomp(), 3).at(3.4).end("reset", errno="ECONNABORTED")
    assert tape.close.initiator == "local" and tape.close.dropped
    assert head(last("A", tape)) == ("local-abort", "client")


def test_spring_drops_a_late_client_and_its_twin_lives() -> None:
    late = stomp(name="B").at(0.5).command("throttle-beats 60000")
    for m in range(1, 7):
        late.at(m).text("in", "\n")
    late.at(6.6).text("in", "ERROR\nmessage:Session closed.\n\n\0").closing("in", 1002).closing("out", 1002).eof().end()
    twin = busy(stomp(name="A"), 8)
    verdict = last("B", late, twin)
    assert head(verdict) == ("client-heartbeat-missed", "client")
    assert (verdict.grade, verdict.scope) == ("certain", "one")
    assert [(one.s, one.same_server, one.state) for one in verdict.siblings] == [("A", True, "open")]
    assert all(claim.lines for claim in named(verdict, "client-heartbeat-missed").evidence)


def test_stomp_died_means_late_beats_only_where_they_were_late() -> None:
    late = busy(stomp(name="A"), 2).at(6).text("in", "\n").at(7.6).closing("in", 1000, "STOMP died").eof().end()
    kicked = busy(stomp(name="A"), 7).at(7.6).closing("in", 1000, "STOMP died").eof().end()
    assert head(last("A", late)) == ("client-heartbeat-missed", "client")
    assert head(last("A", kicked)) == ("admin-kill", "server")


def test_our_own_disconnect_is_no_fault() -> None:
    tape = busy(stomp(), 2).at(2.5).text("out", "DISCONNECT\n\n\0")
    tape.text("in", "ERROR\nmessage:Session closed.\n\n\0").closing("in", 1002).closing("out", 1002).eof().end()
    assert head(last("A", tape)) == ("normal-close", "client")


@pytest.mark.parametrize(
    ("code", "reason", "cause", "side"),
    [
        (1001, "", "going-away", "server"), (1001, "Connection Idle Timeout", "idle-timeout-server", "server"),
        (1003, "", "unsupported-data", "client"), (1007, "", "invalid-utf8", "client"),
        (1007, '{bad_escape,"\\\\t"}', "protocol-error", "client"), (1008, "", "policy-violation", "server"),
        (1009, "", "message-too-big", "client"), (1011, "", "server-error", "server"),
        (1011, "keepalive ping timeout", "server-ping-timeout", "client"), (1012, "", "server-restart", "server"),
        (1013, "", "try-again-later", "server"), (1014, "", "upstream-down", "server"),
        (1008, "rate limit exceeded", "rate-limited", "client"), (4000, "so be it", "server-close", "server"),
        (4001, "logged in elsewhere", "duplicate-session", "server"), (4401, "token expired", "auth-expired", "server"),
        (4401, "Unauthorized", "auth-failed", "client"), (4500, "", "backpressure", "client"),
        (1000, "kicked by admin", "admin-kill", "server"), (1000, "bye", "normal-close", "server"),
        (1008, "This connection was established under an authenticated HTTP session that has ended.",
         "session-expired", "client"),
        (4002, "异地登录", "duplicate-session", "server"), (1012, "Channel replaced", "duplicate-session", "server"),
        (1013, "slow consumer: send buffer full", "backpressure", "client"),
        (1003, "用户验证失败", "auth-failed", "client"),
    ],
)  # fmt: skip
def test_what_the_peer_said_names_the_cause(code: int, reason: str, cause: str, side: str) -> None:
    tape = Tape().open().text("out", "hi").text("in", "hi").at(3.37)
    tape.closing("in", code, reason).closing("out", code).eof().end()
    assert head(last("A", tape)) == (cause, side)


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ('{"type":"error","code":"too_many_requests"}', "rate-limited"),
        ('{"type":"kicked","by":"admin"}', "admin-kill"),
        ('{"error":"forbidden","message":"no access to room 7"}', "permission-denied"),
        ('{"type":"replaced","message":"You connected from another device"}', "duplicate-session"),
        ('{"type":"error","message":"jwt expired"}', "auth-expired"),
        ('{"type":"chat","text":"server restart tonight"}', "normal-close"),
        ('{"disconnect":{"code":3001,"reason":"shutdown"}}', "going-away"),
        ('{"push":{"disconnect":{"code":3008,"reason":"slow"}}}', "backpressure"),
        ('{"op":"auth","success":false,"ret_msg":"Invalid api_key"}', "auth-failed"),
        ('["NOTICE","rate-limited: slow down a little"]', "rate-limited"),
        ('{"type":7,"error":"Connection closed with an error.","allowReconnect":true}', "server-error"),
        ('{"type":7,"error":"Connection closed with an error. TokenExpired: The token is expired."}', "auth-expired"),
        ("ERROR :Closing Link: bob[203.0.113.7] (Killed (oper (flooding)))", "admin-kill"),
        ("ERROR :Closing Link: bob[203.0.113.7] (Ping timeout: 121 seconds)", "server-ping-timeout"),
    ],
)
def test_what_an_application_said_last(said: str, cause: str) -> None:
    tape = Tape().open().at(2.0).text("out", "hi").text("in", "hello").at(2.7).text("in", said)
    tape.closing("in", 1000).closing("out", 1000).eof().end()
    assert last("A", tape).cause == cause


def test_a_short_last_message_is_a_hint() -> None:
    """It may be what users say to each other."""
    tape = Tape().open().at(2.0).text("out", "hi").text("in", "DISCONNECTED: replaced by new login")
    verdict = last("A", tape.at(2.5).closing("in", 1000).closing("out", 1000).eof().end())
    assert [one.cause for one in verdict.causes[:2]] == ["normal-close", "duplicate-session"]


def test_a_close_without_an_idle_time_is_no_idle_timeout() -> None:
    idle = Tape().open().text("out", "hi").at(60.02).closing("in", 1000).closing("out", 1000).eof().end()
    other = Tape().open().text("out", "hi").at(41.46).closing("in", 1000).closing("out", 1000).eof().end()
    assert head(last("A", idle)) == ("idle-timeout-server", "server")
    assert head(last("A", other)) == ("normal-close", "server")


def test_a_bare_fin_after_a_round_silence_is_a_proxys() -> None:
    tape = Tape().open().text("out", "hi").at(0.3).text("in", "hi").at(60.31).eof().end()
    verdict = last("A", tape)
    assert head(verdict) == ("idle-timeout-proxy", "proxy")
    assert verdict.grade != "certain"


def test_a_bare_fin_in_mid_traffic_is_no_idle_timeout() -> None:
    tape = busy(stomp(), 7.2).at(6.87).eof().end()
    verdict = last("A", tape)
    assert head(verdict) == ("abrupt-close", "server")
    assert all(one.cause != "idle-timeout-proxy" or one.confidence < 0.05 for one in verdict.causes)


def test_two_that_end_at_one_moment_and_nobody_listens_any_more() -> None:
    tapes = [busy(stomp(name=name), 3).at(3.42 + at / 100).eof().end() for at, name in enumerate(("A", "B"))]
    for tape in tapes:
        tape.at(3.9).add(facts.Postmortem, stage="tcp", ok=False, how="refused")
    verdict = last("A", *tapes)
    assert (*head(verdict), verdict.scope) == ("server-crash", "server", "all")
    assert verdict.grade in ("strong", "certain")


def test_the_look_of_one_that_went_down_with_it_counts_as_well() -> None:
    tapes = [busy(stomp(name=name), 3).at(3.42 + at / 100).eof().end() for at, name in enumerate(("A", "B"))]
    for tape in tapes:
        tape.at(3.5).add(facts.Postmortem, stage="tcp", ok=True)
    tapes[1].at(3.6).add(facts.Postmortem, stage="http", ok=False, how="http", status=502)
    first, second = last("A", *tapes), last("B", *tapes)
    assert head(first) == head(second) == ("server-crash", "server")


def test_a_ping_that_nobody_answered_and_a_program_that_does_not_answer_newcomers_either() -> None:
    tape = Tape().open().at(5).frame("out", PING, b"").at(8).closing("out", 1011, "keepalive ping timeout")
    tape.at(13).end("local")
    tape.at(13.1).add(facts.Postmortem, stage="tcp", ok=True).at(23).add(
        facts.Postmortem, stage="http", ok=False, how="timeout"
    )
    assert head(last("A", tape)) == ("server-freeze", "server")


@pytest.mark.parametrize(
    ("server", "how", "cause"),
    [
        ("nginx", "replaced", ("proxy-reload", "proxy")),
        ("haproxy", "restarted", ("proxy-reload", "proxy")),
        ("caddy", "restarted", ("proxy-restart", "proxy")),
        ("java", "restarted", ("server-restart", "server")),
        ("gunicorn", "replaced", ("server-restart", "server")),
        ("ssh", "gone", ("tunnel-drop", "network")),
    ],
)
def test_the_process_at_the_other_end_is_gone(server: str, how: str, cause: tuple[str, str]) -> None:
    tape = stomp().add(facts.Route, when="open", remote="127.0.0.1", local="127.0.0.1", program=server)
    busy(tape, 7.2).at(6.87).eof().end().at(7.5).add(facts.Postmortem, stage="tcp", ok=True)
    tape.add(facts.Postmortem, stage="program", ok=False, how=how)
    assert head(last("A", tape)) == cause


@pytest.mark.parametrize(
    ("server", "how", "run_s", "cause"),
    [
        ("haproxy", "restarted", 3.5, "proxy-reload"),
        ("haproxy", "restarted", 0.4, "proxy-restart"),
        ("nginx", "replaced", 3.5, "proxy-reload"),
        ("nginx", "replaced", 0.4, "proxy-crash"),
        ("nginx", "replaced", 300, "proxy-crash"),  # another worker, older than the session
    ],
)
def test_who_listens_in_its_place_began_before_the_cut_or_after(
    server: str, how: str, run_s: float, cause: str
) -> None:
    tape = stomp().add(facts.Route, when="open", remote="127.0.0.1", local="127.0.0.1", program=server)
    busy(tape, 7.2).at(6.87).eof().end().at(7.5).add(facts.Postmortem, stage="tcp", ok=True)
    tape.add(facts.Postmortem, stage="program", ok=False, how=how, run_s=run_s)
    assert head(last("A", tape)) == (cause, "proxy")


@pytest.mark.parametrize(
    ("front", "behind", "how", "cause"),
    [
        ("nginx", "node", "gone", ("server-crash", "server")),
        ("nginx", "node", "restarted", ("server-restart", "server")),
        ("nginx", "gunicorn", "replaced", ("server-restart", "server")),
        ("haproxy", "nginx", "gone", ("proxy-crash", "proxy")),
        ("ssh", "sshd", "gone", ("tunnel-drop", "network")),
        ("ssh", "java", "gone", ("server-crash", "server")),
    ],
)
def test_one_of_those_behind_it_is_gone(front: str, behind: str, how: str, cause: tuple[str, str]) -> None:
    """Whatever the proxy or the tunnel still answers, and whoever else it serves."""
    tape = stomp().add(facts.Route, when="open", remote="127.0.0.1", local="127.0.0.1", program=front)
    busy(tape, 7.2).at(6.87).eof().end().at(7.5).add(facts.Postmortem, stage="tcp", ok=True)
    tape.add(facts.Postmortem, stage="program", ok=True).add(facts.Postmortem, stage="http", ok=True, status=101)
    tape.add(facts.Postmortem, stage="behind", ok=False, how=how, program=behind)
    lives = busy(Tape("stomp+ws://shop.test/feed", "B").open(), 7.2)
    assert head(last("A", tape, lives)) == cause


def test_a_server_that_runs_and_counts_as_down_behind_its_proxy() -> None:
    tape = stomp().add(facts.Route, when="open", remote="127.0.0.1", local="127.0.0.1", program="haproxy")
    busy(tape, 7.2).at(6.87).eof().end().at(7.5).add(facts.Postmortem, stage="tcp", ok=True)
    tape.add(facts.Postmortem, stage="http", ok=False, how="http", status=503)
    before = last("A", tape).cause
    tape.add(facts.Postmortem, stage="behind", ok=True, program="node")
    assert (before, last("A", tape).cause) == ("server-crash", "upstream-down")


@pytest.mark.parametrize("refused", [False, True])
def test_the_process_at_the_other_end_runs_on(refused: bool) -> None:
    tape = stomp().add(facts.Route, when="open", remote="127.0.0.1", local="127.0.0.1", program="java")
    busy(tape, 7.2).at(6.87).eof().end().at(7.5)
    tape.add(facts.Postmortem, stage="tcp", ok=not refused, how="refused" if refused else None)
    tape.add(facts.Postmortem, stage="program", ok=True)
    verdict = last("A", tape)
    assert head(verdict) == (("server-restart" if refused else "server-abort"), "server")
    assert all(cause.confidence < 0.1 for cause in verdict.causes if cause.cause == "server-crash")


def chat(answered: bool, size: int = 5) -> Tape:
    """Two messages that are answered, and one upon which TCP ends, with or without an answer before it."""
    tape = Tape().open()
    for m in (1.0, 2.3):
        tape.at(m).text("out", "hello").at(m + 0.01).text("in", "hello")
    tape.at(3.4).text("out", "x" * size)
    if answered:
        tape.at(3.41).text("in", "hello")
    return tape.at(3.42).eof().end()


def test_a_cut_upon_what_we_said_is_its_answer() -> None:
    verdict = last("A", chat(answered=False))
    assert head(verdict) == ("server-abort", "server")
    assert "admin-kill" not in [cause.cause for cause in verdict.causes[:2]]
    assert head(last("A", chat(answered=True))) == ("abrupt-close", "server")
    assert named(last("A", chat(answered=False, size=2000)), "message-too-big").side == "client"


def test_a_server_known_not_to_be_a_proxy_does_not_reload_like_one() -> None:
    def told(program: str) -> float:
        tapes = [busy(stomp(name=name), 3) for name in ("A", "B")]
        for tape in tapes:
            tape.add(facts.Route, when="open", remote="127.0.0.1", local="127.0.0.1", program=program)
            tape.at(3.42).eof().end().at(3.5).add(facts.Postmortem, stage="tcp", ok=True)
        return sum(cause.confidence for cause in last("A", *tapes).causes if cause.cause == "proxy-reload")

    assert told("gunicorn") < told("nginx") / 2


def test_what_was_acknowledged_is_no_longer_out_when_a_flow_is_forgotten() -> None:
    tape = Tape().open().at(1).frame("in", PING, b"").frame("out", PONG, b"")
    told: dict[str, Any] = {"when": "silent", "rtt_ms": 1.0, "last_data_ms": 1.0, "state": "ESTABLISHED", "notsent": 0}
    tape.at(2).add(facts.TcpInfo, outq=0, unacked=0, retrans=0, total_retrans=0, last_ack_ms=1000.0, **told)
    tape.at(8).text("out", "hi").at(9)
    tape.add(facts.TcpInfo, outq=8, unacked=1, retrans=2, total_retrans=2, last_ack_ms=8000.0, **told)
    verdict = last("A", tape.at(12).end("timeout", errno="ETIMEDOUT"))
    assert head(verdict) == ("nat-timeout", "network")


def test_our_own_proxy_that_was_started_again() -> None:
    tape = stomp().add(facts.Proxy, url="http://127.0.0.1:3128", ok=True)
    tape.add(facts.Route, when="open", remote="127.0.0.1", local="127.0.0.1", program="privoxy")
    busy(tape, 7.2).at(6.87).eof().end().at(7.5).add(facts.Postmortem, stage="program", ok=False, how="restarted")
    assert head(last("A", tape)) == ("proxy-restart", "proxy")


@pytest.mark.parametrize(
    ("alert", "causes"),
    [
        (Alert(name="internal_error", number=80, dir="in"), {"server-abort", "protocol-error"}),
        (None, {"protocol-error", "server-abort"}),
    ],
)
def test_tls_that_breaks_in_an_open_session(alert: Alert | None, causes: set[str]) -> None:
    tape = busy(stomp(), 5).at(5.4).end("tls", alert=alert)
    assert {one.cause for one in last("A", tape).causes[:2]} == causes


@pytest.mark.parametrize("errno", ["ENETDOWN", "ENETUNREACH"])
def test_our_own_kernel_has_no_way_any_more(errno: str) -> None:
    tape = busy(stomp(), 5).at(5.4).end("unreachable", errno=errno)
    assert last("A", tape).cause == "local-network-down"


def test_a_cut_in_mid_frame() -> None:
    tape = busy(stomp(), 3).at(3.46).eof()
    tape.add(
        facts.End, how="fin", phase="open", errno=None, alert=None, close_notify=None, undecoded=7, unread=0, unsent=0
    )
    assert head(last("A", tape)) == ("truncated-frame", "server")


def test_a_lifetime_repeats_at_one_age() -> None:
    first = busy(stomp(name="A"), 10).at(10.04).eof().end()
    second = Tape("stomp+ws://shop.test/feed", name="B").at(4).open("v12.stomp").connected()
    for m in range(5, 14):
        second.at(m).text("out", "\n").at(m + 0.1).text("in", "\n")
    second.at(14.05).eof().end()
    assert head(last("B", first, second)) == ("connection-lifetime", "proxy")


@pytest.mark.parametrize(("talks", "cause"), [(True, "connection-lifetime"), (False, "idle-timeout-proxy")])
def test_an_age_that_repeats_in_a_silent_session_is_one_where_another_talked(*, talks: bool, cause: str) -> None:
    """Both of a pair end together each time: whoever restarts knows nothing of their ages."""

    def pair(began: float, names: str, *, talks: bool) -> list[Tape]:
        tapes = [Tape(name=name).at(began).open().at(began + 0.1).text("in", "hello") for name in names]
        for tape in tapes:
            for number in range(1, 9 if talks else 1):
                tape.at(began + number).text("out", "hi").at(began + number + 0.1).text("in", "hi")
            tape.at(began + 9.37).eof().end().at(began + 9.6).add(facts.Postmortem, stage="tcp", ok=True)
            tape.add(facts.Postmortem, stage="http", ok=True, status=101)
        return tapes

    assert last("C", *pair(0, "AB", talks=talks), *pair(12, "CD", talks=False)).cause == cause


@pytest.mark.parametrize(("held", "cause"), [(True, "client-heartbeat-missed"), (False, "admin-kill")])
def test_a_beat_that_we_were_told_to_hold_back_is_missed_at_once(*, held: bool, cause: str) -> None:
    """RabbitMQ's "STOMP died" 0.1 s after the beat was due."""
    tape = busy(stomp(), 3.5).at(3.6)
    if held:
        tape.command("hold-beats")
    found = last("A", tape.at(5.4).closing("in", 1000, "STOMP died").closing("out", 1000).eof().end())
    assert found.cause == cause


@pytest.mark.parametrize(("since", "cause"), [(0.1, "duplicate-session"), (4.0, "policy-violation")])
def test_a_newer_login_outweighs_a_silence(since: float, cause: str) -> None:
    """Closed by 1008 without a reason, and another speaks more often."""
    older = Tape(name="A", login="ann").open().at(1).text("out", "hi").at(1.1).text("in", "hi")
    newer = Tape(name="B", login="ann").at(5.8 - since).open().at(5.9).text("out", "hi").at(6).text("in", "hi")
    other = Tape(name="C", login="bob").open()
    for m in range(1, 8):
        other.at(m).text("out", "hi").at(m + 0.1).text("in", "hi")
    older.at(5.83).closing("in", 1008).closing("out", 1008).eof().end()
    assert last("A", older, newer, other).cause == cause


def test_a_newer_login_kicks_the_older_session() -> None:
    older = busy(stomp(name="A", login="ann"), 5).at(5.2).eof().end()
    newer = Tape("stomp+ws://shop.test/feed", name="B", login="ann").at(4.9).open("v12.stomp").connected()
    newer.at(5.5).text("in", "\n")
    assert head(last("A", older, newer)) == ("duplicate-session", "server")


def test_the_machine_slept() -> None:
    tape = busy(stomp(), 4).at(40).add(facts.Stall, everywhere=True, why="sleep", wall=36.0, mono=0.5)
    tape.at(40.1).closing("in", 1000, "STOMP died").eof().end()
    assert head(last("A", tape)) == ("client-stalled", "client")


def test_the_servers_beats_stop_while_tcp_answers() -> None:
    """Nothing comes at all: of two dozen such runs with real brokers most had stood still, some forgotten to beat."""
    tape = busy(stomp(), 4)
    for m in (4.5, 5.5, 6.5, 7.5, 8.5, 9.5):
        tape.at(m).text("out", "\n")
    tape.at(10).add(
        facts.TcpInfo, when="silent", outq=0, notsent=0, unacked=0, retrans=0, total_retrans=0, rtt_ms=1.0,
        last_ack_ms=450.0, last_data_ms=5900.0, state="ESTABLISHED",
    )  # fmt: skip
    found = verdicts(tape)
    assert head(found[-1]) == ("server-freeze", "server")
    assert found[-1].causes[1].cause == "server-heartbeat-missed"


def _beats_stop(program: str, peer_unread: int | None, after: float = 0.5, beat: float = 7.5) -> Verdict:
    """A server of this machine promises beats and stops; it is looked at so long after a beat of ours, s."""
    tape = Tape("stomp+ws://127.0.0.1:8080/feed")
    tape.add(facts.Route, when="open", remote="127.0.0.1", local="127.0.0.1", program=program)
    busy(tape.open("v12.stomp").connected(), 4)
    for m in (4.5, 5.5, 6.5, 7.5):
        tape.at(m).text("out", "\n")
        if m == beat:
            tape.at(m + after).add(
                facts.TcpInfo, when="silent", outq=0, notsent=0, unacked=0, retrans=0, total_retrans=0, rtt_ms=1.0,
                last_ack_ms=450.0, last_data_ms=3900.0, state="ESTABLISHED", peer_unread=peer_unread,
            )  # fmt: skip
    return verdicts(tape.at(8.5).text("out", "\n").at(8.6).stop())[-1]


@pytest.mark.parametrize(
    ("unread", "cause", "reason"),
    [
        (28, "server-freeze", "verdict.server_reads_nothing"),
        (0, "server-heartbeat-missed", "verdict.server_reads"),
    ],
)
def test_what_a_server_of_this_machine_has_read_tells_a_halt_from_missing_beats(
    unread: int, cause: str, reason: str
) -> None:
    found = _beats_stop("node", unread)
    assert (found.cause, found.grade) == (cause, "strong")
    frozen = next(one for one in found.causes if one.cause == "server-freeze")
    assert reason in [claim.key for claim in (*frozen.evidence, *frozen.against)]


@pytest.mark.parametrize(("answered", "cause"), [(True, "server-heartbeat-missed"), (False, "server-freeze")])
def test_a_server_that_answers_what_we_send_by_requests_has_not_halted(*, answered: bool, cause: str) -> None:
    """What its kernel has unread of the stream's connection says nothing: we send by others."""
    tape = Tape("stomp+http://127.0.0.1:8080/feed").add(facts.Transport, name="xhr-streaming", url="http://h/feed/0/x")
    tape.add(facts.Route, when="open", remote="127.0.0.1", local="127.0.0.1", program="java")
    send: dict[str, Any] = {"dir": "out", "method": "POST", "target": "/feed/0/x/xhr_send", "status": None}
    tape.add(facts.Http, **(send | {"target": "/feed/0/x/xhr_streaming"})).add(facts.Http, dir="in", status=200)
    tape.add(facts.Bytes, dir="in", size=2, text="o\n").add(facts.Http, **send)
    tape.add(
        facts.Bytes, dir="out", size=9, text='["CONNECT\\naccept-version:1.2\\nheart-beat:2000,2000\\n\\n\\u0000"]'
    )
    tape.add(facts.Http, dir="in", status=204)
    tape.add(facts.Bytes, dir="in", size=9, text='a["CONNECTED\\nversion:1.2\\nheart-beat:2000,2000\\n\\n\\u0000"]\n')
    tape.at(2).add(facts.Bytes, dir="in", size=9, text='a["\\n"]\n')
    for m in (4.0, 5.9):
        tape.at(m).add(facts.Http, **send).add(facts.Bytes, dir="out", size=6, text='["\\n"]')
        if answered or m < 5:
            tape.at(m + 0.01).add(facts.Http, dir="in", status=204)
    tape.at(7.6).add(
        facts.TcpInfo, when="silent", outq=0, notsent=0, unacked=0, retrans=0, total_retrans=0, rtt_ms=1.0,
        last_ack_ms=450.0, last_data_ms=3900.0, state="ESTABLISHED", peer_unread=0,
    )  # fmt: skip
    assert verdicts(tape.at(8).stop())[-1].cause == cause


@pytest.mark.parametrize(
    ("server", "reason", "cause"),
    [
        ("RabbitMQ/3.10.8", "", "idle-timeout-server"),
        ("RabbitMQ/3.10.8", "goodbye", "normal-close"),
        ("Spring", "", "normal-close"),
    ],
)
def test_rabbitmq_says_nothing_to_those_that_say_nothing(server: str, reason: str, cause: str) -> None:
    tape = Tape("stomp+ws://shop.test/ws").open("v12.stomp")
    tape.text("out", "CONNECT\naccept-version:1.2\nheart-beat:0,2000\n\n\0")
    tape.text("in", f"CONNECTED\nversion:1.2\nserver:{server}\nheart-beat:2000,0\n\n\0")
    for m in (2.0, 4.0, 6.0):
        tape.at(m).text("in", "\n")
    assert last("A", tape.at(7.4).closing("in", 1000, reason).closing("out", 1000).eof().end()).cause == cause


def test_what_a_server_had_read_before_its_beat_was_due_tells_nothing() -> None:
    """It may stand still since."""
    assert _beats_stop("node", 0, beat=4.5).cause == "server-freeze"
    assert _beats_stop("node", 0, beat=6.5).cause == "server-heartbeat-missed"


@pytest.mark.parametrize(("other_until", "scope"), [(4, "all"), (9, "one")])
def test_those_that_fall_silent_at_one_moment_ail_together(other_until: float, scope: str) -> None:
    mine, other = (busy(stomp(name=name), until) for name, until in (("A", 4), ("B", other_until)))
    for m in (5.5, 7.5, 8.5):
        mine.at(m).text("out", "\n")
        if other_until < m:
            other.at(m + 0.1).text("out", "\n")
    found = last("A", mine.at(8.6).stop(), other)
    assert (found.cause, found.scope) == ("server-freeze" if scope == "all" else "server-heartbeat-missed", scope)
    assert [(one.state, one.together) for one in found.siblings] == [("open", scope == "all")]


@pytest.mark.parametrize(
    ("program", "unread", "after"),
    [
        ("haproxy", 0, 0.5),
        ("ssh", 28, 0.5),
        ("node", None, 0.5),
        ("node", 7, 0.05),
    ],
)
def test_what_a_relay_has_read_and_what_was_said_just_now_tell_nothing(
    program: str, unread: int | None, after: float
) -> None:
    found = _beats_stop(program, unread, after)
    assert not {"verdict.server_reads", "verdict.server_reads_nothing"} & {
        claim.key for one in found.causes for claim in (*one.evidence, *one.against)
    }


def test_a_server_that_reads_nothing_has_not_answered_the_handshake() -> None:
    tape = Tape("stomp+ws://127.0.0.1:8080/feed")
    tape.add(facts.Route, when="open", remote="127.0.0.1", local="127.0.0.1", program="java").open("v12.stomp")
    tape.text("out", "CONNECT\n\n\0").at(1).add(
        facts.TcpInfo, when="silent", outq=0, notsent=0, unacked=0, retrans=0, total_retrans=0, rtt_ms=1.0,
        last_ack_ms=990.0, last_data_ms=990.0, state="ESTABLISHED", peer_unread=40,
    )  # fmt: skip
    found = last("A", tape.at(10).end("timeout"))
    assert head(found) == ("handshake-timeout", "server")
    assert "verdict.server_reads_nothing" in [claim.key for claim in found.causes[0].evidence]


def test_the_servers_beats_stop_while_it_answers_pings() -> None:
    tape = busy(stomp(), 4)
    for m in (4.5, 5.5, 6.5, 7.5, 8.5, 9.5):
        tape.at(m).text("out", "\n")
        tape.at(m + 0.2).frame("out", PING, b"there").at(m + 0.3).frame("in", PONG, b"there")
    assert head(verdicts(tape)[-1]) == ("server-heartbeat-missed", "server")


@pytest.mark.parametrize(
    ("said", "came", "cause"),
    [
        (True, "RECEIPT\nreceipt-id:1\n\n\0", "server-heartbeat-missed"),
        (False, "MESSAGE\nsubscription:0\nmessage-id:1\n\n\0", "none"),
        (True, "\n", "none"),
    ],
)
def test_what_came_after_a_missed_beat_was_none(*, said: bool, came: str, cause: str) -> None:
    """A receipt shows a server that works and does not beat; other messages may stand for beats."""
    tape = busy(stomp(), 4)
    for m in (4.5, 5.5, 6.5, 7.5):
        tape.at(m).text("out", "\n")
    if said:
        tape.at(8.2).text("out", "SEND\ndestination:/queue/a\nreceipt:1\n\n\0")
    assert verdicts(tape.at(8.25).text("in", came).at(8.4).stop())[-1].cause == cause


def test_a_beat_a_hair_past_missed_is_no_ailment() -> None:
    tape = busy(stomp(), 4).at(7.55).text("in", "\n").at(8).stop()
    assert [one.cause for one in verdicts(tape)] == ["none"]


def test_nothing_is_acknowledged_any_more() -> None:
    tape = busy(stomp(), 4)
    for m in (4.5, 5.5):
        tape.at(m).text("out", "\n")
    tape.at(8).add(
        facts.TcpInfo, when="silent", outq=14, notsent=0, unacked=2, retrans=4, total_retrans=4, rtt_ms=1.0,
        last_ack_ms=3900.0, last_data_ms=3900.0, state="ESTABLISHED",
    )  # fmt: skip
    assert head(verdicts(tape)[-1]) == ("network-blackhole", "network")
    tape.at(20).end("timeout", errno="ETIMEDOUT")
    assert head(verdicts(tape)[-1]) == ("network-blackhole", "network")


@pytest.mark.parametrize(("how", "cause"), [("restarted", "server-restart"), (None, "server-error")])
def test_a_server_that_closed_because_it_was_stopped(how: str | None, cause: str) -> None:
    tape = Tape().add(facts.Route, when="open", remote="127.0.0.1", local="127.0.0.1", program="hypercorn").open()
    tape.text("out", "hi").text("in", "hi").at(3.37).closing("in", 1011).closing("out", 1011).eof().end()
    tape.at(3.9).add(facts.Postmortem, stage="program", ok=how is None, how=how)
    assert last("A", tape).cause == cause


@pytest.mark.parametrize(("lost", "cause"), [((1, 2, 3, 4), "packet-loss"), ((4, 4, 4, 4), "none")])
def test_losses_of_which_the_kernel_tells_again_and_again(lost: tuple[int, ...], cause: str) -> None:
    """Four at once are an outage, which is over."""
    tape = busy(stomp(), 8)
    for m, total in zip((2.05, 3.05, 4.05, 5.05), lost, strict=True):
        tape.at(m).add(
            facts.TcpInfo, when="resent", outq=0, notsent=0, unacked=0, retrans=0, total_retrans=total, rtt_ms=1.0,
            last_ack_ms=4.0, last_data_ms=4.0, state="ESTABLISHED", segments=20, twice=0,
        )  # fmt: skip
    assert verdicts(tape.at(8.2).stop())[-1].cause == cause


@pytest.mark.parametrize(("notsent", "cause"), [(0, "server-freeze"), (14, "client-ping-timeout")])
def test_a_ping_that_never_left_was_not_acknowledged(notsent: int, cause: str) -> None:
    tape = Tape().open().at(5).frame("out", PING, b"").at(8).closing("out", 1011, "keepalive ping timeout").at(9)
    tape.add(
        facts.TcpInfo, when="end", outq=14, notsent=notsent, unacked=0, retrans=0, total_retrans=0, rtt_ms=1.0,
        last_ack_ms=4000.0, last_data_ms=4000.0, state="ESTABLISHED",
    )  # fmt: skip
    assert last("A", tape.end("local")).cause == cause


def test_every_reason_a_rule_gives_is_in_the_catalogue_and_none_is_dead() -> None:
    known, said = set(entries("verdict")), set()
    families: set[str] = set()
    for path in RULES.parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                said.add(node.value)
            elif isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                families.add(str(node.values[0].value))
    tls = {cause.replace("-", "_") for cause in said if cause.startswith("tls-")}
    dead = {key for key in known - said - tls if not any(key.startswith(family) for family in families if family)}
    assert not dead


def test_an_age_that_repeats_whether_busy_or_idle() -> None:
    tape = Tape()
    for c, said in ((1, 3.5), (2, 0.4)):
        tape.c = c
        tape.at(5.0 * c).open()
        m = 0.2
        while m <= said:
            tape.at(5.0 * c + m).text("in", "news")
            m += 0.3
        tape.at(5.0 * c + 3.7).eof().end()
    assert last("A", tape).cause == "connection-lifetime"

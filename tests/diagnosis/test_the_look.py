"""What the look after a drop says, and what reports of the way say of a request that never arrived."""

from typing import Any

import msgspec
import pytest

from tests.diagnosis.test_verdict import busy, head, last, verdicts
from tests.session.tape import Tape
from tui.facts import facts
from tui.protocols.websocket import PING


@pytest.mark.parametrize(
    ("how", "stage", "cause"),
    [
        ("reset", "tcp", ("tcp-reset", "network")),
        ("reset", "http", ("server-crash", "server")),
        ("refused", "tcp", ("server-crash", "server")),
        ("proxy", "proxy", ("server-crash", "server")),
    ],
)
def test_how_the_look_fared(how: str, stage: str, cause: tuple[str, str]) -> None:
    """A host without a listener refuses; only a box on the way lets nobody in by a reset."""
    tape = Tape("stomp+ws://shop.test/feed")
    if stage == "proxy":
        tape.add(facts.Proxy, url="http://192.0.2.7:3128", ok=True)
    tape = busy(tape.open("v12.stomp").connected(), 7.2)
    tape.at(6.87).end("reset", errno="ECONNRESET")
    if stage != "tcp":
        tape.at(7.9).add(facts.Postmortem, stage="tcp", ok=True)
    verdict = last("A", tape.at(8).add(facts.Postmortem, stage=stage, ok=False, how=how))
    assert head(verdict) == cause


def idle_behind(proxy: str) -> Tape:
    """Cut without a word a round minute after the last byte, behind a proxy that names itself."""
    tape = Tape().add(facts.Tcp, role="main", remote="192.0.2.1:80", local="192.0.2.9:5000", ms=40.0)
    tape.add(facts.Http, dir="out", method="GET", target="/feed", status=None)
    tape.add(facts.Http, dir="in", status=101, headers=[("Via", f"1.1 {proxy}")]).add(
        facts.Open, subprotocol=None, extensions=[]
    )
    return tape.text("out", "hi").at(0.3).text("in", "hi").at(60.31).eof().end()


def test_a_proxy_without_an_idle_timer_leaves_it_to_the_server() -> None:
    def servers(proxy: str) -> float:
        found = last("A", idle_behind(proxy)).causes
        return sum(one.confidence for one in found if one.cause == "idle-timeout-server")

    assert servers("Caddy") > 2 * servers("nginx")


@pytest.mark.parametrize(("size", "expected"), [(4000, True), (300, False)])
def test_a_large_request_that_never_arrived(*, size: int, expected: bool) -> None:
    headers: list[tuple[str, str]] = [("Host", "shop.test"), ("Cookie", "x" * size)]
    tape = Tape().add(facts.Tcp, role="main", remote="192.0.2.1:80", local="192.0.2.9:5000", ms=40.0)
    tape.add(facts.Http, dir="out", method="GET", target="/feed", status=None, headers=headers)
    told: dict[str, Any] = {"notsent": 0, "unacked": 2, "rtt_ms": 40.0, "last_ack_ms": 3900.0, "last_data_ms": 3900.0}
    tape.at(4).add(facts.TcpInfo, when="silent", outq=size, retrans=4, total_retrans=4, state="ESTABLISHED", **told)
    verdict = last("A", tape.at(10).end("timeout", "http"))
    assert ("mtu-blackhole" in [one.cause for one in verdict.causes[:2]]) == expected


@pytest.mark.parametrize(
    ("away", "cause"),
    [
        (None, "sticky-session-missing"),
        ("freeze 5", "session-expired"),
        ("sleep", "session-expired"),
    ],
)
def test_a_sockjs_session_that_nobody_knows_any_more(away: str | None, cause: str) -> None:
    """While we stood still no request of ours waited at the server, though the last one had been on its way."""
    tape = Tape("http://shop.test/feed")
    tape.add(facts.Transport, name="xhr-polling", url="http://shop.test/feed/0/x/xhr")
    poll: dict[str, Any] = {"dir": "out", "method": "POST", "target": "/feed/0/x/xhr", "status": None}
    tape.add(facts.Http, **poll).add(facts.Http, dir="in", status=200).add(facts.Bytes, dir="in", size=2, text="o\n")
    tape.at(0.1).add(facts.Http, **poll)
    if away == "sleep":
        tape.at(5.9).add(facts.Stall, everywhere=True, why="sleep", wall=5.7, mono=0.2)
    elif away is not None:
        tape.at(1).command(away)
    tape.at(6).add(facts.Http, dir="in", status=200).add(facts.Bytes, dir="in", size=2, text="h\n")
    tape.add(facts.Http, **poll).add(facts.Http, dir="in", status=200).add(facts.Bytes, dir="in", size=2, text="o\n")
    tape.add(
        facts.End, how="local", phase="open", errno=None, alert=None, close_notify=None, undecoded=0, unread=0,
        unsent=0, detail="sockjs-lost-session",
    )  # fmt: skip
    found = [one.cause for one in last("A", tape).causes]
    assert cause in found[:2] and (cause != "sticky-session-missing" or "session-expired" not in found)


def through(program: str) -> Tape:
    """Busy by way of a program of this machine, and then a FIN."""
    tape = Tape().open().add(
        facts.Route, when="open", remote="192.0.2.1", local="192.0.2.9", program=program, interface="lo"
    )  # fmt: skip
    return busy(tape, 3).at(3.2).eof().end()


@pytest.mark.parametrize(("program", "tunnel"), [("stunnel4", True), ("node", False)])
def test_a_tunnel_that_hangs_up_may_lack_its_far_half(program: str, *, tunnel: bool) -> None:
    tape = through(program).at(3.3).add(facts.Postmortem, stage="tcp", ok=True)
    verdict = last("A", tape.add(facts.Postmortem, stage="http", ok=False, how="reset"))
    found = [one.cause for one in verdict.causes[:2]]
    assert "server-crash" in found and ("tunnel-drop" in found) == tunnel


@pytest.mark.parametrize(("lives", "listed"), [(True, True), (False, False)])
def test_a_server_that_lives_and_listens_no_more_was_told_to(*, lives: bool, listed: bool) -> None:
    tape = through("beam.smp").at(3.3).add(facts.Postmortem, stage="tcp", ok=False, how="refused")
    verdict = last("A", tape.add(facts.Postmortem, stage="program", ok=lives, how=None if lives else "gone"))
    assert any(one.cause == "admin-kill" and one.confidence > 0.05 for one in verdict.causes[:2]) == listed


@pytest.mark.parametrize(("program", "doubted"), [("haproxy", True), ("node", False)])
def test_where_nobody_listens_any_more_no_proxy_reloads(program: str, *, doubted: bool) -> None:
    """The next attempt is refused or not: a proxy that reloads listens all the time."""
    tape = through(program).at(3.4).add(facts.Postmortem, stage="program", ok=False, how="gone")
    found = {one.cause: one for one in last("A", tape).causes}
    assert ({"proxy-restart", "proxy-crash"} <= found.keys()) == doubted
    reload = found.get("proxy-reload")
    assert reload is None or reload.confidence < 0.02


@pytest.mark.parametrize(("looked", "listed"), [(0.1, True), (0.5, False)])
def test_a_worker_that_reloads_is_there_for_a_moment_yet(looked: float, *, listed: bool) -> None:
    """The look came and went at once, or was as long as that."""
    tape, other = through("apache2"), busy(Tape(name="B").open(), 3).at(3.2).eof().end()
    tape.at(3.25).add(facts.Postmortem, stage="tcp", ok=True)
    tape.at(3.2 + looked).add(facts.Postmortem, stage="program", ok=True)
    assert ("proxy-reload" in [one.cause for one in last("A", tape, other).causes[:1]]) == listed


def test_a_server_that_ends_all_and_lives_has_not_restarted() -> None:
    def restarts(how: str | None) -> float:
        tape, other = through("node"), busy(Tape(name="B").open(), 3).at(3.2).eof().end()
        tape.at(3.3).add(facts.Postmortem, stage="program", ok=how is None, how=how)
        tape.at(4).c = 2
        found = last("A", tape.open(), other)
        return sum(one.confidence for one in found.causes if one.cause == "server-restart")

    assert restarts("restarted") > 0.5 > restarts(None)


@pytest.mark.parametrize(("url", "expected"), [("ws://shop.test/feed", True), ("wss://shop.test/feed", False)])
def test_a_stunnel_before_a_server_hangs_up_on_plain_words(url: str, *, expected: bool) -> None:
    tape = Tape(url).add(facts.Tcp, role="main", remote="192.0.2.1:80", local="192.0.2.9:5000", ms=0.1).add(
        facts.Route, when="open", remote="192.0.2.1", local="192.0.2.9", program="stunnel4", interface="lo"
    )  # fmt: skip
    tape.add(facts.Http, dir="out", method="GET", target="/feed", status=None)
    found = last("A", tape.at(0.1).eof().end("fin", "http")).causes
    assert ("tls-expected" in [one.cause for one in found[:2]]) == expected


@pytest.mark.parametrize(
    ("status", "error", "cause"),
    [(5, "Connection refused by destination host", "connection-refused"), (503, "Connection refused", "upstream-down")],
)
def test_what_an_outbound_proxy_says_of_a_refusal(status: int, error: str, cause: str) -> None:
    """SOCKS has a number of its own for it (RFC 1928 §6), HTTP has 502 and 503 for all that fails behind."""
    tape = Tape().add(facts.Proxy, url="socks5://192.0.2.7:1080", ok=False, status=status, error=error)
    assert last("A", tape.at(0.1).end("proxy", "proxy")).cause == cause


@pytest.mark.parametrize(("gap", "cause"), [(1.0, "client-stalled"), (0.7, "abrupt-close"), (0.3, "abrupt-close")])
def test_a_halt_of_ours_that_began_after_the_end_has_ended_nothing(gap: float, cause: str) -> None:
    """It is noticed 0.5 s after the end. Its gap counts from the probe's last look, up to 0.25 s before it began."""
    tape = busy(Tape().open(), 4).at(4.9).eof().end().at(5.4)
    slept = tape.add(facts.Stall, everywhere=True, why="scheduling", wall=1.1, mono=gap)
    assert last("A", slept).cause == cause


@pytest.mark.parametrize(("came", "cause"), [(3, "backpressure"), (0, "truncated-frame")])
def test_a_queue_of_messages_that_we_left_ends_anywhere(came: int, cause: str) -> None:
    """Told to freeze, we find messages when we go on, and the last one cut off; or nothing but part of one."""
    tape = busy(Tape().open(), 2).at(2.5).command("freeze 3").at(5.6)
    for _ in range(came):
        tape.text("in", "x" * 900)
    tape.eof().add(
        facts.End, how="fin", phase="open", errno=None, alert=None, close_notify=None, undecoded=700, unread=0, unsent=0
    )
    assert last("A", tape).cause == cause


@pytest.mark.parametrize(("now", "cause"), [("fe80::1", "local-network-down"), ("2001:db8:1::7", "network-blackhole")])
def test_an_interface_with_nothing_but_a_link_local_address_has_lost_its_own(now: str, cause: str) -> None:
    tape = Tape("stomp+ws://shop.test/feed")
    tape.add(facts.Route, when="open", remote="2001:db8::1", local="2001:db8:2::9", program=None, interface="eth0")
    tape = busy(tape.open("v12.stomp").connected(), 4).at(4.5).text("out", "\n").at(8)
    told: dict[str, Any] = {"notsent": 0, "unacked": 1, "rtt_ms": 40.0, "state": "ESTABLISHED", "outq": 7}
    tape.add(facts.TcpInfo, when="silent", retrans=4, total_retrans=4, last_ack_ms=3900, last_data_ms=3900, **told)
    tape.add(facts.Route, when="silent", remote="2001:db8::1", local=now).at(20).end("timeout", errno="ETIMEDOUT")
    assert last("A", tape.at(21).add(facts.Postmortem, stage="tcp", ok=False, how="timeout")).cause == cause


@pytest.mark.parametrize(("gone", "cause"), [(True, "server-restart"), (False, "server-error")])
def test_who_closed_behind_a_proxy_and_is_gone_was_stopped(*, gone: bool, cause: str) -> None:
    tape = Tape().open().add(
        facts.Route, when="open", remote="192.0.2.1", local="192.0.2.9", program="envoy", interface="lo"
    )  # fmt: skip
    tape = busy(tape, 3).at(3.2).closing("in", 1011).closing("out", 1011).eof().end()
    tape.at(3.3).add(facts.Postmortem, stage="tcp", ok=True).add(facts.Postmortem, stage="program", ok=True)
    how = "gone" if gone else None
    assert last("A", tape.add(facts.Postmortem, stage="behind", ok=not gone, how=how, program="python")).cause == cause


@pytest.mark.parametrize(("retrans", "cause"), [(4, "network-blackhole"), (0, "server-freeze")])
def test_a_close_of_ours_that_nobody_answers(retrans: int, cause: str) -> None:
    """It was asked for, and it is the way or the server that left it unanswered."""
    tape = busy(Tape().open(), 3).at(3.2).command("close 1000 bye").closing("out", 1000, "bye")
    told: dict[str, Any] = {"notsent": 0, "rtt_ms": 40.0, "last_ack_ms": 2300.0, "last_data_ms": 2300.0}
    tape.at(5.6).add(
        facts.TcpInfo, when="end", outq=11 if retrans else 0, unacked=1 if retrans else 0, retrans=retrans,
        total_retrans=retrans, state="ESTABLISHED", **told,
    )  # fmt: skip
    tape.add(
        facts.End, how="local", phase="open", errno=None, alert=None, close_notify=None, detail="close-timeout",
        undecoded=0, unread=0, unsent=0,
    )  # fmt: skip
    assert last("A", tape).cause == cause


@pytest.mark.parametrize(("ms", "cause"), [(900.0, "server-freeze"), (45.0, "client-ping-timeout")])
def test_an_answer_that_takes_long_is_that_of_a_program_that_stood_still(ms: float, cause: str) -> None:
    tape = Tape().add(facts.Tcp, role="main", remote="192.0.2.1:80", local="192.0.2.9:5000", ms=10.0)
    tape.at(0.1).add(facts.Http, dir="in", status=101, headers=[("Server", "testing")], ms=11.0)
    tape.add(facts.Open, subprotocol=None, extensions=[]).at(5).frame("out", PING, b"").at(6).add(
        facts.TcpInfo, when="silent", outq=0, notsent=0, unacked=0, retrans=0, total_retrans=0, rtt_ms=10.0,
        last_ack_ms=990.0, last_data_ms=5900.0, state="ESTABLISHED",
    )  # fmt: skip
    tape.at(8).closing("out", 1011, "keepalive ping timeout").at(8.5).end("local")
    tape.at(8.6).add(facts.Postmortem, stage="tcp", ok=True).at(8.6 + ms / 1000).add(
        facts.Postmortem, stage="http", ok=True, status=101, ms=ms
    )
    assert last("A", tape).cause == cause


@pytest.mark.parametrize(("inner", "cause"), [("nginx", "proxy-crash"), ("node", "server-crash")])
def test_the_nearer_of_those_behind_is_gone_and_the_next_lives(inner: str, cause: str) -> None:
    """What the outer proxy answers is about its own backend, a proxy too."""
    notify = facts.CloseNotify(in_=True, out=True)
    tape = through("haproxy")
    tape.facts[-1] = msgspec.structs.replace(tape.facts[-1], close_notify=notify)
    tape.at(3.3).add(facts.Postmortem, stage="tcp", ok=True).add(facts.Postmortem, stage="program", ok=True)
    tape.add(facts.Postmortem, stage="behind", ok=False, how="gone", program=inner)
    tape.add(facts.Postmortem, stage="behind", ok=True, program="java")
    verdict = last("A", tape.at(6).add(facts.Postmortem, stage="http", ok=False, how="http", status=503))
    assert verdict.cause == cause


@pytest.mark.parametrize(
    ("program", "stage", "cause"),
    [("node", "program", "server-freeze"), ("nginx", "behind", "server-freeze"), ("ssh", "program", "tunnel-drop")],
)
def test_a_process_that_is_held_stands_still(program: str, stage: str, cause: str) -> None:
    """Ctrl-Z, or a debugger: our ping was not answered, and whoever looks later may find it going on."""
    tape = Tape().open().add(
        facts.Route, when="open", remote="192.0.2.1", local="192.0.2.9", program=program, interface="lo"
    )  # fmt: skip
    busy(tape, 3).at(5).frame("out", PING, b"").at(8).closing("out", 1011, "keepalive ping timeout").at(8.5).end(
        "local"
    )
    tape.at(8.6).add(facts.Postmortem, stage="tcp", ok=True).add(facts.Postmortem, stage="program", ok=True)
    assert last("A", tape).cause == "client-ping-timeout"
    behind = "java" if stage == "behind" else None
    tape.at(8.7).add(facts.Postmortem, stage=stage, ok=True, how="stopped", program=behind)
    tape.at(9).add(facts.Postmortem, stage="http", ok=True, status=101, ms=200.0)
    assert last("A", tape).cause == cause


@pytest.mark.parametrize(("outq", "cause"), [(14, "nat-timeout"), (1400, "network-blackhole")])
def test_one_flow_is_dark_and_a_new_one_gets_through(outq: int, cause: str) -> None:
    """Forgotten by a box after a silence, unless what is stuck may be too large for the way."""
    tape = busy(Tape().open(), 2).at(6).frame("out", PING, b"")
    told: dict[str, Any] = {"notsent": 0, "unacked": 1, "rtt_ms": 40.0, "outq": outq, "state": "ESTABLISHED"}
    tape.at(8).add(
        facts.TcpInfo, when="silent", retrans=3, total_retrans=3, last_ack_ms=5900.0, last_data_ms=5900.0, **told
    )  # fmt: skip
    tape.at(9).closing("out", 1011, "keepalive ping timeout").at(14).add(
        facts.TcpInfo, when="end", retrans=5, total_retrans=5, last_ack_ms=11900.0, last_data_ms=11900.0, **told
    )  # fmt: skip
    tape.end("local").at(14.1).add(facts.Postmortem, stage="tcp", ok=True)
    assert last("A", tape.add(facts.Postmortem, stage="http", ok=True, status=101, ms=40.0)).cause == cause


def test_of_a_fin_by_a_program_that_lives_an_abrupt_close_is_the_second_word() -> None:
    tape = through("node").at(3.3).add(facts.Postmortem, stage="tcp", ok=True)
    tape.add(facts.Postmortem, stage="program", ok=True)
    verdict = last("A", tape.add(facts.Postmortem, stage="http", ok=True, status=101, ms=2.0))
    assert [one.cause for one in verdict.causes[:2]] == ["server-abort", "abrupt-close"]
    assert not verdict.causes[1].against


def test_a_backend_that_lives_and_counts_as_down_may_have_been_taken_out() -> None:
    tape = through("haproxy").at(3.3).add(facts.Postmortem, stage="tcp", ok=True)
    tape.add(facts.Postmortem, stage="program", ok=True)
    tape.add(facts.Postmortem, stage="behind", ok=True, program="node")
    verdict = last("A", tape.at(6).add(facts.Postmortem, stage="http", ok=False, how="http", status=503))
    causes = {one.cause: one.confidence for one in verdict.causes}
    assert verdict.cause == "upstream-down" and causes["admin-kill"] >= causes.get("server-freeze", 0.0)


def answered(name: str, ms: float, c: int = 1, at: float = 0.0, tape: Tape | None = None) -> Tape:
    """A connection whose upgrade HAProxy passed on."""
    tape = Tape(name=name) if tape is None else tape
    tape.c = c
    tape.at(at).add(facts.Tcp, role="main", remote="192.0.2.1:80", local="192.0.2.9:5000", ms=1.0)
    headers = [("upgrade", "websocket"), ("connection", "Upgrade"), ("sec-websocket-accept", "x"), ("via", "haproxy")]
    tape.at(at + ms / 1000).add(facts.Http, dir="in", status=101, headers=headers, ms=ms)
    return tape.add(facts.Open, subprotocol=None, extensions=[])


@pytest.mark.parametrize(("ms", "causes"), [(2004.0, {"server-restart", "server-crash"}), (6.0, {"proxy-reload"})])
def test_a_proxy_that_has_to_wait_for_its_server(ms: float, causes: set[str]) -> None:
    tapes = [busy(answered(name, 5.0), 3).at(3.2).eof().end() for name in ("A", "B")]
    for tape in tapes:
        answered("", ms, c=2, at=4.0, tape=tape)
    verdict = next(one for one in reversed(verdicts(*tapes)) if (one.s, one.c) == ("A", 1))
    assert verdict.cause in causes


@pytest.mark.parametrize(("how", "cause"), [("closing", "server-restart"), (None, "upstream-down")])
def test_who_stops_in_order_behind_a_proxy_listens_no_more(how: str | None, cause: str) -> None:
    tape = through("caddy").at(3.3).add(facts.Postmortem, stage="tcp", ok=True)
    tape.add(facts.Postmortem, stage="program", ok=True)
    tape.add(facts.Postmortem, stage="behind", ok=True, how=how, program="python")
    verdict = last("A", tape.add(facts.Postmortem, stage="http", ok=False, how="http", status=502))
    assert verdict.cause == cause


def test_a_worker_of_the_inner_proxy_is_replaced() -> None:
    tape = through("haproxy").at(3.3).add(facts.Postmortem, stage="tcp", ok=True)
    tape.add(facts.Postmortem, stage="program", ok=True)
    verdict = last("A", tape.add(facts.Postmortem, stage="behind", ok=False, how="replaced", program="nginx"))
    assert head(verdict) == ("proxy-reload", "proxy")


@pytest.mark.parametrize(("lives", "cause"), [(True, "proxy-restart"), (False, "server-crash")])
def test_a_proxy_that_hangs_up_while_its_server_lives(*, lives: bool, cause: str) -> None:
    tape = through("apache2").at(3.3).add(facts.Postmortem, stage="tcp", ok=True)
    tape.add(facts.Postmortem, stage="behind", ok=lives, how=None if lives else "gone", program="node")
    assert last("A", tape.add(facts.Postmortem, stage="http", ok=False, how="fin")).cause == cause


def test_a_process_that_is_held_has_ended_nothing_of_its_own_will() -> None:
    tape = through("node").at(3.3).add(facts.Postmortem, stage="tcp", ok=True)
    verdict = last("A", tape.add(facts.Postmortem, stage="program", ok=True, how="stopped"))
    said = {reason.key for cause in verdict.causes for reason in (*cause.evidence, *cause.against)}
    assert "verdict.stopped" in said and "verdict.program_lives" not in said

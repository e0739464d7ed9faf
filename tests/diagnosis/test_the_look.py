"""What the look after a drop says, and what reports of the way say of a request that never arrived."""

from typing import Any

import pytest

from tests.diagnosis.test_verdict import busy, head, last
from tests.session.tape import Tape
from tui.facts import facts


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

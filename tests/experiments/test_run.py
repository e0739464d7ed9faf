"""The idle experiment, whole, against the embedded lab."""

from typing import Any

import pytest

from tests.experiments.experimenting import experiment, idle
from tests.servers.ports import LOOPBACK, free_ports
from tui.lab.endings import Close, Fin
from tui.lab.lab import running
from tui.lab.policy import Drop, Policy
from tui.protocols.heartbeat import Pair

EASY = Pair(200, 200)


def kept(found: dict[str, Any]) -> dict[str, bool | None]:
    return {one["kind"]: one["kept"] for one in found["twins"]}


async def test_a_broker_that_counts_bytes_either_way() -> None:
    async with running(Policy(beats=EASY, idle=1.0, on_idle=Drop(Fin()))) as urls:
        found = await idle(urls["tcp"])
    assert (found["answer"], found["clocks"]) == ("any", ["idle_any"])
    assert found["length_s"] == pytest.approx(1.0, abs=0.3)
    assert found["within_s"] <= 1
    assert found["every_s"] == 0.25
    assert found["end"] == {"how": "fin", "code": None, "reason": None}
    assert kept(found) == {"silent": None, "up": True, "down": True, "both": True}
    assert found["skipped"] == [{"kind": "ping", "why": "websocket_only"}]
    assert "nginx" in [product["product"] for product in found["products_set_so"]]


async def test_the_broker_in_a_websocket_server_sees_no_pings() -> None:
    jetty = Drop(Close(1001, "Connection Idle Timeout"))
    async with running(Policy(beats=EASY, idle=1.0, on_idle=jetty)) as urls:
        found = await idle(urls["stomp"], "--every", "0.3")
    assert (found["answer"], found["pings_keep"]) == ("any", False)
    assert kept(found) == {"silent": None, "up": True, "down": True, "ping": False, "both": True}
    assert found["end"] == {"how": "fin", "code": 1001, "reason": "Connection Idle Timeout"}
    assert "Jetty" in [product["product"] for product in found["products_set_so"]]
    assert "nginx" not in [product["product"] for product in found["products_set_so"]]


async def test_a_broker_that_beats_too_seldom_leaves_a_question() -> None:
    async with running(Policy(beats=Pair(2000, 2000), idle=1.0, on_idle=Drop(Fin()))) as urls:
        found = await idle(urls["tcp"])
    assert found["answer"] == "ours_at_least"


async def test_every_session_ends_at_one_age() -> None:
    async with running(Policy(beats=EASY)) as urls:
        found = await idle(urls["stomp"] + "?fin&after=1")
    assert (found["answer"], found["clocks"]) == ("lifetime", ["age"])


async def test_nobody_is_dropped_and_a_person_is_told() -> None:
    async with running() as urls:
        said = await experiment("idle", urls["echo"], "--at-most", "1", "--lang", "zh")
    assert said.status == 0
    assert "没有会话被断开" in said.out.decode()


async def test_a_server_that_pings_may_have_kept_the_silent_session_awake() -> None:
    async with running() as urls:
        found = await idle(urls["echo"] + "?ping=0.4", "--at-most", "1.5")
    assert (found["answer"], found["server_sent_unasked"]) == ("none", True)
    assert any("kept the session awake" in text for text in found["text"])


async def test_no_session_is_one_clear_line_and_status_1() -> None:
    (port,) = free_ports(1)
    said = await experiment("idle", f"ws://{LOOPBACK}:{port}/")
    assert (said.status, said.out) == (1, b"")
    assert said.err.decode().splitlines()[-1].startswith(f"whoops: no session to ws://{LOOPBACK}:{port}/: nobody")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["idel", "ws://h/"], "whoops: no experiment is called 'idel'; there are: idle\n"),
        (["idle", "ws://h/", "ws://i/"], "whoops: one TARGET is wanted, 2 were given\n"),
        (["idle", "ws://h/", "--every", "0"], "whoops: --every '0': a positive number of seconds is wanted\n"),
    ],
)
async def test_what_cannot_be_run_is_refused_in_one_line(words: list[str], line: str) -> None:
    said = await experiment(*words)
    assert (said.status, said.err.decode()) == (2, line)

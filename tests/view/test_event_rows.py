from typing import Any, get_args

import pytest

from tests.view.story import Story
from tui.facts import facts, findings
from tui.facts.facts import Unknown
from tui.view.event_rows import event_rows
from tui.view.lines import plain
from tui.view.look import Look
from tui.view.rows import draw

LOOKS = [Look(), Look(lang="zh")]

EVENTS: list[tuple[type[facts.Fact], dict[str, Any], str, bool]] = [
    (facts.Resolved, {"host": "shop", "addresses": ["10.0.0.7"], "ms": 1.0}, "10.0.0.7", False),
    (facts.Resolved, {"host": "shop", "addresses": [], "ms": 1.0, "error": "EAI_NONAME"}, "EAI_NONAME", True),
    (facts.Tcp, {"role": "main", "remote": "10.0.0.7:80", "local": None, "ms": 0.3}, "10.0.0.7:80", False),
    (facts.Tcp, {"role": "attempt", "remote": "[::1]:80", "local": None, "ms": 1, "errno": "EIO"}, "EIO", True),
    (facts.Proxy, {"url": "http://p", "ok": False, "status": 407}, "407", True),
    (facts.Tls, {"ok": True, "version": "TLSv1.3", "cipher": "AES"}, "TLSv1.3", False),
    (facts.Tls, {"ok": False, "error": "expired"}, "expired", True),
    (facts.Http, {"dir": "out", "method": "GET", "target": "/app", "status": None}, "GET /app", False),
    (facts.Http, {"dir": "in", "status": 503, "phrase": "Busy", "body": "come back"}, "503 Busy come back", True),
    (facts.Http, {"dir": "in", "status": None, "raw": "SSH-2.0"}, "SSH-2.0", True),
    (facts.Open, {"subprotocol": "v12.stomp", "extensions": ["permessage-deflate"]}, "v12.stomp", False),
    (facts.Command, {"id": None, "do": "ping", "ok": True, "why": None}, "ping", False),
    (facts.Command, {"id": None, "do": "ack 1", "ok": False, "why": "no STOMP"}, "ack 1: no STOMP", True),
    (facts.Stop, {"why": "duration"}, "time is up", False),
    (facts.Stall, {"why": "sleep", "wall": 61.0, "mono": 0.1}, "61.0s", True),
    (facts.Eof, {"dir": "in"}, "server ended its side", False),
    (facts.Postmortem, {"stage": "tcp", "ok": True, "ms": 2.0}, "tcp 2.0ms", False),
    (facts.Postmortem, {"stage": "program", "ok": True}, "program lives", False),
    (facts.Postmortem, {"stage": "program", "ok": False, "how": "replaced"}, "program replaced", True),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "fields", "words", "bad"), EVENTS)
def test_every_event_has_its_words(
    story: Story, kind: type[facts.Fact], fields: dict[str, Any], words: str, bad: bool
) -> None:
    [row] = event_rows(story.say(kind, "A", **fields), Look())
    assert words in plain(draw(row, 160, Look()))
    assert (row.role == "error") == bad
    assert event_rows(story.say(kind, "A", **fields), Look(lang="zh"))[0].type == row.type


@pytest.mark.parametrize("how", get_args(facts.How))
@pytest.mark.parametrize("look", LOOKS)
def test_every_end_can_be_said(story: Story, how: str, look: Look) -> None:
    [row] = event_rows(story.end("A", how=how), look)
    assert plain(draw(row, 120, look)).strip()


@pytest.mark.parametrize(
    ("unread", "said"), [(7, "7 B of ours unread"), (0, "3 retransmitted"), (None, "3 retransmitted")]
)
def test_what_the_program_at_the_other_end_has_left_unread(story: Story, unread: int | None, said: str) -> None:
    fact = story.say(
        facts.TcpInfo, "A", when="silent", outq=0, notsent=0, unacked=0, retrans=0, total_retrans=3, rtt_ms=0.2,
        last_ack_ms=900, last_data_ms=900, state="ESTABLISHED", peer_unread=unread,
    )  # fmt: skip
    assert said in plain(draw(event_rows(fact, Look())[0], 160, Look()))


def test_kernel_counters_are_only_there_for_those_who_look(story: Story) -> None:
    fact = story.say(
        facts.TcpInfo, "A", when="silent", outq=5, notsent=None, unacked=1, retrans=2, total_retrans=3, rtt_ms=0.2,
        last_ack_ms=900, last_data_ms=900, state="ESTABLISHED",
    )  # fmt: skip
    [row] = event_rows(fact, Look())
    assert row.kind == "trace"
    assert "3 retransmitted" in plain(draw(row, 160, Look()))


def test_what_only_describes_has_no_row(story: Story) -> None:
    assert event_rows(story.say(facts.Target, "A", url="ws://a/"), Look()) == []


@pytest.mark.parametrize("state", ["negotiated", "late", "missed", "recovered"])
@pytest.mark.parametrize("look", LOOKS)
def test_every_change_of_a_timer_can_be_said(state: str, look: Look) -> None:
    beat = findings.Heartbeat(
        finding=True, t=0, m=0, s="A", layer="stomp-in", state=state, every_ms=10_000, gap_ms=12_345  # type: ignore[arg-type]
    )  # fmt: skip
    [row] = event_rows(beat, look)
    assert "STOMP ▼" in plain(draw(row, 120, look))


def test_an_unknown_line_is_shown_whole_and_safe() -> None:
    [row] = event_rows(Unknown(type="new\x1b", line=b'{"type":"new\x9b"}'), Look())
    assert plain(draw(row, 120, Look())).isprintable()

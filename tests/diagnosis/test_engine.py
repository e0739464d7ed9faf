"""The engine's promise: what the probe computed live is what a replay computes, however often time was asked."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.session.tape import Tape, stomp
from tui.diagnosis.engine import Engine
from tui.facts import codec, facts
from tui.facts.facts import Fact, Unknown
from tui.facts.findings import Finding, Heartbeat, Note


def replay(lines: list[Fact]) -> list[Finding]:
    engine = Engine()
    found: list[Finding] = []
    for fact in lines:
        found += engine.advance(fact.m)
        found += engine.feed(fact)
    return found


def numbered(lines: list[Fact]) -> list[Fact]:
    """The facts of several tapes as one probe would have written them."""
    decoded: list[Fact] = []
    for number, fact in enumerate(sorted(lines, key=lambda fact: fact.m), 1):
        fields = {name: getattr(fact, name) for name in fact.__struct_fields__}
        decoded.append(type(fact)(**{**fields, "n": number}))
    return decoded


STEPS = st.sampled_from([
    "beat out", "beat in", "message", "half", "ping out", "pong in", "ping in", "freeze 3", "close", "closing out",
    "closing in", "eof", "end", "error", "reconnect", "stop", "broken", "lost",
])  # fmt: skip


def perform(tape: Tape, step: str) -> None:
    match step.split():
        case ["beat", "out"]:
            tape.text("out", "\n")
        case ["beat", "in"]:
            tape.text("in", "\n")
        case ["message"]:
            tape.text("in", "MESSAGE\n\nhello\0MESSAGE\n\n\0")
        case ["half"]:
            tape.text("in", "MESSAGE\na:b", fin=False).frame("in", 0, b"\n\n\0")
        case ["ping", "out"]:
            tape.frame("out", 9, b"x")
        case ["pong", "in"]:
            tape.frame("in", 10, b"x")
        case ["ping", "in"]:
            tape.frame("in", 9, b"y").frame("out", 10, b"y")
        case ["closing", "out"]:
            tape.closing("out", 1000)
        case ["closing", "in"]:
            tape.closing("in", 1001, "bye")
        case ["eof"]:
            tape.eof()
        case ["end"]:
            tape.end()
        case ["error"]:
            tape.text("in", "ERROR\nmessage:no\n\n\0")
        case ["reconnect"]:
            tape.c += 1
            tape.open().connected()
        case ["stop"]:
            tape.stop()
        case ["broken"]:
            tape.text("in", "WHAT\n\n\0", error="rsv")
        case ["lost"]:
            tape.facts.pop()
        case _:
            tape.command(step)


@st.composite
def recordings(draw: st.DrawFn) -> list[Fact]:
    """Two sessions of one probe with beats of 2 s, and 1 s apart."""
    lines: list[Fact] = []
    for name, spec in (("A", {"ping_interval": 1.5}), ("B", {})):
        tape = Tape("stomp+ws://shop.test/", name, **spec).open().connected("1000,2000", "2000,1000")
        moment = 0.0
        for step in draw(st.lists(STEPS, max_size=15)):
            moment += draw(st.sampled_from([0.0, 0.001, 0.5, 1.0, 1.25, 2.0, 2.25, 3.7, 9.0]))
            perform(tape.at(moment), step)
        lines += tape.facts
    return numbered(lines)


@given(recordings(), st.data())
def test_live_and_replay_agree(lines: list[Fact], data: st.DataObject) -> None:
    """Live, time is asked for whenever it likes between two facts; and the driver sleeps until the deadline said."""
    engine = Engine()
    found: list[Finding] = []
    previous = lines[0].m
    for fact in lines:
        while (deadline := engine.next_deadline()) is not None and deadline <= fact.m and data.draw(st.booleans()):
            found += engine.advance(deadline)
        for share in sorted(data.draw(st.lists(st.floats(0, 1), max_size=3))):
            found += engine.advance(previous + (fact.m - previous) * share)
        found += engine.advance(fact.m)
        found += engine.feed(fact)
        previous = fact.m
    assert found == replay(lines)


@given(recordings())
def test_findings_survive_the_line_format_and_stand_in_order(lines: list[Fact]) -> None:
    found = replay(lines)
    written = [codec.encode(finding) for finding in found]
    again = [codec.decode(line) for line in written]
    assert again == found
    assert [codec.encode(finding) for finding in again if isinstance(finding, Finding)] == written
    assert [finding.m for finding in found] == sorted(finding.m for finding in found)
    assert [finding.n for finding in found] == sorted(finding.n for finding in found)
    assert all(finding.m <= lines[-1].m for finding in found)


def test_what_time_alone_finds_is_not_later_than_the_fact_that_follows() -> None:
    """Even where that fact comes a rounding error before the deadline, as it can where its moment is a sum."""
    tape = Tape("stomp+ws://shop.test/", "B").open().connected("1000,2000", "2000,1000")
    moment = 0.0
    for step in (0.001, 9.0, 0.001, 0.001, 0.001, 1.25):
        moment += step
        perform(tape.at(moment), "beat out")
    found = replay(numbered(tape.facts))
    assert [finding.m for finding in found] == sorted(finding.m for finding in found)


@given(recordings())
def test_after_advance_the_next_deadline_is_later(lines: list[Fact]) -> None:
    engine = Engine()
    for fact in lines:
        engine.advance(fact.m)
        deadline = engine.next_deadline()
        assert deadline is None or deadline > fact.m
        engine.feed(fact)


def test_no_deadline_is_slept_over() -> None:
    engine = Engine()
    for fact in stomp().facts:
        engine.feed(fact)
    assert engine.next_deadline() == 102.25
    assert engine.advance(102.249) == []
    assert [finding.m for finding in engine.advance(102.25)] == [102.25, 102.25]


def test_a_finding_of_time_carries_the_deadline_and_the_last_fact() -> None:
    other = Tape("ws://shop.test/", "B").at(1).open()
    engine = Engine()
    for fact in numbered(stomp().facts + other.facts):
        engine.advance(fact.m)
        engine.feed(fact)
    found = engine.advance(103.0)
    assert {(one.s, one.c, one.m, one.t, one.n) for one in found} == {("A", 1, 102.25, 1_700_000_102.25, 12)}


def test_deadlines_of_several_sessions_fire_in_the_order_of_time() -> None:
    engine = Engine()
    slow = Tape("stomp+ws://shop.test/", "slow").open().connected("0,3000", "3000,0")
    quick = Tape("stomp+ws://shop.test/", "quick").open().connected("0,1000", "1000,0")
    for fact in numbered(slow.facts + quick.facts):
        engine.feed(fact)
    found = [(one.s, one.state, one.m) for one in engine.advance(200.0) if isinstance(one, Heartbeat)]
    assert found == [
        ("quick", "late", 101.25), ("quick", "missed", 102.0), ("slow", "late", 103.25), ("slow", "missed", 106.0),
    ]  # fmt: skip


def test_findings_in_the_lines_are_ignored() -> None:
    tape = stomp()
    engine = Engine()
    for fact in tape.facts:
        engine.feed(fact)
    assert [engine.feed(finding) for finding in tape.findings] == [[]] * len(tape.findings)


def test_a_stop_reaches_every_session() -> None:
    engine = Engine()
    lines = numbered(Tape(name="A").open().facts + Tape(name="B").open().facts)
    for fact in lines:
        engine.feed(fact)
    engine.feed(facts.Stop(t=0.0, m=101.0, n=len(lines) + 1, why="signal"))
    assert all(session.ending.asked for session in engine.sessions.values())


def test_a_session_opened_again_under_its_name_begins_anew() -> None:
    engine = Engine()
    for fact in Tape().open().text("in", "x").facts:
        engine.feed(fact)
    engine.feed(facts.Target(t=0.0, m=101.0, s="A", n=7, url="ws://other.test/"))
    assert (engine.sessions["A"].url, engine.sessions["A"].counters.frames_in) == ("ws://other.test/", 0)


def notes(lines: list[Any]) -> list[tuple[str, dict[str, Any]]]:
    engine = Engine()
    return [(one.key, one.args) for line in lines for one in engine.feed(line) if isinstance(one, Note)]


def test_a_gap_is_a_lost_line() -> None:
    lines = Tape().open().facts
    assert notes(lines) == []
    assert notes([*lines[:2], *lines[4:]]) == [("note.line_lost", {"count": 2})]
    assert notes(lines[2:]) == []


def test_another_probe_counts_from_one_and_has_its_own_clock() -> None:
    engine = Engine()
    for fact in stomp().facts:
        engine.feed(fact)
    probe = facts.Probe(t=0.0, m=3.0, n=1, schema=1, version="1", host="h", clock="c")
    assert engine.feed(probe) == []
    assert engine.next_deadline() is None
    assert engine.sessions["A"].state == "dropped"


@pytest.mark.parametrize(("kind", "key"), [("sockjs2", "note.unknown_line"), ("probe", "note.later_schema")])
def test_an_unknown_line_is_said_once(kind: str, key: str) -> None:
    line = Unknown(type=kind, line=b"{}", n=1)
    assert notes([line, line]) == [(key, {"type": kind})]

"""Recordings replayed without any server: the same findings come out, in the same places.

A scenario is ``NAME.jsonl`` here (or in a folder below): the lines as ``whoops watch --json`` wrote them, facts and
findings. The findings in it are the expectation: each stands where the engine emits it, time's before the fact that
follows and a fact's own right after it. The run may have seen time pass after its last fact; a replay does not.
Files named ``made-…`` were written by hand, all others are recordings of real runs.
"""

import pytest

from tests.scenarios.accuracy import first, side
from tests.scenarios.replaying import HERE, accepted, lines_of, recordings, replayed, scenario_of, truths
from tui.facts import codec
from tui.facts.facts import Unknown
from tui.facts.findings import Finding
from tui.knowledge import causes

SCENARIOS = recordings()


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_same_findings_in_the_same_places_byte_by_byte(name: str) -> None:
    raw = (HERE / name).read_bytes()
    assert raw.endswith(b"\n"), "the last line is torn"
    lines = lines_of(name)
    assert not [line for line in lines if isinstance(line, Unknown)]
    last = max(line.m for line in lines if not isinstance(line, Finding))
    expected = [line for line in lines if not (isinstance(line, Finding) and line.m > last)]
    assert replayed(lines) == expected
    for line, written in zip(lines, raw.splitlines(), strict=True):
        assert not isinstance(line, Finding) or codec.encode(line) == written + b"\n"


def test_there_are_scenarios() -> None:
    assert SCENARIOS


def test_the_truth_of_every_recording_is_known() -> None:
    assert set(truths()) == {scenario_of(name) for name in SCENARIOS}


def test_the_truths_are_causes() -> None:
    for sessions in truths().values():
        for truth in sessions.values():
            assert {truth.cause, *truth.also} <= set(causes.causes())


def test_the_verdicts_are_right_as_often_as_promised_and_no_healthy_session_is_accused() -> None:
    """The goal of the house: side 95 %, the first cause or one that cannot be excluded 97 %."""
    everyone = list(accepted())
    accused = [
        (case.recording, case.session) for case in everyone
        if case.truth.cause == "none" and case.verdict is not None and case.verdict.cause != "none"
    ]  # fmt: skip
    assert not accused
    ended = [case for case in everyone if case.truth.cause != "none"]
    assert sum(map(side, ended)) >= 0.95 * len(ended)
    assert sum(map(first, ended)) >= 0.97 * len(ended)

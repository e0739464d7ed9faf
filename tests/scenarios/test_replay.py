"""Recordings replayed without any server: the same findings come out, in the same places.

A scenario is ``NAME.jsonl`` here (or in a folder below): the lines as ``whoops watch --json`` wrote them, facts and
findings. The findings in it are the expectation: each stands where the engine emits it, time's before the fact that
follows and a fact's own right after it. The run may have seen time pass after its last fact; a replay does not.
Files named ``made-…`` were written by hand, all others are recordings of real runs.
"""

from pathlib import Path

import pytest

from tui.diagnosis.engine import Engine
from tui.facts import codec
from tui.facts.facts import KNOWN, Unknown
from tui.facts.findings import COMPUTED, Finding

HERE = Path(__file__).parent
SCENARIOS = sorted(path.relative_to(HERE).as_posix() for path in HERE.rglob("*.jsonl"))


def replayed(lines: list[KNOWN | COMPUTED | Unknown]) -> list[KNOWN | COMPUTED | Unknown | Finding]:
    """The facts among ``lines`` with what the engine finds in them."""
    engine = Engine()
    out: list[KNOWN | COMPUTED | Unknown | Finding] = []
    for line in lines:
        if isinstance(line, Finding):
            continue
        out += engine.advance(line.m)
        out.append(line)
        out += engine.feed(line)
    return out


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_same_findings_in_the_same_places(name: str) -> None:
    raw = (HERE / name).read_bytes()
    assert raw.endswith(b"\n"), "the last line is torn"
    lines = [codec.decode(line) for line in raw.splitlines()]
    last = max(line.m for line in lines if not isinstance(line, Finding))
    expected = [line for line in lines if not (isinstance(line, Finding) and line.m > last)]
    assert replayed(lines) == expected


@pytest.mark.parametrize("name", SCENARIOS)
def test_findings_stand_there_byte_by_byte(name: str) -> None:
    for raw in (HERE / name).read_bytes().splitlines(keepends=True):
        line = codec.decode(raw)
        assert not isinstance(line, Unknown)
        assert not isinstance(line, Finding) or codec.encode(line) == raw


def test_there_are_scenarios() -> None:
    assert SCENARIOS

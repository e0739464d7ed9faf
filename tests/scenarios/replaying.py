"""Recordings folded again without any server: what the engine finds in them, and what really happened in each."""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec

from tui.diagnosis.engine import Engine
from tui.facts import codec
from tui.facts.facts import KNOWN, Postmortem, Route, Unknown
from tui.facts.findings import COMPUTED, Close, Finding, Verdict

HERE = Path(__file__).parent


Lines = list[KNOWN | COMPUTED | Unknown]
"""The lines of a recording, facts and findings."""


class Truth(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the one who staged a run knows of one of its sessions."""

    cause: str
    side: str
    also: list[str] = []
    """Causes the client's evidence cannot exclude there."""


NONE = Truth("none", "none")


class Judged(NamedTuple):
    """One session of one recording: the truth, and the last verdict given of the connection it is about."""

    recording: str
    session: str
    truth: Truth
    verdict: Verdict | None
    unseen: bool


def recordings() -> list[str]:
    """Every recording, by its path here."""
    return sorted(path.relative_to(HERE).as_posix() for path in HERE.rglob("*.jsonl"))


def scenario_of(recording: str) -> str:
    """What was staged: ``nginx-idle`` for its takes ``nginx-idle.jsonl`` and ``nginx-idle.2.jsonl``."""
    return recording.partition(".")[0]


def lines_of(name: str) -> Lines:
    """The lines of a recording, facts and findings."""
    return [codec.decode(line) for line in (HERE / name).read_bytes().splitlines()]


def replayed(lines: Lines) -> list[KNOWN | COMPUTED | Unknown | Finding]:
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


@cache
def truths() -> dict[str, dict[str, Truth]]:
    """By scenario, by session: what holds for every take of it.

    Raises:
        msgspec.ValidationError: ``truth.toml`` does not have its form.
    """
    raw = msgspec.toml.decode((HERE / "truth.toml").read_bytes(), type=dict[str, dict[str, Truth | bool]])
    return {
        recording: {session: truth for session, truth in sessions.items() if isinstance(truth, Truth)}
        for recording, sessions in raw.items()
    }


@cache
def unseen() -> set[str]:
    """The scenarios that were kept out of sight while the rules were written."""
    raw = msgspec.toml.decode((HERE / "truth.toml").read_bytes(), type=dict[str, dict[str, Truth | bool]])
    return {recording for recording, sessions in raw.items() if sessions.get("unseen") is True}


def from_afar(lines: Lines) -> Lines:
    """A recording as it would be of a server on another machine: nothing is known of its processes."""
    told = [line for line in lines if not (isinstance(line, Postmortem) and line.stage in ("program", "behind"))]
    return [msgspec.structs.replace(line, program=None) if isinstance(line, Route) else line for line in told]


def judged(*, afar: bool = False) -> Iterator[Judged]:
    """Every session of every recording whose truth is known.

    Args:
        afar: only those that know of processes, judged as if they did not.
    """
    for name, lines in _known():
        if afar and (far := from_afar(lines)) == lines:
            continue
        yield from _sessions(name, replayed(far if afar else lines))


def accepted() -> Iterator[Judged]:
    """The same by the verdicts that stand in the recordings, which is what replays are compared with."""
    for name, lines in _known():
        yield from _sessions(name, lines)


def _known() -> Iterator[tuple[str, Lines]]:
    for name in recordings():
        if scenario_of(name) in truths():
            yield name, lines_of(name)


def _sessions(name: str, lines: Sequence[KNOWN | COMPUTED | Unknown | Finding]) -> Iterator[Judged]:
    scenario = scenario_of(name)
    for session in sorted({one.s for one in lines if one.s}):
        truth = truths()[scenario].get(session, NONE)
        yield Judged(name.removesuffix(".jsonl"), session, truth, last_verdict(lines, session), scenario in unseen())


def last_verdict(lines: Sequence[object], session: str) -> Verdict | None:
    """The last verdict on a session's last drop; where nothing dropped, on its last attempt that was refused; where
    none was, on the session: one that connects again may be well, or refused, by the time it is left."""
    ends = [line for line in lines if isinstance(line, Close) and line.s == session]
    refused = [line.c for line in ends if line.transport.phase != "open" and not line.asked]
    dropped = [line.c for line in ends if line.dropped] or refused
    return next(
        (
            line for line in reversed(lines)
            if isinstance(line, Verdict) and line.s == session and (not dropped or line.c == dropped[-1])
        ),
        None,
    )  # fmt: skip

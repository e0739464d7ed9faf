"""``watching`` with a conscience: whatever a test looks at, the lines of its run must hold together."""

import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tests.watching import Line, Watch, watching
from tui.diagnosis.engine import Engine
from tui.facts.codec import decode, encode
from tui.facts.facts import Fact, Unknown
from tui.facts.findings import Finding

_ids = itertools.count(1)


@asynccontextmanager
async def probing(*args: str, **environment: str) -> AsyncIterator[Watch]:
    """``watch ARGS --json``; once it has ended its lines are held against each other."""
    async with watching(*args, **environment) as watch:
        yield watch
        assert watch.process.returncode is not None, "the test did not wait for the end of its run"
        check_lines(watch, findings="--facts" not in args)


async def run(*args: str, **environment: str) -> tuple[Watch, int]:
    """A run to its end, and its exit status."""
    async with probing(*args, **environment) as watch:
        status = await watch.finish()
    return watch, status


async def ask(watch: Watch, words: str, session: str | None = None) -> Line:
    """Says a command as JSON and waits for its answer: the ``command`` fact with its id.

    Where it is for several sessions, the first one's.
    """
    number = next(_ids)
    said = {"cmd": words, "id": number} | ({"s": session} if session else {})
    await watch.command(json.dumps(said))
    return await watch.until(lambda line: line["type"] == "command" and line["id"] == number)


async def open_session(watch: Watch, **table: object) -> Line:
    """Has the probe open a session; the answer."""
    number = next(_ids)
    keys = {name.replace("_", "-"): value for name, value in table.items()}
    await watch.command(json.dumps({"cmd": "open", "id": number, "session": keys}))
    return await watch.until(lambda line: line["type"] == "command" and line["id"] == number)


async def seen(watch: Watch, kind: str, /, session: str | None = None, *, count: int = 1, **fields: object) -> Line:
    """Waits for the ``count``-th line of a type whose ``fields`` are as given."""
    return await watch.until(
        lambda line: (
            line["type"] == kind
            and session in (None, line.get("s"))
            and all(line.get(name) == value for name, value in fields.items())
        ),
        count=count,
    )


def check_lines(watch: Watch, *, findings: bool = True) -> None:
    """What is true of every run: facts numbered and in order, one end a connection, findings as in replay."""
    assert not watch.stderr, watch.stderr.decode()
    said = [decode(raw) for raw in watch.raw]
    facts = [line for line in said if not isinstance(line, Finding)]
    assert [fact.n for fact in facts] == list(range(1, len(facts) + 1))
    assert [line["type"] for line in watch.lines[:1]] == ["probe"]
    for before, after in itertools.pairwise(facts):
        assert before.m <= after.m
    ends = connections(watch, "end")
    assert {one for one in connections(watch) if one[2]} == set(ends), "every connection has its end"
    assert set(ends.values()) <= {1}
    if findings:
        assert [raw for raw, line in zip(watch.raw, said, strict=True) if isinstance(line, Finding)] == replayed(facts)
        assert connections(watch, "close") == ends


def connections(watch: Watch, kind: str | None = None) -> Counter[tuple[str, int, int]]:
    """How many lines (of a type) each connection has, by session, life of that session, and its number in it."""
    lives: Counter[str] = Counter()
    found: Counter[tuple[str, int, int]] = Counter()
    for line in watch.lines:
        if line["type"] == "target":
            lives[line["s"]] += 1
        elif line["type"] != "command" and "s" in line and kind in (None, line["type"]):
            found[line["s"], lives[line["s"]], line.get("c", 0)] += 1
    return found


def replayed(facts: Sequence[Fact | Unknown]) -> list[bytes]:
    """The findings that recorded facts lead to, as lines."""
    engine = Engine()
    found: list[Finding] = []
    for fact in facts:
        found += engine.advance(fact.m)
        found += engine.feed(fact)
    return [encode(finding) for finding in found]

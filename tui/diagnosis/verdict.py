"""The verdict: the ranked causes of a case, how many went down together, and how the others were."""

from typing import Literal

from tui.diagnosis.case import SAID, Case
from tui.diagnosis.ranking import grade, ranked
from tui.diagnosis.world import Neighbour
from tui.facts.facts import Fact
from tui.facts.findings import Cause, Sibling, Verdict

SIBLINGS_LISTED = 20

CHANGE = 0.05
"""The change of a confidence that is worth saying."""


def verdict(fact: Fact, case: Case) -> Verdict:
    """The verdict of a case, standing where ``fact`` stands."""
    if not case.candidates:
        _nothing_found(case)
    causes = ranked(case.settle())
    first = causes[0]
    there = [one for one in case.world.neighbours if _was_open(case, one)]
    down = [one for one in there if one.together]
    scope: Literal["one", "some", "all"] = "one" if not down else "all" if len(down) == len(there) else "some"
    return Verdict(
        finding=True, t=fact.t, m=fact.m, s=case.trail.session.name, c=case.trail.number, n=fact.n,
        cause=first.cause, side=first.side, confidence=first.confidence, grade=grade(first.confidence), causes=causes,
        scope=scope, siblings=[_sibling(one) for one in case.world.neighbours[:SIBLINGS_LISTED]],
    )  # fmt: skip


def _nothing_found(case: Case) -> None:
    if case.close is None:
        case.blame("none", "none", SAID, "well", case.lines(case.trail.ready))
    else:
        case.blame("unknown", "unknown", 1.0, "nothing_fits", case.lines(case.trail.end))


def _was_open(case: Case, one: Neighbour) -> bool:
    ready = one.trail.ready
    return ready is not None and ready.m <= case.at and (one.lives or one.together)


def _sibling(one: Neighbour) -> Sibling:
    trail = one.trail
    state = (
        "open" if one.lives
        else "connecting" if trail.close is None and trail.ready is None
        else "failed" if trail.ready is None
        else "dropped" if one.dropped
        else "closed"
    )  # fmt: skip
    return Sibling(
        s=one.name, same_server=one.same_server, state=state, together=one.together,
        gap_s=None if one.gap_s is None else round(one.gap_s, 3),
    )  # fmt: skip


def differs(before: Verdict, after: Verdict) -> bool:
    """Whether a verdict says something its predecessor did not."""
    return (
        _heads(before) != _heads(after)
        or before.scope != after.scope
        or before.grade != after.grade
        or abs(before.confidence - after.confidence) >= CHANGE
    )


def _heads(verdict: Verdict) -> list[tuple[str, str]]:
    return [(cause.cause, cause.side) for cause in _likely(verdict)]


def _likely(verdict: Verdict) -> list[Cause]:
    return verdict.causes[:2]

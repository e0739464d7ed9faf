"""From candidates to ranked causes: odds become confidences, against each other and against "something else"."""

from collections.abc import Sequence

from tui.diagnosis.case import Candidate, Reason
from tui.facts.findings import Cause, Claim, Grade
from tui.knowledge import causes
from tui.knowledge.catalogue import phrase

MOST = 5
"""Causes a verdict lists."""

LEAST = 0.01
"""The confidence below which a cause is not worth a line, unless it is the first or what it would be otherwise."""

TOLD = 0.99
"""Even what the peer said may be untrue."""

UNTOLD = 0.94
"""What nobody said is never certain: a client does not see the other end."""

GRADES: tuple[tuple[float, Grade], ...] = ((0.95, "certain"), (0.75, "strong"), (0.4, "weak"), (0.0, "unknown"))


def grade(confidence: float) -> Grade:
    """The word for a confidence (design §4)."""
    return next(word for least, word in GRADES if confidence >= least)


def ranked(candidates: Sequence[Candidate]) -> list[Cause]:
    """The causes worth naming, the likeliest first.

    Args:
        candidates: sorted by their odds, the likeliest first.
    """
    total = 1.0 + sum(candidate.odds for candidate in candidates)
    shares = [candidate.odds / total for candidate in candidates]
    return [
        _cause(candidate, share)
        for place, (candidate, share) in enumerate(zip(candidates, shares, strict=True))
        if place < MOST and (share >= LEAST or place < 2)
    ]


def _cause(candidate: Candidate, share: float) -> Cause:
    confidence = round(max(LEAST, min(share, TOLD if candidate.told else UNTOLD)), 2)
    known = causes.cause(candidate.cause)
    return Cause(
        cause=candidate.cause,
        side=candidate.side,
        confidence=confidence,
        grade=grade(confidence),
        evidence=[_claim(reason) for reason in candidate.evidence],
        against=[_claim(reason) for reason in candidate.against],
        products=candidate.products,
        confirm=known.confirm.en if known.confirm is not None else "",
        fix=known.fix.en if known.fix is not None else "",
    )


def _claim(reason: Reason) -> Claim:
    return Claim(key=reason.key, args=reason.args, text=phrase(reason.key, "en", **reason.args), lines=reason.lines)

"""Findings in another language than English: their sentences said again from keys and arguments."""

from msgspec.structs import replace

from tui.facts.facts import Fact
from tui.facts.findings import Cause, Claim, Note, Verdict
from tui.knowledge import causes
from tui.knowledge.catalogue import Language, phrase


def in_language(said: Fact, lang: Language) -> Fact:
    """A line whose words for a person are in ``lang``; facts have none, and stay as they are."""
    if lang == "en":
        return said
    if isinstance(said, Note):
        return replace(said, text=phrase(said.key, lang, **said.args))
    if isinstance(said, Verdict):
        return replace(said, causes=[_cause(cause, lang) for cause in said.causes])
    return said


def _cause(cause: Cause, lang: Language) -> Cause:
    known = causes.cause(cause.cause)
    return replace(
        cause,
        evidence=[_claim(claim, lang) for claim in cause.evidence],
        against=[_claim(claim, lang) for claim in cause.against],
        confirm=known.confirm.in_(lang) if known.confirm is not None else "",
        fix=known.fix.in_(lang) if known.fix is not None else "",
    )


def _claim(claim: Claim, lang: Language) -> Claim:
    return replace(claim, text=phrase(claim.key, lang, **claim.args))

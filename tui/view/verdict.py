"""A verdict in words: for the close card, the evidence page, the log and Markdown. Says what ``tui.diagnosis`` found
in the language of the day; what a peer said in it is made safe here.
"""

from typing import NamedTuple

from tui.facts.findings import Cause, Claim, Difference, Verdict
from tui.knowledge import causes
from tui.view.look import Look


class Reason(NamedTuple):
    """One claim, said, and the facts it stands on."""

    text: str
    lines: list[int]
    against: bool = False


def headline(verdict: Verdict, look: Look) -> str:
    """What it most likely was, and how sure that is."""
    return look.dotted(name(verdict.cause, look), sure(verdict.causes[0], look))


def name(cause: str, look: Look) -> str:
    """A cause in words; its id where this version has none for it."""
    known = causes.causes().get(cause)
    return look.read(known.name) if known is not None else look.safe(cause)


def sure(cause: Cause, look: Look) -> str:
    """The grade and the figure; a certainty that nothing was wrong needs none."""
    if cause.cause == "none":
        return ""
    return look.say("verdict_sure", grade=look.say(f"verdict_{cause.grade}"), percent=round(cause.confidence * 100))


def blame(verdict: Verdict, look: Look) -> str:
    """On whose side it is, and whether alone or together."""
    side = look.say(f"verdict_side_{verdict.side}")
    there = [one for one in verdict.siblings if one.state == "open" or one.together]
    if not there:
        return side
    if verdict.scope == "one":
        lives = ", ".join(
            look.say("verdict_lives_same" if one.same_server else "verdict_lives_other", name=one.s)
            for one in there[:3]
        )
        return look.dotted(side, look.say("verdict_alone", lives=lives))
    down = [one for one in there if one.together]
    silent = all(one.state == "open" for one in down)
    key = "verdict_silent" if silent else "verdict_all" if verdict.scope == "all" else "verdict_some"
    return look.dotted(side, look.say(key, names=", ".join(one.s for one in down)))


def reasons(cause: Cause, look: Look) -> list[Reason]:
    """Why it is believed, then what speaks against it."""
    said = [Reason(_say(claim, look), claim.lines) for claim in cause.evidence]
    return [*said, *(Reason(_say(claim, look), claim.lines, against=True) for claim in cause.against)]


def _say(claim: Claim, look: Look) -> str:
    args = {key: look.safe(value) if isinstance(value, str) else value for key, value in claim.args.items()}
    try:
        return look.say(claim.key, args)
    except KeyError:  # a claim of a later version
        return look.safe(claim.text)


def others(verdict: Verdict, look: Look) -> str:
    """The other causes that fit, and how well."""
    return look.dotted(
        *(
            f"{name(cause.cause, look)} {round(cause.confidence * 100)} %" for cause in verdict.causes[1:4]
            if cause.confidence >= 0.05
        )
    )  # fmt: skip


def fix(cause: Cause, look: Look) -> str:
    """What to change, with the settings of the products that fit."""
    known = causes.causes().get(cause.cause)
    settings = [f"{look.safe(product.name)}: {look.safe(product.setting)}" for product in cause.products[:2]]
    said = look.read(known.fix) if known is not None and known.fix is not None else look.safe(cause.fix)
    return look.dotted(said, *settings)


def confirm(cause: Cause, look: Look) -> str:
    """How to make sure."""
    known = causes.causes().get(cause.cause)
    return look.read(known.confirm) if known is not None and known.confirm is not None else look.safe(cause.confirm)


def difference(one: Difference, look: Look) -> str:
    """One thing that differed, as "what: this, the other"."""
    nothing = look.glyphs.none
    return look.say(
        "verdict_differs", what=look.say(f"compare.{one.key}"), this=look.safe(one.this) or nothing,
        other=look.safe(one.other) or nothing,
    )  # fmt: skip


def markdown(verdict: Verdict, title: str, facts: list[tuple[str, str]], differs: list[Difference], look: Look) -> str:
    """A verdict as Markdown, to be pasted into an issue.

    Args:
        title: the session and how it ended.
        facts: what the card says besides, label and text.
        differs: what set it apart from a session that lives.
    """
    first = verdict.causes[0]
    lines = [f"### {title}", "", f"**{headline(verdict, look)}** (`{verdict.cause}`)", "", f"- {blame(verdict, look)}"]
    for reason in reasons(first, look):
        label = look.say("verdict_against" if reason.against else "verdict_because")
        where = f" (n {', '.join(map(str, reason.lines))})" if reason.lines else ""
        lines.append(f"- {label}: {reason.text}{where}")
    for label, text in (("verdict_fix", fix(first, look)), ("verdict_confirm", confirm(first, look))):
        if text:
            lines.append(f"- {look.say(label)}: {text}")
    if others(verdict, look):
        lines.append(f"- {look.say('verdict_or')}: {others(verdict, look)}")
    lines += [f"- {label}: {text}" if label else f"- {text}" for label, text in facts]
    lines += [f"- {look.say('verdict_differs_title')}: {difference(one, look)}" for one in differs]
    return "\n".join(lines) + "\n"

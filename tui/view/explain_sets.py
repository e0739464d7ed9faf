"""What ``whoops explain`` says of vendors: one set whole (``explain discord``), all in short (``explain vendors``), and
who else uses a code.

``tui.view.explain`` chooses by the subject.
"""

import re
from collections.abc import Iterable
from itertools import groupby
from typing import Any, get_args

from tui.knowledge import close_codes
from tui.knowledge.catalogue import Language, phrase
from tui.knowledge.close_codes import Meaning
from tui.knowledge.code_sets import CodeSet, Group, Saying, SetCode, sets
from tui.text.wrapping import wrap
from tui.view.sections import labelled, section


def plain(name: str) -> str:
    """A name without what people write differently: case, spaces, dots, hyphens."""
    return re.sub(r"[\W_]+", "", name.casefold())


def names() -> dict[str, CodeSet]:
    """Every name a set goes by, in its plain form."""
    return {plain(name): a_set for a_set in sets() for name in (a_set.id, a_set.product, *a_set.aliases)}


def sayings() -> dict[str, CodeSet]:
    """What peers say before a Close or instead of one, in its plain form, with the set it is in."""
    return {plain(saying.text): a_set for a_set in sets() for saying in a_set.says}


def set_lines(a_set: CodeSet, lang: Language, cells: int) -> list[str]:
    """One set whole, as lines of at most ``cells`` cells."""
    facts = [
        (phrase("explain.label_tell", lang), a_set.tell.in_(lang)),
        (phrase("explain.label_seen", lang), phrase(f"explain.where_{a_set.where}", lang)),
    ]
    if not a_set.codes:
        facts[1:] = [(phrase("explain.label_codes", lang), phrase("explain.no_codes", lang))]
    lines = [*wrap(a_set.product, cells), *labelled(facts, cells)]
    if a_set.codes:
        lines += ["", *wrap(phrase("explain.set_codes_title", lang), cells)]
        margin = max(len(_number(use)) for use in a_set.codes) + 4
        for use in a_set.codes:
            lines += wrap(
                _code(a_set, use, lang), cells, first=f"  {_number(use)}".ljust(margin), rest=" " * margin
            )  # fmt: skip
    said = [phrase("explain.saying", lang, text=each.text, meaning=_sure(each, lang)) for each in a_set.says]
    lines += section(phrase("explain.says_title", lang), said, cells)
    return lines + section(phrase("explain.notes_title", lang), [text.in_(lang) for text in a_set.notes], cells)


def set_data(a_set: CodeSet, lang: Language) -> dict[str, Any]:
    """The same for ``--json``."""
    return {
        "set": a_set.id,
        "product": a_set.product,
        "aliases": a_set.aliases,
        "group": a_set.group,
        "where": a_set.where,
        "tell": a_set.tell.in_(lang),
        "codes": [
            {
                "code": use.code,
                "last": use.code if use.last is None else use.last,
                "name": use.name,
                "who": use.who,
                "where": use.where or a_set.where,
                "sure": use.sure,
                "reasons": use.reasons,
                "meaning": use.meaning.in_(lang),
            }
            for use in a_set.codes
        ],
        "says": [{"text": each.text, "sure": each.sure, "meaning": each.meaning.in_(lang)} for each in a_set.says],
        "notes": [text.in_(lang) for text in a_set.notes],
        "when": a_set.when,
    }


def vendors_lines(lang: Language, cells: int) -> list[str]:
    """Every set in a line: its product, the subject it is found by, and its codes."""
    lines = wrap(phrase("explain.vendors_title", lang), cells)
    for group, members in _grouped():
        said = [_in_short(a_set, lang) for a_set in members]
        lines += section(phrase(f"explain.group_{group}", lang), said, cells)
    return [*lines, "", *wrap(phrase("explain.vendors_more", lang), cells)]


def vendors_data(lang: Language) -> dict[str, Any]:
    """Every set whole, for ``--json``."""
    return {"topic": "vendors", "sets": [set_data(a_set, lang) for a_set in sets()]}


def overview(lang: Language) -> list[str]:
    """The subjects the sets are found by, a line for each kind of vendor."""
    return [
        phrase(
            "explain.group_line", lang, group=phrase(f"explain.group_{group}", lang),
            ids=", ".join(a_set.id for a_set in members),
        )
        for group, members in _grouped()
    ]  # fmt: skip


def uses_lines(number: int, lang: Language, cells: int) -> list[str]:
    """Who else uses a code and how to tell; nothing where nobody does."""
    entry = close_codes.code(number)
    said = []
    for _, uses in groupby(_uses(number), lambda meaning: meaning.product):
        shared = list(uses)
        said += [_use(meaning, lang) for meaning in shared]
        by = shared[-1].by
        if by is not None:
            said[-1] = phrase("explain.use_tell", lang, said=said[-1], tell=by.tell.in_(lang))
    if not said:
        return []
    if entry.wire == "never":
        return section(phrase("explain.stand_in_title", lang, code=number), said, cells)
    title = phrase("explain.uses_title", lang, code=number)
    return section(title, [phrase("explain.collision", lang), *said], cells)


def uses_data(number: int, lang: Language) -> list[dict[str, Any]]:
    """The same for ``--json``."""
    return [
        {
            "set": meaning.by.id if meaning.by else None,
            "product": meaning.product,
            "name": meaning.name,
            "who": meaning.who,
            "where": meaning.where,
            "sure": meaning.sure,
            "meaning": meaning.meaning.in_(lang),
            "tell": meaning.by.tell.in_(lang) if meaning.by else None,
        }
        for meaning in _uses(number)
    ]


def _uses(number: int) -> list[Meaning]:
    """The vendors' meanings of a code, each vendor's together."""
    found = [meaning for meaning in close_codes.meanings(number) if meaning.by]
    first: dict[str | None, int] = {}
    for at, meaning in enumerate(found):
        first.setdefault(meaning.product, at)
    return sorted(found, key=lambda meaning: first[meaning.product])


def _grouped() -> Iterable[tuple[Group, list[CodeSet]]]:
    groups: tuple[Group, ...] = get_args(Group)
    return [(group, [a_set for a_set in sets() if a_set.group == group]) for group in groups]


def _use(meaning: Meaning, lang: Language) -> str:
    said = _sure(meaning, lang)
    if meaning.where == "wire" or close_codes.code(meaning.code).wire == "never":
        return phrase("explain.use", lang, product=meaning.product, name=meaning.name, meaning=said)
    where = phrase(f"explain.where_{meaning.where}", lang)
    return phrase("explain.use_at", lang, product=meaning.product, name=meaning.name, where=where, meaning=said)


def _code(a_set: CodeSet, use: SetCode, lang: Language) -> str:
    said = phrase("explain.set_code", lang, name=use.name, meaning=_sure(use, lang))
    if use.where is not None and use.where != a_set.where:
        where = phrase(f"explain.where_{use.where}", lang)
        said = phrase("explain.set_code_at", lang, name=use.name, where=where, meaning=_sure(use, lang))
    return phrase("explain.from_client", lang, said=said) if use.who == "client" else said


def _sure(known: Meaning | SetCode | Saying, lang: Language) -> str:
    said = known.meaning.in_(lang)
    return said if known.sure else phrase("explain.unsure", lang, said=said)


def _number(use: SetCode) -> str:
    return str(use.code) if use.last is None else f"{use.code}-{use.last}"


def _in_short(a_set: CodeSet, lang: Language) -> str:
    name = a_set.product if plain(a_set.product) == plain(a_set.id) else f"{a_set.product} ({a_set.id})"
    numbers = sorted({use.code for use in a_set.codes if use.last is None})
    said = ", ".join(_runs(numbers)) if numbers else phrase("explain.no_codes", lang)
    return phrase("explain.vendor", lang, name=name, codes=said)


def _runs(numbers: list[int]) -> list[str]:
    """``4000, 4001, 4002, 4007`` as ``4000-4002`` and ``4007``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return [", ".join(map(str, run)) if len(run) < 3 else f"{run[0]}-{run[-1]}" for run in runs]

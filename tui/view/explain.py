"""What ``whoops explain`` says of a subject, as lines and as data: a close code, the whole table, a vendor, a topic.

``tui.verbs`` prints the lines, or the data with ``--json``.
"""

import difflib
import re
from collections.abc import Callable, Mapping
from typing import Any

from tui.knowledge import causes, close_codes, http_status
from tui.knowledge.catalogue import Language, phrase
from tui.knowledge.close_codes import Entry
from tui.knowledge.code_sets import CodeSet, sets
from tui.text.cells import pad, width
from tui.text.safe import visible
from tui.text.wrapping import wrap
from tui.view import explain_causes, explain_sets
from tui.view.explain_browser import browser_data, browser_lines
from tui.view.explain_sets import plain
from tui.view.sections import labelled, section

WIDE = 100
"""Cells from which the table has room for the meanings."""

TOPICS: Mapping[str, tuple[Callable[[Language, int], list[str]], Callable[[Language], dict[str, Any]]]] = {
    "browser": (browser_lines, browser_data),
    "causes": (explain_causes.causes_lines, explain_causes.causes_data),
    "vendors": (explain_sets.vendors_lines, explain_sets.vendors_data),
}
"""Subjects that are neither a close code nor a vendor nor a cause, by name, as lines and as data."""


class UnknownSubject(ValueError):
    """Nothing is known by that name. ``key`` and ``args_`` name the sentence in the catalogue."""

    def __init__(self, key: str, **args: object) -> None:
        super().__init__(key, args)
        self.key = key
        self.args_ = args


def explain_lines(subject: str | None, lang: Language, cells: int) -> list[str]:
    """What there is to say about ``subject``, as lines of at most ``cells`` cells.

    Args:
        subject: a code (``1006``), a name (``going away``), a vendor (``discord``), a topic (``browser``), or None for
            the table.
        lang: the language it is said in.
        cells: the terminal's width.

    Raises:
        UnknownSubject: with the catalogue key and arguments that say what would be right.
    """
    if subject is None:
        return _table_lines(lang, cells)
    topic = TOPICS.get(subject.strip().casefold())
    if topic is not None:
        return topic[0](lang, cells)
    cause = _cause(subject)
    if cause is not None and plain(subject) not in _names():
        return explain_causes.cause_lines(cause, lang, cells)
    found = _find(subject)
    lines = _code_lines(found, lang, cells) if isinstance(found, int) else explain_sets.set_lines(found, lang, cells)
    return lines if cause is None else [*lines, "", *explain_causes.cause_lines(cause, lang, cells)]


def _cause(subject: str) -> str | None:
    """The cause a subject names; None where it names none."""
    name = re.sub(r"[\s_]+", "-", subject.strip().casefold())
    return name if name in causes.causes() else None


def explain_data(subject: str | None, lang: Language) -> dict[str, Any]:
    """The same for ``--json``: what JSON can hold, with the same words in it.

    Raises:
        UnknownSubject: as ``explain_lines``.
    """
    if subject is None:
        return _table_data(lang)
    topic = TOPICS.get(subject.strip().casefold())
    if topic is not None:
        return topic[1](lang)
    cause = _cause(subject)
    if cause is not None and plain(subject) not in _names():
        return explain_causes.cause_data(cause, lang)
    found = _find(subject)
    if not isinstance(found, int):
        return explain_sets.set_data(found, lang)
    uses = explain_sets.uses_data(found, lang)
    return {
        "code": found,
        **_entry_data(close_codes.code(found), lang),
        "uses": uses,
        "http": _http_data(found, lang),
    } | ({} if cause is None else {"cause": explain_causes.cause_data(cause, lang)})


def _find(subject: str) -> int | CodeSet:
    """The code or the vendor's set that a subject names: a vendor before a code, a code before what a peer says."""
    key = plain(subject)
    if key in explain_sets.names():
        return explain_sets.names()[key]
    if key in explain_sets.sayings() and key not in _names():
        return explain_sets.sayings()[key]
    return number_of(subject)


def number_of(subject: str) -> int:
    """The code that ``subject`` names: a number, an IANA name, a vendor's or a popular table's.

    Raises:
        UnknownSubject: neither, or a name that more than one number has.
    """
    given = subject.strip()
    if re.fullmatch(r"[+-]?[0-9]+", given):
        if len(given) > 6 or not 0 <= int(given) <= close_codes.LAST:
            raise UnknownSubject("explain.number_out_of_range", given=given, last=close_codes.LAST)
        return int(given)
    names = _names()
    key = plain(given)
    if key in names:
        numbers = names[key][0]
        if len(numbers) == 1:
            return numbers[0]
        raise UnknownSubject("explain.ambiguous", given=visible(given), numbers=", ".join(map(str, numbers)))
    vendors = {each: a_set.id for each, a_set in explain_sets.names().items()}
    known_causes = {plain(name): name for name in causes.causes()}
    near = difflib.get_close_matches(key, [*names, *TOPICS, *vendors, *known_causes], n=3, cutoff=0.6)
    if near:
        said = dict.fromkeys(
            f'"{names[each][1]}"' if each in names else {**vendors, **known_causes}.get(each, each) for each in near
        )
        raise UnknownSubject("explain.unknown_subject_near", given=visible(given), near=", ".join(said))
    raise UnknownSubject("explain.unknown_subject", given=visible(given))


def _names() -> dict[str, tuple[list[int], str]]:
    """Every name a code goes by, by its plain form, with its number: the registry's, else all that vendors have."""
    names: dict[str, tuple[list[int], str]] = {}
    for entry in close_codes.table():
        if not entry.is_range:
            for name in (entry.title.en, entry.title.zh, *entry.aliases):
                names.setdefault(plain(name), ([entry.first], name))
    registered = frozenset(names)
    for a_set in sets():
        for use in a_set.codes:
            if plain(use.name) not in registered and use.last is None:
                numbers = names.setdefault(plain(use.name), ([], use.name))[0]
                numbers += [use.code] if use.code not in numbers else []
    return names


def _code_lines(number: int, lang: Language, cells: int) -> list[str]:
    entry = close_codes.code(number)
    facts = [
        ("explain.label_meaning", entry.meaning.in_(lang)),
        ("explain.label_who", phrase(f"explain.who_{entry.who}", lang)),
        ("explain.label_wire", phrase(f"explain.wire_{entry.wire}", lang)),
        ("explain.label_script", phrase(f"explain.script_{'yes' if entry.from_a_script else 'no'}", lang)),
    ]
    if entry.aliases:
        names = phrase("explain.aliases_not_registered", lang, names=", ".join(entry.aliases))
        facts.append(("explain.label_aliases", names))
    lines = wrap(_title(entry, number, lang), cells)
    lines += labelled([(phrase(key, lang), text) for key, text in facts], cells)
    sections = [
        (phrase("explain.causes_title", lang), [text.in_(lang) for text in entry.causes]),
        (phrase("explain.myths_title", lang), [text.in_(lang) for text in entry.myths]),
        (phrase("explain.notes_title", lang), [text.in_(lang) for text in entry.notes]),
    ]
    for title, paragraphs in sections:
        lines += section(title, paragraphs, cells)
    return lines + explain_sets.uses_lines(number, lang, cells) + _http_lines(number, lang, cells)


def _http_lines(number: int, lang: Language, cells: int) -> list[str]:
    """What the same number means as an HTTP status; nothing where it is none."""
    status = http_status.status(number)
    if status is None:
        return []
    said = [status.meaning, *status.causes, *(clue.text for clue in status.clues)]
    title = phrase("explain.http_title", lang, status=number, name=status.name).rstrip()
    return section(title, [text.in_(lang) for text in said], cells)


def _http_data(number: int, lang: Language) -> dict[str, Any] | None:
    status = http_status.status(number)
    if status is None:
        return None
    return {
        "status": number,
        "name": status.name,
        "meaning": status.meaning.in_(lang),
        "causes": [text.in_(lang) for text in status.causes],
        "clues": [clue.text.in_(lang) for clue in status.clues],
    }


def _title(entry: Entry, number: int, lang: Language) -> str:
    title = entry.title.in_(lang)
    if entry.is_range:
        return phrase("explain.code_in_range", lang, code=number, first=entry.first, last=entry.last, title=title)
    name = title if lang == "en" else phrase("explain.translated", lang, name=entry.name, title=title)
    return phrase("explain.code_title", lang, code=number, name=name)


def _table_lines(lang: Language, cells: int) -> list[str]:
    head = [phrase(f"explain.column_{column}", lang) for column in ("code", "name", "wire", "who")]
    rows = [head, *(_row(entry, lang) for entry in close_codes.table())]
    columns = [max(width(row[at]) for row in rows) + 2 for at in range(4)]
    columns[1] = max(10, min(columns[1], cells - columns[0] - columns[2] - columns[3]))
    margin = sum(columns)
    meanings = [phrase("explain.column_meaning", lang), *(e.meaning.in_(lang) for e in close_codes.table())]
    lines = [*wrap(phrase("explain.table_title", lang), cells), ""]
    for row, meaning in zip(rows, meanings, strict=True):
        drawn = "".join(pad(cell, column - 2) + "  " for cell, column in zip(row, columns, strict=True))
        if cells >= WIDE:
            lines += wrap(meaning, cells, first=drawn, rest=" " * margin)
        else:
            lines.append(drawn.rstrip())
    lines += section(phrase("explain.sets_title", lang), explain_sets.overview(lang), cells)
    lines.append("")
    for key in ("explain.table_synthetic", "explain.table_names", "explain.table_more"):
        lines += wrap(phrase(key, lang), cells)
    return lines


def _row(entry: Entry, lang: Language) -> list[str]:
    name = entry.title.in_(lang) if lang == "en" or entry.is_range else f"{entry.name} {entry.title.zh}"
    return [
        f"{entry.first}-{entry.last}" if entry.is_range else str(entry.first),
        name,
        phrase(f"explain.wire_short_{entry.wire}", lang),
        phrase(f"explain.who_short_{entry.who}", lang),
    ]


def _table_data(lang: Language) -> dict[str, Any]:
    codes = []
    for entry in close_codes.table():
        codes.append({} if entry.is_range else {"code": entry.first})
        codes[-1] |= _entry_data(entry, lang)
    return {"codes": codes, "sets": [explain_sets.set_data(a_set, lang) for a_set in sets()]}


def _entry_data(entry: Entry, lang: Language) -> dict[str, Any]:
    return {
        "name": entry.name,
        "range": [entry.first, entry.last] if entry.is_range else None,
        "title": entry.title.in_(lang),
        "meaning": entry.meaning.in_(lang),
        "who": entry.who,
        "wire": entry.wire,
        "script": entry.from_a_script,
        "aliases": entry.aliases,
        "causes": [text.in_(lang) for text in entry.causes],
        "myths": [text.in_(lang) for text in entry.myths],
        "notes": [text.in_(lang) for text in entry.notes],
    }

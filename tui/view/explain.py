"""What ``whoops explain`` says: one close code, the whole table, or what a browser hides; as lines and as data.

``tui.cli`` prints the lines, or the data with ``--json``.
"""

import difflib
import re
from collections.abc import Callable, Mapping
from typing import Any

from tui.knowledge import close_codes
from tui.knowledge.catalogue import Language, phrase
from tui.knowledge.close_codes import Entry, Meaning
from tui.text.cells import pad, width
from tui.text.safe import visible
from tui.text.wrapping import wrap

WIDE = 100
"""Cells from which the table has room for the meanings."""

BROWSER: Mapping[str, tuple[str, ...]] = {
    "event": ("fields", "1006", "clean", "echo"),
    "devtools": ("chrome", "firefox"),
    "whoops": ("any", "http", "before", "beat", "header"),
    "code": ("listen", "error", "whoops"),
}
"""The sections of the browser topic and their paragraphs: ``explain.browser_<section>_<paragraph>``."""


class UnknownSubject(ValueError):
    """Nothing is known by that name. ``key`` and ``args_`` name the sentence in the catalogue."""

    def __init__(self, key: str, **args: object) -> None:
        super().__init__(key, args)
        self.key = key
        self.args_ = args


def explain_lines(subject: str | None, lang: Language, cells: int) -> list[str]:
    """What there is to say about ``subject``, as lines of at most ``cells`` cells.

    Args:
        subject: a code (``1006``), a name (``going away``), a topic (``browser``), or None for the table.
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
    return _code_lines(number_of(subject), lang, cells)


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
    number = number_of(subject)
    return {"code": number, **_entry_data(close_codes.code(number), lang), "uses": _uses_data(number, lang)}


def number_of(subject: str) -> int:
    """The code that ``subject`` names: a number, an IANA name, a vendor's or a popular table's.

    Raises:
        UnknownSubject: neither.
    """
    given = subject.strip()
    if re.fullmatch(r"[+-]?[0-9]+", given):
        if len(given) > 6 or not 0 <= int(given) <= close_codes.LAST:
            raise UnknownSubject("explain.number_out_of_range", given=given, last=close_codes.LAST)
        return int(given)
    names = _names()
    plain = _plain(given)
    if plain in names:
        return names[plain][0]
    near = difflib.get_close_matches(plain, [*names, *TOPICS], n=3, cutoff=0.6)
    if near:
        said = dict.fromkeys(f'"{names[each][1]}"' if each in names else each for each in near)
        raise UnknownSubject("explain.unknown_subject_near", given=visible(given), near=", ".join(said))
    raise UnknownSubject("explain.unknown_subject", given=visible(given))


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


def _names() -> dict[str, tuple[int, str]]:
    """Every name a code goes by, by its plain form: the registry's first, then the vendors'."""
    names: dict[str, tuple[int, str]] = {}
    for entry in close_codes.table():
        if not entry.is_range:
            for name in (entry.title.en, entry.title.zh, *entry.aliases):
                names.setdefault(_plain(name), (entry.first, name))
    for a_set in close_codes.sets():
        for use in a_set.codes:
            names.setdefault(_plain(use.name), (use.code, use.name))
    return names


def _code_lines(number: int, lang: Language, cells: int) -> list[str]:
    entry = close_codes.code(number)
    uses = [meaning for meaning in close_codes.meanings(number) if meaning.product]
    facts = [
        ("explain.label_meaning", entry.meaning.in_(lang)),
        ("explain.label_who", phrase(f"explain.who_{entry.who}", lang)),
        ("explain.label_wire", phrase(f"explain.wire_{entry.wire}", lang)),
        ("explain.label_script", phrase(f"explain.script_{'yes' if entry.from_a_script else 'no'}", lang)),
    ]
    if entry.aliases:
        names = phrase("explain.aliases_not_registered", lang, names=", ".join(entry.aliases))
        facts.append(("explain.label_aliases", names))
    labels = [phrase(key, lang) for key, _ in facts]
    column = max(width(label) for label in labels) + 4
    lines = wrap(_title(entry, number, lang), cells)
    for label, (_, text) in zip(labels, facts, strict=True):
        lines += wrap(text, cells, first=pad(f"  {label}", column), rest=" " * column)
    sections = [
        (phrase("explain.causes_title", lang), [text.in_(lang) for text in entry.causes]),
        (phrase("explain.myths_title", lang), [text.in_(lang) for text in entry.myths]),
        (phrase("explain.notes_title", lang), [text.in_(lang) for text in entry.notes]),
    ]
    if uses:
        said = [phrase("explain.collision", lang), *(_use(meaning, lang) for meaning in uses)]
        sections.append((phrase("explain.uses_title", lang, code=number), said))
    for title, paragraphs in sections:
        lines += _section(title, paragraphs, cells)
    return lines


def _title(entry: Entry, number: int, lang: Language) -> str:
    title = entry.title.in_(lang)
    if entry.is_range:
        return phrase("explain.code_in_range", lang, code=number, first=entry.first, last=entry.last, title=title)
    name = title if lang == "en" else phrase("explain.translated", lang, name=entry.name, title=title)
    return phrase("explain.code_title", lang, code=number, name=name)


def _use(meaning: Meaning, lang: Language) -> str:
    where = phrase(f"explain.where_{meaning.where}", lang)
    said = meaning.meaning.in_(lang)
    return phrase("explain.use", lang, product=meaning.product, name=meaning.name, where=where, meaning=said)


def _section(title: str, paragraphs: list[str], cells: int) -> list[str]:
    """A blank line, a title and its list; nothing where there is nothing to list."""
    if not paragraphs:
        return []
    lines = ["", *wrap(title, cells)]
    for paragraph in paragraphs:
        lines += wrap(paragraph, cells, first="  - ", rest="    ")
    return lines


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
    lines += _section(phrase("explain.sets_title", lang), [_set(a_set) for a_set in close_codes.sets()], cells)
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


def _set(a_set: close_codes.CodeSet) -> str:
    return f"{a_set.product}: " + ", ".join(f'{use.code} "{use.name}"' for use in a_set.codes)


def _browser_lines(lang: Language, cells: int) -> list[str]:
    lines = wrap(phrase("explain.browser_title", lang), cells)
    for section, paragraphs in BROWSER.items():
        said = [phrase(f"explain.browser_{section}_{paragraph}", lang) for paragraph in paragraphs]
        lines += _section(phrase(f"explain.browser_{section}_title", lang), said, cells)
    return lines


def _browser_data(lang: Language) -> dict[str, Any]:
    sections = [
        {
            "title": phrase(f"explain.browser_{section}_title", lang),
            "text": [phrase(f"explain.browser_{section}_{paragraph}", lang) for paragraph in paragraphs],
        }
        for section, paragraphs in BROWSER.items()
    ]
    return {"topic": "browser", "title": phrase("explain.browser_title", lang), "sections": sections}


def _table_data(lang: Language) -> dict[str, Any]:
    codes = []
    for entry in close_codes.table():
        codes.append({} if entry.is_range else {"code": entry.first})
        codes[-1] |= _entry_data(entry, lang)
    sets = [
        {
            "product": a_set.product,
            "where": a_set.where,
            "codes": [
                {"code": use.code, "name": use.name, "who": use.who, "meaning": use.meaning.in_(lang)}
                for use in a_set.codes
            ],
        }
        for a_set in close_codes.sets()
    ]
    return {"codes": codes, "sets": sets}


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


def _uses_data(number: int, lang: Language) -> list[dict[str, Any]]:
    return [
        {
            "product": meaning.product,
            "name": meaning.name,
            "who": meaning.who,
            "where": meaning.where,
            "meaning": meaning.meaning.in_(lang),
        }
        for meaning in close_codes.meanings(number)
        if meaning.product
    ]


TOPICS: Mapping[str, tuple[Callable[[Language, int], list[str]], Callable[[Language], dict[str, Any]]]] = {
    "browser": (_browser_lines, _browser_data)
}
"""Subjects that are no close code, by name, as lines and as data. A kind of subject with names of its own, such as
causes, joins here."""

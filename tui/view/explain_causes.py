"""What ``whoops explain`` says of causes: one whole (``explain server-crash``), all in short (``explain causes``)."""

from typing import Any

from tui.knowledge import causes, timeouts
from tui.knowledge.catalogue import Language, Text, phrase
from tui.knowledge.causes import Cause
from tui.knowledge.timeouts import Window
from tui.text.wrapping import wrap
from tui.view.sections import labelled, section


def cause_lines(name: str, lang: Language, cells: int) -> list[str]:
    """One cause, as lines of at most ``cells`` cells."""
    cause = causes.cause(name)
    facts = [
        (phrase("explain.label_side", lang), _sides(cause, lang)),
        (phrase("explain.label_what", lang), cause.what.in_(lang)),
        (phrase("explain.label_confirm", lang), _said(cause.confirm, lang)),
        (phrase("explain.label_fix", lang), _said(cause.fix, lang)),
    ]
    lines = [*wrap(f"{name}: {cause.name.in_(lang)}", cells), *labelled([fact for fact in facts if fact[1]], cells)]
    settings = [f"{one.name}: {one.setting}" for one in cause.products]
    lines += section(phrase("explain.settings_title", lang), settings, cells)
    return lines + section(phrase("explain.windows_title", lang), [_window(one) for one in _windows(name)], cells)


def cause_data(name: str, lang: Language) -> dict[str, Any]:
    """The same for ``--json``."""
    cause = causes.cause(name)
    return {
        "cause": name, "name": cause.name.in_(lang), "sides": cause.sides, "what": cause.what.in_(lang),
        "confirm": _said(cause.confirm, lang), "fix": _said(cause.fix, lang),
        "products": [{"name": one.name, "setting": one.setting} for one in cause.products],
        "windows": [
            {"id": one.id, "product": one.product, "setting": one.setting, "by": one.by, "window": list(one.window),
             "end": one.end, "grade": one.grade}
            for one in _windows(name)
        ],
    }  # fmt: skip


def causes_lines(lang: Language, cells: int) -> list[str]:
    """Every cause with its side, a group after the other."""
    margin = max(len(name) for name in causes.causes()) + 4
    lines = wrap(phrase("explain.cause_list_title", lang), cells)
    for group in causes.GROUPS:
        lines += ["", *wrap(phrase(f"explain.group_{group}", lang), cells)]
        for name, cause in causes.group(group).items():
            said = f"{cause.name.in_(lang)} ({_sides(cause, lang)})"
            lines += wrap(said, cells, first=f"  {name}".ljust(margin), rest=" " * margin)
    return lines


def causes_data(lang: Language) -> dict[str, Any]:
    """The same for ``--json``."""
    return {"topic": "causes", "causes": [cause_data(name, lang) for name in causes.causes()]}


def _sides(cause: Cause, lang: Language) -> str:
    return ", ".join(phrase(f"screen.verdict_side_{side}", lang) for side in cause.sides)


def _said(text: Text | None, lang: Language) -> str:
    return text.in_(lang) if text is not None else ""


def _windows(name: str) -> list[Window]:
    return [window for window in timeouts.windows() if window.cause == name]


def _window(window: Window) -> str:
    least, most = window.window
    unit = "" if window.relative else " s"
    return f"{window.product}: {window.by} {least} … {most}{unit}, {window.end} ({window.setting})"

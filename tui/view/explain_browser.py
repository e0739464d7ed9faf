"""What ``whoops explain browser`` says: what a page is never told of the end of its WebSocket."""

from collections.abc import Mapping
from typing import Any

from tui.knowledge.catalogue import Language, phrase
from tui.text.wrapping import wrap
from tui.view.sections import section

BROWSER: Mapping[str, tuple[str, ...]] = {
    "event": ("fields", "1006", "clean", "echo"),
    "devtools": ("chrome", "firefox"),
    "whoops": ("any", "http", "before", "beat", "header"),
    "code": ("listen", "error", "whoops"),
}
"""The sections of the topic and their paragraphs: ``explain.browser_<section>_<paragraph>``."""


def browser_lines(lang: Language, cells: int) -> list[str]:
    """The topic, as lines of at most ``cells`` cells."""
    lines = wrap(phrase("explain.browser_title", lang), cells)
    for part in browser_data(lang)["sections"]:
        lines += section(part["title"], part["text"], cells)
    return lines


def browser_data(lang: Language) -> dict[str, Any]:
    """The same for ``--json``."""
    sections = [
        {
            "title": phrase(f"explain.browser_{part}_title", lang),
            "text": [phrase(f"explain.browser_{part}_{paragraph}", lang) for paragraph in paragraphs],
        }
        for part, paragraphs in BROWSER.items()
    ]
    return {"topic": "browser", "title": phrase("explain.browser_title", lang), "sections": sections}

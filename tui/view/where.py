"""``whoops where``: the places of ours on this machine, as lines and as data."""

from pathlib import Path
from typing import Any

from tui.knowledge.catalogue import Language, phrase
from tui.options.places import Places
from tui.text import cells
from tui.text.safe import visible


def where_data(places: Places) -> dict[str, Any]:
    """Each place by its name, and whether it is there yet."""
    return {name: {"path": str(path), "exists": path.exists()} for name, path in places._asdict().items()}


def where_lines(places: Places, lang: Language) -> list[str]:
    """A line for each place."""
    names = {name: phrase(f"cli.where_{name}", lang) for name in places._fields}
    wide = max(map(cells.width, names.values()))
    return [f"{cells.pad(names[name], wide)}  {_shown(path, lang)}" for name, path in places._asdict().items()]


def _shown(path: Path, lang: Language) -> str:
    said = visible(str(path))
    return said if path.exists() else phrase("cli.where_absent", lang, path=said)

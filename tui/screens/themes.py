"""Theme files: TOML in ``themes/``, beside the package in a checkout and inside it in a wheel, and the user's own."""

import difflib
import tomllib
from pathlib import Path
from typing import Any

from textual.color import Color, ColorParseError
from textual.theme import Theme

from tui.view.lines import ROLES
from tui.widgets.palette import role_variable

DEFAULT = "whoops-dark"

_COLORS = (
    "primary", "secondary", "accent", "warning", "error", "success", "foreground", "background", "surface", "panel",
)  # fmt: skip


class BadTheme(ValueError):
    """A theme file that cannot be used: the sentence ``screen.KEY`` says which, what and what would be right."""

    def __init__(self, key: str, path: Path, **args: object) -> None:
        super().__init__(key, path)
        self.key = key
        self.args_: dict[str, object] = {"path": path.name, **args}


def folder() -> Path:
    """Where our own themes are."""
    package = Path(__file__).parent.parent
    inside = package / "themes"
    return inside if inside.is_dir() else package.parent / "themes"


def load(path: Path) -> Theme:
    """One theme.

    Raises:
        BadTheme: the file is no theme.
    """
    try:
        table = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise BadTheme("theme_unreadable", path, error=why) from error
    _known(path, table, ("name", "dark", "colors", "roles"), "")
    colors, roles = _table(path, table, "colors", _COLORS), _table(path, table, "roles", ROLES)
    for name in ("primary", "foreground", "background"):
        if name not in colors:
            raise BadTheme("theme_missing", path, name=f"colors.{name}")
    for name, value in {**colors, **roles}.items():
        try:
            Color.parse(str(value))
        except ColorParseError as error:
            raise BadTheme("theme_no_color", path, name=name, given=repr(value)) from error
    return Theme(
        name=str(table.get("name", path.stem)), dark=bool(table.get("dark", True)), **colors,
        variables={role_variable(role): roles[role] for role in ROLES if role in roles},
    )  # fmt: skip


def ours() -> list[Theme]:
    """The themes that come with the program, the default first.

    Raises:
        BadTheme: one of them cannot be used.
    """
    themes = [load(path) for path in sorted(folder().glob("*.toml"))]
    return sorted(themes, key=lambda theme: theme.name != DEFAULT)


def theirs(folder: Path) -> tuple[list[Theme], list[BadTheme]]:
    """The themes in a user's folder by their names, and what is wrong with those that cannot be used."""
    themes: dict[str, Theme] = {}
    bad: list[BadTheme] = []
    for path in sorted(folder.glob("*.toml")):
        try:
            theme = load(path)
        except BadTheme as error:
            bad.append(error)
        else:
            themes[theme.name] = theme
    return list(themes.values()), bad


def choice(folder: Path | None) -> tuple[dict[str, Theme], list[BadTheme]]:
    """Every theme of ours and of the user's folder by its name, and what is wrong with those that cannot be used."""
    mine, bad = theirs(folder) if folder is not None else ([], [])
    return {theme.name: theme for theme in (*ours(), *mine)}, bad


def _table(path: Path, table: dict[str, Any], name: str, known: tuple[str, ...]) -> dict[str, Any]:
    found = table.get(name, {})
    if not isinstance(found, dict):
        raise BadTheme("theme_no_table", path, name=name)
    _known(path, found, known, f"{name}.")
    return found


def _known(path: Path, table: dict[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            if near:
                raise BadTheme("theme_key_near", path, name=f"{where}{key}", near=near[0])
            raise BadTheme("theme_key_far", path, name=f"{where}{key}", known=", ".join(known))

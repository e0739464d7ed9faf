"""Theme files: TOML in ``themes/``, beside the package in a checkout and inside it in a wheel."""

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
    """A theme file that cannot be used; ``str()`` says which, what and what would be right."""


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
        raise BadTheme(f"{path}: {error}") from error
    _known(path, table, ("name", "dark", "colors", "roles"), "")
    colors, roles = table.get("colors", {}), table.get("roles", {})
    _known(path, colors, _COLORS, "colors.")
    _known(path, roles, ROLES, "roles.")
    for section, name in (("colors", "primary"), ("colors", "foreground"), ("colors", "background")):
        if name not in table.get(section, {}):
            raise BadTheme(f"{path}: {section}.{name} is missing")
    for name, value in {**colors, **roles}.items():
        try:
            Color.parse(str(value))
        except ColorParseError as error:
            raise BadTheme(f"{path}: {name} = {value!r} is no colour, e.g. '#56b4e9'") from error
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


def _known(path: Path, table: dict[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(known)}"
            raise BadTheme(f"{path}: {where}{key} is unknown{hint}")

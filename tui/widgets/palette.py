"""From roles to colours: what the theme in force says each role looks like. Used by every widget that draws lines."""

from collections.abc import Iterable, Mapping

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.strip import Strip
from textual.widget import Widget

from tui.view.lines import ROLES, Line, Role, Span

_BOLD: frozenset[Role] = frozenset({"strong", "dead", "late", "mark"})

_STANDARD: Mapping[Role, str] = {
    "text": "foreground", "strong": "foreground", "muted": "foreground-muted", "edge": "panel", "focus": "secondary",
    "in": "primary", "out": "accent", "control": "secondary", "beat": "foreground-muted", "error": "error",
    "ok": "success", "late": "warning", "dead": "error", "accent": "primary", "mark": "warning", "marked": "panel",
}  # fmt: skip
"""What a theme that knows nothing of our roles is asked for instead."""


def role_variable(role: Role) -> str:
    """The theme variable that holds the role's colour."""
    return f"role-{role}"


def role_styles(variables: Mapping[str, str]) -> dict[Role, Style]:
    """A style for each role, from a theme's variables; ``marked`` is a background."""
    found: dict[Role, Style] = {}
    ground = Color.parse(variables.get("background", "black"))
    for role in ROLES:
        given = variables.get(role_variable(role)) or variables[_STANDARD[role]]
        color = Color.parse(given)
        if color.a < 1 and color.ansi is None:
            color = ground + color
        if role == "marked":
            found[role] = Style(bgcolor=color.rich_color)
        else:
            found[role] = Style(color=color.rich_color, bold=role in _BOLD or None)
    return found


class Painted(Widget):
    """A widget whose content is lines of spans, drawn with the theme's roles."""

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id, classes=classes)
        self._roles: dict[Role, Style] | None = None

    def notify_style_update(self) -> None:
        """Forgets the colours: the theme may be another."""
        super().notify_style_update()
        self._roles = None

    @property
    def roles(self) -> dict[Role, Style]:
        """The styles in force."""
        if self._roles is None:
            self._roles = role_styles(self.app.theme_variables)
        return self._roles

    def paint(self, spans: Line | Iterable[Span], *, marked: bool = False) -> Strip:
        """The line as a strip of exactly the widget's width, on the widget's own ground."""
        base, roles = self.rich_style, self.roles
        if marked:
            base += roles["marked"]
        segments = [Segment(span.text, base + roles[span.role]) for span in spans]
        return Strip(segments).adjust_cell_length(self.size.width, base)

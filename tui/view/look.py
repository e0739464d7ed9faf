"""How a person wants to see things: language, signs, the form of a time. Every view takes one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tui.knowledge.catalogue import Language, Text, phrase
from tui.text import safe
from tui.view.glyphs import UNICODE, Glyphs

TimeForm = Literal["clock", "since-open", "since-previous"]

TIME_FORMS: tuple[TimeForm, ...] = ("clock", "since-open", "since-previous")

_TYPEWRITER = str.maketrans({"“": '"', "”": '"', "’": "'", "–": "-", "…": "...", "·": "-", "§": "section "})


@dataclass(frozen=True, slots=True)
class Look:
    """A view is a function of its model and of this; a change of either makes new lines."""

    lang: Language = "en"
    glyphs: Glyphs = UNICODE
    time: TimeForm = "clock"

    def say(self, key: str, args: Mapping[str, object] | None = None, /, **more: object) -> str:
        """The sentence ``screen.KEY``, or ``AREA.KEY`` where the key names its area."""
        return self.plain(phrase(key if "." in key else f"screen.{key}", self.lang, **{**(args or {}), **more}))

    def read(self, text: Text) -> str:
        """A text of the knowledge base, in our language."""
        return self.plain(text.in_(self.lang))

    def plain(self, own: str) -> str:
        """Our own words with the signs there are: where there is only ASCII, its quotes and dashes."""
        return own.translate(_TYPEWRITER) if self.glyphs.ascii_only else own

    def safe(self, remote: str) -> str:
        """Remote text made fit to draw: the one door from a peer's bytes to a view."""
        return safe.visible(remote, ascii_only=self.glyphs.ascii_only)

    def dotted(self, *parts: str) -> str:
        """The parts that are not empty, a dot between them."""
        return f" {self.glyphs.dot} ".join(part for part in parts if part)

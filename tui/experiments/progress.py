"""The progress of an experiment, on stderr: one line that is drawn again on a terminal, a line a stage elsewhere."""

from typing import TextIO

from tui.experiments.idle import Stage
from tui.knowledge.catalogue import Language, phrase

_CELLS = 24


class Progress:
    """Draws stages.

    Args:
        out: where to.
        lang: the language.
    """

    def __init__(self, out: TextIO, lang: Language) -> None:
        self._out = out
        self._lang: Language = lang
        self._redraws = out.isatty()
        self._last: object = None

    def show(self, stage: Stage) -> None:
        """How far it has come; says nothing that was said."""
        said = bar(stage, self._lang) if self._redraws else line(stage, self._lang)
        if said == self._last:
            return
        self._last = said
        self._out.write(f"\r{said}\x1b[K" if self._redraws else f"{said}\n")
        self._out.flush()

    def clear(self) -> None:
        """Takes the bar away."""
        if self._redraws and self._last is not None:
            self._out.write("\r\x1b[K")
            self._out.flush()


def bar(stage: Stage, lang: Language) -> str:
    """A stage as a bar with words behind it."""
    full = round(_CELLS * min(1.0, stage.waited / stage.of)) if stage.of else 0
    waited = phrase("experiment.waited", lang, waited=f"{stage.waited:.0f}", of=f"{stage.of:.0f}")
    return f"[{'#' * full}{'-' * (_CELLS - full)}] {_name(stage, lang)} {waited}"


def line(stage: Stage, lang: Language) -> str:
    """A stage without how far it has come."""
    return phrase("experiment.stage", lang, name=_name(stage, lang), of=f"{stage.of:.0f}")


def _name(stage: Stage, lang: Language) -> str:
    return phrase(f"experiment.stage_{stage.name}", lang)

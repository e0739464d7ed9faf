"""The idle experiment from the palette: the twins of the session in focus, side by side as panes, and what they show
on a page of its own."""

import itertools
from typing import NamedTuple

import msgspec

from tui.experiments.idle import Idle
from tui.experiments.life import Life, life_of
from tui.experiments.progress import bar
from tui.experiments.report import report_lines
from tui.experiments.twins import SILENT, twin_name
from tui.options.spec import SessionSpec, read_spec
from tui.screens.page import Page
from tui.screens.session_actions import SessionActions
from tui.screens.source import Asked
from tui.text.wrapping import wrap
from tui.view.lines import Line, line
from tui.view.pane import Pane


class UnderWay(NamedTuple):
    """An experiment that is not over."""

    plan: Idle
    of: Pane
    """The session it is about."""


class ExperimentActions(SessionActions):
    """Experiments, for the main screen, which calls ``go_on`` on every tick."""

    _experiment: UnderWay | None = None

    def action_experiment_idle(self) -> None:
        """Opens the twins of the session in focus."""
        pane = self.pane
        child = self._child_of(pane)
        table = (
            next((one for one in child.opened if pane and one["name"] == pane.session.name), None) if child else None
        )
        if pane is None or table is None:
            self.tell(self.say("experiment.no_live"), "error")
        elif self._experiment is not None:
            self.tell(self.say("experiment.busy"), "error")
        else:
            plan = Idle(self._named_apart(read_spec(dict(table))))
            self._experiment = UnderWay(plan, pane)
            self._open_twins(plan.begin())
            self.tell(self.say("experiment.began", name=pane.name))

    def _named_apart(self, spec: SessionSpec) -> SessionSpec:
        """The session under a name whose twins are not there yet."""
        taken = set(self._names())
        tries = (spec.name if number == 1 else f"{spec.name}.{number}" for number in itertools.count(1))
        renamed = (msgspec.structs.replace(spec, name=name) for name in tries)
        return next(one for one in renamed if twin_name(one, SILENT) not in taken)

    def _open_twins(self, specs: list[SessionSpec]) -> None:
        for spec in specs:
            self.desk.open(Asked(spec.table(), fleeting=True))

    def go_on(self) -> None:
        """Takes the experiment that is under way a step further."""
        if self._experiment is None:
            return
        plan, pane = self._experiment
        if self.desk.lost:
            self._experiment = None
            return
        m, lives = self.desk.stream_of(pane).now(), self._lives(pane)
        self._open_twins(plan.step(m, lives))
        if plan.over:
            self._experiment = None
            self._conclude(plan, pane, m, lives)

    def _lives(self, pane: Pane) -> dict[str, Life]:
        return {one.session.name: life_of(one.session) for one in self.desk.siblings(pane)}

    def _conclude(self, plan: Idle, pane: Pane, m: float, lives: dict[str, Life]) -> None:
        """Says what it showed, and ends the twins that live."""
        reading, child = plan.reading(m, lives), self._child_of(pane)
        for name in plan.names:
            if child is not None and name in lives and lives[name].close is None:
                child.command("disconnect" if pane.session.spoken.stomp else "close 1000", name)
        if reading.answer == "failed":
            self.tell(self.say("experiment.no_session_here", name=pane.name), "error")
            return

        def write(room: int) -> list[Line]:
            said = report_lines(plan, reading, self.desk.look.lang)
            return [line((part, "text")) for text in said for part in wrap(text, room) or [""]]

        def title() -> str:
            return self.say("experiment.title", name=pane.name)

        self.app.push_screen(Page(title, write, hint=lambda: self.say("hint_close")))

    @property
    def under_way(self) -> Line:
        """How far the experiment has come; empty where there is none."""
        if self._experiment is None:
            return ()
        plan, pane = self._experiment
        stage = plan.stage(self.desk.stream_of(pane).now(), self._lives(pane))
        return line((bar(stage, self.desk.look.lang), "text"))

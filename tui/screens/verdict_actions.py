"""What keys do with a verdict: show its evidence, jump to a line of it, copy it."""

from textual.binding import Binding, BindingType

from tui.facts.findings import Verdict
from tui.screens.desk_screen import DeskScreen
from tui.screens.evidence import Entry, Evidence, Written
from tui.view import card, verdict
from tui.view.pane import Pane

VERDICT_KEYS: list[BindingType] = [
    Binding("v", "evidence", id="evidence.show", show=False),
    Binding("y", "copy_verdict", id="evidence.copy", show=False),
]


class VerdictActions(DeskScreen):
    """Actions on verdicts, for the main screen."""

    def _judged(self) -> tuple[Pane, Verdict] | None:
        """The pane in focus and its verdict; says so where there is none."""
        pane = self.pane
        if pane is None:
            return None
        if pane.verdict is None:
            self.tell(self.say("verdict_none", name=pane.name))
            return None
        return pane, pane.verdict

    def action_evidence(self) -> None:
        """Every reason of every cause, to choose a line from."""
        judged = self._judged()
        if judged is None:
            return
        pane, said = judged

        def chosen(n: int | None) -> None:
            if n is not None:
                self._show_fact(pane, n)

        self.app.push_screen(Evidence(lambda: self._evidence(pane, said), self.action_copy_verdict), chosen)

    def _evidence(self, pane: Pane, said: Verdict) -> Written:
        """Every cause as a heading, its reasons below it, each with the number of the line that tells most."""
        look = self.desk.look
        entries: list[Entry] = []
        for cause in said.causes:
            head = look.dotted(verdict.name(cause.cause, look), verdict.sure(cause, look))
            entries.append(Entry(head, [], heading=True))
            for reason in verdict.reasons(cause, look):
                sign = look.say("verdict_against") + ": " if reason.against else ""
                where = f"  n={reason.lines[-1]}" if reason.lines else ""
                entries.append(Entry(f"{sign}{reason.text}{where}", reason.lines))
        return Written(self.say("verdict_title", name=pane.name), self.say("verdict_hint"), entries)

    def _show_fact(self, pane: Pane, n: int) -> None:
        """Puts the cursor on the row of a fact, in whichever pane it is; a kind that is hidden is shown again."""
        others = [shown.pane for shown in self.shown if self.desk.stream_of(shown.pane) is self.desk.stream_of(pane)]
        for one in [pane, *(other for other in others if other is not pane)]:
            number = one.row_of(n) if n else None
            if number is None:
                continue
            kind = one.blocks.row(number).kind
            if kind in one.table.hidden or one.table.query:
                one.table.show(hidden=one.table.hidden - {kind}, query="")
            self.focus_pane(next(at for at, shown in enumerate(self.shown) if shown.pane is one))
            assert self.here is not None
            one.table.refresh()
            self.here.table.go(number)
            self.draw()
            return
        self.tell(self.say("verdict_no_line"))

    def action_copy_verdict(self) -> None:
        """Copies it as Markdown. The terminal does not answer, so nothing is claimed."""
        judged = self._judged()
        if judged is None:
            return
        pane, said = judged
        text = card.markdown(pane, said, self.desk.siblings(pane), self.desk.look)
        self.app.copy_to_clipboard(text)
        self.tell(self.say("verdict_copied", size=len(text)))

"""Facts and findings as log lines for a person: ``whoops watch`` without ``--json``.

The words are the screen's own rows (``tui.view``), a session's name in front; remote text is made safe there.
"""

from tui.diagnosis.engine import Engine
from tui.facts.facts import Bytes, Fact, Frame
from tui.facts.findings import Close, Compare, Stomp, Verdict
from tui.knowledge.catalogue import phrase
from tui.text.safe import visible
from tui.view.event_rows import event_rows
from tui.view.frame_rows import frame_rows
from tui.view.look import Look
from tui.view.rows import Row, summary, time_text
from tui.view.verdict import blame, headline, reasons


class Log:
    """Makes lines of what it is given, in order.

    Args:
        engine: what the facts were folded into, for what a frame carried.
        look: language and signs.
    """

    def __init__(self, engine: Engine, look: Look) -> None:
        self._engine = engine
        self._look = look

    def lines(self, said: Fact, *, wide: int) -> list[str]:
        """The lines of one fact or finding. STOMP findings say nothing: their frame's line does.

        Args:
            wide: cells of the session column.
        """
        if isinstance(said, Close):
            return [self._closed(said, wide)]
        if isinstance(said, Verdict):
            return self._judged(said, wide)
        if isinstance(said, Stomp | Compare):
            return []
        rows = self._frames(said) if isinstance(said, Frame | Bytes) else event_rows(said, self._look)
        return [self._line(said.s, row, wide) for row in rows if row.kind != "trace"]

    def _frames(self, fact: Frame | Bytes) -> list[Row]:
        session = self._engine.sessions[fact.s]
        return frame_rows(fact, session.decoded, self._look, stomp=session.spoken.stomp)

    def _line(self, name: str, row: Row, wide: int) -> str:
        glyphs = self._look.glyphs
        arrow = {"in": glyphs.incoming, "out": glyphs.outgoing, "": " "}[row.dir]
        clock = time_text(row, self._look, opened=None, previous=None)
        size = "" if row.size is None else f" ({row.size})"
        return f"{clock} {name:<{wide}} {arrow} {row.layer:<5} {row.type:<9} {summary(row, self._look)}{size}".rstrip()

    def _judged(self, verdict: Verdict, wide: int) -> list[str]:
        """What it most likely was, on whose side, and the first reasons."""
        if verdict.cause == "none":
            return []
        look = self._look
        row = Row(verdict.t, verdict.m, verdict.n, "", "", "event")
        head = f"{time_text(row, look, opened=None, previous=None)} {verdict.s:<{wide}}"
        said = phrase("log.verdict", look.lang, why=headline(verdict, look), side=blame(verdict, look))
        because = [reason.text for reason in reasons(verdict.causes[0], look) if not reason.against]
        return [f"{head} {look.glyphs.dropped} {said}", *(f"{head}   {text}" for text in because[:3])]

    def _closed(self, close: Close, wide: int) -> str:
        look = self._look
        code = look.glyphs.none if close.code is None else f"{close.code} {close.name or ''}".rstrip()
        said = phrase(
            "log.closed_tcp" if close.code is None else "log.closed", look.lang, code=code,
            reason=visible(close.reason, ascii_only=look.glyphs.ascii_only),
            initiator=phrase(f"log.initiator_{close.initiator}", look.lang), how=close.transport.how,
            where=phrase("log.synthetic" if close.synthetic else "log.on_the_wire", look.lang),
            age=look.glyphs.none if close.age is None else f"{close.age:.1f}",
            idle=look.glyphs.none if close.idle_any is None else f"{close.idle_any:.1f}",
        )  # fmt: skip
        row = Row(close.t, close.m, close.n, "", "", "event")
        return f"{time_text(row, look, opened=None, previous=None)} {close.s:<{wide}} {look.glyphs.dropped} {said}"

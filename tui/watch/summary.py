"""What ``--summary`` says at the end: one line a session."""

from tui.diagnosis.engine import Engine
from tui.knowledge.catalogue import Language, phrase
from tui.session.session import Session


def summary_lines(engine: Engine, lang: Language) -> list[str]:
    """A line for every session: its state, code, counters."""
    return [_line(session, lang) for session in engine.sessions.values()]


def _line(session: Session, lang: Language) -> str:
    close = session.close
    counters = session.counters
    return phrase(
        "log.summary", lang, name=session.name, state=phrase(f"log.state_{session.state.value}", lang),
        code="–" if close is None or close.code is None else close.code,
        age="–" if close is None or close.age is None else f"{close.age:.1f} s",
        out=counters.frames_out, in_=counters.frames_in,
    )  # fmt: skip

"""The top line and the bottom line of the screen: how many sessions, what is recorded, what is wrong, which keys."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tui.session.state import State
from tui.view import numbers
from tui.view.lines import Line, Span, fit, line, spread
from tui.view.look import Look
from tui.view.pane import Pane

_DROPPED = (State.DROPPED, State.FAILED)


@dataclass(frozen=True, slots=True)
class Status:
    """What the top line is about, beside the sessions."""

    recording: float | None = None
    """Seconds recorded so far; None where a file is shown."""
    file: str = ""
    """What is shown, where it is a recording."""
    stopped: str = ""
    """Why nothing more is recorded, e.g. ``ENOSPC``."""
    lost: bool = False
    """A probe is gone."""
    behind: float | None = None
    """How much of the lines that have come is shown, 0 to 1; None where it is all of them."""
    slow: int = 0
    """Frames a second, where they are fewer than usual because the terminal is far away."""
    theme: str = ""


def header(panes: Sequence[Pane], status: Status, look: Look, room: int) -> Line:
    """The top line of a wide screen."""
    count = len(panes)
    dropped = sum(pane.session.state in _DROPPED for pane in panes)
    sessions = look.say("sessions_one" if count == 1 else "sessions", count=count)
    left = line(
        (" whoops ", "strong"),
        (f"  {sessions}", "text"),
        (f" {look.glyphs.dot} {look.say('sessions_dropped', count=dropped)}" if dropped else "", "dead"),
        "   ",
        *recording(status, look),
        *_troubles(status, look),
    )
    slow = look.say("status_slow", fps=status.slow) if status.slow else ""
    names = "   ".join(part for part in (slow, look.lang, status.theme, f"^p {look.say('key_palette')}") if part)
    right = line((f"{names} ", "muted"))
    if sum(len(span.text) for span in left) + len(names) > room - 2:
        right = ()
    return spread(left, right, room, ellipsis=look.glyphs.ellipsis)


def narrow_header(strip: Line, status: Status, look: Look, room: int) -> Line:
    """The top line of a narrow screen: every session in a word, then what is recorded."""
    right = line(*_troubles(status, look), "  ", *recording(status, look), " ")
    return spread(line((" whoops  ", "strong"), *strip), right, room, ellipsis=look.glyphs.ellipsis)


def recording(status: Status, look: Look) -> Line:
    """Whether, and for how long, lines go to a file."""
    if status.stopped:
        return line((f"{look.glyphs.dropped} {look.say('rec_stopped', why=status.stopped)}", "dead"))
    if status.file:
        return line((look.safe(status.file), "muted"))
    if status.recording is None:
        return ()
    return line((f"{look.glyphs.record} ", "error"), (f"{look.say('rec')} {numbers.timer(status.recording)}", "muted"))


def _troubles(status: Status, look: Look) -> Line:
    if status.lost:
        return line((f"   {look.glyphs.dropped} {look.say('status_probe_lost')}", "dead"))
    if status.behind is None:
        return ()
    return line((f"   {look.say('status_behind', percent=int(status.behind * 100))}", "late"))


def footer(keys: Mapping[str, str], look: Look, room: int, message: Line = ()) -> Line:
    """The keys one needs here, or what was just said."""
    if message:
        return fit((Span(" "), *message), room, ellipsis=look.glyphs.ellipsis)
    spans: list[Span] = [Span(" ")]
    for key, word in keys.items():
        spans += [Span(key, "accent"), Span(f" {look.say(word)}   ", "muted")]
    return fit(tuple(spans), room, ellipsis=look.glyphs.ellipsis)

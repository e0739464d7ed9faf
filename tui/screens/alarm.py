"""What a drop sets off besides its card: a bell, a desktop notification, the user's own command."""

from collections.abc import Callable, Sequence

from tui.options.program import ProgramOptions
from tui.screens.log import Log
from tui.text.safe import visible
from tui.view.look import Look
from tui.view.replay import Drop
from tui.watch.on_drop import OnDrop

BELL = "\a"

_TEXT_KEPT = 200
"""Characters of a notification."""


class Alarm:
    """Rings for drops.

    Args:
        program: what may ring.
        log: where the command's own words and failures go.
    """

    def __init__(self, program: ProgramOptions, look: Look, log: Log) -> None:
        self._bell, self._notify, self._tmux = not program.no_bell, not program.no_notify, program.notify_tmux
        self._on_drop = OnDrop(program.on_drop, look.lang, log.append) if program.on_drop else None

    def ring(self, drops: Sequence[Drop], look: Look, write: Callable[[str], None]) -> None:
        """Rings once for drops that came together; the command runs for each.

        Args:
            write: writes to the terminal as it is.
        """
        if self._bell:
            write(BELL)
        if self._notify:
            write(notification("; ".join(_said(drop, look) for drop in drops), tmux=self._tmux))
        for drop in drops if self._on_drop is not None else ():
            assert self._on_drop is not None
            self._on_drop.run(drop.close, drop.name, drop.url)

    def wait(self, seconds: float) -> bool:
        """Waits for commands that still run, at most ``seconds``; whether they have ended."""
        return self._on_drop is None or self._on_drop.wait(seconds)


def _said(drop: Drop, look: Look) -> str:
    close = drop.close
    what = " ".join(str(part) for part in (close.code, close.name, close.error or close.reason) if part)
    return look.say("dropped_message", name=drop.name, what=what or look.say(f"how_{close.transport.how}"))


def notification(text: str, *, tmux: bool = False) -> str:
    """The terminal sequence of a desktop notification (OSC 9, iTerm2's), with nothing in it a terminal would obey.

    Args:
        tmux: wrapped so that a tmux with ``allow-passthrough`` hands it on.
    """
    # A text that starts with a number would be ConEmu's progress bar (OSC 9;4).
    sequence = f"\x1b]9;whoops: {visible(text)[:_TEXT_KEPT]}\a"
    return f"\x1bPtmux;{sequence.replace(chr(27), chr(27) * 2)}\x1b\\" if tmux else sequence

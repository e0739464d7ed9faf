"""The inspector as a Textual application: themes, language, palette, quitting. ``run`` is its only door.

``tui.screens.pace`` says what must be in the environment before this module is imported.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from tui.facts.redaction import Redactor
from tui.knowledge.catalogue import LANGUAGES, Language
from tui.options.places import places
from tui.options.program import ProgramOptions
from tui.screens import themes
from tui.screens.alarm import Alarm
from tui.screens.desk import Desk
from tui.screens.evidence import Evidence
from tui.screens.log import Log
from tui.screens.main_screen import MainScreen
from tui.screens.pace import pace
from tui.screens.page import Page, Write
from tui.screens.question import Ask, Confirm
from tui.screens.recent import Recent
from tui.screens.saving import Saving
from tui.screens.source import Source
from tui.screens.terminal import Terminal
from tui.view.glyphs import GlyphSet, named
from tui.view.help import help_lines
from tui.view.lines import line
from tui.view.look import Look
from tui.view.replay import Drop

LAST_WORDS_S = 2.0
"""Seconds a command of ``--on-drop`` may hold up our end."""


class WhoopsApp(App[None]):
    """The inspector on a desk of sources.

    Args:
        program: theme, pace, what a drop sets off.
        theirs: the folder of the user's own themes.
        notices: sentences to begin with, by their keys.
    """

    ENABLE_COMMAND_PALETTE = True
    ALLOW_SELECT = False

    CSS = """
    .-ascii Page > VerticalScroll, .-ascii Ask > Vertical, .-ascii Confirm > Vertical { border: ascii $primary 60%; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", id="app.quit", show=False),
        Binding("question_mark", "help", id="app.help", show=False),
        Binding("t", "theme", id="app.theme", show=False),
        Binding("L", "language", id="app.language", show=False),
        Binding("s", "save", id="app.save", show=False),
        Binding("o", "log", id="app.log", show=False),
        Binding("escape", "step_back", id="app.back", show=False),
    ]

    def __init__(
        self, desk: Desk, program: ProgramOptions | None = None, *, theirs: Path | None = None,
        notices: Sequence[str] = (),
    ) -> None:  # fmt: skip
        super().__init__(driver_class=Terminal)
        program = program or ProgramOptions()
        self.desk = desk
        self.saving = Saving(desk.recording) if desk.recording is not None else None
        self.alarm = Alarm(program, desk.look, desk.log)
        self._notices = [desk.look.say(key) for key in notices]
        self._themes, bad = themes.choice(theirs)
        self._notices += [desk.look.say(error.key, error.args_) for error in bad]
        self._use_theme(program.theme or themes.DEFAULT)
        self.animation_level = "none"
        self.set_class(desk.look.glyphs.ascii_only, "-ascii")
        self.main = MainScreen(desk, pace(program.fps, os.environ), self.ring)

    def _use_theme(self, name: str) -> None:
        """Begins with a theme; one that is unknown is said, and the default stays."""
        for theme in self._themes.values():
            self.register_theme(theme)
        if name not in self.available_themes:
            self._notices.append(self.desk.look.say("theme_unknown", given=name, names=", ".join(self._themes)))
            name = themes.DEFAULT
        self.theme = name

    def ring(self, drops: Sequence[Drop]) -> None:
        """Tells whoever should know of drops that have just happened."""

        def write(sequence: str) -> None:
            if not self.is_headless and self._driver is not None:
                self._driver.write(sequence)

        self.alarm.ring(drops, self.desk.look, write)

    def on_mount(self) -> None:
        """Shows the desk; asks for a target where there is nothing on it. A lost terminal ends us in order."""
        for number in (signal.SIGHUP, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self.exit)
        self.push_screen(self.main)
        if self._notices:
            self.call_after_refresh(self.main.tell, self.desk.look.safe("  ".join(self._notices)), "late")
        child = self.desk.child
        if child is not None and not self.desk.pending and not child.opened:
            self.call_after_refresh(self.main.action_add)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Everything that has a key, by name, and what Textual offers."""
        yield from super().get_system_commands(screen)
        look = self.desk.look
        for key, action in _PALETTE.items():
            said = look.say(key)
            yield SystemCommand(said[:1].upper() + said[1:], "", lambda action=action: self._palette(action))

    def _palette(self, action: str) -> None:
        where = self.main if hasattr(self.main, f"action_{action.partition('(')[0]}") else self
        self.call_later(self.run_action, action, where)

    def action_help(self) -> None:
        """Keys and signs."""
        self.push_screen(self._page("help_title", lambda room: help_lines(self.desk.look, room)))

    def _page(self, key: str, write: Write) -> Page:
        return Page(lambda: self.desk.look.say(key), write, hint=lambda: self.desk.look.say("hint_close"))

    def action_log(self) -> None:
        """What the probe said on stderr."""
        self.push_screen(self._page("log_title", lambda _: self.desk.log.rows(self.desk.look)))

    def action_theme(self) -> None:
        """The next of our own themes."""
        names = list(self._themes)
        at = names.index(self.theme) + 1 if self.theme in names else 0
        self.theme = names[at % len(names)]
        self.main.draw()

    def action_language(self) -> None:
        """The other language."""
        look = self.desk.look
        other = LANGUAGES[(LANGUAGES.index(look.lang) + 1) % len(LANGUAGES)]
        self.desk.use(replace(look, lang=other))
        self.main.draw()
        for screen in self.screen_stack:
            if isinstance(screen, Page | Evidence):
                screen.draw()

    def action_step_back(self) -> None:
        """Clears the filter, then follows again."""
        pane = self.main.pane
        if pane is not None and pane.table.query:
            self.main.filter("")
        else:
            self.main.action_follow()

    async def action_quit(self) -> None:
        """Ends; asks first where sessions are open."""
        count, look = self.desk.open_sessions, self.desk.look
        if not count:
            self.exit()
            return
        text = look.say("quit_text_one" if count == 1 else "quit_text", count=count)

        def answer(yes: bool | None) -> None:
            if yes:
                self.exit()

        self.push_screen(Confirm(look.say("quit_title"), [line(text)], hint=look.say("quit_hint")), answer)

    def action_save(self) -> None:
        """Asks where the recording is to be kept."""
        look, saving = self.desk.look, self.saving
        if saving is None:
            path = ", ".join(str(stream.feed.path) for stream in self.desk.streams)
            self.main.tell(look.say("save_nothing", path=look.safe(path)))
            return

        def judge(text: str) -> str:
            path = Path(text.strip()).expanduser()
            if not text.strip() or path.exists():
                return look.say("save_exists", path=look.safe(str(path)))
            try:
                saving.keep(path)
            except OSError as error:
                return look.say("save_failed", path=look.safe(str(path)), error=error.strerror or str(error))
            return ""

        def done(text: str | None) -> None:
            if text is not None:
                self.main.tell(look.say("save_done", path=look.safe(str(saving.path))))

        rows = [line((look.say("save_text"), "muted"))]
        ask = Ask(look.say("save_title"), rows, judge, given=saving.recording.path.name, hint=look.say("hint_enter"))
        self.push_screen(ask, done)


_PALETTE = {
    "help_add": "add", "help_reconnect": "reconnect", "help_close": "close_session", "help_ping": "ping",
    "help_pause": "pause", "help_filter": "filter", "help_beats": "hide('beat')", "help_control": "hide('control')",
    "help_trace": "hide('trace')", "help_time": "times", "help_card": "card", "help_log": "log", "help_save": "save",
    "help_language": "language", "help_help": "help", "experiment.palette": "experiment_idle",
}  # fmt: skip
"""What the palette offers, by its sentence: that of the help page, where it has a key."""


def run(
    sources: Sequence[Source], program: ProgramOptions, lang: Language, *, glyphs: GlyphSet = "unicode",
    notices: Sequence[str] = (),
) -> int:  # fmt: skip
    """Runs the inspector until it is quit; the exit status.

    Raises:
        OSError: a source cannot be opened, or a recording cannot be written.
    """
    look, ours = Look(lang=lang, glyphs=named(glyphs)), places(os.environ)
    recent = Recent(ours.recent, Redactor(program.redact))
    desk = Desk(sources, look, ours.recordings, log=Log(ours.log), recent=recent)
    app = WhoopsApp(desk, program, theirs=ours.themes, notices=notices)
    try:
        app.run(mouse=not program.no_mouse)
    finally:
        if desk.child is not None:
            if desk.open_sessions:
                _tell(look.say("quit_closing"))
            desk.child.stop()
        if app.saving is not None:
            _tell(app.saving.finish(look))
        if not app.alarm.wait(LAST_WORDS_S):
            _tell(look.say("log.on_drop_left"))
    return app.return_code or 0


def _tell(text: str) -> None:
    """A line after the screen; the terminal may be gone."""
    with suppress(OSError):
        sys.stderr.write(text + "\n")
        sys.stderr.flush()

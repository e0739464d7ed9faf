"""The inspector as a Textual application: themes, language, palette, quitting. ``run`` is its only door.

``tui.screens.pace`` says what must be in the environment before this module is imported.
"""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import platformdirs
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from tui.knowledge.catalogue import LANGUAGES, Language
from tui.screens import themes
from tui.screens.desk import Desk
from tui.screens.main_screen import MainScreen
from tui.screens.pace import pace
from tui.screens.page import Page, Write
from tui.screens.question import Ask, Confirm
from tui.screens.source import Source
from tui.view.glyphs import GlyphSet, named
from tui.view.help import help_lines
from tui.view.lines import Line, Span, line
from tui.view.look import Look


def recordings_folder() -> Path:
    """Where recordings are that nobody has named."""
    return Path(platformdirs.user_state_dir("whoops")) / "recordings"


class WhoopsApp(App[None]):
    """The inspector on a desk of sources."""

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

    def __init__(self, desk: Desk, *, theme: str | None = None, fps: float | None = None) -> None:
        super().__init__()
        self.desk = desk
        self.saved: Path | None = None
        """Where the recording was asked to be saved."""
        self._copied = False
        self._themes = themes.ours()
        for each in self._themes:
            self.register_theme(each)
        self.theme = theme if theme in self.available_themes else themes.DEFAULT
        self.animation_level = "none"
        self.set_class(desk.look.glyphs.ascii_only, "-ascii")
        self.main = MainScreen(desk, pace(fps, os.environ))

    def on_mount(self) -> None:
        """Shows the desk; asks for a target where there is nothing on it. A lost terminal ends us in order."""
        for number in (signal.SIGHUP, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self.exit)
        self.push_screen(self.main)
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
        look = self.desk.look
        self.push_screen(self._page("help_title", lambda room: help_lines(look, room)))

    def _page(self, key: str, write: Write) -> Page:
        look = self.desk.look
        return Page(look.say(key), write, hint=look.say("hint_close"))

    def action_log(self) -> None:
        """What the probe said on stderr."""
        look, child = self.desk.look, self.desk.child
        said = list(child.log) if child is not None else []

        def write(_: int) -> list[Line]:
            return [(Span(look.safe(text)),) for text in said] or [line((look.say("log_empty"), "muted"))]

        self.push_screen(self._page("log_title", write))

    def action_theme(self) -> None:
        """The next of our own themes."""
        names = [theme.name for theme in self._themes]
        at = names.index(self.theme) + 1 if self.theme in names else 0
        self.theme = names[at % len(names)]
        self.main.draw()

    def action_language(self) -> None:
        """The other language."""
        look = self.desk.look
        other = LANGUAGES[(LANGUAGES.index(look.lang) + 1) % len(LANGUAGES)]
        self.desk.use(replace(look, lang=other))
        self.main.draw()

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
        look, recording = self.desk.look, self.desk.recording
        if recording is None:
            path = ", ".join(str(stream.feed.path) for stream in self.desk.streams)
            self.main.tell(look.say("save_nothing", path=look.safe(path)))
            return

        def judge(text: str) -> str:
            path = Path(text.strip()).expanduser()
            if not text.strip() or path.exists():
                return look.say("save_exists", path=look.safe(str(path)))
            try:
                self._copied = _keep(recording.path, path)
            except OSError as error:
                return look.say("save_failed", path=look.safe(str(path)), error=error.strerror or str(error))
            self.saved = path
            return ""

        def done(text: str | None) -> None:
            if text is not None:
                self.main.tell(look.say("save_done", path=look.safe(str(self.saved))))

        rows = [line((look.say("save_text"), "muted"))]
        ask = Ask(look.say("save_title"), rows, judge, given=recording.path.name, hint=look.say("hint_enter"))
        self.push_screen(ask, done)

    def finish(self) -> None:
        """After the screen has gone: brings a copied recording up to date."""
        if self.saved is not None and self._copied and self.desk.recording is not None:
            shutil.copyfile(self.desk.recording.path, self.saved)


def _keep(recording: Path, path: Path) -> bool:
    """Gives the recording a second name, under which it goes on growing; where that cannot be, copies it (True)."""
    try:
        os.link(recording, path)
    except OSError:
        shutil.copyfile(recording, path)
        return True
    return False


_PALETTE = {
    "help_add": "add", "help_reconnect": "reconnect", "help_close": "close_session", "help_ping": "ping",
    "help_pause": "pause", "help_filter": "filter", "help_beats": "hide('beat')", "help_control": "hide('control')",
    "help_trace": "hide('trace')", "help_time": "times", "help_card": "card", "help_log": "log", "help_save": "save",
    "help_language": "language", "help_help": "help",
}  # fmt: skip
"""What the palette offers, by the sentence of the help page."""


def run(
    sources: Sequence[Source], *, lang: Language = "en", theme: str | None = None, glyphs: GlyphSet = "unicode",
    fps: float | None = None, mouse: bool = True, folder: Path | None = None,
) -> int:  # fmt: skip
    """Runs the inspector until it is quit; the exit status.

    Raises:
        OSError: a source cannot be opened, or a recording cannot be written.
    """
    look = Look(lang=lang, glyphs=named(glyphs))
    desk = Desk(sources, look, folder or recordings_folder())
    app = WhoopsApp(desk, theme=theme, fps=fps)
    try:
        app.run(mouse=mouse)
    finally:
        if desk.child is not None:
            if desk.open_sessions:
                _tell(look.say("quit_closing"))
            desk.child.stop()
        app.finish()
        if desk.recording is not None:
            _tell(look.say("recorded", path=app.saved or desk.recording.path))
    return app.return_code or 0


def _tell(text: str) -> None:
    """A line after the screen; the terminal may be gone."""
    with suppress(OSError):
        sys.stderr.write(text + "\n")
        sys.stderr.flush()

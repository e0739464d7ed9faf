"""Keeping a recording under a name of one's own while it goes on growing, and saying at the end where it is."""

import os
import shutil
from pathlib import Path

from tui.screens.feed import PipeFeed
from tui.view.look import Look


class Saving:
    """One recording and the name it was asked to be kept under.

    Args:
        recording: the feed that is recorded.
    """

    def __init__(self, recording: PipeFeed) -> None:
        self.recording = recording
        self.path: Path | None = None
        """Where it was asked to be kept."""
        self._copied = False

    def keep(self, path: Path) -> None:
        """Gives it a second name, under which it goes on growing; where that cannot be, copies it.

        Raises:
            OSError: it cannot be kept there.
        """
        copied = False
        try:
            os.link(self.recording.path, path)
        except OSError:
            shutil.copyfile(self.recording.path, path)
            copied = True
        self.path, self._copied = path, copied

    def finish(self, look: Look) -> str:
        """Nothing more is recorded: brings a copy up to date; a line that says where the recording is."""
        path = self.path or self.recording.path
        if self._copied:
            try:
                shutil.copyfile(self.recording.path, path)
            except OSError as error:
                return look.say("save_failed", path=path, error=error.strerror or str(error))
        stopped = self.recording.writer.stopped
        if stopped is None:
            return look.say("recorded", path=path)
        return look.say("recorded_partly", path=path, at=stopped.at, error=stopped.error.strerror)

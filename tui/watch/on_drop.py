"""``--on-drop CMD``: runs the user's command through the shell, once for every drop, and never waits for it.

``tui.watch.watch`` runs it, or the inspector where there is one: its own probe is told not to.
"""

import os
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from time import monotonic
from typing import IO

from tui.facts.codec import encode
from tui.facts.findings import Close
from tui.knowledge.catalogue import Language, phrase
from tui.text.safe import visible

AT_ONCE = 8
"""Commands that run at the same time; further drops wait for one of them to end."""

_KEPT = 1000
"""Characters of a variable, and of a line the command says."""

_LAST_WORDS_S = 1.0
"""How long a command's output is waited for after its end; something it left in the background may hold it open."""


class OnDrop:
    """Runs one command for drops.

    Args:
        command: for ``/bin/sh -c``.
        lang: the language of what goes wrong.
        said: called, from a thread, with every line the command writes and with what went wrong with it.
    """

    def __init__(self, command: str, lang: Language, said: Callable[[str], None]) -> None:
        self._command = command
        self._lang: Language = lang
        self._said = said
        self._room = threading.Semaphore(AT_ONCE)
        self._threads: list[threading.Thread] = []

    def run(self, close: Close, name: str, url: str) -> None:
        """Runs it for one drop; returns at once.

        Args:
            name: what the session is called.
            url: the session's, redacted.
        """
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = threading.Thread(
            target=self._run, args=(close, variables(close, name, url)), name="on-drop", daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def wait(self, seconds: float) -> bool:
        """Waits until every command has ended, at most ``seconds``; whether it has."""
        deadline = monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _run(self, close: Close, details: Mapping[str, str]) -> None:
        with self._room:
            try:
                status = self._shell(close, details)
            except (OSError, ValueError) as error:
                why = (error.strerror if isinstance(error, OSError) else None) or str(error)
                self._said(phrase("log.on_drop_not_run", self._lang, error=why))
                return
        if status:
            self._said(phrase("log.on_drop_failed", self._lang, status=status, name=details["WHOOPS_SESSION"]))

    def _shell(self, close: Close, details: Mapping[str, str]) -> int:
        inherited = {name: value for name, value in os.environ.items() if name != "WHOOPS_ON_DROP"}
        process = subprocess.Popen(
            ["/bin/sh", "-c", self._command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**inherited, **details}, start_new_session=True,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        threading.Thread(target=_give, args=(process.stdin, encode(close)), name="on-drop stdin", daemon=True).start()
        reader = threading.Thread(target=self._hear, args=(process.stdout,), name="on-drop stdout", daemon=True)
        reader.start()
        status = process.wait()
        reader.join(_LAST_WORDS_S)
        return status

    def _hear(self, pipe: IO[bytes]) -> None:
        with pipe:
            while line := pipe.readline(_KEPT):
                self._said(line.rstrip(b"\r\n").decode("utf-8", "backslashreplace"))


def _give(pipe: IO[bytes], data: bytes) -> None:
    """Writes the command's stdin; one that does not read it makes only this thread wait."""
    with suppress(OSError), pipe:
        pipe.write(data)


def variables(close: Close, name: str, url: str) -> dict[str, str]:
    """What the command finds in its environment: every value one line that is safe to print, "" where there is none."""
    sides = {"received": close.idle_rx, "sent": close.idle_tx}
    values: dict[str, object] = {
        "session": name, "url": url, "code": close.code, "name": close.name, "reason": close.reason,
        "error": close.error, "initiator": close.initiator, "how": close.transport.how,
        "errno": close.transport.errno, "age": _seconds(close.age), "connection": close.c, "at": f"{close.t:.3f}",
        **{f"idle_{side}": _seconds(idle) for side, idle in sides.items()},
    }  # fmt: skip
    return {
        f"WHOOPS_{key.upper()}": "" if value is None else visible(str(value)[:_KEPT]) for key, value in values.items()
    }


def _seconds(number: float | None) -> str | None:
    return None if number is None else f"{number:.3f}"

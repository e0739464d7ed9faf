"""Lines of stdin, read by one thread: a pipe, a terminal and a file alike, none of which may make the loop wait."""

import asyncio
import os
import threading
from collections.abc import Callable


def read_lines(loop: asyncio.AbstractEventLoop, said: Callable[[str], None], ended: Callable[[], None]) -> None:
    """Calls ``said`` on the loop for each line, and ``ended`` at the end of stdin."""

    def run() -> None:
        """Reads until the end: what is no whole line waits, and the last counts without its newline."""
        rest = b""
        while True:
            try:
                data = os.read(0, 65536)
            except OSError:
                data = b""
            *lines, rest = (rest + data).split(b"\n")
            if not data and rest:
                lines.append(rest)
            try:
                for line in lines:
                    loop.call_soon_threadsafe(said, line.decode("utf-8", "surrogateescape"))
                if not data:
                    loop.call_soon_threadsafe(ended)
                    return
            except RuntimeError:
                return  # the loop is closed: the program is on its way out

    threading.Thread(target=run, name="stdin", daemon=True).start()

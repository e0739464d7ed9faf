"""``whoops lab [STORY] [--port N] [--json]``: a lab until somebody ends it. ``tui.cli`` calls ``serve``.

With ``--json`` it is a child: its first line says where it listens, and it ends when its stdin does, so it never
outlives a parent, however that one died.
"""

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Mapping

import msgspec

from tui.knowledge.catalogue import Language, phrase
from tui.lab import stories
from tui.lab.lab import running
from tui.lab.policy import Policy
from tui.lab.story import PRICES, Story, Ticker


async def serve(story: str | None, port: int, json: bool, lang: Language) -> int:
    """Serves until SIGINT, SIGTERM or, with ``json``, the end of stdin; the exit status is 0 then.

    Args:
        story: a name from ``stories.STORIES``; None for a broker with the default manners.
        port: on loopback; 0 for any free one.
        json: whether a program is reading: one line of JSON on stdout and nothing after it.
        lang: the language of what is said to a person.

    Raises:
        LabError: no such story, or the port cannot be had.
    """
    told = None if story is None else stories.find(story)
    policy, tickers = (Policy(), (Ticker(),)) if told is None else (told.policy, told.tickers)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        async with running(policy, tickers=tickers, port=port, lang=lang) as urls:
            if json:
                _say(msgspec.json.encode({"type": "lab", "urls": urls}).decode())
                _watch_stdin(stop, loop)
            else:
                _greet(told, urls, lang)
            await stop.wait()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
    return 0


def _greet(story: Story | None, urls: Mapping[str, str], lang: Language) -> None:
    stomp, echo = urls["stomp"], urls["echo"]
    if story is None:
        _say(phrase("lab.listening", lang))
    else:
        _say(phrase("lab.listening_story", lang, story=story.id, title=phrase(story.title, lang)))
        _say(phrase(story.text, lang))
    _say(phrase("lab.urls", lang, **urls))
    if story is not None:
        _say(phrase("lab.try_demo", lang, command=f"whoops demo {story.id}"))
    _say(phrase("lab.try_stomp", lang, command=f"whoops -n 2 {stomp} --subscribe {PRICES}"))
    _say(phrase("lab.try_echo", lang, command=f"whoops '{echo}?close=1011&reason=boom&after=5'"))
    _say(phrase("lab.stop", lang))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _watch_stdin(stop: asyncio.Event, loop: asyncio.AbstractEventLoop) -> None:
    """Sets ``stop`` at the end of stdin, whatever kind of file it is: a thread waits, the loop does not."""

    def wait() -> None:
        with contextlib.suppress(OSError):  # a closed stdin has ended too
            while os.read(0, 4096):
                pass
        with contextlib.suppress(RuntimeError):  # the loop is closed: something else ended the lab before
            loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=wait, name="lab-stdin", daemon=True).start()

"""Sessions that drop while the probe looks after them, and the words that have them talk at their own pace."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress

from tests.probing import probing, seen
from tests.watching import POSTMORTEM, Watch

PATIENCE_S = 1.5
"""How long a look may be awaited: none is taken after a drop that its Close explains."""


async def looked(
    watch: Watch, *sessions: str, stage: str = "tcp", ok: bool = True, patience: float = PATIENCE_S
) -> None:
    """Returns when these sessions have ended and the look after each of them, if one is taken, came to that stage.

    Where nobody is left, a look goes on to the upgrade.
    """
    for session in sessions:
        await seen(watch, "close", session)
    await asyncio.gather(*(_came_to(watch, session, patience, stage=stage, ok=ok) for session in sessions))
    gone, all_of_them = ({line["s"] for line in watch.of(kind)} for kind in ("close", "target"))
    if ok and stage != "http" and gone == all_of_them:
        await asyncio.gather(*(_came_to(watch, session, patience, stage="http") for session in sessions))


async def _came_to(watch: Watch, session: str, patience: float, **fields: object) -> None:
    wanted = {"type": "postmortem", "s": session} | fields
    with suppress(AssertionError):
        await watch.until(lambda line: wanted.items() <= line.items(), patience)


def every(seconds: float, command: str, until: float, session: str = "", after: float = 0.0) -> list[str]:
    """The options that have a session (or all) do that at a pace, from ``after`` until then."""
    count = int((until - after) / seconds)
    name = f"{session}: " if session else ""
    return [word for n in range(1, count + 1) for word in ("--do", f"{after + n * seconds:.2f} {name}{command}")]


Strike = Callable[[Watch], Awaitable[None]]
"""What a test does to the server while a run goes on."""


def signalled(pid: int, sign: signal.Signals, session: str, count: int) -> Strike:
    """The process gets that signal once the session has had so many frames from its server."""

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", session, dir="in", count=count)
        os.kill(pid, sign)

    return strike


async def watched(
    words: list[str],
    gone: tuple[str, ...],
    *,
    stage: str = "tcp",
    ok: bool = True,
    status: int = 1,
    strike: Strike | None = None,
) -> Watch:
    """A run with the look after a drop, until these sessions are gone and looked after; the others are left well."""
    async with probing(*words, "--stdin", **POSTMORTEM) as watch:
        if strike is not None:
            await strike(watch)
        await looked(watch, *gone, stage=stage, ok=ok)
        assert {line["s"] for line in watch.of("close")} <= set(gone)
        assert await watch.finish() == status
    return watch

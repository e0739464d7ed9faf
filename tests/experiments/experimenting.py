"""``whoops experiment`` as a child process."""

import asyncio
import json
import os
import signal
import sys
from typing import Any

from tests.watching import Said, clean_environment


async def experiment(*words: str, within: float = 60) -> Said:
    """``experiment WORDS``, run to its end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tui", "experiment", *words,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env=clean_environment(), start_new_session=True,
    )  # fmt: skip
    try:
        out, err = await asyncio.wait_for(process.communicate(), within)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        raise
    assert process.returncode is not None
    return Said(out, err, process.returncode)


async def idle(url: str, *words: str, within: float = 60) -> dict[str, Any]:
    """The object ``experiment idle URL --json`` prints; it found an answer."""
    said = await experiment("idle", url, *words, "--json", within=within)
    assert said.status == 0, said
    (line,) = said.out.splitlines()
    found: dict[str, Any] = json.loads(line)
    return found

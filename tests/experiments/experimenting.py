"""``whoops experiment`` as a child process."""

import json
from typing import Any

from tests.watching import Said, said_by


async def experiment(*words: str, within: float = 60) -> Said:
    """``experiment WORDS``, run to its end."""
    return await said_by("experiment", *words, within=within)


async def idle(url: str, *words: str, within: float = 60) -> dict[str, Any]:
    """The object ``experiment idle URL --json`` prints; it found an answer."""
    said = await experiment("idle", url, *words, "--json", within=within)
    assert said.status == 0, said
    (line,) = said.out.splitlines()
    found: dict[str, Any] = json.loads(line)
    return found

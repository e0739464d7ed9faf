"""Sessions that come back: for tests of servers that are started again under ``--reconnect``."""

from tests.watching import Watch


async def back(watch: Watch, session: str, kind: str = "open") -> None:
    """Returns when a later connection of ``session`` than its first has a line of that type."""
    await watch.until(lambda line: line["type"] == kind and line["s"] == session and line["c"] > 1)

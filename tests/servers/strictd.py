"""A WebSocket server (python-websockets) with clocks of its own: ``python strictd.py PORT OPTIONS``, OPTIONS as JSON.

It answers nothing. ``says``: it sends a message every so many seconds; ``pings``: a ping, whose pong is no message. It
ends a session ``idle`` seconds after the last message from the client, ``first`` seconds after the beginning where none
came at all, or when it is ``life`` seconds old, whatever is said; ``ending`` is how: ``[CODE, REASON]`` for a Close, or
``fin`` for TCP's end alone. It prints ``up`` when it listens and imports nothing of this project. ``node/strict.mjs``
is its like but for the pings; ``strict.py`` starts both as children.
"""

import asyncio
import json
import sys
from contextlib import suppress
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed


class Strict:
    """The clocks of one session."""

    def __init__(self, client: ServerConnection, options: dict[str, Any]) -> None:
        self._client, self._options = client, options

    async def serve(self) -> None:
        """Lasts as long as the session."""
        tasks = [asyncio.create_task(one()) for one in (self._talk, self._age)]
        with suppress(ConnectionClosed):
            await self._listen()
        for task in tasks:
            task.cancel()

    async def _listen(self) -> None:
        patience = self._options.get("first", self._options.get("idle"))
        try:
            while True:
                await asyncio.wait_for(self._client.recv(), patience)
                patience = self._options.get("idle")
        except TimeoutError:
            await self._end()

    async def _talk(self) -> None:
        with suppress(ConnectionClosed):
            while every := self._options.get("says"):
                await asyncio.sleep(every)
                await self._client.send("news")

    async def _age(self) -> None:
        if life := self._options.get("life"):
            await asyncio.sleep(life)
            await self._end()

    async def _end(self) -> None:
        ending = self._options["ending"]
        if ending == "fin":
            self._client.transport.close()
        else:
            await self._client.close(*ending)


async def main(port: str, words: str) -> None:
    """Serves until it is killed."""
    given = json.loads(words)
    options = {"ping_interval": given.get("pings"), "ping_timeout": None}
    async with serve(lambda client: Strict(client, given).serve(), "127.0.0.1", int(port), **options):
        sys.stdout.write("up\n")
        sys.stdout.flush()
        await asyncio.Future()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

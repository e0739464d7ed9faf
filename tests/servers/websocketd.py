"""A WebSocket server (python-websockets) that says back every message: ``python websocketd.py HOST PORT OPTIONS``.

OPTIONS are the library's own, as JSON. It prints ``up`` when it listens, and imports nothing of this project, so that
it runs anywhere. ``python.py`` starts it as a child.
"""

import asyncio
import json
import sys
from contextlib import suppress

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed


async def echo(client: ServerConnection) -> None:
    """Says back every message; ``close CODE REASON`` ends the session so.

    ``flood COUNT SIZE SECONDS`` has it send that many messages of that many bytes, and abort the connection of a client
    who takes longer than that for one of them.
    """
    with suppress(ConnectionClosed):
        async for message in client:
            if isinstance(message, str) and message.startswith("close "):
                _, code, reason = message.split(" ", 2)
                await client.close(int(code), reason)
            elif isinstance(message, str) and message.startswith("flood "):
                _, count, size, seconds = message.split()
                await flood(client, int(count), int(size), float(seconds))
            else:
                await client.send(message)


async def flood(client: ServerConnection, count: int, size: int, seconds: float) -> None:
    """Sends at most ``count`` messages; a client who is too slow is done with."""
    try:
        for _ in range(count):
            await asyncio.wait_for(client.send("x" * size), seconds)
    except TimeoutError:
        client.transport.abort()


async def main(host: str, port: str, options: str) -> None:
    """Serves until it is killed."""
    async with serve(echo, host, int(port), **json.loads(options)):
        sys.stdout.write("up\n")
        sys.stdout.flush()
        await asyncio.Future()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

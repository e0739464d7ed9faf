"""As much of an MQTT broker as things need that only say that they are there; it minds their keep-alive."""

import asyncio

from websockets.asyncio.server import ServerConnection

from tests.servers.house import Rule
from tests.servers.mosquitto import PING


def minding() -> Rule:
    """A rule for clients whose CONNECT names their keep-alive: TCP ends after one and a half times that in silence."""
    watchers: dict[str, asyncio.TimerHandle] = {}
    patience: dict[str, float] = {}

    async def hear(user: str, client: ServerConnection, message: str | bytes) -> None:
        if not isinstance(message, bytes):
            return
        if message[0] == 0x10:
            patience[user] = 1.5 * int.from_bytes(message[10:12], "big")
            await client.send(b"\x20\x02\x00\x00")
        elif message == bytes.fromhex(PING):
            await client.send(b"\xd0\x00")
        if user in watchers:
            watchers[user].cancel()
        loop = asyncio.get_running_loop()
        watchers[user] = loop.call_later(patience.get(user, 60), client.transport.close)

    return hear

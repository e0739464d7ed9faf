"""An application on python-websockets in the test's own process: the test is the program that closes its clients."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.servers.ports import LOOPBACK

Rule = Callable[[str, ServerConnection, str | bytes], Awaitable[None]]
"""What the application does at a message of one of its users."""


async def echo(_: str, client: ServerConnection, message: str | bytes) -> None:
    """Says it back."""
    await client.send(message)


class House:
    """Who is in, by the ``?user=`` each came with. Made by ``house``."""

    def __init__(self, rule: Rule) -> None:
        self.port = 0
        self.clients: dict[str, ServerConnection] = {}
        self._rule = rule

    def of(self, user: str) -> str:
        """The target of a session that has its user's name."""
        return f"{user}=ws://{LOOPBACK}:{self.port}/?user={user}"

    async def admit(self, client: ServerConnection) -> None:
        """Lasts as long as the client's connection."""
        assert client.request is not None
        user = parse_qs(urlsplit(client.request.path).query)["user"][0]
        self.clients[user] = client
        with suppress(ConnectionClosed):
            async for message in client:
                await self._rule(user, client, message)


@asynccontextmanager
async def house(rule: Rule = echo, **options: object) -> AsyncIterator[House]:
    """The application as long as the block lasts; ``options`` are the library's own."""
    made = House(rule)
    async with serve(made.admit, LOOPBACK, 0, **options) as server:  # type: ignore[arg-type]
        made.port = next(iter(server.sockets)).getsockname()[1]
        yield made

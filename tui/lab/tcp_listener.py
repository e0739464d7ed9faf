"""The lab over TCP: the broker and nothing between STOMP and the stream."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tui.lab.driver import Driver
from tui.lab.tcp_link import TcpLink


@asynccontextmanager
async def listening(driver: Driver, host: str) -> AsyncIterator[int]:
    """``driver``'s broker on a free port of ``host`` while the context lasts; the port. At its end every client's
    connection ends with FIN.

    Raises:
        OSError: the address cannot be listened on.
    """
    clients: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = asyncio.create_task(_serve(driver, TcpLink(reader, writer)))
        clients.add(client)
        client.add_done_callback(clients.discard)

    server = await asyncio.start_server(accept, host, 0)
    port: int = server.sockets[0].getsockname()[1]
    try:
        yield port
    finally:
        server.close()
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
        await server.wait_closed()


async def _serve(driver: Driver, link: TcpLink) -> None:
    """One connection to its end: reading and ending side by side."""
    speaking = asyncio.create_task(_speak(driver, link))
    ending = asyncio.create_task(link.ended())
    try:
        await asyncio.wait({speaking, ending}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (speaking, ending):
            task.cancel()
        try:
            await asyncio.gather(speaking, ending, return_exceptions=True)
        finally:
            await link.close()


async def _speak(driver: Driver, link: TcpLink) -> None:
    connection = driver.open(link)
    try:
        async for data in link.chunks():
            driver.receive(connection, data)
    finally:
        driver.lost(connection)

"""One TCP connection of the lab: written to without waiting, and ended in any of the ways there are.

``tui.lab.tcp_listener`` makes one for each connection; the driver writes to it as a ``Transport``.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from tui.lab.driver import PATIENCE, UNREAD_LIMIT
from tui.lab.endings import Ending, Reset
from tui.lab.reset import reset

CHUNK = 64 * 1024
"""Bytes read at once."""


class TcpLink:
    """A ``Transport`` over one TCP connection. A Close is a FIN here: TCP has no codes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._ending: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()

    def write(self, data: bytes) -> None:
        """STOMP frames, or one beat."""
        if self._ending.done():
            return
        if self._writer.transport.get_write_buffer_size() > UNREAD_LIMIT:
            self.end(Reset())
            return
        self._writer.write(data)

    def end(self, ending: Ending) -> None:
        """The first ending asked for is the one that happens."""
        if not self._ending.done():
            self._ending.set_result(ending)

    async def chunks(self) -> AsyncIterator[bytes]:
        """What the client sends, until its side has ended in whatever way."""
        with suppress(OSError):
            while data := await self._reader.read(CHUNK):
                yield data

    async def ended(self) -> None:
        """Waits until an ending is asked for and carries it out."""
        if isinstance(await self._ending, Reset):
            reset(self._writer.transport)
            return
        with suppress(OSError):
            self._writer.write_eof()
        # Closing the socket with unread bytes in it would send RST: the client's own end is waited for.
        await asyncio.sleep(PATIENCE)

    async def close(self) -> None:
        """Lets go of the socket once what was written has gone out, or the client would not take it."""
        self._writer.close()
        try:
            with suppress(OSError):  # a timeout is one too
                async with asyncio.timeout(PATIENCE):
                    await self._writer.wait_closed()
        finally:
            self._writer.transport.abort()

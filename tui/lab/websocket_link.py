"""One WebSocket connection of the lab: written to without waiting, and ended in any of the ways there are.

``tui.lab.websocket_listener`` makes one for each connection; the driver writes to it as a ``Transport``.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from websockets.asyncio.server import ServerConnection, broadcast
from websockets.exceptions import ConnectionClosed

from tui.lab.driver import PATIENCE, UNREAD_LIMIT
from tui.lab.endings import Close, Ending, Fin, Reset
from tui.lab.faults import Faults
from tui.lab.reset import reset


class WebSocketLink:
    """A ``Transport`` over one WebSocket."""

    def __init__(self, ws: ServerConnection) -> None:
        self._ws = ws
        self._mute = False
        self._ending: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()

    def write(self, data: bytes) -> None:
        """STOMP frames, as text where they are UTF-8 and otherwise binary."""
        try:
            self.send(data.decode())
        except UnicodeDecodeError:
            self.send(data)

    def send(self, message: str | bytes) -> None:
        """One message, text or binary."""
        if self._mute or self._ending.done():
            return
        if self._ws.transport.get_write_buffer_size() > UNREAD_LIMIT:
            self.end(Reset())
            return
        broadcast([self._ws], message)

    def end(self, ending: Ending) -> None:
        """The first ending asked for is the one that happens."""
        if not self._ending.done():
            self._ending.set_result(ending)

    async def messages(self) -> AsyncIterator[str | bytes]:
        """What the client sends, until the connection ends in whatever way."""
        try:
            async for message in self._ws:
                yield message
        except ConnectionClosed:
            return

    async def run(self, speaking: Coroutine[Any, Any, None], faults: Faults, end: Callable[[Ending], None]) -> None:
        """Speaks, misbehaves and ends side by side, until there is nothing more to say or the connection has ended.

        Args:
            speaking: reads ``messages`` to their end.
            faults: what goes wrong.
            end: is told how the connection is to end when a fault says so.
        """
        spoken, ended = asyncio.create_task(speaking), asyncio.create_task(self._end_as_asked())
        misbehaving = asyncio.create_task(self._misbehave(faults, end))
        try:
            await asyncio.wait({spoken, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (spoken, ended, misbehaving):
                task.cancel()
            results = await asyncio.gather(spoken, ended, misbehaving, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def _misbehave(self, faults: Faults, end: Callable[[Ending], None]) -> None:
        """Lets happen what ``faults`` say, at their times; ``end`` is told how the connection is to end."""
        if faults.limit is not None:
            self._ws.protocol.max_message_size = faults.limit
        async with asyncio.TaskGroup() as tasks:
            if faults.ping is not None:
                tasks.create_task(self._ping_every(faults.ping))
            if faults.any_later:
                await asyncio.sleep(faults.after)
                self._mute = faults.mute
                if faults.deaf:
                    self._ws.transport.pause_reading()
                if faults.ending is not None:
                    end(faults.ending)

    async def _end_as_asked(self) -> None:
        """Waits until an ending is asked for and carries it out."""
        ending = await self._ending
        if isinstance(ending, Close):
            await self._close(ending)
        elif isinstance(ending, Fin):
            await self._fin()
        else:
            reset(self._ws.transport)

    async def _ping_every(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await self._ws.ping()
            except ConnectionClosed:
                return

    async def _close(self, ending: Close) -> None:
        try:
            async with self._ws.send_context():
                self._ws.protocol.send_close(ending.code, ending.reason)
        except ConnectionClosed:
            return

    async def _fin(self) -> None:
        # Closing the socket with unread bytes in it would send RST: the client's own end is waited for.
        transport = self._ws.transport
        if not transport.is_closing():
            transport.write_eof()
        try:
            await asyncio.wait_for(self._ws.wait_closed(), PATIENCE)
        except TimeoutError:
            transport.abort()

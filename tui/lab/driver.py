"""The broker on a real clock: one timer for all its deadlines, and the transport each of its clients came by.

Every listener of one lab shares one driver, so a client on TCP and one on WebSocket meet on the same topics.
"""

import asyncio
from collections.abc import Iterable
from typing import Protocol

from tui.lab.broker import Broker, Output, Write
from tui.lab.connection import Connection
from tui.lab.endings import Ending

UNREAD_LIMIT = 4 * 1024 * 1024
"""Bytes that may wait for a client that does not read; then it is reset, as brokers do to slow consumers."""

PATIENCE = 5.0
"""Seconds a client has to close its side after a FIN of ours."""


class Transport(Protocol):
    """What a listener gives the driver for each client. Neither door blocks or raises."""

    def write(self, data: bytes) -> None:
        """Whole STOMP frames, or one beat, for the client."""

    def end(self, ending: Ending) -> None:
        """End the connection like this, after what was written before."""


class Driver:
    """Brings bytes and time to a broker and carries out what it says. Belongs to the running event loop."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._loop = asyncio.get_running_loop()
        self._transports: dict[Connection, Transport] = {}
        self._timer: asyncio.TimerHandle | None = None

    def open(self, transport: Transport) -> Connection:
        """A client came by ``transport``."""
        connection = self._broker.open(self._loop.time())
        self._transports[connection] = transport
        return connection

    def receive(self, connection: Connection, data: bytes) -> None:
        """A client sent ``data``."""
        self._carry_out(self._broker.receive(connection, data, self._loop.time()))

    def lost(self, connection: Connection) -> None:
        """A client's transport ended."""
        self._transports.pop(connection, None)
        self._carry_out(self._broker.lost(connection, self._loop.time()))

    def publish(self, destination: str, body: bytes, headers: Iterable[tuple[str, str]] = ()) -> None:
        """The server itself says something on a topic."""
        self._carry_out(self._broker.publish(destination, body, headers, m=self._loop.time()))

    def stop(self) -> None:
        """No further deadline is kept."""
        if self._timer is not None:
            self._timer.cancel()

    def _carry_out(self, outputs: Iterable[Output]) -> None:
        for output in outputs:
            transport = self._transports.get(output.to)
            if transport is None:
                continue
            if isinstance(output, Write):
                transport.write(output.data)
            else:
                transport.end(output.ending)
        self._set_timer()

    def _set_timer(self) -> None:
        deadline = self._broker.next_deadline()
        if self._timer is not None:
            if self._timer.when() == deadline and not self._timer.cancelled():
                return
            self._timer.cancel()
        self._timer = None if deadline is None else self._loop.call_at(deadline, self._wake, deadline)

    def _wake(self, deadline: float) -> None:
        self._timer = None
        # The loop may wake up to one clock tick early; the deadline has come all the same.
        self._carry_out(self._broker.advance(max(deadline, self._loop.time())))

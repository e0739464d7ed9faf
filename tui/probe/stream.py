"""A connected non-blocking socket on the event loop, without asyncio's transports: those lose evidence.

When a write fails the read side is still drained, because a Close or an ERROR may wait there behind the reset
(measured: ``recv`` returns it, a transport reports only the reset).
"""

import asyncio
import fcntl
import socket
import struct
import termios
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

MOST = 16 * 1024
LEAST = 1024
"""Bytes read at once: fewer where those before took long to deal with, because each of them may be a frame."""

TURN = 0.02
"""Seconds of reading before anybody else gets a turn: our beats leave on time whatever a peer floods us with."""


class Listener(Protocol):
    """Who hears what happens on a stream."""

    def data_came(self, data: bytes) -> None:
        """Bytes were read."""

    def all_read(self) -> None:
        """There is nothing more to read for now: what came can be answered."""

    def all_written(self) -> None:
        """The kernel has taken what had to wait for room."""

    def fin_came(self) -> None:
        """The peer ended its half: ``recv`` returned nothing, and no write had failed before."""

    def failed(self, error: OSError) -> None:
        """The socket failed; nothing more will come."""


class Stream:
    """Reads as soon as there is something, writes as soon as there is room.

    Args:
        sock: connected and non-blocking; owned from here on.
        listener: hears what happens.
    """

    def __init__(self, sock: socket.socket, listener: Listener) -> None:
        self._loop = asyncio.get_running_loop()
        self._sock = sock
        self._listener = listener
        self._queue: deque[tuple[memoryview, Callable[[], object] | None]] = deque()
        self._write_error: OSError | None = None
        self._writing = False
        self._reading = False
        self._closed = False
        self._chunk = MOST
        self.fin_seen = False
        self.fin_sent = False
        self.resume()

    @property
    def socket(self) -> socket.socket:
        """The socket itself, for what the kernel knows of it."""
        return self._sock

    @property
    def unsent(self) -> int:
        """Bytes waiting for room in the kernel."""
        return sum(len(piece) for piece, _ in self._queue)

    @property
    def unread(self) -> int:
        """Bytes the kernel holds for us (FIONREAD)."""
        if self._closed:
            return 0
        try:
            held = fcntl.ioctl(self._sock.fileno(), termios.FIONREAD, bytes(4))
        except OSError:
            return 0
        return int(struct.unpack("i", held)[0])

    def pause(self) -> None:
        """Reads nothing until ``resume``: the kernel's window closes, as with a frozen process."""
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._sock)

    def resume(self) -> None:
        """Reads again."""
        if not self._reading and not self._closed and not self.fin_seen:
            self._reading = True
            self._loop.add_reader(self._sock, self._readable)

    def write(self, data: bytes, done: Callable[[], object] | None = None) -> None:
        """Queues bytes; ``done`` is called when the kernel took the last of them."""
        if self._closed or self._write_error is not None or self.fin_sent:
            return
        self._queue.append((memoryview(data), done))
        if not self._writing:
            self._writable()

    def _readable(self) -> None:
        """Reads what is there before anything is answered: an answer sent past a FIN that waits would draw a RST."""
        m = time.monotonic()
        until = m + TURN
        while self._reading and m < until:
            try:
                data = self._sock.recv(self._chunk)
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:
                self._stop(error)
                return
            if not data:
                self._fin()
                return
            self._listener.data_came(data)
            before, m = m, time.monotonic()
            if m - before > TURN:
                self._chunk = max(LEAST, self._chunk // 2)
            elif m - before < TURN / 4:
                self._chunk = min(MOST, self._chunk * 2)
        self._listener.all_read()

    def _fin(self) -> None:
        if self._write_error is not None and not self.fin_seen:
            # The kernel reports a reset once, and the failed write has had it.
            self._stop(self._write_error)
            return
        self.fin_seen = True
        self.pause()
        self._listener.fin_came()

    def _writable(self) -> None:
        while self._queue:
            piece, done = self._queue[0]
            try:
                sent = self._sock.send(piece)
            except (BlockingIOError, InterruptedError):
                if not self._writing:
                    self._writing = True
                    self._loop.add_writer(self._sock, self._writable)
                return
            except OSError as error:
                self._write_failed(error)
                return
            if sent < len(piece):
                self._queue[0] = (piece[sent:], done)
                continue
            self._queue.popleft()
            if done is not None:
                done()
            if self._closed:
                return
        if self._writing:
            self._writing = False
            self._loop.remove_writer(self._sock)
            self._listener.all_written()

    def _write_failed(self, error: OSError) -> None:
        self._write_error = error
        if self._writing:
            self._writing = False
            self._loop.remove_writer(self._sock)
        if not self._reading and not self.fin_seen:
            self._stop(error)
        # Otherwise the end is the peer's FIN, whatever our words past it drew, or what waits to be read comes first.

    def _stop(self, error: OSError) -> None:
        self.pause()
        self._listener.failed(error)

    def half_close(self) -> None:
        """Sends a FIN: the peer reads the end of our half."""
        if not self.fin_sent and not self._closed:
            self.fin_sent = True
            self._sock.shutdown(socket.SHUT_WR)

    def close(self, *, reset: bool = False) -> None:
        """Ends the connection: with a FIN, or with a RST (SO_LINGER 0)."""
        if self._closed:
            return
        self.pause()
        if self._writing:
            self._writing = False
            self._loop.remove_writer(self._sock)
        self._closed = True
        if reset:
            linger = struct.pack("ii", 1, 0)
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._sock.close()

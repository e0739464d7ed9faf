"""A server that does to each connection exactly what a script says, on TCP or TLS, honest or hostile.

A script is a function of one ``Connection``. It runs in a thread of its own, so it may simply block; when it
returns, the connection is ended with a FIN. What goes wrong in a script fails the test that ran it.
"""

import errno
import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import NamedTuple, Self

from websockets.frames import Close, Frame, Opcode
from websockets.utils import accept_key

from tests.servers.ports import LOOPBACK

_TICK = 0.05
_PATIENCE = 30
_RESET = struct.pack("ii", 1, 0)


class Received(NamedTuple):
    """One frame of the client's, unmasked."""

    opcode: int
    payload: bytes


class Gone(Exception):
    """The client ended its half."""


def switching(request: dict[str, str]) -> str:
    """The beginning of a 101 to an upgrade request, its blank line still to come."""
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept_key(request['sec-websocket-key'])}\r\n"
    )


class Connection:
    """One accepted connection in the hands of a script."""

    def __init__(self, sock: socket.socket, closing: threading.Event) -> None:
        self._sock = sock
        self._buffer = b""
        self.closing = closing
        """Set when the test is over: a script that waits, waits for this."""

    def send(self, data: bytes) -> None:
        """Bytes as they are."""
        self._sock.sendall(data)

    def _read(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._more()
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def _more(self) -> None:
        data = self._sock.recv(65536)
        if not data:
            raise Gone
        self._buffer += data

    def take(self, count: int) -> bytes:
        """The client's next ``count`` bytes."""
        return self._read(count)

    def relay(self, host: str, port: int) -> None:
        """Carries bytes to another server and back, until one of the two ends: what a proxy's tunnel does."""
        with socket.create_connection((host, port)) as beyond:
            beyond.sendall(self._buffer)
            self._buffer = b""
            ways = {self._sock: beyond, beyond: self._sock}
            while not self.closing.is_set():
                for sock in select.select(list(ways), [], [], _TICK)[0]:
                    data = sock.recv(65536)
                    if not data:
                        return
                    ways[sock].sendall(data)

    def read_request(self) -> dict[str, str]:
        """The headers of the client's HTTP request, names in lower case; ``""`` holds the request line."""
        while b"\r\n\r\n" not in self._buffer:
            self._more()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        request, *fields = head.decode("latin-1").split("\r\n")
        pairs = (field.partition(":") for field in fields)
        return {"": request} | {name.lower(): value.strip() for name, _, value in pairs}

    def upgrade(self, *, subprotocol: str | None = None, deflate: bool = False, extra: str = "") -> None:
        """Reads the upgrade request and answers 101 as RFC 6455 §4.2.2 asks; ``extra`` is whole header lines."""
        answer = switching(self.read_request())
        if subprotocol is not None:
            answer += f"Sec-WebSocket-Protocol: {subprotocol}\r\n"
        if deflate:
            answer += "Sec-WebSocket-Extensions: permessage-deflate\r\n"
        self.send((answer + extra + "\r\n").encode("latin-1"))

    def frame(self, opcode: Opcode, payload: bytes, *, fin: bool = True, rsv1: bool = False) -> None:
        """One unmasked frame."""
        self.send(Frame(opcode, payload, fin=fin, rsv1=rsv1).serialize(mask=False))

    def close(self, code: int, reason: str = "") -> None:
        """A Close frame."""
        self.frame(Opcode.CLOSE, Close(code, reason).serialize())

    def receive(self) -> Received:
        """The client's next frame.

        Raises:
            Gone: there is none.
        """
        first, second = self._read(2)
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", self._read(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self._read(8))
        mask = self._read(4)
        payload = self._read(length)
        return Received(first & 0x0F, bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload)))

    def receive_close(self) -> bytes:
        """Reads on to the client's Close frame and returns its payload."""
        while (frame := self.receive()).opcode != Opcode.CLOSE:
            pass
        return frame.payload

    def read_to_end(self) -> bytes:
        """Everything up to the client's FIN."""
        try:
            while True:
                self._more()
        except Gone:
            taken, self._buffer = self._buffer, b""
            return taken

    def read_stomp(self) -> bytes:
        """The client's next STOMP frame, up to and without its NUL, where nothing lies between STOMP and TCP."""
        while b"\0" not in self._buffer:
            self._more()
        frame, _, self._buffer = self._buffer.partition(b"\0")
        return frame.lstrip(b"\r\n")

    def wait_for_bytes(self, seconds: float) -> None:
        """Waits until the client sent something, at most so long, and leaves it unread."""
        select.select([self._sock], [], [], seconds)

    def fin(self) -> None:
        """Ends our half of TCP; on TLS without a close_notify.

        Raises:
            Gone: the client has reset it already.
        """
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError as error:
            if error.errno != errno.ENOTCONN:
                raise
            raise Gone from None

    def close_notify(self) -> None:
        """Ends our half of TLS in order (RFC 8446 §6.1); TCP stays open."""
        assert isinstance(self._sock, ssl.SSLSocket)
        self._sock.setblocking(False)
        with suppress(ssl.SSLWantReadError):  # the client's own close_notify is not waited for
            self._sock.unwrap()
        self._sock.settimeout(_PATIENCE)

    def reset(self) -> None:
        """Ends TCP with a RST."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        if isinstance(self._sock, ssl.SSLSocket):
            socket.socket(fileno=self._sock.detach()).close()
        else:
            self._sock.close()

    def hold(self) -> None:
        """Says and reads nothing until the test is over."""
        self.closing.wait(_PATIENCE)


Script = Callable[[Connection], None]


class ScriptedServer:
    """Listens on a loopback port while its ``with`` block runs; every connection gets ``script``."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._tls = tls
        self._closing = threading.Event()
        self._failures: list[Exception] = []
        self._connections: list[threading.Thread] = []
        self._listener = socket.create_server((LOOPBACK, 0))
        self._listener.settimeout(_TICK)
        self.port: int = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept)

    @property
    def url(self) -> str:
        """Its ``ws:`` or ``wss:`` URL; with TLS the host is the name in its certificate."""
        return f"wss://localhost:{self.port}/" if self._tls else f"ws://{LOOPBACK}:{self.port}/"

    @property
    def stomp_url(self) -> str:
        """Its ``stomp:`` or ``stomps:`` URL."""
        return f"stomps://localhost:{self.port}" if self._tls else f"stomp://{LOOPBACK}:{self.port}"

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._accepting.join()
        self._listener.close()
        for thread in self._connections:
            thread.join()
        if error is None and self._failures:
            raise self._failures[0]

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                sock, _ = self._listener.accept()
            except TimeoutError:
                continue
            sock.settimeout(_PATIENCE)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a RST must not overtake what was sent
            self._connections.append(threading.Thread(target=self._serve, args=(sock,)))
            self._connections[-1].start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True, suppress_ragged_eofs=True)
            self._script(Connection(sock, self._closing))
        except (ConnectionError, Gone, ssl.SSLError):
            pass  # the client left; what it saw is what the test asserts
        except Exception as error:
            self._failures.append(error)
        finally:
            sock.close()

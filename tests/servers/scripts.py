"""What scripted servers do: honest endings and hostile openings. Each is a script, or makes one."""

import itertools
import zlib
from collections.abc import Callable

from websockets.frames import Opcode

from tests.servers.scripted import Connection, Gone, Script

ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp\u200b\u2066"
"""OSC, CSI in seven and eight bits, a bidi override, a zero-width space and an isolate."""

HUGE_LENGTH = 2**63


def echo(connection: Connection) -> None:
    """An endpoint that says back what it hears and answers pings and Close."""
    connection.upgrade()
    while (frame := connection.receive()).opcode != Opcode.CLOSE:
        answer = Opcode.PONG if frame.opcode == Opcode.PING else Opcode(frame.opcode)
        connection.frame(answer, frame.payload)
    connection.frame(Opcode.CLOSE, frame.payload)


def says(data: bytes) -> Script:
    """Answers the request with ``data``, whatever it is, and ends."""

    def script(connection: Connection) -> None:
        connection.read_request()
        connection.send(data)

    return script


def after_upgrade(act: Callable[[Connection], None], *, deflate: bool = False) -> Script:
    """A correct handshake, then ``act``."""

    def script(connection: Connection) -> None:
        connection.upgrade(deflate=deflate)
        act(connection)

    return script


def after_connected(act: Callable[[Connection], None], beats: str = "0,0") -> Script:
    """STOMP straight over TCP: CONNECT is answered with CONNECTED, then ``act``."""

    def script(connection: Connection) -> None:
        connection.read_stomp()
        connection.send(f"CONNECTED\nversion:1.2\nheart-beat:{beats}\n\n\0".encode())
        act(connection)

    return script


def listens(connection: Connection) -> None:
    """Says nothing and reads to the client's end."""
    connection.read_to_end()


def answering(data: bytes, *, deflate: bool = False) -> Script:
    """A correct handshake, then ``data`` as it is, then reads to the client's end."""

    def act(connection: Connection) -> None:
        connection.send(data)
        connection.read_to_end()

    return after_upgrade(act, deflate=deflate)


def closes(code: int, reason: str, end: Callable[[Connection], None]) -> Script:
    """A message, an orderly closing handshake, then ``end`` for what is below WebSocket."""

    def act(connection: Connection) -> None:
        connection.frame(Opcode.TEXT, b"hello")
        connection.close(code, reason)
        connection.receive_close()
        end(connection)

    return after_upgrade(act)


def closes_all_at_once(end: Callable[[Connection], None]) -> Script:
    """Having heard something, a Close and ``end`` behind it, without waiting for the echo."""

    def act(connection: Connection) -> None:
        connection.upgrade()
        connection.receive()
        connection.close(1000, "STOMP died")
        end(connection)

    return act


def drops(end: Callable[[Connection], None]) -> Script:
    """A message, then ``end`` without any Close frame."""

    def act(connection: Connection) -> None:
        connection.frame(Opcode.TEXT, b"hello")
        end(connection)

    return after_upgrade(act)


def in_order(connection: Connection) -> None:
    """close_notify, then FIN."""
    connection.close_notify()
    truncated(connection)


def truncated(connection: Connection) -> None:
    """FIN alone. What the client still says is read: an unread byte would turn the end into a RST."""
    connection.fin()
    connection.read_to_end()


def reset(connection: Connection) -> None:
    """RST."""
    connection.reset()


def drop_by_drop(beginning: bytes, then: bytes) -> Script:
    """Says ``beginning`` and then ``then`` a byte every tenth of a second, over and over; asks for nothing first."""

    def script(connection: Connection) -> None:
        connection.send(beginning)
        for byte in itertools.cycle(then):
            if connection.closing.wait(0.1):
                return
            connection.send(bytes((byte,)))

    return script


def header_drop_by_drop(connection: Connection) -> None:
    """An answer whose header never ends, a byte at a time."""
    connection.read_request()
    drop_by_drop(b"HTTP/1.1 101 Switching Protocols\r\nX-Slow: ", b"a")(connection)


def without_end(beginning: bytes, piece: bytes) -> Script:
    """Answers the request with ``beginning`` and then ``piece``, as fast as it goes, until the client has gone."""

    def script(connection: Connection) -> None:
        connection.read_request()
        connection.send(beginning)
        while not connection.closing.is_set():
            connection.send(piece)

    return script


def bomb(size: int) -> bytes:
    """A compressed text frame that inflates to ``size`` spaces, whole MiB (RFC 7692 §7.2.1)."""
    deflate = zlib.compressobj(9, wbits=-15)
    # A full flush forgets all that went before, so one MiB's block may be repeated as it is.
    block = deflate.compress(b" " * (1 << 20)) + deflate.flush(zlib.Z_FULL_FLUSH)
    payload = (block * (size >> 20)).removesuffix(b"\x00\x00\xff\xff")
    return b"\xc1\x7f" + len(payload).to_bytes(8, "big") + payload


def closes_tcp_after_close_notify(connection: Connection) -> None:
    """A server that says close_notify and soon closes its socket without reading on, as nginx does."""
    connection.upgrade()
    connection.close_notify()
    connection.wait_for_bytes(0.1)


def answers_close_only(connection: Connection) -> None:
    """An endpoint that is silent whatever it hears, pings too, but for a Close."""
    connection.upgrade()
    connection.frame(Opcode.CLOSE, connection.receive_close())
    truncated(connection)


def refuses_with_escapes(connection: Connection) -> None:
    """An HTTP answer with escape sequences wherever HTTP lets a server put text."""
    connection.read_request()
    hostile = ESCAPES.encode()
    connection.send(
        b"HTTP/1.1 403 " + hostile + b"\r\nServer: " + hostile + b"\r\nX-" + hostile + b": 1\r\n"
        b"Content-Type: text/plain\r\nContent-Length: " + str(len(hostile)).encode() + b"\r\n\r\n" + hostile
    )


def upgrades_with_escapes(connection: Connection) -> None:
    """A 101 whose headers hold escape sequences, then a message and a Close that do."""
    connection.upgrade(extra=f"Server: {ESCAPES}\r\n".encode().decode("latin-1"))
    connection.frame(Opcode.TEXT, ESCAPES.encode())
    connection.close(4000, ESCAPES)
    connection.read_to_end()


STOMP_WITH_ESCAPES = (
    f"CONNECTED\nversion:1.2\nserver:{ESCAPES}\nsession:{ESCAPES}\nheart-beat:0,0\n\n\0",
    f"MESSAGE\ndestination:/topic/{ESCAPES}\nmessage-id:1\nsubscription:0\n{ESCAPES}:x\n\n{ESCAPES}\0",
    f"RECEIPT\nreceipt-id:{ESCAPES}\n\n\0",
    f"CONNECTED\nversion:{ESCAPES}\nheart-beat:{ESCAPES}\n\n\0",
    f"MESSAGE\ncontent-length:{ESCAPES}\n\n\0",
    f"ERROR\nmessage:{ESCAPES}\n\n{ESCAPES}\0",
    f"{ESCAPES}\n\n\0",
)
"""A STOMP broker's frames with escape sequences in every text."""


def stomp_with_escapes(connection: Connection) -> None:
    """Such a broker over WebSocket; its ping and the reason of its Close are no better."""
    connection.upgrade(subprotocol="v12.stomp")
    connection.receive()
    for frame in STOMP_WITH_ESCAPES:
        connection.frame(Opcode.TEXT, frame.encode())
    connection.frame(Opcode.PING, ESCAPES.encode())
    connection.close(4000, ESCAPES)
    try:
        connection.receive_close()
    except Gone:
        return


def plain_stomp_with_escapes(connection: Connection) -> None:
    """Such a broker over TCP."""
    connection.read_stomp()
    connection.send("".join(STOMP_WITH_ESCAPES).encode())
    truncated(connection)

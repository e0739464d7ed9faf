"""Outbound proxies as scripts of a ``ScriptedServer``: HTTP CONNECT and SOCKS5, with a login or without."""

import base64
import socket
import struct

from tests.servers.ports import LOOPBACK
from tests.servers.scripted import Connection, Script


def connect(asked: list[dict[str, str]], login: str | None = None, *, to: int | None = None) -> Script:
    """A proxy for HTTP CONNECT (RFC 9110 §9.3.6).

    Args:
        asked: takes the headers of every request.
        login: ``user:password`` it wants; anything else is answered 407.
        to: the loopback port every tunnel leads to, whatever was asked for.
    """

    def script(connection: Connection) -> None:
        request = connection.read_request()
        asked.append(request)
        wanted = f"Basic {base64.b64encode((login or '').encode()).decode()}"
        if login is not None and request.get("proxy-authorization") != wanted:
            connection.send(
                b'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="x"\r\n'
                b"Content-Length: 0\r\n\r\n"
            )
            return
        port = to or int(request[""].split()[1].rpartition(":")[2])
        connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        connection.relay(LOOPBACK, port)

    return script


def socks(asked: list[tuple[str, int]], login: tuple[str, str] | None = None, *, reply: int = 0) -> Script:
    """A SOCKS5 proxy (RFC 1928, RFC 1929); every tunnel leads to the loopback port that was asked for.

    Args:
        asked: takes the address of every request.
        login: user and password it wants.
        reply: what it answers instead of connecting (RFC 1928 §6).
    """

    def script(connection: Connection) -> None:
        _, methods = connection.take(2)
        offered = connection.take(methods)
        if login is not None:
            if 2 not in offered:
                connection.send(b"\x05\xff")
                return
            connection.send(b"\x05\x02")
            user = connection.take(connection.take(2)[1])
            password = connection.take(connection.take(1)[0])
            right = (user.decode(), password.decode()) == login
            connection.send(b"\x01\x00" if right else b"\x01\x01")
            if not right:
                return
        else:
            connection.send(b"\x05\x00")
        kind = connection.take(4)[3]
        match kind:
            case 1:
                host = socket.inet_ntop(socket.AF_INET, connection.take(4))
            case 4:
                host = socket.inet_ntop(socket.AF_INET6, connection.take(16))
            case _:
                host = connection.take(connection.take(1)[0]).decode()
        (port,) = struct.unpack("!H", connection.take(2))
        asked.append((host, port))
        connection.send(bytes([5, reply, 0, 1, 0, 0, 0, 0, 0, 0]))
        if reply == 0:
            connection.relay(LOOPBACK, port)

    return script

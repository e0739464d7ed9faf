"""How a TCP connection of the lab is reset."""

import asyncio
import socket
import struct


def reset(transport: asyncio.WriteTransport) -> None:
    """RST now; what was not sent yet is lost."""
    raw: socket.socket = transport.get_extra_info("socket")
    # SO_LINGER with zero seconds: close() sends RST and drops what is unsent (socket(7)).
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()

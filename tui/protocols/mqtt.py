"""The little of MQTT that tells why a session over WebSocket ended (MQTT 3.1.1 and 5.0, OASIS): what a CONNECT agrees
on, and with which code a CONNACK refuses or a DISCONNECT leaves. A message is taken for the packet it begins with.
"""

from typing import NamedTuple

CONNECT, CONNACK, DISCONNECT = 0x10, 0x20, 0xE0

REFUSED_BEFORE_5 = {1: 0x84, 2: 0x85, 3: 0x88, 4: 0x86, 5: 0x87}
"""The return codes of a CONNACK of MQTT 3 (3.1.1 §3.2.2.3) as the reason codes of MQTT 5 (§2.4) that mean the same."""


class Connect(NamedTuple):
    """What a client asked for."""

    keep_alive_s: int
    """After one and a half times this without a packet of the client's a server ends the connection (§3.1.2.10); 0 for
    never."""
    client_id: str


class Said(NamedTuple):
    """A code of a server's."""

    packet: str
    """CONNACK or DISCONNECT."""
    reason: int
    """The reason code of MQTT 5 (§2.4)."""


def connect(message: bytes) -> Connect | None:
    """What a CONNECT says; None for anything else."""
    if message[:1] != bytes([CONNECT]):
        return None
    body = _body(message)
    name, rest = _string(body)
    if name not in (b"MQTT", b"MQIsdp") or len(rest) < 4:
        return None
    version, keep_alive, rest = rest[0], int.from_bytes(rest[2:4]), rest[4:]
    if version >= 5:
        size, taken = _number(rest)
        rest = rest[taken + size :]
    return Connect(keep_alive, _string(rest)[0].decode(errors="replace"))


def said(message: bytes) -> Said | None:
    """The code with which a server refuses or leaves; None for anything else, a CONNACK that accepts among it."""
    body = _body(message)
    if message[:1] == bytes([CONNACK]) and len(body) >= 2 and body[1]:
        return Said("CONNACK", REFUSED_BEFORE_5.get(body[1], body[1]))
    if message[:1] == bytes([DISCONNECT]) and body:
        return Said("DISCONNECT", body[0])
    return None


def leaves(message: bytes) -> bool:
    """Whether it is a DISCONNECT (§3.14)."""
    return message[:1] == bytes([DISCONNECT])


def _body(message: bytes) -> bytes:
    """What follows the fixed header (§2.2)."""
    _, taken = _number(message[1:])
    return message[1 + taken :]


def _number(data: bytes) -> tuple[int, int]:
    """A variable byte integer (§2.2.3), and how many bytes it took."""
    value = 0
    for taken, byte in enumerate(data[:4], 1):
        value |= (byte & 0x7F) << 7 * (taken - 1)
        if byte < 0x80:
            return value, taken
    return value, min(4, len(data))


def _string(data: bytes) -> tuple[bytes, bytes]:
    """A string with its length before it (§1.5.3), and what follows."""
    end = 2 + int.from_bytes(data[:2])
    return data[2:end], data[end:]

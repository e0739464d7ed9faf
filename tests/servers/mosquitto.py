"""Mosquitto as a child: MQTT over WebSocket on a loopback port, and the bytes a client of it says."""

from collections.abc import Sequence
from pathlib import Path

from tests.servers.child import Daemon, installed
from tests.servers.nginx import Certificate
from tests.servers.ports import LOOPBACK, free_ports

PING = "c000"
"""PINGREQ, as the argument of ``send-binary``."""


def connect(client: str, keep_alive: int, *, level: int = 4, login: tuple[str, str] | None = None) -> str:
    """The CONNECT of ``client``, who means to speak every ``keep_alive`` seconds, as ``send-binary`` takes it.

    Args:
        level: 4 for MQTT 3.1.1, 5 for MQTT 5.
        login: a user and a password.
    """
    words = [client, *(login or ())]
    payload = b"".join(len(word).to_bytes(2, "big") + word.encode() for word in words)
    head = b"\x00\x04MQTT" + bytes([level, 0xC2 if login else 0x02]) + keep_alive.to_bytes(2, "big")
    body = head + (b"\x00" if level == 5 else b"") + payload
    assert len(body) < 128
    return (bytes([0x10, len(body)]) + body).hex()


def publish(topic: str, size: int) -> str:
    """A PUBLISH of ``size`` bytes, as ``send-binary`` takes it."""
    body = len(topic).to_bytes(2, "big") + topic.encode() + b"x" * size
    length, rest = bytearray(), len(body)
    while True:
        rest, digit = divmod(rest, 128)
        length.append(digit | (0x80 if rest else 0))
        if not rest:
            return (b"\x30" + bytes(length) + body).hex()


class Mosquitto(Daemon):
    """The broker.

    Args:
        home: an empty directory for its files.
        lines: further lines of its configuration.
        certificate: speaks TLS with it, where given.
    """

    def __init__(self, home: Path, *lines: str, certificate: Certificate | None = None) -> None:
        port, plain = free_ports(2)
        conf = home / "mosquitto.conf"
        tls = (f"certfile {certificate.chain}", f"keyfile {certificate.key}") if certificate else ()
        # It does not start with nothing but a WebSocket listener.
        listeners = (f"listener {plain} {LOOPBACK}", f"listener {port}", "protocol websockets", "socket_domain ipv4")
        conf.write_text(_conf("user root", *lines, *listeners, *tls))
        super().__init__(port, [installed("mosquitto", "mosquitto"), "-v", "-c", str(conf)], log=home / "mosquitto.log")
        self._scheme, self._host = ("wss", "localhost") if certificate else ("ws", LOOPBACK)

    @property
    def url(self) -> str:
        """Its ``ws:`` or ``wss:`` target."""
        return f"{self._scheme}://{self._host}:{self.port}/mqtt"


def _conf(*lines: str) -> str:
    anonymous: Sequence[str] = () if any("allow_anonymous" in line for line in lines) else ("allow_anonymous true",)
    return "".join(f"{line}\n" for line in (*lines, *anonymous))

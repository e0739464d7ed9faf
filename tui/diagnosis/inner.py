"""Protocols spoken inside WebSocket messages that have heart-beats and goodbyes of their own: MQTT, Engine.IO (the
transport of Socket.IO), and applications that ping by messages. Our raw sessions speak none of them by themselves:
whoever types into one has to.
"""

import binascii
import re
from typing import NamedTuple

from tui.diagnosis.marks import Mark
from tui.facts.facts import Frame
from tui.protocols import mqtt
from tui.protocols.websocket import BINARY, TEXT

ENGINE_IO_PING, ENGINE_IO_PONG, ENGINE_IO_OPEN = "2", "3", '0{"sid"'
ENGINE_IO_TYPES = tuple("0123456b")
"""Engine.IO 4: the server pings, the client pongs."""

MAX_PAYLOAD = '"maxPayload"'
"""What an Engine.IO server says as it opens since version 4."""

_PING_TIMEOUT = re.compile(r'"pingTimeout":(\d+)')

_ALIVE = "ping|pong|heart-?beat|hb|keep-?alive"
_ASKS = re.compile(
    rf'^\W{{0,2}}({_ALIVE})\W{{0,2}}$|"(type|op|event|action|cmd|kind|method)":\s?"({_ALIVE})"', re.IGNORECASE
)
"""A message whose only matter is whether the other side lives, as applications write them."""

ASKS_WITHIN = 200
"""Characters of a message that are looked at for that."""

SOCKET_IO_JOIN = "40"
"""Socket.IO's CONNECT inside an Engine.IO message."""


class Asked(NamedTuple):
    """Messages one after another in which the peer asked whether we live."""

    first: Mark
    last: Mark
    often: int


class Inner:
    """What one connection's messages show of the protocol inside."""

    def __init__(self) -> None:
        self.mqtt: mqtt.Connect | None = None
        """Our CONNECT."""
        self.mqtt_at: Mark | None = None
        self.mqtt_said: tuple[Mark, mqtt.Said] | None = None
        """The last refusal or goodbye of an MQTT server."""
        self.engine_io_ping: Mark | None = None
        """The first ping of an Engine.IO server that we have not answered."""
        self.asked: Asked | None = None
        """The peer's own pings, as messages, since we last answered one in kind."""
        self.strange: Mark | None = None
        """Our last message that is none of the protocol's."""
        self.mqtt_left: Mark | None = None
        """Our DISCONNECT."""
        self.engine_io = False
        self.server_pings = False
        """Engine.IO 4: the server pings, and takes a client that does for one of another version."""
        self.ping_timeout_s = 0.0
        """How long an Engine.IO server waits for our pong, as it said when it opened."""
        self.socket_io_joined = False

    def went(self, fact: Frame, subprotocol: str | None) -> None:
        """A message of ours; ``subprotocol`` is what was agreed on."""
        if self._is_strange(fact, subprotocol):
            self.strange = Mark(fact.n, fact.m)
        if fact.opcode == BINARY and self.mqtt is None:
            self.mqtt = mqtt.connect(_bytes(fact))
            self.mqtt_at = Mark(fact.n, fact.m) if self.mqtt is not None else None
        elif fact.opcode == BINARY and mqtt.leaves(_bytes(fact)):
            self.mqtt_left = Mark(fact.n, fact.m)
        elif fact.opcode == TEXT and fact.text is not None:
            self.socket_io_joined = self.socket_io_joined or fact.text.startswith(SOCKET_IO_JOIN)
            if fact.text == ENGINE_IO_PONG:
                self.engine_io_ping = None
            if _asks(fact.text):
                self.asked = None

    def _is_strange(self, fact: Frame, subprotocol: str | None) -> bool:
        if fact.opcode not in (TEXT, BINARY):
            return False
        if (subprotocol or "").startswith("mqtt"):
            return fact.opcode == TEXT or (self.mqtt is None and mqtt.connect(_bytes(fact)) is None)
        if not self.engine_io or fact.opcode != TEXT:
            return False
        pings = self.server_pings and fact.text == ENGINE_IO_PING
        return pings or not (fact.text or "").startswith(ENGINE_IO_TYPES)

    def came(self, fact: Frame) -> None:
        """A message of the peer's."""
        mark = Mark(fact.n, fact.m)
        if fact.opcode == BINARY and self.mqtt is not None:
            said = mqtt.said(_bytes(fact))
            self.mqtt_said = (mark, said) if said is not None else self.mqtt_said
        elif fact.opcode == TEXT and fact.text is not None:
            if fact.text.startswith(ENGINE_IO_OPEN):
                self.engine_io, self.server_pings = True, MAX_PAYLOAD in fact.text
                timeout = _PING_TIMEOUT.search(fact.text)
                self.ping_timeout_s = int(timeout[1]) / 1000 if timeout is not None else 0.0
            if _asks(fact.text):
                first, _, count = self.asked or (mark, mark, 0)
                self.asked = Asked(first, mark, count + 1)
            if self.engine_io and fact.text == ENGINE_IO_PING:
                self.engine_io_ping = self.engine_io_ping or mark


def _asks(text: str) -> bool:
    return _ASKS.search(text, 0, ASKS_WITHIN) is not None


def _bytes(fact: Frame) -> bytes:
    return binascii.a2b_base64((fact.b64 or "")[:400])

"""The STOMP half of our client: CONNECT, beats, subscriptions, DISCONNECT (STOMP 1.0–1.2).

Commands and frames are stomp.py's own, on a transport that only appends to a buffer. Beats leave at the fixed
cadence that was negotiated, whatever else was sent, as stompjs does; they can be held or throttled on purpose.
"""

import math
import os
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

os.environ.setdefault("STOMP_SKIP_HOSTNAME_SCAN", "1")  # stomp.py looks the host's own name up at import otherwise

from stomp.protocol import Protocol10, Protocol11, Protocol12
from stomp.utils import Frame, convert_frame, pack

from tui.facts import findings
from tui.options.spec import STOMP_VERSIONS, SessionSpec
from tui.protocols.heartbeat import Pair, negotiate, parse_pair
from tui.protocols.stomp import StompDecoder, StompFrame

_FAREWELL = "disconnect"
"""The receipt we ask for with DISCONNECT."""

REMEMBERED = 1000
"""Messages whose subscription is remembered, so that ``ack ID`` finds it."""


class _Buffer:
    """The transport stomp.py's protocol classes write to."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send

    def transmit(self, frame: Frame) -> None:
        self._send(pack(convert_frame(frame)))

    def set_listener(self, name: str, listener: object) -> None:
        """stomp.py registers its protocol object; our fold decodes what comes in."""


def _pair(header: str | None) -> Pair:
    """A ``heart-beat`` header; a missing or unreadable one is "0,0" (STOMP 1.2, "Heart-beating")."""
    try:
        return parse_pair(header or "0,0")
    except ValueError:
        return Pair(0, 0)


class StompClient:
    """One connection's STOMP behaviour.

    Args:
        spec: the session's options.
        send: puts one message's bytes on the transport below.
    """

    def __init__(self, spec: SessionSpec, send: Callable[[bytes], None]) -> None:
        self._spec = spec
        self._send = send
        self._transport = _Buffer(send)
        self._protocol: Any = Protocol12(self._transport)
        self.connected = False
        self.waits = False
        """CONNECT was sent, and not answered with CONNECTED."""
        self.subscriptions: OrderedDict[str, str] = OrderedDict()
        """Subscription id to destination, in the order they were made."""
        self._subscribed = 0
        self._messages: OrderedDict[str, str] = OrderedDict()
        self._transaction: str | None = None
        self._transactions = 0
        self.disconnecting = False
        """DISCONNECT was sent: no frame of ours may follow it (STOMP 1.2, "DISCONNECT")."""
        self._wish = Pair(0, 0)
        self._every: float | None = None
        self._next_beat: float | None = None
        self._held = False
        self._throttle = 0.0

    def opened(self) -> None:
        """The transport is ready: CONNECT goes out (unless ``--no-stomp-connect``)."""
        spec = self._spec
        if spec.no_stomp_connect:
            return
        headers = {
            "accept-version": spec.stomp_version or ",".join(STOMP_VERSIONS),
            "host": spec.vhost if spec.vhost is not None else spec.endpoint.host,
            "heart-beat": f"{spec.beats.can},{spec.beats.wants}",
        }
        secret = spec.secret()
        if spec.login is not None:
            headers["login"] = spec.login
        if secret is not None:
            headers["passcode"] = secret
        headers.update(spec.connect_headers)
        self._wish = _pair(headers["heart-beat"])
        self._protocol.send_frame("CONNECT", headers)
        self.waits = True

    def frame_as_it_is(self, data: bytes) -> None:
        """A frame somebody typed. Where it is a CONNECT, its heart-beat is what we ask for."""
        for event in StompDecoder().feed(data):
            if isinstance(event, StompFrame) and event.command in ("CONNECT", "STOMP"):
                self._wish = _pair(event.header("heart-beat"))
        self._send(data)

    def heard(self, frame: findings.Stomp, m: float) -> None:
        """A STOMP frame came in."""
        headers = dict(reversed(frame.headers))
        if frame.command == "CONNECTED" and not self.connected:
            self._connected(headers, m)
        elif frame.command == "MESSAGE":
            key = headers.get("ack" if self._protocol.version == "1.2" else "message-id")
            if key is not None:
                self._messages[key] = headers.get("subscription", "")
                if len(self._messages) > REMEMBERED:
                    self._messages.popitem(last=False)

    def receipt_came(self, frame: findings.Stomp) -> bool:
        """Whether a frame is the receipt of our DISCONNECT."""
        return self.disconnecting and frame.command == "RECEIPT" and ("receipt-id", _FAREWELL) in frame.headers

    def _connected(self, headers: dict[str, str], m: float) -> None:
        self.connected, self.waits = True, False
        version = headers.get("version", "1.0")
        if version != "1.2":
            self._protocol = (Protocol11 if version == "1.1" else Protocol10)(self._transport)
        agreed = negotiate(self._wish, _pair(headers.get("heart-beat")))
        if agreed.out and version != "1.0":  # 1.0 has no heart-beats
            self._every = agreed.out / 1000
            self._next_beat = m + max(self._every, self._throttle)
        for destination in self._spec.subscribe:
            self.subscribe(destination)

    def subscribe(self, destination: str) -> None:
        """SUBSCRIBE with an id of our own."""
        name = f"sub-{self._subscribed}"
        self._subscribed += 1
        self.subscriptions[name] = destination
        self._protocol.subscribe(destination, id=name)

    def unsubscribe(self, destination: str) -> bool:
        """UNSUBSCRIBE from a destination, or by a subscription's id; False if there is none."""
        name = next((key for key, value in self.subscriptions.items() if destination in (key, value)), None)
        if name is None:
            return False
        del self.subscriptions[name]
        self._protocol.unsubscribe(id=name)
        return True

    def message(self, destination: str, body: bytes) -> None:
        """SEND, inside the open transaction if there is one."""
        headers = {"content-length": len(body)}
        if self._transaction is not None:
            headers["transaction"] = self._transaction  # type: ignore[assignment]
        self._protocol.send(destination, body, headers=headers)

    def acknowledge(self, name: str, *, positive: bool) -> bool:
        """ACK or NACK one message by the id its version asks for; False where NACK does not exist (1.0)."""
        version = self._protocol.version
        if version == "1.0" and not positive:
            return False
        headers = {"id": name} if version == "1.2" else {"message-id": name}
        if version == "1.1":
            headers["subscription"] = self._messages.get(name) or next(iter(self.subscriptions), "")
        if self._transaction is not None:
            headers["transaction"] = self._transaction
        self._protocol.send_frame("ACK" if positive else "NACK", headers)
        return True

    def begin(self, name: str | None) -> None:
        """BEGIN a transaction; SEND, ACK and NACK belong to it until it ends."""
        self._transactions += 1
        self._transaction = name or f"tx-{self._transactions}"
        self._protocol.begin(self._transaction)

    def end_transaction(self, name: str | None, *, commit: bool) -> bool:
        """COMMIT or ABORT; False if none is open."""
        name = name or self._transaction
        if name is None:
            return False
        if name == self._transaction:
            self._transaction = None
        (self._protocol.commit if commit else self._protocol.abort)(name)
        return True

    def disconnect(self) -> None:
        """DISCONNECT with a receipt (STOMP 1.2, "DISCONNECT"); no beat follows it."""
        self.disconnecting = True
        self._next_beat = None
        self._protocol.send_frame("DISCONNECT", {"receipt": _FAREWELL})

    def hold_beats(self) -> None:
        """The cadence goes on, nothing is sent."""
        self._held = True

    def release_beats(self, m: float) -> None:
        """Beats leave again, at the negotiated cadence."""
        self._held = False
        self.throttle_beats(0.0, m)

    def throttle_beats(self, seconds: float, m: float) -> None:
        """Beats leave at most once in ``seconds``, as a hidden browser tab's timers do; 0 ends that."""
        self._throttle = seconds
        if self._next_beat is None or self._every is None:
            return
        slowed = seconds > self._every
        self._next_beat = m + seconds if slowed else min(self._next_beat, m + self._every)

    def next_wake(self) -> float | None:
        """When ``wake`` is to be called."""
        return self._next_beat

    def wake(self, m: float) -> None:
        """Time has come to ``m``: a beat that is due leaves."""
        if self._next_beat is None or self._every is None or m < self._next_beat:
            return
        every = max(self._every, self._throttle)
        # A cadence, not a delay: a late wake-up does not shift the beats that follow, and none is made up for.
        self._next_beat += every * max(1, math.ceil((m - self._next_beat) / every + 1e-9))
        if not self._held:
            self._send(b"\n")

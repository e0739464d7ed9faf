"""What lies between a channel's bytes and the client: WebSocket frames, or nothing but the bytes themselves.

``tui.probe.connection`` has one once the transport is open. It turns what came into facts and tells the client, and
puts what the client wants said on the channel, with a fact for each thing when the kernel has taken it.
"""

from collections.abc import Callable
from functools import partial
from typing import Protocol

from tui.client.client import Client
from tui.client.outgoing import OutBytes, OutFrame, OutRequest, RawBytes
from tui.facts import facts
from tui.facts.clocks import Moment
from tui.facts.findings import Finding
from tui.facts.redaction import Redactor
from tui.probe import frame_facts
from tui.probe.channel import Channel
from tui.protocols.websocket import Scanner
from tui.session.session import Session

Write = Callable[..., tuple[facts.Fact, list[Finding]]]


class Wire(Protocol):
    """One of the two."""

    def came(self, data: bytes, moment: Moment) -> None:
        """Bytes came."""

    def say(self, item: OutFrame | OutBytes | RawBytes | OutRequest, channel: Channel | None) -> None:
        """Puts something on the channel; None only where the wire has connections of its own."""

    def close(self) -> None:
        """Ends what it has of its own."""

    def pause(self, paused: bool) -> None:
        """Stops or resumes reading what it has of its own."""

    @property
    def undecoded(self) -> int:
        """Bytes received that are no whole frame."""


class FrameWire:
    """WebSocket frames.

    Args:
        scanner: decodes what comes.
        client: hears of it.
        write: writes a fact of this connection.
        redactor: takes secrets out of payloads.
    """

    def __init__(self, scanner: Scanner, client: Client, write: Write, redactor: Redactor) -> None:
        self._scanner = scanner
        self._sent_scanner = Scanner(max_size=0, from_server=False)
        self._client = client
        self._fact = write
        self._redactor = redactor

    @property
    def undecoded(self) -> int:
        """Bytes received of a frame that is not whole."""
        return self._scanner.undecoded

    def came(self, data: bytes, moment: Moment) -> None:
        """Bytes came: a fact for each frame, and the client hears what it led to."""
        for frame in self._scanner.feed(data):
            fact, findings = self._fact(facts.Frame, at=moment, **frame_facts.incoming(frame, self._redactor))
            assert isinstance(fact, facts.Frame)
            self._client.received(fact, frame.payload, moment.m)
            for finding in findings:
                self._client.heard(finding, moment.m)

    def say(self, item: OutFrame | OutBytes | RawBytes | OutRequest, channel: Channel | None) -> None:
        """A frame, or bytes that may be one."""
        assert channel is not None and not isinstance(item, OutRequest)
        taken = partial(self._frame_sent, item) if isinstance(item, OutFrame) else partial(self._raw_sent, item)
        channel.write(item.data, taken)

    def close(self) -> None:
        """It has nothing of its own."""

    def pause(self, paused: bool) -> None:
        """It has nothing of its own."""

    def _frame_sent(self, frame: OutFrame) -> None:
        self._client.sent(frame)
        self._fact(facts.Frame, **frame_facts.outgoing(frame, self._redactor))

    def _raw_sent(self, raw: OutBytes | RawBytes) -> None:
        for frame in self._sent_scanner.feed(raw.data):
            self._fact(facts.Frame, **frame_facts.incoming(frame, self._redactor, "out"))


class ByteWire:
    """A plain stream: a ``bytes`` fact for each read and write.

    Args:
        client: hears of what comes.
        write: writes a fact of this connection.
        redactor: takes secrets out of payloads.
        session: the fold of these facts, which takes the STOMP frames out of the bytes.
    """

    def __init__(self, client: Client, write: Write, redactor: Redactor, session: Session) -> None:
        self._client = client
        self._fact = write
        self._redactor = redactor
        self._session = session

    @property
    def undecoded(self) -> int:
        """Bytes received of a STOMP frame that is not whole."""
        return self._session.stomp_undecoded

    def came(self, data: bytes, moment: Moment) -> None:
        """Bytes came."""
        _, findings = self._fact(
            facts.Bytes, at=moment, **frame_facts.piece("in", data, self._redactor, composed=False)
        )
        for finding in findings:
            self._client.heard(finding, moment.m)

    def say(self, item: OutFrame | OutBytes | RawBytes | OutRequest, channel: Channel | None) -> None:
        """Bytes."""
        assert channel is not None and not isinstance(item, OutRequest)
        channel.write(item.data, partial(self._sent, item.data, isinstance(item, OutBytes) and item.composed))

    def close(self) -> None:
        """It has nothing of its own."""

    def pause(self, paused: bool) -> None:
        """It has nothing of its own."""

    def _sent(self, data: bytes, composed: bool) -> None:
        self._fact(facts.Bytes, **frame_facts.piece("out", data, self._redactor, composed=composed))

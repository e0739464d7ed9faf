"""What a broker is like: its users, beats, grace and manners. Products differ in exactly these; a story picks them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tui import __version__
from tui.lab.endings import Close, Ending
from tui.protocols.heartbeat import Pair


@dataclass(slots=True, frozen=True)
class Drop:
    """How a client is let go: an ERROR frame first, where there is a message, and then the end of the connection."""

    ending: Ending
    message: str | None = None
    """The ERROR's ``message`` header; None for no ERROR."""


@dataclass(slots=True, frozen=True)
class Policy:
    """One broker's settings; the defaults are an easy-going broker with Spring SimpleBroker's endings."""

    versions: tuple[str, ...] = ("1.0", "1.1", "1.2")
    users: Mapping[str, str] | None = None
    """Login → passcode; None lets anybody in."""
    on_second_login: Drop | None = None
    """What happens to a client when another one comes with its login; None lets both stay."""
    beats: Pair = field(default=Pair(1000, 1000))
    """CONNECTED's ``heart-beat``, ms."""
    grace: float = 3.0
    """A client silent for longer than this many agreed intervals is dropped; 0 never drops."""
    on_silence: Drop = field(default=Drop(Close(1002), "Session closed."))
    idle: float = 0.0
    """Seconds a connection may stand without a byte either way, whatever beats were agreed; 0 for ever."""
    on_idle: Drop = field(default=Drop(Close(1001, "Connection Idle Timeout")))
    """Jetty's words; nginx says nothing and ends TCP."""
    on_error: Ending = field(default=Close(1002))
    """Follows every ERROR frame (STOMP 1.2, "ERROR": the server MUST close the connection)."""
    linger: float = 2.0
    """Seconds a client has to close after its DISCONNECT (STOMP 1.2, "Connection Lingering")."""
    sockjs_beat: float = 25.0
    """Seconds without a frame of ours after which SockJS sends ``h``; not where STOMP beats instead, as in Spring."""
    sockjs_delay: float = 5.0
    """Seconds a SockJS session waits for its client's next request (sockjs-node's ``disconnect_delay``)."""
    server: str = f"whoops-lab/{__version__}"
    """CONNECTED's ``server`` header."""

    frame_limit: int = 64 * 1024
    """The largest frame accepted, bytes."""
    headers_limit: int = 100
    """The most headers one frame may have."""
    body_limit: int = 64 * 1024
    """The largest body accepted, bytes."""
    subscriptions_limit: int = 1000
    """The most subscriptions one client may have."""
    unacknowledged_limit: int = 100
    """The most messages one subscription may owe an ACK for; further ones wait in a queue, a topic leaves them out."""
    queues_limit: int = 1000
    """The most messages kept in all queues together until somebody comes for them."""
    transactions_limit: int = 1000
    """The most frames one client's open transactions may hold, each BEGIN counted."""
    time_to_live: float = 0.0
    """Seconds a message is kept in a queue, where its ``expires`` header does not say; 0 for ever."""
    refusals: int = 3
    """A message that so many NACKs came for is dropped; before that a NACK puts it back at its queue's head."""

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
    beats: Pair = field(default=Pair(1000, 1000))
    """CONNECTED's ``heart-beat``, ms."""
    grace: float = 3.0
    """A client silent for longer than this many agreed intervals is dropped; 0 never drops."""
    on_silence: Drop = field(default=Drop(Close(1002), "Session closed."))
    on_error: Ending = field(default=Close(1002))
    """Follows every ERROR frame (STOMP 1.2, "ERROR": the server MUST close the connection)."""
    linger: float = 2.0
    """Seconds a client has to close after its DISCONNECT (STOMP 1.2, "Connection Lingering")."""
    frame_limit: int = 64 * 1024
    """The largest frame accepted, bytes."""
    server: str = f"whoops-lab/{__version__}"
    """CONNECTED's ``server`` header."""

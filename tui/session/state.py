"""The states of a session and what moves it from one to the next, as a table. Read by every view."""

from collections.abc import Mapping
from enum import StrEnum


class State(StrEnum):
    """What a session is doing."""

    CONNECTING = "connecting"
    OPEN = "open"
    """Ready: the 101 for plain WebSocket, CONNECTED for STOMP, the transport with ``no-stomp-connect``."""
    FROZEN = "frozen"
    """Ready, and told to read and answer nothing (``freeze``)."""
    CLOSING = "closing"
    """An ending act was seen, the connection's ``end`` was not."""
    CLOSED = "closed"
    """Ended, and somebody here asked for it."""
    DROPPED = "dropped"
    """Ended after it had been ready, and nobody here asked for it, whatever the code."""
    FAILED = "failed"
    """Ended without ever having been ready."""
    RECONNECTING = "reconnecting"


class Event(StrEnum):
    """What can move a session."""

    BEGIN = "begin"
    """A second or later connection is announced, or its first fact came."""
    READY = "ready"
    FREEZE = "freeze"
    THAW = "thaw"
    ENDING = "ending"
    ASKED_END = "asked end"
    UNASKED_END = "unasked end"
    END_BEFORE_READY = "end before ready"


_LIVE = (State.CONNECTING, State.RECONNECTING, State.OPEN, State.FROZEN, State.CLOSING)

TRANSITIONS: Mapping[tuple[State, Event], State] = {
    (State.CONNECTING, Event.READY): State.OPEN,
    (State.RECONNECTING, Event.READY): State.OPEN,
    (State.OPEN, Event.FREEZE): State.FROZEN,
    (State.FROZEN, Event.THAW): State.OPEN,
    (State.CONNECTING, Event.ENDING): State.CLOSING,
    (State.RECONNECTING, Event.ENDING): State.CLOSING,
    (State.OPEN, Event.ENDING): State.CLOSING,
    (State.FROZEN, Event.ENDING): State.CLOSING,
    **{(state, Event.ASKED_END): State.CLOSED for state in _LIVE},
    **{(state, Event.UNASKED_END): State.DROPPED for state in _LIVE},
    **{(state, Event.END_BEFORE_READY): State.FAILED for state in _LIVE},
    **{(state, Event.BEGIN): State.RECONNECTING for state in State},
}
"""Every move there is."""


def after(state: State, event: Event) -> State:
    """The state that follows; the same one where the table has no move."""
    return TRANSITIONS.get((state, event), state)

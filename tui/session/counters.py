"""How much went over the wire in all connections of a session."""

import msgspec


class Counters(msgspec.Struct):
    """What has gone over the wire, each way. Frames are WebSocket frames; over plain TCP STOMP frames and beats."""

    frames_in: int = 0
    frames_out: int = 0
    bytes_in: int = 0
    """As on the wire, frame headers included, compressed where they were."""
    bytes_out: int = 0

"""What carries a SockJS session's frames: the answer to one request, or a WebSocket."""

from tui.lab.endings import Ending, Fin, Reset
from tui.lab.http_exchange import Exchange
from tui.lab.websocket_link import WebSocketLink

STREAM_LIMIT = 128 * 1024
"""Bytes after which a streamed answer ends and the client asks again ("xhr-streaming")."""

PRELUDE = "h" * 2048 + "\n"
"""What a streamed answer begins with, to get past buffers."""


class ResponseCarrier:
    """A frame a line.

    Args:
        limit: how many bytes it takes; 0 for one frame, as polling has it.
    """

    def __init__(self, exchange: Exchange, limit: int) -> None:
        self._exchange = exchange
        self._left = limit

    def send(self, frame: str) -> bool:
        """One frame; whether there is room for another."""
        line = frame.encode() + b"\n"
        self._exchange.write(line)
        self._left -= len(line)
        if self._left <= 0:
            self._exchange.finish()
        return not self._exchange.finished.done()

    def end(self, ending: Ending) -> None:
        """A Close has been said in a frame: the answer ends with it."""
        if isinstance(ending, Fin):
            self._exchange.fin()
        elif isinstance(ending, Reset):
            self._exchange.reset()
        else:
            self._exchange.finish()


class WebSocketCarrier:
    """A frame a message."""

    def __init__(self, link: WebSocketLink) -> None:
        self._link = link

    def send(self, frame: str) -> bool:
        """One frame; there is always room for another."""
        self._link.send(frame)
        return True

    def end(self, ending: Ending) -> None:
        """Spring closes with the code of the ``c`` frame."""
        self._link.end(ending)

"""A stream with TLS on it where the target wants that: plain bytes in and out, whatever lies below.

``tui.probe.connection`` owns one. The ``tls`` and ``eof`` facts are written here, as they happen.
"""

import contextlib
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any, Protocol

from tui.facts import facts
from tui.facts.clocks import Moment, now
from tui.facts.facts import How
from tui.probe import errnos
from tui.probe.stream import Stream
from tui.probe.tls import Tls


class Listener(Protocol):
    """Who hears what happens on a channel."""

    def secured(self) -> None:
        """The TLS handshake succeeded."""

    def plain_came(self, data: bytes, moment: Moment) -> None:
        """Bytes came, deciphered."""

    def came(self, moment: Moment) -> None:
        """Bytes came, whatever they were: called first."""

    def settled(self) -> None:
        """What came was dealt with, or what waited to be sent was."""

    def peer_done(self, moment: Moment, *, notified: bool) -> None:
        """The peer says no more: its FIN came, or (``notified``) only its close_notify."""

    def broke(self, how: How, errno: str | None, detail: str | None) -> None:
        """The channel failed; nothing more will come."""


class Channel:
    """One connected socket.

    Args:
        sock: connected and non-blocking; owned from here on.
        tls: the TLS state machine, or None for plain TCP.
        servername: what ``tls`` was made for, for its fact.
        write: writes a fact of this connection.
        redact: takes the user's secrets out of a text.
        listener: hears what happens.
    """

    def __init__(
        self, sock: socket.socket, tls: Tls | None, servername: str, write: Callable[..., Any],
        redact: Callable[[str], str], listener: Listener,
    ) -> None:  # fmt: skip
        self._fact = write
        self._redact = redact
        self._listener = listener
        self._servername = servername
        self._started = time.monotonic()
        self.tls = tls
        self.left = False
        """We have gone elsewhere: what still is there to be heard is of no connection of ours."""
        self.stream = Stream(sock, self)
        if tls is not None:
            self._shake_hands()

    @property
    def secure(self) -> bool:
        """Plain bytes can be exchanged."""
        return self.tls is None or self.tls.ready

    def write(self, data: bytes, taken: Callable[[], object] | None = None) -> None:
        """Queues plain bytes; ``taken`` is called when the kernel took the last of them. After an end of TCP without a
        close_notify nothing can be said any more."""
        if self.tls is not None and self.tls.truncated:
            return
        self.stream.write(self.tls.write(data) if self.tls is not None else data, taken)

    def half_close(self) -> None:
        """Says that we say no more, after everything queued: a close_notify under TLS, and a FIN."""
        self.goodbye()
        self.stream.write(b"", self._half_close)

    def _half_close(self) -> None:
        with contextlib.suppress(OSError):
            self.stream.half_close()
            self._fact(facts.Eof, dir="out")

    def goodbye(self) -> None:
        """Our close_notify (RFC 8446 §6.1), once."""
        if self.tls is not None and self.tls.ready and not self.tls.close_notify_out:
            self.stream.write(self.tls.end())

    def leave(self) -> None:
        """Ends it in order, and hears no more of it."""
        self.goodbye()
        self.left = True
        self.stream.close()

    # What the stream says.

    def data_came(self, data: bytes) -> None:
        """Bytes were read."""
        moment = now()
        self._listener.came(moment)
        if self.tls is None:
            self._listener.plain_came(data, moment)
        else:
            self.tls.feed(data)
            if not self.tls.ready:
                self._shake_hands()
            if self.tls.ready:
                self._decrypt(moment)

    def all_read(self) -> None:
        """There is nothing more to read for now."""
        self._listener.settled()

    def all_written(self) -> None:
        """What waited for room has been sent."""
        self._listener.settled()

    def fin_came(self) -> None:
        """The peer ended its half of TCP."""
        moment = now()
        self._fact(facts.Eof, at=moment, dir="in")
        if self.tls is not None:
            if self.tls.ready:
                self._listener.settled()  # answers what came: nothing can be said once TLS knows of TCP's end
            self.tls.feed_eof()
            if self.tls.ready:
                self._decrypt(moment)
                self.goodbye()
            else:
                self._shake_hands()
        self._listener.peer_done(moment, notified=False)

    def failed(self, error: OSError) -> None:
        """The socket failed."""
        self._listener.broke(errnos.how(error), errnos.name(error), None)

    # TLS.

    def _shake_hands(self) -> None:
        assert self.tls is not None
        error: ssl.SSLError | None = None
        try:
            self.tls.handshake()
        except ssl.SSLError as failure:
            error = failure
        if data := self.tls.to_send():
            self.stream.write(data)
        took = round((time.monotonic() - self._started) * 1000, 3)
        if error is not None:
            self._refused(error, took)
        elif self.tls.ready:
            self._fact(facts.Tls, ok=True, servername=self._servername, ms=took, **self.tls.facts)
            self._listener.secured()

    def _refused(self, error: ssl.SSLError, took: float) -> None:
        assert self.tls is not None
        unverified = error if isinstance(error, ssl.SSLCertVerificationError) else None
        words = (unverified.verify_message if unverified else error.reason) or str(error)
        self._fact(
            facts.Tls, ok=False, servername=self._servername, chain=self.tls.chain(), error=words, ms=took,
            verify_code=unverified.verify_code if unverified else None,
            certificate_requested=self.tls.certificate_requested,
            raw=self._redact(self.tls.foreign.decode("latin-1")) or None,
        )  # fmt: skip
        self._listener.broke("fin" if isinstance(error, ssl.SSLEOFError) else "tls", None, words)

    def _decrypt(self, moment: Moment) -> None:
        assert self.tls is not None
        notified = self.tls.close_notify_in
        try:
            data = self.tls.read()
        except ssl.SSLError as error:
            self._listener.broke("tls", None, error.reason or str(error))
            return
        if data:
            self._listener.plain_came(data, moment)
        if self.tls.close_notify_in and not notified and not self.left:
            self._listener.peer_done(moment, notified=True)

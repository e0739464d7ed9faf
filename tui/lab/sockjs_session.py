"""One SockJS session (sockjs-protocol 0.3.3): its frames, whatever carries them, and how long it waits for a carrier.

The manners are Spring's: a client that stays away is told ``c[3000,"Go away!"]`` when it comes again, and ``h`` is left
to STOMP where STOMP beats.
"""

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Protocol

from tui.lab.applications import Application
from tui.lab.endings import Close, Ending
from tui.lab.policy import Policy

GO_AWAY = Close(3000, "Go away!")
ANOTHER = Close(2010, "Another connection still open")


class Carrier(Protocol):
    """What takes frames to the client for a while: a WebSocket, or the answer to one request."""

    def send(self, frame: str) -> bool:
        """One frame; whether there is room for another."""

    def end(self, ending: Ending) -> None:
        """It is the last one of its session."""


class SockjsSession:
    """A driver's ``Transport``. Messages wait in it while no carrier is there.

    Args:
        policy: how long it waits.
        application: makes what it is for, once it is open.
        forget: called when nobody can find it any more.
    """

    def __init__(
        self, policy: Policy, application: Callable[["SockjsSession"], Application], forget: Callable[[], None]
    ) -> None:
        self._policy = policy
        self._make = application
        self._application: Application | None = None
        self._forget = forget
        self._carrier: Carrier | None = None
        self._pending: list[str] = []
        self._ending: Ending | None = None
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self.mute = False
        """Whether it says nothing more, not even that it ends."""

    def attach(self, carrier: Carrier) -> None:
        """A carrier came: what waited goes out, or the news that there is nothing to wait for."""
        if self._ending is not None:
            _finish(carrier, self._ending, silent=self.mute)
        elif self._carrier is not None:
            _finish(carrier, ANOTHER)
        else:
            self._carrier = carrier
            if self._application is None:
                self._emit("o")
                self._application = self._make(self)
            else:
                self._flush()
            self._wind()

    def detach(self, carrier: Carrier) -> None:
        """A carrier is used up or was lost."""
        if self._carrier is carrier:
            self._carrier = None
            self._wind()

    def receive(self, messages: Iterable[str]) -> None:
        """The client sent ``messages``."""
        for message in messages:
            if self._application is not None and self._ending is None:
                self._application.receive(message)

    def write(self, data: bytes) -> None:
        """STOMP frames, or one beat, as one message."""
        self.send(data)

    def send(self, message: str | bytes) -> None:
        """One message, now or when a carrier comes. SockJS has no binary ones."""
        if self._ending is None:
            self._pending.append(message if isinstance(message, str) else message.decode(errors="replace"))
            if self._carrier is not None:
                self._flush()
                self._wind()

    def end(self, ending: Ending) -> None:
        """The first ending asked for is the one that happens; a client that comes later is told the same."""
        if self._ending is not None:
            return
        self._ending = ending
        if self._application is not None:
            self._loop.call_soon(self._application.lost)
        if self._carrier is not None:
            carrier, self._carrier = self._carrier, None
            _finish(carrier, ending, silent=self.mute)
        self._wind()

    def stop(self) -> None:
        """No timer is left running."""
        if self._timer is not None:
            self._timer.cancel()

    def _flush(self) -> None:
        if self._pending and self._carrier is not None and not self.mute:
            messages, self._pending = self._pending, []
            # ASCII only: some browsers change what is not ("Unicode" in sockjs-protocol).
            self._emit("a" + json.dumps(messages, separators=(",", ":")))

    def _emit(self, frame: str) -> None:
        if self._carrier is not None and not self.mute and not self._carrier.send(frame):
            self._carrier = None

    def _wind(self) -> None:
        """One timer: an ``h`` while there is a carrier, patience while there is none, oblivion after the end."""
        self.stop()
        if self._ending is not None:
            self._timer = self._loop.call_later(self._policy.sockjs_delay, self._forget)
        elif self._carrier is None:
            self._timer = self._loop.call_later(self._policy.sockjs_delay, self.end, GO_AWAY)
        else:
            self._timer = self._loop.call_later(self._policy.sockjs_beat, self._beat)

    def _beat(self) -> None:
        if self._application is not None and not self._application.beating:
            self._emit("h")
        self._wind()


def _finish(carrier: Carrier, ending: Ending, *, silent: bool = False) -> None:
    if isinstance(ending, Close):
        ending = Close(1000 if ending.code is None else ending.code, ending.reason)
        if not silent:
            carrier.send("c" + json.dumps([ending.code, ending.reason], separators=(",", ":")))
    carrier.end(ending)

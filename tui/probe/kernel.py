"""When the kernel is asked about a connection: in a silence, where segments are sent again, and at the end."""

import socket
from typing import Any

from tui.facts import facts
from tui.probe.interface import interface
from tui.probe.listener import Peer
from tui.probe.tcp_state import route, tcp_info, unread_there
from tui.probe.wires import Write

SILENCE_S = 1.0
"""Seconds of silence after which it is asked; then after twice as long, and so on."""

LOOK_S = 2.0
"""Seconds between looks at a connection that is not silent: one is written down if segments were sent again."""


class Kernel:
    """What the kernel knows of a connection, as facts.

    Args:
        fact: writes a fact of this connection.
    """

    def __init__(self, fact: Write) -> None:
        self._fact = fact
        self._socket: socket.socket | None = None
        self._remote: tuple[Any, ...] = ()
        self._told_of: tuple[Any, ...] = ()
        self._silence = SILENCE_S
        self._heard_at = self._look_at = 0.0
        self._sent_again = 0
        """As of the last report."""

    def ask_of(self, sock: socket.socket, remote: tuple[Any, ...]) -> None:
        """From now on it is asked about this socket, which is connected to that address."""
        if sock is not self._socket:
            self._socket, self._remote, self._sent_again = sock, remote, 0

    def opened(self, peer: Peer | None) -> None:
        """The connection is up: the way to its peer, who that is, and by which interface; told once an address."""
        before, self._told_of = self._told_of, self._remote
        found = self._way() if self._remote != before else None
        if found is not None:
            program = peer.name if peer is not None else None
            self._fact(facts.Route, when="open", program=program, interface=interface(found["local"]), **found)

    def came(self, m: float) -> None:
        """Bytes came in: the silence is over."""
        self._heard_at, self._silence = m, SILENCE_S

    def next_wake(self) -> float:
        """When it wants to be asked, monotonic seconds."""
        return min(self._heard_at + self._silence, self._look_at)

    def wake(self, m: float) -> None:
        """Asks it, if it is time."""
        silent = m >= self._heard_at + self._silence
        while m >= self._heard_at + self._silence:
            self._silence *= 2  # steps that passed while we were not scheduled are one look, not several
        if silent:
            self._tell("silent")
        elif m >= self._look_at and self._silence == SILENCE_S:
            self._tell_if_resent()
        if m >= self._look_at:
            self._look_at = m + LOOK_S

    def ended(self) -> None:
        """The last it knows, before the socket is closed."""
        self._tell("end")

    def _tell(self, when: str) -> None:
        info = self._info()
        if info is not None and self._socket is not None:
            info["peer_unread"] = unread_there(self._socket)
        self._write(when, info)
        found = self._way()
        if found is not None:
            self._fact(facts.Route, when=when, **found)

    def _tell_if_resent(self) -> None:
        info = self._info()
        if info is not None and info["total_retrans"] > self._sent_again:
            self._write("resent", info)

    def _write(self, when: str, info: dict[str, Any] | None) -> None:
        if info is not None:
            self._sent_again = info["total_retrans"]
            self._fact(facts.TcpInfo, when=when, **info)

    def _info(self) -> dict[str, Any] | None:
        return tcp_info(self._socket) if self._socket is not None else None

    def _way(self) -> dict[str, Any] | None:
        return route(self._remote, self._socket.family) if self._socket is not None and self._remote else None

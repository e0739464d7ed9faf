"""What the steps of dialling have in common: how one fails, and how an address reads."""

import time
from collections.abc import Callable

from tui.facts.facts import How, Phase

Write = Callable[..., object]
"""Writes a fact of the connection: its class, then its fields."""


class DialError(Exception):
    """No connection: what the ``end`` fact will say."""

    def __init__(self, how: How, phase: Phase, errno: str | None, detail: str | None) -> None:
        super().__init__(how, errno)
        self.how = how
        self.phase = phase
        self.errno = errno
        self.detail = detail


def show(address: tuple[object, ...]) -> str:
    """A socket address as ``HOST:PORT``, an IPv6 host in brackets."""
    return show_pair(str(address[0]), address[1])


def show_pair(host: str, port: object) -> str:
    """Host and port as ``HOST:PORT``, an IPv6 host in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def ms_since(started: float) -> float:
    """Milliseconds since a reading of ``time.monotonic``."""
    return round((time.monotonic() - started) * 1000, 3)

"""What tests of Spring share: a table over SockJS, and processes that stand still for a while."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.servers.between import Table
from tests.servers.ports import LOOPBACK


def spring_sockjs(port: int, transport: str, beats: str, **options: object) -> Table:
    """STOMP over SockJS at a Spring application."""
    return {
        "url": f"stomp+http://{LOOPBACK}:{port}/sockjs", "sockjs_transport": transport, "heart_beat": beats
    } | options  # fmt: skip


@contextmanager
def held(*pids: int) -> Iterator[None]:
    """Processes that stand still as long as the block."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

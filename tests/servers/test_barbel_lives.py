"""Reloads, stops, restarts and crashes of reverse proxies, as systemd, a package's upgrade or the kernel does them."""

import asyncio
import signal

import pytest

from tests.probing import seen
from tests.servers.apache import Apache
from tests.servers.between import says, sockjs
from tests.servers.node import SockJsNode
from tests.servers.pond import run
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_apache_is_restarted(start: Starter, recorder: Recorder) -> None:
    """``systemctl restart apache2``: SockJS over a socket and a stream come back, at the same app."""
    app = start(SockJsNode, heartbeat_delay=2500)
    apache = start(Apache, app.port)
    tables = {
        "direct": sockjs(app.port, "websocket"),
        "a": sockjs(apache.port, "websocket", do=says(0.8, 2.5), reconnect=True),
        "b": sockjs(apache.port, "xhr-streaming", reconnect=True),
    }

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "a", kind="a", dir="in", count=2)
        await asyncio.to_thread(apache.end, signal.SIGTERM)
        apache.begin()

    watch = await run(tables, "a", "b", strike=strike, back=["a", "b"])
    recorder.keep("barbel-apache-restarted-sockjs", watch)

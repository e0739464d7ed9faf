"""A program on python-websockets that is stopped for the night, and one whose handler raises."""

import asyncio
import signal

import pytest

from tests.probing import ask, seen
from tests.servers.between import TCP, says, sockjs, staged, ws, wss
from tests.servers.haproxy import HaProxy
from tests.servers.lesser import Rinetd
from tests.servers.nginx import Certificate
from tests.servers.node import SockJsNode
from tests.servers.python import PythonEndings
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_it_is_stopped_at_midnight(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Everybody is told 1001 and nobody is let in again; TLS by HAProxy. A page of another server is well."""
    app, page = start(PythonEndings, ping_interval=None), start(SockJsNode, heartbeat_delay=1600)
    haproxy = start(HaProxy, app.port, options=TCP, certificate=certificate)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "desk", dir="in", opcode=1, count=3)
        await asyncio.to_thread(app.end, signal.SIGTERM)

    tables = {
        "page": sockjs(page.port, "xhr-polling"),
        "feed": wss(haproxy.port, certificate),
        "desk": wss(haproxy.port, certificate, do=says(0.8, 6)),
    }
    watch = await staged(tables, "feed", "desk", strike=strike, ok=False)
    assert {watch.the("close", name)["code"] for name in ("feed", "desk")} == {1001}
    recorder.keep("owl-haproxy-python-stopped-at-midnight", watch)


async def test_its_handler_raises(start: Starter, recorder: Recorder) -> None:
    """One order of a clerk is too much for it, in the middle of a busy talk; who listens by that way stays."""
    app = start(PythonEndings)
    way = start(Rinetd, app.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "clerk", dir="in", opcode=1, count=4)
        await ask(watch, "send raise", "clerk")

    tables = {
        "listens": ws(way.port, do=["0.4 send hello"]),
        "talks": ws(way.port, do=says(1.3, 6)),
        "clerk": ws(way.port, do=says(0.6, 6)),
    }
    watch = await staged(tables, "clerk", strike=strike)
    assert watch.the("close", "clerk")["code"] == 1011
    recorder.keep("owl-rinetd-python-handler-raises", watch)

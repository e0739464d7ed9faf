"""The lives of proxies on this machine: reloads, stops, restarts and crashes, a well server behind them."""

import asyncio
import os
import signal

import pytest

from tests.probing import seen
from tests.servers.between import says, sockjs, ws, wss
from tests.servers.child import children
from tests.servers.haproxy import HaProxy
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.pond import cut, heard, run
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_worker_is_killed(start: Starter, recorder: Recorder) -> None:
    """SIGKILL for nginx's worker under three of SockJS; its master has another at once."""
    nginx = start(Nginx, start(SockJsNode, heartbeat_delay=2000).port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "socket", kind="a", dir="in", count=3)
        for pid in children(nginx.pid):
            os.kill(pid, signal.SIGKILL)

    tables = {
        "socket": sockjs(nginx.port, "websocket", do=says(0.8, 6)),
        "stream": sockjs(nginx.port, "xhr-streaming", do=["0.3 send hi"]),
        "poll": sockjs(nginx.port, "xhr-polling"),
    }
    watch = await run(tables, "socket", "stream", "poll", strike=strike)
    assert "exited on signal 9" in nginx.log
    recorder.keep("trout-nginx-sockjs-worker-oom", watch)


async def test_the_inner_proxy_dies(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """HAProxy with TLS, nginx behind it, which is killed: HAProxy says 503. Who asks the app itself is well."""
    app = start(NodeWs)
    nginx = start(Nginx, app.port)
    haproxy = start(HaProxy, nginx.port, certificate=certificate)

    async def strike(watch: Watch) -> None:
        await heard(watch, "a", 3)
        await asyncio.to_thread(nginx.end, signal.SIGKILL)

    tables = {
        "past": ws(app.port, do=says(1.2, 8)),
        "a": wss(haproxy.port, certificate, do=says(0.7, 6)),
        "b": wss(haproxy.port, certificate),
    }
    watch = await run(tables, "a", "b", "late", strike=strike, late={"late": wss(haproxy.port, certificate)})
    cut(watch, "a", "b")
    assert watch.of("http", "late", dir="in", status=503)
    recorder.keep("trout-haproxy-nginx-inner-killed-503", watch)

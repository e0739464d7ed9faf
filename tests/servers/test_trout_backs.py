"""What becomes of servers behind proxies on this machine: killed, stopped, restarted, held, drained, taken out."""

import pytest

from tests.probing import seen
from tests.servers.between import says, sockjs
from tests.servers.haproxy import HaProxy
from tests.servers.node import SockJsNode
from tests.servers.pond import run
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_server_is_taken_out(start: Starter, recorder: Recorder) -> None:
    """The only server goes to maintenance and its sessions are shut by hand, while its program lives: 503 then."""
    haproxy = start(HaProxy, start(SockJsNode, heartbeat_delay=1900).port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "a", kind="a", dir="in", count=3)
        haproxy.say("set server back/1 state maint")
        haproxy.say("shutdown sessions server back/1")

    tables = {"a": sockjs(haproxy.port, "websocket", do=says(0.7, 6)), "b": sockjs(haproxy.port, "websocket")}
    watch = await run(tables, "a", "b", strike=strike)
    recorder.keep("trout-haproxy-maint-shut-by-hand-503", watch)

"""Ways that lead nowhere: names, closed ports, firewalls, wrong protocols, forward proxies, hands not taken; SockJS."""

import pytest

from tests.probing import open_session, seen
from tests.servers.between import says, ws
from tests.servers.haproxy import HaProxy
from tests.servers.node import NodeWs
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_the_backend_comes_late(start: Starter, recorder: Recorder) -> None:
    """A deployment: HAProxy says 503 three times, then the application is up; the client reconnects and is in."""
    server = start(NodeWs)
    server.stop()
    haproxy = start(HaProxy, server.port, options="default-server check inter 200ms fall 1 rise 1")
    async with watching("--stdin", **POSTMORTEM) as watch:
        await open_session(watch, name="tab", **ws(haproxy.port, reconnect=True, do=says(0.8, 3)))
        await seen(watch, "close", "tab", count=2)
        server.begin()
        await seen(watch, "open", "tab")
        await seen(watch, "frame", "tab", dir="in", opcode=1, count=2)
        await watch.command("quit")
        await watch.finish()
    recorder.keep("chub-haproxy-503-until-deployed", watch)

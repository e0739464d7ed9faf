"""Ages at which proxies end a session, busy or not; words that say so; and users who leave just then."""

import pytest

from tests.servers.ashore import begun, doors
from tests.servers.between import says
from tests.servers.envoy import Envoy
from tests.servers.node import SockJsNode
from tests.servers.outside import there_sockjs
from tests.servers.pond import cut, run
from tests.servers.recordings import Recorder
from tests.servers.routed import routed
from tests.servers.starting import Starter

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_sockjs_behind_envoy(start: Starter, recorder: Recorder) -> None:
    """The stream of SockJS at another host has a route ``timeout 3.9s``; a socket is ended by it too, busy as it is."""
    with routed() as hosts:
        app = await begun(hosts.server, start, SockJsNode, heartbeat_delay=1500)
        route = {"timeout": "3.9s", "max_stream_duration": {"max_stream_duration": "3.9s"}}
        envoy = await begun(hosts.server, start, Envoy, app.port, route=route)
        doors(hosts, app, envoy)
        tables = {
            "past": there_sockjs(app.port, "websocket", do=says(1.5, 9)),
            "socket": there_sockjs(envoy.port, "websocket", do=says(0.7, 7)),
        }
        watch = await run(tables, "socket", on=hosts.client.words)
    cut(watch, "socket")
    recorder.keep("trout-afar-envoy-sockjs-socket-of-an-age", watch)

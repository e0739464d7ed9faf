"""Certificates and schemes that do not fit, ports of the wrong kind, proxies on the way out, SockJS behind two."""

import pytest

from tests.probing import open_session, seen
from tests.servers.between import Table, opened, says, sockjs
from tests.servers.forward import Socks
from tests.servers.joined import CREW
from tests.servers.lines import leave
from tests.servers.nginx import Nginx
from tests.servers.node import SockJsNode
from tests.servers.pond import refusals, settled
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.python_apps import CoilMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

PARCEL = "stomp-send /queue/parcels one"
COIL: Table = {"stomp_version": "1.0,1.1", "vhost": "localhost", "heart_beat": "0,0"} | CREW


async def test_socks_finds_nobody(start: Starter, recorder: Recorder) -> None:
    """microsocks is well, the broker behind it is not up: SOCKS says that it was refused. Another broker is."""
    broker = start(CoilMq)
    socks = start(Socks)
    (port,) = free_ports(1)
    by = f"socks5://{LOOPBACK}:{socks.port}"
    watch = await refusals(
        {"job": COIL | {"url": f"stomp://{LOOPBACK}:{port}", "proxy": by}},
        after=1.1,
        before=0.9,
        other=COIL | {"url": broker.url, "proxy": by, "do": says(1.0, 5, PARCEL)},
    )
    recorder.keep("minnow-socks-broker-not-up", watch)


async def test_info_under_another_prefix(start: Starter, recorder: Recorder) -> None:
    """The application was given a context path, ``/app``; the page asks ``/ws/info``: 404, by nginx; three tries."""
    server = start(SockJsNode, heartbeat_delay=1500)
    nginx = start(Nginx, server.port)
    async with watching("--stdin", **POSTMORTEM) as watch:
        await opened(watch, right=sockjs(nginx.port, "websocket", do=says(1.0, 5)))
        url = f"http://{LOOPBACK}:{nginx.port}/app/echo"
        await open_session(watch, name="page", url=url, sockjs_transport="auto", reconnect=True)
        await seen(watch, "close", "page", count=2)
        await settled(watch, "page")
        await leave(watch, "right")
    recorder.keep("minnow-nginx-sockjs-context-path-404", watch)

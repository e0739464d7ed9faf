"""Sessions that are open and well whatever is said on them, and however late a pong or a beat is."""

import asyncio

import pytest

from tests.probing import ask, probing, seen
from tests.servers.abreast import up
from tests.servers.ashore import side_by_side
from tests.servers.between import opened, says, sockjs, web_stomp, ws, wss
from tests.servers.frameworks import Tornado
from tests.servers.haproxy import HaProxy
from tests.servers.lesser import Hitch, Nghttpx, Varnish
from tests.servers.lines import beaten, leave
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import SockJsNode
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def five_ways_and_well(broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Raw by Varnish, TLS by hitch, STOMP by nghttpx, SockJS by HAProxy and past it: 40 kB, pings, silence."""
    server, page = await up(start, Tornado), await up(start, SockJsNode, heartbeat_delay=3100)
    varnish, hitch = await up(start, Varnish, server.port), await up(start, Hitch, server.port, certificate)
    nghttpx, haproxy = await up(start, Nghttpx, broker.port), await up(start, HaProxy, page.port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            raw=ws(varnish.port, do=["0.9 send ERROR: upstream timed out (110)", "5.4 send-repeat x 40000"]),
            sealed=wss(hitch.port, certificate, ping_interval=2.3, ping_timeout=8.0),
            till=web_stomp(nghttpx.port, "2600,2600", do=says(1.7, 6, "stomp-send /topic/l closed by the server")),
            poll=sockjs(haproxy.port, "xhr-polling"),
            quiet=ws(server.port),
        )
        await seen(watch, "sockjs", "poll", kind="h", dir="in", count=2)
        await seen(watch, "frame", "sealed", opcode=10, dir="in", count=3)
        await leave(watch, "raw", "sealed", "till", "poll", "quiet", status=0)
    recorder.keep("lark-none-five-ways", watch)


async def late_and_well(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """A busy machine: one pong comes a second late and one beat is late too, and nobody minds; a third talks."""
    server = await up(start, Tornado, websocket_ping_interval=5.0, websocket_ping_timeout=5.0)
    nginx = await up(start, Nginx, server.port, 40)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            talks=ws(nginx.port, do=says(1.4, 9)),
            pongs=ws(nginx.port),
            till=web_stomp(broker.port, "3000,3000"),
        )
        await beaten(watch, 1, "till")
        await ask(watch, "hold-pongs", "pongs")
        await ask(watch, "hold-beats", "till")
        await seen(watch, "frame", "pongs", opcode=9, dir="in")
        await asyncio.sleep(0.8)
        await ask(watch, "release-beats", "till")
        await ask(watch, "release-pongs", "pongs")
        await beaten(watch, 1, "till")
        await asyncio.sleep(1.5)
        await leave(watch, "talks", "pongs", "till", status=0)
    recorder.keep("lark-none-late-pong-and-late-beat", watch)


async def test_all_is_well(certificate: Certificate, broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """Two at a time."""
    await side_by_side(
        (five_ways_and_well(broker, certificate, start, recorder), late_and_well(broker, start, recorder))
    )

"""Services on Node, in Go and in Python that end some of their clients: by a crash, an age, a limit or a word."""

import asyncio

import pytest

from tests.servers.ashore import begun, doors
from tests.servers.between import says, ws
from tests.servers.frameworks import Aiohttp
from tests.servers.golang import Coder
from tests.servers.outside import there
from tests.servers.pond import cut, heard, run, told
from tests.servers.recordings import Recorder
from tests.servers.roach import Shop, shop_afar
from tests.servers.routed import routed
from tests.servers.starting import Starter
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_worker_of_a_cluster_throws(start: Starter, recorder: Recorder) -> None:
    """One of two workers dies of a message; its client is back at another, the other worker's client is well."""
    shop = start(Shop, workers=2, dies="bad input")
    tables = {
        "a": shop.of("a", *says(1.2, 6)),
        "b": shop.of("b", *says(0.9, 2.5), "2.9 send bad input", reconnect=True),
    }
    watch = await run(tables, "b", back=["b"])
    cut(watch, "b")
    recorder.keep("dab-node-cluster-worker-throws", watch)


async def test_a_slow_reader_is_terminated(start: Starter, recorder: Recorder) -> None:
    """A feed of 16 kB/s; who stands still for 3.5 s lets more than 14 kB wait, and is terminated."""
    feed, slow = {"every": 400, "text": "0123456789abcdef", "times": 400}, {"above": 14000, "end": "terminate"}
    with shop_afar(start, feed=feed, slow=slow) as (hosts, shop):
        for host in (hosts.client, hosts.server):
            host.set(net__ipv4__tcp_rmem="4096 8192 8192", net__ipv4__tcp_wmem="4096 8192 8192")
        tables = {"a": shop.of("a"), "b": shop.of("b", "1.1 freeze 3.5")}
        watch = await run(tables, "b", words=["--no-compression"], on=hosts.client.words)
    cut(watch, "b")
    recorder.keep("dab-node-slow-reader-terminate", watch)


async def test_connections_grow_too_old_afar(start: Starter, recorder: Recorder) -> None:
    """coder/websocket lets nobody stay longer than 4.4 s: two who came 1.7 s apart go 1.7 s apart."""
    with routed() as hosts:
        app = await begun(hosts.server, start, Coder, MaxAge=4.4, Says=0.9)
        doors(hosts, app)

        async def strike(watch: Watch) -> None:
            await asyncio.sleep(1.7)

        late = {"b": there(app.port, "/ws")}
        watch = await run(
            {"a": there(app.port, "/ws", do=says(1.0, 5))}, "a", "b", strike=strike, late=late, on=hosts.client.words
        )
    recorder.keep("dab-coder-max-age-afar", watch)


async def test_a_room_is_closed_by_its_host(start: Starter, recorder: Recorder) -> None:
    """Everybody in a room hears 3001 and why, all at once; the service goes on."""
    with shop_afar(start, feed={"every": 1100, "text": '{"ev":"tick","px":101.5}'}) as (hosts, shop):

        async def strike(watch: Watch) -> None:
            await heard(watch, "a", 3)
            shop.ends([3001, "room closed by host"])

        watch = await run({"a": shop.of("a"), "b": shop.of("b")}, "a", "b", strike=strike, on=hosts.client.words)
    told(watch, 3001, "a", "b")
    recorder.keep("dab-node-room-closed-3001-afar", watch)


async def test_a_handler_waits_no_longer(start: Starter, recorder: Recorder) -> None:
    """aiohttp's ``receive_timeout``: who has said nothing for 4.3 s is dropped without a Close, who talks is well."""
    app = start(Aiohttp, receive_timeout=4.3)
    watch = await run({"a": ws(app.port, do=says(1.3, 8)), "b": ws(app.port, do=["0.7 send hi"])}, "b")
    cut(watch, "b")
    recorder.keep("dab-aiohttp-receive-timeout", watch)

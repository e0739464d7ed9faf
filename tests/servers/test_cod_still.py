"""Who stands still: a server's program, this machine, and a reader who takes too long."""

import asyncio
import urllib.request

import pytest

from tests.probing import ask, probing, seen
from tests.servers.abreast import up
from tests.servers.ashore import begun, doors, side_by_side
from tests.servers.between import Table, opened, says, sockjs, ws
from tests.servers.frozen import frozen
from tests.servers.golang import Centrifuge, Coder, Gorilla
from tests.servers.lines import beaten, echoed, leave, over, within
from tests.servers.looks import looked
from tests.servers.node import NodeStomp, NodeWs, SockJsNode
from tests.servers.node_apps import Fastify
from tests.servers.outside import outside, there, there_stomp
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.routed import routed
from tests.servers.starting import Starter
from tests.servers.uvicorn import Uvicorn
from tests.watching import POSTMORTEM, Watch, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

PINGS: Table = {"ping_interval": 1.4, "ping_timeout": 2.8, "close_timeout": 1.0}


async def fastify_afar_is_held(start: Starter, recorder: Recorder) -> None:
    """Fastify on another host is stopped under two that ping it, one of them talks; another program there is well."""
    with routed() as hosts:
        server = await begun(hosts.server, start, Fastify)
        hosts.start_node()
        doors(hosts, server)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                other=there(8080, do=says(1.7, 14)),
                chat=there(server.port, "/ws", do=says(1.1, 8)) | PINGS,
                quiet=there(server.port, "/ws") | PINGS,
            )
            await seen(watch, "frame", "quiet", opcode=10, dir="in", count=2)
            with frozen(server.pid):
                for name in ("chat", "quiet"):
                    await within(watch, 20, "close", name)
                await over(watch, "chat", "quiet", patience=3.5)
                await leave(watch, "other", status=1)
    recorder.keep("cod-afar-fastify-held-under-two", watch)


async def the_lid_of_a_far_client(start: Starter, recorder: Recorder) -> None:
    """The client's machine sleeps for 5 s: coder's ping afar gives up on two, one comes back; STOMP is patient."""
    with routed() as hosts:
        server = await begun(hosts.server, start, Coder, PingPeriod=1.3, PongWait=1.5)
        broker = await begun(hosts.server, start, NodeStomp, beatEvery=2500, beats=1000)
        doors(hosts, server, broker)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                till=there_stomp(broker.port, "2500,2500"),
                chat=there(server.port, "/ws", do=says(1.1, 3), reconnect=True),
                wall=there(server.port, "/ws"),
            )
            await seen(watch, "frame", "wall", opcode=10, dir="out", count=2)
            with frozen(watch.process.pid):
                await asyncio.sleep(5)
            await within(watch, 10, "close", "wall")
            await seen(watch, "open", "chat", count=2)
            await over(watch, "wall", patience=3)
            await beaten(watch, 1, "till")
            await leave(watch, "till", status=1)
    assert watch.of("stall") and watch.of("close", "chat")[0]["initiator"] == "remote"
    recorder.keep("cod-afar-lid-closed-coder-gives-up", watch)


async def a_short_nap(start: Starter, recorder: Recorder) -> None:
    """The client stands still for 2.2 s, and everybody bears it: uvicorn's ping, STOMP's beats, a stream."""
    server = await up(start, Uvicorn, ws_ping_interval=1.5, ws_ping_timeout=6)
    broker = await up(start, NodeStomp, beatEvery=1800, beats=1000)
    page = await up(start, SockJsNode, heartbeat_delay=1400)
    tables: dict[str, Table] = {
        "chat": ws(server.port, do=says(1.2, 9)),
        "till": {"url": broker.url, "heart_beat": "1800,1800"},
        "page": sockjs(page.port, "xhr-polling"),
    }
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, **tables)
        await beaten(watch, 1, "till")
        with frozen(watch.process.pid):
            await asyncio.sleep(2.2)
        await beaten(watch, 2, "till")
        await echoed(watch, 2, "chat")
        await leave(watch, *tables, status=0)
    assert watch.of("stall")
    recorder.keep("cod-none-short-nap-of-the-client", watch)


async def test_this_machine(start: Starter, recorder: Recorder) -> None:
    """Several at a time; most of the time is spent waiting."""
    runs = (the_lid_of_a_far_client, a_short_nap)
    await side_by_side(run(start, recorder) for run in runs)


async def gorilla_afar_drops_a_reader(start: Starter, recorder: Recorder) -> None:
    """A hub on another host: a tablet reads nothing for 3.6 s while much is said to it; who says it is well."""
    with routed() as hosts:
        server = await begun(hosts.server, start, Gorilla, Kernel=4096, WriteWait=1.2)
        doors(hosts, server)
        for host in (hosts.client, hosts.server):
            host.set(net__ipv4__tcp_rmem="4096 8192 8192")

        async def strike(watch: Watch) -> None:
            await echoed(watch, 1, "tablet")
            await ask(watch, "freeze 3.6", "tablet")
            await ask(watch, "send flood 40 20000", "desk")

        tables = {
            name: there(server.port, f"/ws?user={name}", no_compression=True, do=says(0.8, 2))
            for name in ("desk", "tablet")
        }
        watch = await outside(hosts, tables, "tablet", strike=strike)
    assert watch.the("close", "tablet")["initiator"] == "remote"
    recorder.keep("cod-afar-gorilla-tablet-reads-nothing", watch)


async def centrifugo_has_a_full_queue(start: Starter, recorder: Recorder) -> None:
    """The library under Centrifugo: a queue of 60 kB is full, as a wall reads nothing. A user of another is well."""
    server, other = await up(start, Centrifuge, Queue=60000, Kernel=8192), await up(start, NodeWs)
    async with probing("--stdin", **POSTMORTEM) as watch:
        login = '0.2 send {"id":1,"connect":{"token":"wall"}}'
        await opened(
            watch,
            other=ws(other.port, do=says(1.3, 9)),
            wall={"url": server.url, "no_compression": True, "do": [login]},
        )
        await seen(watch, "frame", "wall", dir="in", opcode=1)
        await asyncio.sleep(1)
        await ask(watch, "freeze 3", "wall")

        def flood() -> None:
            url = f"http://{LOOPBACK}:{server.port}/flood?count=70&bytes=100000"
            with urllib.request.urlopen(url, timeout=20) as answer:
                answer.read()

        await asyncio.to_thread(flood)
        await looked(watch, "wall", patience=3)
        await leave(watch, "other", status=1)
    assert watch.the("close", "wall")["initiator"] == "remote"
    recorder.keep("cod-centrifuge-wall-queue-full", watch)


async def test_slow_readers(start: Starter, recorder: Recorder) -> None:
    """Several at a time; most of the time is spent waiting."""
    runs = (
        gorilla_afar_drops_a_reader,
        centrifugo_has_a_full_queue,
    )
    await side_by_side(run(start, recorder) for run in runs)

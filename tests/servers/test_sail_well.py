"""Sessions that look ill and are well: pauses, losses, late answers, and talk of trouble."""

import asyncio

import pytest

from tests.probing import ask, probing, seen
from tests.servers.activemq import ActiveMq
from tests.servers.ashore import begun, doors
from tests.servers.between import Table, opened, says, sockjs, stomp, ws
from tests.servers.frozen import frozen
from tests.servers.joined import ANNA, CREW
from tests.servers.jvm import Artemis
from tests.servers.lines import beaten, echoed, leave
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.starting import Starter
from tests.servers.toxiproxy import Toxiproxy
from tests.watching import POSTMORTEM, Watch, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_pause_of_the_broker(own_activemq: ActiveMq, start: Starter, recorder: Recorder) -> None:
    """It collects garbage for two seconds and a half and goes on, as do both of its clients and one of Node's."""
    node = start(NodeWs)
    tables = {
        "till": stomp(own_activemq.port, "3000,3000", CREW, do=says(2.2, 7, "stomp-send /topic/till 3")),
        "board": stomp(own_activemq.port, "3000,3000", CREW, subscribe=["/topic/till"]),
        "other": ws(node.port, do=says(2.3, 9)),
    }
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, **tables)
        await seen(watch, "stomp", "board", command="MESSAGE", count=2)
        with frozen(own_activemq.pid):
            await asyncio.sleep(2.5)
        await beaten(watch, 1, "board", "till")
        await leave(watch, "till", "board", "other", status=0)
    recorder.keep("sail-well-activemq-pause", watch)


async def test_a_train_ride(start: Starter, recorder: Recorder) -> None:
    """A fifth of the packets is lost, and for two seconds all of them; STOMP and our pings hold out."""
    with routed() as hosts:
        hosts.be_patient(9)
        hosts.start_node()
        broker = await begun(hosts.server, start, Artemis)
        doors(hosts, broker)
        chat: Table = {"url": f"ws://{SERVER}:8080/", "ping_interval": 2.5, "ping_timeout": 12.0}
        board: Table = {"url": f"stomp://{SERVER}:{broker.port}", "heart_beat": "6000,6000"} | ANNA
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, chat=chat | {"do": says(1.3, 20)}, board=board)
            await echoed(watch, 2, "chat")
            hosts.router.wall("numgen random mod 100 < 20 drop", name="loss")
            await echoed(watch, 2, "chat")
            hosts.router.wall("tcp dport > 0 drop", name="hole")
            await asyncio.sleep(2)
            hosts.router.no_wall("hole")
            await echoed(watch, 2, "chat")
            hosts.router.no_wall("loss")
            await beaten(watch, 1, "board")
            await leave(watch, "chat", "board", status=0)
    recorder.keep("sail-well-train-ride", watch)


async def test_everything_comes_late(start: Starter, recorder: Recorder) -> None:
    """A second and a half of delay by Toxiproxy: a poller, a stream and a chat that pings, none of them in a hurry."""
    server, node = start(SockJsNode, heartbeat_delay=4000), start(NodeWs)
    slow, slower = start(Toxiproxy, server.port), start(Toxiproxy, node.port)
    for way in (slow, slower):
        way.poison("latency", latency=1400, jitter=300)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, polls=sockjs(slow.port, "xhr-polling", open_timeout=15.0, do=says(2.0, 9)))
        await opened(watch, stream=sockjs(slow.port, "xhr-streaming", open_timeout=15.0))
        await opened(watch, chat=ws(slower.port, ping_interval=1.8, ping_timeout=6.0, do=says(1.1, 9)))
        await echoed(watch, 5, "chat")
        await leave(watch, "polls", "stream", "chat", status=0)
    recorder.keep("sail-well-everything-comes-late", watch)


async def test_alerts_are_read_aloud(start: Starter, recorder: Recorder) -> None:
    """A feed of alerts is full of words of other people's ends; nobody's session here has one."""
    node = start(NodeWs)
    alerts = [
        "0.7 send 1006 abnormal closure on gateway-3, restarting",
        "1.5 send ERROR Connection to broker closed. ECONNRESET",
        '2.2 send {"type":"close","code":1011,"reason":"keepalive ping timeout"}',
        "3.1 send c[3000,No response from heartbeat]",
        "4.0 send HTTP/1.1 502 Bad Gateway",
    ]

    async def quiet(watch: Watch) -> None:
        await asyncio.sleep(1.2)
        await ask(watch, "ping", "feed")
        await seen(watch, "frame", "feed", dir="in", opcode=10)

    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, feed=ws(node.port, do=alerts), silent=ws(node.port))
        await echoed(watch, 5, "feed")
        await quiet(watch)
        await leave(watch, "feed", "silent", status=0)
    recorder.keep("sail-well-alerts-read-aloud", watch)

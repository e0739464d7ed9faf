"""Who goes silent: brokers without beats, programs that hang, pongs that never come, a machine that sleeps."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.frames import Opcode

from tests.probing import ask, probing, seen
from tests.servers.abreast import up
from tests.servers.activemq import ActiveMq
from tests.servers.apache import Apache
from tests.servers.ashore import side_by_side
from tests.servers.between import Table, opened, says, staged, stomp, stomps, ws, wss
from tests.servers.forward import Squid
from tests.servers.frameworks import Aiohttp, Sanic, Tornado
from tests.servers.frozen import frozen
from tests.servers.goapps import Melody
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.joined import CREW
from tests.servers.jvm import JavaWebSocket, Undertow
from tests.servers.lines import beaten, echoed, leave
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeStomp, NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

PINGS: Table = {"ping_interval": 1.6, "ping_timeout": 3.3, "close_timeout": 1.0}


async def two_screens_hear_no_beats(start: Starter, recorder: Recorder) -> None:
    """A broker behind Apache beats twice and no more under two screens, one of which pings and gets its pongs."""
    server = await up(start, NodeStomp, beatEvery=1300, beats=2)
    other = await up(start, NodeStomp, beatEvery=1300, beats=1000)
    apache = await up(start, Apache, server.port)
    base: Table = {"url": f"stomp+ws://{LOOPBACK}:{apache.port}/", "heart_beat": "1300,1300"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            other={"url": other.url, "heart_beat": "1300,1300"},
            left=base,
            right=base | {"ping_interval": 1.9, "ping_timeout": 5.0},
        )
        await seen(watch, "frame", "right", opcode=10, dir="in", count=4)
        await asyncio.sleep(1.5)
        await leave(watch, "other", "left", "right")
    for name in ("left", "right"):
        assert len(watch.of("stomp", name, dir="in", command="beat")) == 2
    recorder.keep("finch-apache-two-screens-hear-no-beats", watch)


async def a_scheduler_is_full(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A STOMP broker over TCP and TLS: its timer thread has died, its receipts come; RabbitMQ's neighbour is well."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            beats = 0

            async def beat() -> None:
                nonlocal beats
                while beats < 3:
                    await asyncio.sleep(1.5)
                    writer.write(b"\n")
                    beats += 1

            task: asyncio.Task[None] | None = None
            while True:
                frame = (await reader.readuntil(b"\0")).lstrip(b"\n")
                if frame.startswith((b"CONNECT", b"STOMP")):
                    writer.write(b"CONNECTED\nversion:1.2\nheart-beat:1500,1500\nserver:mews/1.0\n\n\0")
                    task = asyncio.create_task(beat())
                elif b"\nreceipt:" in frame:
                    word = frame.split(b"\nreceipt:")[1].split(b"\n")[0]
                    writer.write(b"RECEIPT\nreceipt-id:" + word + b"\n\n\0")
            assert task
        writer.close()

    async with await asyncio.start_server(serve, LOOPBACK, 0) as server:
        stunnel = await up(start, Stunnel, server.sockets[0].getsockname()[1], certificate)
        other = await up(start, NodeStomp, beatEvery=1500, beats=1000)
        asks = [rf"{at} stomp-frame SEND\ndestination:/queue/b\nreceipt:r{at}\n\nx\0" for at in (1.0, 5.6, 8.2, 9.6)]
        async with probing("--stdin", **POSTMORTEM) as watch:
            await opened(
                watch,
                other={"url": other.url, "heart_beat": "1500,1500"},
                books=stomps(stunnel.port, "1500,1500", certificate, do=asks),
            )
            await seen(watch, "stomp", "books", dir="in", command="RECEIPT", count=4)
            await leave(watch, "other", "books")
        server.close()
    assert len(watch.of("stomp", "books", dir="in", command="beat")) == 3
    recorder.keep("finch-stomps-timer-thread-died-receipts-come", watch)


async def aiohttp_sleeps(start: Starter, recorder: Recorder) -> None:
    """One user's report is computed without ``await`` on aiohttp: he and a quiet one ping in vain. Tornado is well."""
    server, other = await up(start, Aiohttp), await up(start, Tornado)
    tables = {
        "other": ws(other.port, do=says(1.5, 12)),
        "report": ws(server.port, do=["0.5 send hello", "2.4 send block 25"], reconnect=True, open_timeout=2.5) | PINGS,
        "quiet": ws(server.port) | PINGS,
    }

    async def strike(watch: Watch) -> None:
        await seen(watch, "close", "quiet")
        await seen(watch, "close", "report", count=2)

    watch = await staged(tables, "report", "quiet", strike=strike)
    recorder.keep("finch-aiohttp-report-blocks-all", watch)


async def activemq_collects(own: ActiveMq, start: Starter, recorder: Recorder) -> None:
    """ActiveMQ stands still for long: two STOMP sessions over TCP with different beats hear nothing of it."""
    other = await up(start, NodeWs)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            other=ws(other.port, do=says(2.6, 20)),
            fast=stomp(own.port, "1900,1900", CREW, do=says(1.1, 5, "stomp-send /queue/f 1")),
            slow=stomp(own.port, "3000,3000", CREW),
        )
        await beaten(watch, 1, "slow")
        with frozen(own.pid):
            await asyncio.sleep(7.8)
            await leave(watch, "other", "fast", "slow")
    recorder.keep("finch-activemq-stands-still", watch)


async def squid_takes_our_pings(start: Starter, recorder: Recorder) -> None:
    """Behind Squid's tunnel Undertow is stopped: it takes our pings, nobody answers; another is well."""
    server, other = await up(start, Undertow), await up(start, NodeWs)
    squid = await up(start, Squid)
    way = {"proxy": f"http://{LOOPBACK}:{squid.port}"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            other=ws(other.port, do=says(1.4, 12), **way),
            wall=ws(server.port, "/live?user=wall", **way, **PINGS),
        )
        await seen(watch, "frame", "wall", opcode=10, dir="in", count=2)
        with frozen(server.pid):
            await looked(watch, "wall", patience=3)
            await leave(watch, "other", status=1)
    recorder.keep("finch-squid-takes-our-pings", watch)


async def a_library_knows_no_ping(start: Starter, recorder: Recorder) -> None:
    """A home-made server says everything back and answers no ping; our client pings it, gives up and tries again."""

    class Deaf(ServerConnection):
        def __init__(self, protocol: Any, *args: Any, **options: Any) -> None:
            send = protocol.send_frame
            protocol.send_frame = lambda frame: None if frame.opcode is Opcode.PONG else send(frame)
            super().__init__(protocol, *args, **options)

    other = await up(start, NodeWs)
    async with house(ping_interval=None, create_connection=Deaf) as app:
        tables = {
            "other": ws(other.port, do=says(1.3, 12)) | PINGS,
            "bot": ws(app.port, "/?user=bot", do=says(0.9, 4.5), reconnect=True) | PINGS,
        }

        async def strike(watch: Watch) -> None:
            await seen(watch, "close", "bot", count=2)

        watch = await staged(tables, "bot", strike=strike)
    assert watch.of("close", "bot")[0]["initiator"] == "local"
    assert len(watch.of("frame", "bot", dir="in", opcode=1)) > 2
    recorder.keep("finch-python-library-knows-no-ping", watch)


async def sanic_misses_a_pong(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Sanic pings every 1.4 s and says 1011 to a kiosk that sends no pong though it talks; its twin stays. stunnel."""
    server = await up(start, Sanic, WEBSOCKET_PING_INTERVAL=1.4, WEBSOCKET_PING_TIMEOUT=1.9)
    stunnel = await up(start, Stunnel, server.port, certificate)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "kiosk", opcode=10, dir="out", count=2)
        await ask(watch, "hold-pongs", "kiosk")

    tables = {"twin": wss(stunnel.port, certificate), "kiosk": wss(stunnel.port, certificate, do=says(0.8, 9))}
    watch = await staged(tables, "kiosk", strike=strike, stage="tls")
    assert watch.the("close", "kiosk")["initiator"] == "remote"
    recorder.keep("finch-stunnel-sanic-kiosk-no-pong", watch)


async def java_misses_two_pongs(start: Starter, recorder: Recorder) -> None:
    """Java-WebSocket's ``connectionLostTimeout``: two phones hold their pongs; a third stays. HAProxy."""
    server = await up(start, JavaWebSocket, lost=2)
    haproxy = await up(start, HaProxy, server.port, tunnel=40)
    url = "/live?user="

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "b", opcode=10, dir="out", count=1)
        for name in ("a", "b"):
            await ask(watch, "hold-pongs", name)

    tables = {
        "stays": ws(haproxy.port, f"{url}stays"),
        "a": ws(haproxy.port, f"{url}a", do=["0.4 send hello"]),
        "b": ws(haproxy.port, f"{url}b"),
    }
    watch = await staged(tables, "a", "b", strike=strike)
    assert {watch.the("close", name)["initiator"] for name in ("a", "b")} == {"remote"}
    recorder.keep("finch-haproxy-java-two-phones-no-pong", watch)


async def the_lid_is_closed(activemq: ActiveMq, certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """The machine sleeps for 7 s: melody by nginx and ActiveMQ drop their sessions, which come back; Node waits."""
    server, patient = await up(start, Melody, PongWait=3.0, PingPeriod=1.3), await up(start, NodeWs)
    nginx = await up(start, Nginx, server.port, 40, certificate)
    tables = {
        "patient": ws(patient.port, do=says(2.2, 20)),
        "chat": wss(nginx.port, certificate, reconnect=True) | {"url": f"wss://localhost:{nginx.port}/ws"},
        "till": stomp(activemq.port, "1500,1500", CREW, reconnect=True),
    }

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "chat", opcode=10, dir="out", count=2)
        await beaten(watch, 1, "till")
        with frozen(watch.process.pid):
            await asyncio.sleep(7)
        await seen(watch, "open", "chat", count=2)
        await seen(watch, "stomp", "till", command="CONNECTED", count=2)
        await echoed(watch, 1, "patient")

    watch = await staged(tables, "chat", "till", strike=strike, stage="tls")
    assert watch.of("stall")
    recorder.keep("finch-lid-closed-melody-and-activemq", watch)


async def a_virtual_machine_is_moved(start: Starter, recorder: Recorder) -> None:
    """The client's machine pauses for 5 s: Tornado by HAProxy gives up on both its sessions; a SockJS stream lives."""
    server = await up(start, Tornado, websocket_ping_interval=1.2, websocket_ping_timeout=1.2)
    haproxy = await up(start, HaProxy, server.port, tunnel=40)
    page = await up(start, SockJsNode, heartbeat_delay=2500)
    tables: dict[str, Table] = {
        "stream": {"url": page.url, "sockjs_transport": "xhr-streaming"},
        "talks": ws(haproxy.port, do=says(0.9, 20)),
        "quiet": ws(haproxy.port),
    }
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, **tables)
        await seen(watch, "frame", "quiet", opcode=10, dir="out", count=2)
        with frozen(watch.process.pid):
            await asyncio.sleep(5)
        await looked(watch, "talks", "quiet")
        await seen(watch, "sockjs", "stream", kind="h", dir="in", count=3)
        await leave(watch, "stream", status=1)
    assert watch.of("stall")
    recorder.keep("finch-haproxy-tornado-machine-is-moved", watch)


async def test_beats_and_programs(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Several at a time; most of the time is spent waiting."""
    runs = (two_screens_hear_no_beats, aiohttp_sleeps, squid_takes_our_pings, a_library_knows_no_ping)
    await side_by_side(
        (
            *(run(start, recorder) for run in runs),
            a_scheduler_is_full(certificate, start, recorder),
        )
    )


async def test_a_long_collection(own_activemq: ActiveMq, start: Starter, recorder: Recorder) -> None:
    """A broker stands still for eight seconds."""
    await activemq_collects(own_activemq, start, recorder)


async def test_pongs_and_sleep(
    activemq: ActiveMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """Several at a time; most of the time is spent waiting."""
    runs = (java_misses_two_pongs, a_virtual_machine_is_moved)
    await side_by_side(
        (
            *(run(start, recorder) for run in runs),
            sanic_misses_a_pong(certificate, start, recorder),
            the_lid_is_closed(activemq, certificate, start, recorder),
        )
    )

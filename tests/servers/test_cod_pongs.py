"""Pings that nobody answers: theirs by us, ours by them; and pongs that only come late."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import Opcode

from tests.probing import ask, probing, seen
from tests.servers.abreast import up
from tests.servers.ashore import begun, doors, side_by_side
from tests.servers.between import Table, opened, says, staged, ws
from tests.servers.endings import assert_said
from tests.servers.frameworks import Aiohttp, Tornado
from tests.servers.goapps import Melody
from tests.servers.golang import Gorilla
from tests.servers.haproxy import HaProxy
from tests.servers.lesser import Redir, Varnish
from tests.servers.lines import behind_nginx, echoed, leave
from tests.servers.nginx import Certificate
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.node_apps import Nes, SocketIo
from tests.servers.outside import house_there, outside, there
from tests.servers.recordings import Recorder
from tests.servers.routed import routed
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.test_wire_doors import trusts
from tests.servers.uvicorn import Uvicorn
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

PINGS: Table = {"ping_interval": 1.3, "ping_timeout": 2.9, "close_timeout": 1.0}


class Deaf(ServerConnection):
    """A server's end that answers no ping."""

    def __init__(self, protocol: Any, *args: Any, **options: Any) -> None:
        send = protocol.send_frame
        protocol.send_frame = lambda frame: None if frame.opcode is Opcode.PONG else send(frame)
        super().__init__(protocol, *args, **options)


async def socket_io_hears_no_3(start: Starter, recorder: Recorder) -> None:
    """Socket.IO on another host asks "2": one client answers "3" twice and no more, its neighbour goes on."""
    with routed() as hosts:
        server = await begun(hosts.server, start, SocketIo, pingInterval=1500, pingTimeout=1800)
        doors(hosts, server)
        path = "/socket.io/?EIO=4&transport=websocket"
        answers = [f"{at:.2f} send 3" for at in (1.7, 3.25, 4.8, 6.35, 7.9, 9.45, 11.0)]
        tables = {
            "goes-on": there(server.port, path, do=["0.1 send 40", *answers]),
            "stops": there(server.port, path, do=["0.1 send 40", *answers[:2]]),
        }
        watch = await outside(hosts, tables, "stops", patience=2.5)
    assert watch.the("close", "stops")["initiator"] == "remote"
    recorder.keep("cod-afar-socketio-hears-no-3", watch)


async def nes_hears_no_ping(start: Starter, recorder: Recorder) -> None:
    """@hapi/nes by HAProxy pings by messages; a kiosk says hello and nothing more. Another page is elsewhere."""
    server, other = await up(start, Nes, heartbeat={"interval": 2200, "timeout": 1400}), await up(start, NodeWs)
    haproxy = await up(start, HaProxy, server.port, tunnel=40)
    tables = {
        "elsewhere": ws(other.port, do=says(1.8, 9)),
        "kiosk": ws(haproxy.port, do=['0.2 send {"type":"hello","id":1,"version":"2"}']),
    }
    watch = await staged(tables, "kiosk")
    assert watch.the("close", "kiosk")["initiator"] == "remote"
    recorder.keep("cod-haproxy-nes-no-answer-to-its-ping", watch)


async def gorilla_afar_misses_pongs(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """gorilla behind nginx on another host: a pager that only listens holds its pongs; one that answers is well."""
    with routed() as hosts:
        server = await begun(hosts.server, start, Gorilla, PongWait=2.6, PingPeriod=1.1)
        _, url = await asyncio.to_thread(behind_nginx, hosts, start, certificate, server.port)

        async def strike(watch: Watch) -> None:
            await seen(watch, "frame", "pager", opcode=10, dir="out", count=2)
            await ask(watch, "hold-pongs", "pager")

        sealed = trusts(certificate)
        tables: dict[str, Table] = {
            "other": {"url": f"{url}ws?user=other", "do": says(2.2, 9)} | sealed,
            "pager": {"url": f"{url}ws?user=pager"} | sealed,
        }
        watch = await outside(hosts, tables, "pager", strike=strike, stage="tls")
    assert watch.the("close", "pager")["initiator"] == "remote"
    recorder.keep("cod-afar-nginx-gorilla-pager-no-pong", watch)


async def melody_afar_and_one_late(start: Starter, recorder: Recorder) -> None:
    """melody on another host: one holds its pongs for good, one for a second only, which is forgiven."""
    with routed() as hosts:
        server = await begun(hosts.server, start, Melody, PongWait=3.4, PingPeriod=1.5)
        doors(hosts, server)

        async def strike(watch: Watch) -> None:
            await seen(watch, "frame", "gone", opcode=10, dir="out")
            for name in ("gone", "late"):
                await ask(watch, "hold-pongs", name)
            await seen(watch, "frame", "late", opcode=9, dir="in", count=2)
            await asyncio.sleep(0.9)
            await ask(watch, "release-pongs", "late")

        tables = {
            "late": there(server.port, "/ws"),
            "gone": there(server.port, "/ws", do=says(0.9, 9)),
        }
        watch = await outside(hosts, tables, "gone", strike=strike)
    assert watch.the("close", "gone")["initiator"] == "remote"
    recorder.keep("cod-afar-melody-one-gone-one-late", watch)


async def uvicorn_says_it_to_a_lone_one(start: Starter, recorder: Recorder) -> None:
    """uvicorn by Varnish, one reader alone: 1011, it comes back, answers, and is well until its user leaves."""
    server = await up(start, Uvicorn, ws_ping_interval=1.2, ws_ping_timeout=1.4)
    varnish = await up(start, Varnish, server.port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, reader=ws(varnish.port, do=["0.5 send subscribe"], reconnect=True))
        await seen(watch, "frame", "reader", opcode=10, dir="out", count=2)
        await ask(watch, "hold-pongs", "reader")
        await seen(watch, "close", "reader")
        await ask(watch, "release-pongs", "reader")
        await seen(watch, "open", "reader", count=2)
        await seen(watch, "frame", "reader", opcode=9, dir="in", count=5)
        await leave(watch, status=1)
    assert watch.of("close", "reader")[0]["code"] == 1011
    recorder.keep("cod-varnish-uvicorn-lone-reader-1011", watch)


async def node_terminates_a_talker(start: Starter, recorder: Recorder) -> None:
    """Node's README: who has not ponged by the next ping is terminated. A talker by redir; another by it is well."""
    server = await up(start, NodeWs, pingEvery=1700)
    redir = await up(start, Redir, server.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "talker", opcode=10, dir="out", count=2)
        await ask(watch, "hold-pongs", "talker")

    tables = {"other": ws(redir.port), "talker": ws(redir.port, do=says(0.7, 9))}
    watch = await staged(tables, "talker", strike=strike)
    assert watch.the("close", "talker")["received"] is None
    recorder.keep("cod-redir-node-terminates-a-talker", watch)


async def a_bot_misses_op_ping(recorder: Recorder) -> None:
    """A gateway far away asks by its own protocol and says 4009 and "ping timeout" to who does not answer."""
    due: dict[str, asyncio.Task[None]] = {}
    asking: list[asyncio.Task[None]] = []

    async def patience(client: ServerConnection) -> None:
        await asyncio.sleep(1.6)
        await client.close(4009, "ping timeout")

    async def inquire(user: str, client: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            while True:
                await asyncio.sleep(1.5)
                await client.send('{"op":1}')
                if user not in due or due[user].done():
                    due[user] = asyncio.create_task(patience(client))

    async def rule(user: str, client: ServerConnection, message: str | bytes) -> None:
        if "login" in str(message):
            asking.append(asyncio.create_task(inquire(user, client)))
        elif '"op":2' in str(message):
            due[user].cancel()

    with routed() as hosts:
        async with house_there(hosts, rule, ping_interval=None) as app:
            login = '0.1 send {"login":"x"}'
            answers = [f'{1.75 + n * 1.5:.2f} send {{"op":2}}' for n in range(8)]
            tables = {
                "alive": there(app.port, "/?user=alive", do=[login, *answers]),
                "bot": there(app.port, "/?user=bot", do=[login, *answers[:2]]),
            }
            watch = await outside(hosts, tables, "bot", patience=1.5)
            for task in (*asking, *due.values()):
                task.cancel()
    assert_said(watch.the("close", "bot"), 4009, "ping timeout")
    recorder.keep("cod-afar-bot-op-ping-timeout-4009", watch)


async def sockjs_node_gives_up(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """sockjs-node's socket by stunnel: no pong for 10 s, c[3000]. Who streams by it is well."""
    server = await up(start, SockJsNode, heartbeat_delay=1500)
    stunnel = await up(start, Stunnel, server.port, certificate)
    base: Table = {"url": f"https://localhost:{stunnel.port}/echo", "cacert": str(certificate.ca)}

    async def strike(watch: Watch) -> None:
        await ask(watch, "hold-pongs", "chat")

    tables = {
        "stream": base | {"sockjs_transport": "xhr-streaming"},
        "chat": base | {"sockjs_transport": "websocket", "do": ["0.4 send hello"]},
    }
    watch = await staged(tables, "chat", strike=strike, stage="tls")
    assert watch.the("close", "chat")["code"] == 3000
    recorder.keep("cod-stunnel-sockjs-no-response-3000", watch)


async def test_their_pings(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Several at a time; most of the time is spent waiting."""
    runs = (nes_hears_no_ping, uvicorn_says_it_to_a_lone_one, node_terminates_a_talker)
    await side_by_side((*(run(start, recorder) for run in runs), sockjs_node_gives_up(certificate, start, recorder)))


async def test_their_pings_afar(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Several networks at a time; most of the time is spent waiting."""
    await side_by_side(
        (
            socket_io_hears_no_3(start, recorder),
            melody_afar_and_one_late(start, recorder),
            a_bot_misses_op_ping(recorder),
            gorilla_afar_misses_pongs(certificate, start, recorder),
        )
    )


async def a_ticker_afar_is_deaf(recorder: Recorder) -> None:
    """A ticker far away says everything back and answers no ping: we give up. One that does not ping it is well."""
    with routed() as hosts:
        async with house_there(hosts, ping_interval=None, create_connection=Deaf) as app:
            tables = {
                "reader": there(app.port, "/?user=reader", do=says(1.6, 12)),
                "bot": there(app.port, "/?user=bot", do=says(0.9, 12)) | PINGS,
            }
            watch = await outside(hosts, tables, "bot", patience=2)
    assert watch.the("close", "bot")["initiator"] == "local"
    assert len(watch.of("frame", "bot", dir="in", opcode=1)) > 2
    recorder.keep("cod-afar-ticker-answers-no-ping", watch)


async def a_meter_afar_is_deaf_and_silent(recorder: Recorder) -> None:
    """A meter far away is silent and answers no ping; its kernel takes them. Twice, and its door opens each time."""
    with routed() as hosts:
        async with house_there(hosts, ping_interval=None, create_connection=Deaf) as app:

            async def strike(watch: Watch) -> None:
                await seen(watch, "close", "meter", count=2)

            tables = {"meter": there(app.port, "/?user=meter", reconnect=True) | PINGS}
            watch = await outside(hosts, tables, "meter", strike=strike, patience=1)
    assert watch.of("close", "meter")[0]["initiator"] == "local"
    recorder.keep("cod-afar-meter-deaf-and-silent-twice", watch)


async def a_loop_is_blocked_for_a_while(start: Starter, recorder: Recorder) -> None:
    """A stall of aiohttp's loop for 2 s is shorter than our patience: nobody drops, though pongs are late."""
    with routed() as hosts:
        server = await begun(hosts.server, start, Aiohttp)
        other = await begun(hosts.server, start, Tornado)
        doors(hosts, server, other)

        async def strike(watch: Watch) -> None:
            await seen(watch, "frame", "quiet", opcode=10, dir="in", count=4)
            await echoed(watch, 1, "other")

        tables = {
            "other": there(other.port, do=says(1.4, 9)),
            "report": there(server.port, do=["0.5 send hello", "1.9 send block 2", *says(3, 7)]),
            "quiet": there(server.port, ping_interval=1.5, ping_timeout=5.0),
        }
        watch = await outside(hosts, tables, strike=strike)
    recorder.keep("cod-none-afar-loop-blocked-two-seconds", watch)


async def test_our_pings(recorder: Recorder, start: Starter) -> None:
    """Several networks at a time; most of the time is spent waiting."""
    await side_by_side(
        (
            a_ticker_afar_is_deaf(recorder),
            a_meter_afar_is_deaf_and_silent(recorder),
            a_loop_is_blocked_for_a_while(start, recorder),
        )
    )

"""Pings that nobody answers, theirs and ours, and machines that sleep."""

import asyncio
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.frames import Opcode

from tests.probing import ask, probing, seen
from tests.servers.abreast import up
from tests.servers.apache import Apache
from tests.servers.ashore import side_by_side
from tests.servers.between import Table, opened, says, staged, web_stomp, ws, wss
from tests.servers.frameworks import Aiohttp
from tests.servers.frozen import frozen
from tests.servers.golang import Gorilla
from tests.servers.house import house
from tests.servers.lesser import Hitch, Lighttpd
from tests.servers.lines import leave
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.traefik import Traefik
from tests.servers.uvicorn import Uvicorn
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

PINGS: Table = {"ping_interval": 1.4, "ping_timeout": 3.0, "close_timeout": 1.0}


class Deaf(ServerConnection):
    """A server's end that answers no ping."""

    def __init__(self, protocol: Any, *args: Any, **options: Any) -> None:
        send = protocol.send_frame
        protocol.send_frame = lambda frame: None if frame.opcode is Opcode.PONG else send(frame)
        super().__init__(protocol, *args, **options)


async def gorilla_misses_a_pong(start: Starter, recorder: Recorder) -> None:
    """gorilla's PongWait of 3 s ends a phone that talks and sends no pong, behind nginx; another phone stays."""
    server = await up(start, Gorilla, PongWait=3.0, PingPeriod=1.2)
    nginx = await up(start, Nginx, server.port, 40)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "phone", opcode=10, dir="out", count=2)
        await ask(watch, "hold-pongs", "phone")

    tables = {
        "other": ws(nginx.port, "/ws?user=other"),
        "phone": ws(nginx.port, "/ws?user=phone", do=says(1.1, 9)),
    }
    watch = await staged(tables, "phone", strike=strike)
    assert watch.the("close", "phone")["initiator"] == "remote"
    recorder.keep("lark-nginx-gorilla-no-pong-though-it-talks", watch)


async def aiohttp_misses_two(start: Starter, recorder: Recorder) -> None:
    """aiohttp's ``heartbeat`` of 1.8 s: two readers behind Apache send no pong any more; who does stays."""
    server = await up(start, Aiohttp, heartbeat=1.8)
    apache = await up(start, Apache, server.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "b", opcode=10, dir="out", count=2)
        for name in ("a", "b"):
            await ask(watch, "hold-pongs", name)

    tables = {"stays": ws(apache.port), "a": ws(apache.port, do=["0.5 send hello"]), "b": ws(apache.port)}
    watch = await staged(tables, "a", "b", strike=strike)
    assert {watch.the("close", name)["initiator"] for name in ("a", "b")} == {"remote"}
    recorder.keep("lark-apache-aiohttp-two-no-pong", watch)


async def uvicorn_says_1011(start: Starter, recorder: Recorder) -> None:
    """uvicorn's keepalive ends a tab behind lighttpd by 1011; it comes back and is well. Another was well all along."""
    server = await up(start, Uvicorn, ws_ping_interval=1.3, ws_ping_timeout=1.6)
    lighttpd = await up(start, Lighttpd, server.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "tab", opcode=10, dir="out", count=1)
        await ask(watch, "hold-pongs", "tab")
        await seen(watch, "close", "tab")
        await ask(watch, "release-pongs", "tab")
        await seen(watch, "open", "tab", count=2)
        await asyncio.sleep(2.5)

    tables = {
        "other": ws(lighttpd.port, do=says(1.9, 9)),
        "tab": ws(lighttpd.port, do=says(1.2, 3), reconnect=True),
    }
    watch = await staged(tables, "tab", strike=strike)
    assert watch.of("close", "tab")[0]["code"] == 1011
    recorder.keep("lark-lighttpd-uvicorn-1011-and-back", watch)


async def a_ticker_answers_no_ping(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A home-made ticker pushes a price each second and answers no ping, behind hitch: a bot gives up."""
    tasks: list[asyncio.Task[None]] = []

    async def tick(client: ServerConnection) -> None:
        for price in range(100, 140):
            await asyncio.sleep(1.1)
            await client.send(f"price {price}")

    async def rule(_: str, client: ServerConnection, __: str | bytes) -> None:
        tasks.append(asyncio.create_task(tick(client)))

    async with house(rule, ping_interval=None, create_connection=Deaf) as app:
        hitch = await up(start, Hitch, app.port, certificate)
        url = f"wss://localhost:{hitch.port}/?user="
        tables = {
            "reader": wss(hitch.port, certificate, do=["0.2 send subscribe"]) | {"url": f"{url}reader"},
            "bot": wss(hitch.port, certificate, do=["0.2 send subscribe"]) | {"url": f"{url}bot"} | PINGS,
        }
        watch = await staged(tables, "bot", stage="tls", status=1)
        for task in tasks:
            task.cancel()
    assert watch.the("close", "bot")["initiator"] == "local"
    assert len(watch.of("frame", "bot", dir="in", opcode=1)) > 2
    recorder.keep("lark-hitch-ticker-answers-no-ping", watch)


async def a_device_is_deaf(start: Starter, recorder: Recorder) -> None:
    """A device that has nothing to say answers no ping; our client gives up on it twice. Another device does."""
    other = await up(start, NodeWs)
    async with house(ping_interval=None, create_connection=Deaf) as app:
        tables = {
            "other": ws(other.port) | PINGS,
            "device": ws(app.port, "/?user=device", reconnect=True) | PINGS,
        }

        async def strike(watch: Watch) -> None:
            await seen(watch, "close", "device", count=2)

        watch = await staged(tables, "device", strike=strike)
    assert watch.of("close", "device")[0]["initiator"] == "local"
    recorder.keep("lark-deaf-device-in-silence-twice", watch)


async def a_laptop_sleeps(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """The machine sleeps for 6.5 s: uvicorn and RabbitMQ give up on their sessions, which come back; a stream waits."""
    server = await up(start, Uvicorn, ws_ping_interval=1.5, ws_ping_timeout=2)
    page = await up(start, SockJsNode, heartbeat_delay=2100)
    tables: dict[str, Table] = {
        "page": {"url": page.url, "sockjs_transport": "xhr-streaming"},
        "chat": ws(server.port, do=says(1.3, 4), reconnect=True),
        "till": web_stomp(broker.port, "1800,1800", reconnect=True),
    }

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "chat", opcode=10, dir="out", count=2)
        with frozen(watch.process.pid):
            await asyncio.sleep(6.5)
        await seen(watch, "open", "chat", count=2)
        await seen(watch, "stomp", "till", command="CONNECTED", count=2)
        await seen(watch, "sockjs", "page", kind="h", dir="in", count=4)

    watch = await staged(tables, "chat", "till", strike=strike)
    assert watch.of("stall")
    recorder.keep("lark-laptop-sleeps-uvicorn-and-rabbitmq", watch)


async def a_lone_sleeper(start: Starter, recorder: Recorder) -> None:
    """A suspended virtual machine with one page of Node by Traefik, whose pings go unanswered for 5 s."""
    server = await up(start, NodeWs, pingEvery=1600)
    traefik = await up(start, Traefik, server.port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, page=ws(traefik.port, do=says(1.2, 3), reconnect=True))
        await seen(watch, "frame", "page", opcode=10, dir="out", count=2)
        with frozen(watch.process.pid):
            await asyncio.sleep(5)
        await seen(watch, "open", "page", count=2)
        await asyncio.sleep(2)
        await leave(watch, status=1)
    assert watch.of("stall") and watch.of("close", "page")[0]["initiator"] == "remote"
    recorder.keep("lark-traefik-node-sleeper-lone", watch)


async def test_pongs(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Several at a time; most of the time is spent waiting."""
    runs = (gorilla_misses_a_pong, aiohttp_misses_two, uvicorn_says_1011, a_device_is_deaf)
    await side_by_side(
        (*(run(start, recorder) for run in runs), a_ticker_answers_no_ping(certificate, start, recorder))
    )


async def test_sleep(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """Two at a time."""
    await side_by_side((a_laptop_sleeps(broker, start, recorder), a_lone_sleeper(start, recorder)))

"""Hours in which nothing is wrong: much is said, nothing is said, beats come late, proxies are in between."""

import asyncio

import pytest

from tests.probing import ask, probing, seen
from tests.servers.between import Table, opened, says, sockjs, stomp, stomps, web_stomp, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.forward import Connect
from tests.servers.frozen import frozen
from tests.servers.golang import Gorilla
from tests.servers.haproxy import HaProxy
from tests.servers.jvm import Artemis, Jetty, Vertx
from tests.servers.lesser import Hitch
from tests.servers.lines import beaten, leave
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.uvicorn import Uvicorn
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_busy_hour(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """Chats, orders and a stream are busy, and their words are of closing, timeouts and errors."""
    chat, stream = start(Uvicorn), start(SockJsNode, heartbeat_delay=2600)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            chat={"url": chat.url, "do": says(0.9, 5, "send session timed out, going away, 1011")},
            orders=stomp(broker.stomp_port, "2000,2000", subscribe=["/topic/jay.busy"]),
            desk=web_stomp(broker.port, "1500,0", do=says(1.1, 5.5, "stomp-send /topic/jay.busy ERROR token expired")),
            stream=sockjs(stream.port, "xhr-streaming", do=says(1.3, 5.5, "send try again later")),
        )
        await seen(watch, "stomp", "orders", command="MESSAGE", count=5)
        await leave(watch, "chat", "orders", "desk", "stream", status=0)
    recorder.keep("jay-busy-hour-and-well", watch)


async def test_nobody_says_a_word(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """Eleven seconds of silence: sockets without pings, STOMP without beats, TLS; then one word each, answered."""
    server = start(Jetty)
    hitch = start(Hitch, server.port, certificate)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            plain=ws(server.port, "/live?user=plain"),
            tls=wss(hitch.port, certificate) | {"url": f"wss://localhost:{hitch.port}/live?user=tls"},
            orders=stomp(broker.stomp_port, "0,0", subscribe=["/topic/jay.silent"]),
        )
        await asyncio.sleep(11)
        await ask(watch, "send hello", "plain")
        await ask(watch, "stomp-send /topic/jay.silent 1", "orders")
        await seen(watch, "frame", "plain", dir="in", opcode=1)
        await seen(watch, "stomp", "orders", command="MESSAGE")
        await leave(watch, "plain", "tls", "orders", status=0)
    recorder.keep("jay-nobody-says-a-word-and-well", watch)


async def test_late_beats(artemis: Artemis, start: Starter, recorder: Recorder) -> None:
    """A broker pauses for 1.6 s, our own beats are late by half of their pace; nobody minds, all goes on."""
    server = start(Vertx)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            paused={"url": server.stomp_url, "heart_beat": "1000,1000"},
            late=stomp(artemis.port, "2000,2000", {"login": "anna", "passcode": "crew"}),
        )
        await beaten(watch, 1, "late", "paused")
        await ask(watch, "throttle-beats 3000", "late")
        for _ in range(2):
            with frozen(server.pid):
                await asyncio.sleep(1.6)
            await beaten(watch, 2, "paused")
        await beaten(watch, 2, "late")
        await ask(watch, "release-beats", "late")
        await beaten(watch, 1, "late")
        await leave(watch, "paused", "late", status=0)
    recorder.keep("jay-late-beats-and-well", watch)


async def test_behind_proxies(broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """By nginx, HAProxy, Caddy and a CONNECT proxy, whose timeouts are longer than each one's pace; one is reloaded."""
    chat, server = start(Gorilla, PongWait=5.0, PingPeriod=2.2), start(NodeWs)
    nginx = start(Nginx, chat.port, 4.5)
    haproxy = start(HaProxy, broker.stomp_port, client=4.2, certificate=certificate, options="mode tcp")
    caddy, office = start(Caddy, server.port), start(Connect, idle=5)
    way: Table = {"proxy": f"http://{LOOPBACK}:{office.port}"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            chat=ws(nginx.port, "/ws?user=chat"),
            orders=stomps(haproxy.port, "3300,3300", certificate),
            page=ws(caddy.port, do=says(3.1, 10)),
            office=ws(server.port, ping_interval=2.9, **way),
        )
        await seen(watch, "frame", "chat", opcode=9, dir="in", count=2)
        nginx.reload()
        await seen(watch, "frame", "chat", opcode=9, dir="in", count=4)
        await beaten(watch, 1, "orders")
        await leave(watch, "chat", "orders", "page", "office", status=0)
    recorder.keep("jay-behind-proxies-and-well", watch)

"""Clocks at servers: who says nothing, who does not beat, who answers no ping; and delays that end nobody."""

import asyncio

import pytest

from tests.probing import ask, seen
from tests.servers.activemq import ActiveMq
from tests.servers.apache import Apache
from tests.servers.between import Table, says, staged, stomp, web_stomp, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.envoy import Envoy
from tests.servers.frameworks import Aiohttp
from tests.servers.joined import ANNA, CREW, beaten
from tests.servers.jvm import Artemis, JavaWebSocket, Vertx
from tests.servers.lesser import Lighttpd, Varnish
from tests.servers.nginx import Certificate
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.strict import StrictNode
from tests.servers.uvicorn import Uvicorn
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_feed_only_listens(start: Starter, recorder: Recorder) -> None:
    """The server tells news and ends who has said nothing for 2.8 s; the feed comes back and it happens again."""
    server = start(StrictNode, says=0.9, idle=2.8, ending=(1000, ""))

    async def strike(watch: Watch) -> None:
        await seen(watch, "close", "feed", count=2)
        await seen(watch, "open", "feed", count=3)
        await asyncio.sleep(0.6)

    tables: dict[str, Table] = {
        "chat": {"url": server.url, "do": says(1.3, 14)},
        "feed": {"url": server.url, "do": ["0.5 send hello", "1.9 send more"], "reconnect": True},
    }
    watch = await staged(tables, "feed", strike=strike)
    for close in watch.of("close", "feed")[:2]:
        assert close["received"] == {"code": 1000, "reason": ""}
        assert 2.7 <= close["idle_tx"] <= 3.3
    recorder.keep("rope-strict-node-idle-1000-under-news-and-again", watch)


async def test_vertx_minds_a_silent_wall(start: Starter, recorder: Recorder) -> None:
    """Its connections have four seconds, bytes of either side count; a desk pings. By Caddy."""
    server = start(Vertx, idle=4000)
    caddy = start(Caddy, server.port)
    tables = {
        "desk": ws(caddy.port, "/live?user=desk", ping_interval=1.5),
        "wall": ws(caddy.port, "/live?user=wall", do=["0.4 send hello", "1.3 send show 7"]),
    }
    watch = await staged(tables, "wall")
    close = watch.the("close", "wall")
    assert close["received"] is None and 3.7 <= close["idle_any"] <= 4.6
    recorder.keep("rope-caddy-vertx-idle-fin", watch)


async def test_a_clerk_holds_its_beats(artemis: Artemis, start: Starter, recorder: Recorder) -> None:
    """Its only thread computes, and no beats come to Artemis; another clerk's do. Over WebSocket, by lighttpd."""
    lighttpd = start(Lighttpd, artemis.port)
    base: Table = {"url": f"stomp+ws://{LOOPBACK}:{lighttpd.port}/", "heart_beat": "1200,2400"} | ANNA

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "clerk", command="SEND", dir="out")
        await beaten(watch, "clerk", 1)
        await ask(watch, "hold-beats", "clerk")

    tables = {"other": base, "clerk": base | {"do": ["1.6 stomp-send jms.queue.invoices 1"]}}
    watch = await staged(tables, "clerk", strike=strike)
    assert watch.the("close", "clerk")["initiator"] == "remote"
    recorder.keep("rope-lighttpd-artemis-beats-held", watch)


async def test_two_tabs_are_hidden(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """Their browser lets them beat once in nine seconds, where 1.6 s are agreed; the tab in front is well. Varnish."""
    varnish = start(Varnish, broker.port)
    table = web_stomp(varnish.port, "1600,3200")

    async def strike(watch: Watch) -> None:
        await beaten(watch, "tab2", 1)
        for name in ("tab1", "tab2"):
            await ask(watch, "throttle-beats 9000", name)

    watch = await staged({"front": table, "tab1": table, "tab2": table}, "tab1", "tab2", strike=strike)
    for name in ("tab1", "tab2"):
        assert watch.the("close", name)["initiator"] == "remote"
    recorder.keep("rope-varnish-rabbitmq-two-tabs-throttled", watch)


async def test_a_kiosk_answers_no_ping(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """uvicorn asks every 1.4 s and has 1.9 s to hear; the kiosk says much and no pong. Over TLS, by Envoy."""
    server = start(Uvicorn, ws_ping_interval=1.4, ws_ping_timeout=1.9)
    envoy = start(Envoy, server.port, certificate=certificate)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "kiosk", opcode=10, dir="out", count=2)
        await ask(watch, "hold-pongs", "kiosk")

    tables = {
        "desk": wss(envoy.port, certificate),
        "kiosk": wss(envoy.port, certificate, do=says(0.9, 8, "send scan 4006381333931")),
    }
    watch = await staged(tables, "kiosk", strike=strike, stage="tls")
    assert watch.the("close", "kiosk")["code"] == 1011
    recorder.keep("rope-envoy-uvicorn-kiosk-pongs-held-1011", watch)


async def test_a_tablet_is_lost_twice(start: Starter, recorder: Recorder) -> None:
    """Java-WebSocket pings each second and gives up on who does not answer; it comes back and is lost again. Caddy."""
    server = start(JavaWebSocket, lost=1)
    caddy = start(Caddy, server.port)

    async def strike(watch: Watch) -> None:
        for count in (1, 2):
            await seen(watch, "open", "tablet", count=count)
            pongs = len(watch.of("frame", "tablet", opcode=10, dir="out"))
            await seen(watch, "frame", "tablet", opcode=10, dir="out", count=pongs + 2)
            await ask(watch, "hold-pongs", "tablet")
            await seen(watch, "close", "tablet", count=count)
            await ask(watch, "release-pongs", "tablet")
        await seen(watch, "open", "tablet", count=3)
        await asyncio.sleep(0.5)

    tables = {
        "desk": ws(caddy.port, "/live?user=desk", do=says(1.9, 14)),
        "tablet": ws(caddy.port, "/live?user=tablet", reconnect=True),
    }
    watch = await staged(tables, "tablet", strike=strike)
    assert {close["initiator"] for close in watch.of("close", "tablet")[:2]} == {"remote"}
    recorder.keep("rope-caddy-java-websocket-lost-twice", watch)


async def test_a_report_takes_three_seconds(start: Starter, recorder: Recorder) -> None:
    """aiohttp's only thread makes a report; pings and messages of all wait for it, and are answered. By Apache."""
    server = start(Aiohttp)
    apache = start(Apache, server.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "boss", dir="in", opcode=1, count=2)
        await ask(watch, "send block 3.1", "boss")
        pongs = len(watch.of("frame", "desk", opcode=10, dir="in"))
        await seen(watch, "frame", "desk", opcode=10, dir="in", count=pongs + 3)
        await seen(watch, "frame", "till", opcode=1, dir="in", count=8)

    tables = {
        "desk": ws(apache.port, "/", ping_interval=1.2),
        "till": ws(apache.port, "/", do=says(0.8, 6.5)),
        "boss": ws(apache.port, "/", do=says(0.9, 2)),
    }
    watch = await staged(tables, strike=strike, status=0)
    recorder.keep("rope-apache-aiohttp-blocks-and-goes-on", watch)


async def test_beats_are_late(activemq: ActiveMq, recorder: Recorder) -> None:
    """A machine is busy and its beats come late, within what ActiveMQ allows; another program is as ever."""

    async def strike(watch: Watch) -> None:
        for _ in range(2):
            await beaten(watch, "busy", 1)
            await ask(watch, "freeze 1.1", "busy")
            await beaten(watch, "busy", 1)
            await ask(watch, "hold-beats", "busy")
            await asyncio.sleep(1.4)
            await ask(watch, "release-beats", "busy")
        await beaten(watch, "busy", 2)

    tables = {
        "calm": stomp(activemq.port, "1800,1800", CREW),
        "busy": stomp(activemq.port, "1800,1800", CREW, do=says(2.6, 12, "stomp-send /queue/work 1")),
    }
    watch = await staged(tables, strike=strike, status=0)
    recorder.keep("rope-activemq-beats-late-and-well", watch)

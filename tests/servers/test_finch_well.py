"""Nights on which nothing is wrong, though some of it looks as if something were."""

import asyncio
import os
import signal

import pytest

from tests.probing import ask, probing, seen
from tests.servers.activemq import ActiveMq
from tests.servers.apache import Apache
from tests.servers.between import Table, opened, says, sockjs, stomp, web_stomp, ws, wss
from tests.servers.endings import assert_said
from tests.servers.forward import Dante
from tests.servers.frozen import freeze, frozen
from tests.servers.goapps import Melody
from tests.servers.haproxy import HaProxy
from tests.servers.joined import CREW
from tests.servers.jvm import Undertow
from tests.servers.lines import beaten, echoed, leave, within
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.python_apps import SockJsTornado
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_two_worlds(
    activemq: ActiveMq, broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """ActiveMQ by TCP, RabbitMQ by WebSocket with beats one way, a poller, a ping by SOCKS; talk of sad things."""
    page, chat = start(SockJsTornado, heartbeat_delay=2.1), start(Undertow)
    dante = start(Dante, idle=5)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            stock=stomp(activemq.port, "2100,0", CREW, subscribe=["/topic/finch"]),
            desk=web_stomp(broker.port, "0,2300", do=says(1.5, 6, "stomp-send /topic/finch connection reset by peer")),
            page=sockjs(page.port, "xhr-polling", do=["0.8 send server is restarting", "3.4 send bye"]),
            chat=ws(chat.port, "/live?user=chat", ping_interval=2.2, proxy=f"socks5://{LOOPBACK}:{dante.port}"),
        )
        await seen(watch, "sockjs", "page", dir="in", kind="a", count=2)
        await beaten(watch, 2, "desk")
        await seen(watch, "frame", "chat", opcode=10, dir="in", count=3)
        await leave(watch, "stock", "desk", "page", "chat", status=0)
    recorder.keep("finch-two-worlds-and-well", watch)


async def test_short_hiccups(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """The probe pauses for 1.2 s and a server for 2.2, HAProxy is reloaded and leaves its own alone: all live."""
    server, page = start(Melody, PongWait=9.0, PingPeriod=2.6), start(SockJsNode, heartbeat_delay=2400)
    haproxy = start(HaProxy, server.port, certificate=certificate, tunnel=40)
    url = {"url": f"wss://localhost:{haproxy.port}/ws"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            talks=wss(haproxy.port, certificate, do=says(1.1, 9)) | url,
            pings=wss(haproxy.port, certificate, ping_interval=2.0, ping_timeout=6.0) | url,
            stream=sockjs(page.port, "xhr-streaming"),
        )
        await echoed(watch, 2, "talks")
        with frozen(watch.process.pid):
            await asyncio.sleep(1.2)
        await echoed(watch, 1, "talks")
        freeze(server.pid)
        await asyncio.sleep(2.2)
        os.kill(server.pid, signal.SIGCONT)
        await echoed(watch, 1, "talks")
        haproxy.reload()
        await seen(watch, "frame", "pings", opcode=10, dir="in", count=4)
        await seen(watch, "sockjs", "stream", kind="h", dir="in", count=3)
        await leave(watch, "talks", "pings", "stream", status=0)
    recorder.keep("finch-short-hiccups-and-well", watch)


async def test_silence_by_proxies(start: Starter, recorder: Recorder) -> None:
    """Three sessions say one word in nine seconds, by Apache and nginx, whose patience is longer; nobody pings."""
    server, chat = start(NodeWs), start(Undertow)
    apache, nginx = start(Apache, server.port, timeout=30), start(Nginx, chat.port, 30)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            one=ws(apache.port, do=["0.7 send hello", "8.8 send still there?"]),
            two=ws(nginx.port, "/live?user=two", do=["8.9 send still there?"]),
            three=ws(nginx.port, "/live?user=three"),
        )
        await within(watch, 15, "frame", "two", dir="in", opcode=1)
        await seen(watch, "frame", "one", dir="in", opcode=1, count=2)
        await leave(watch, "one", "two", "three", status=0)
    recorder.keep("finch-silence-by-proxies-and-well", watch)


async def test_a_far_country(recorder: Recorder) -> None:
    """A way of 0.3 s with some jitter, and half a second of nothing: STOMP, a chat and pings are well."""
    with routed() as hosts:
        hosts.be_patient(15)
        hosts.start_node()
        hosts.start_stomp(beat_every=2500, wants=2500)
        weather = hosts.weather(delay=0.15, jitter=0.05)
        base: Table = {"url": f"ws://{SERVER}:8080/"}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                till={"url": f"stomp+ws://{SERVER}:8082/", "heart_beat": "2500,2500"},
                chat=base | {"do": says(1.2, 9)},
                pings=base | {"ping_interval": 2.4, "ping_timeout": 6.0},
            )
            await echoed(watch, 2, "chat")
            weather.now(delay=0.15, lose=1.0)
            await asyncio.sleep(0.5)
            weather.now(delay=0.15, jitter=0.05)
            await echoed(watch, 3, "chat")
            await beaten(watch, 1, "till")
            await leave(watch, "till", "chat", "pings", status=0)
    recorder.keep("finch-far-country-and-well", watch)


async def test_a_visitor_leaves_and_all_is_well(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """One says that it is done and is closed by 1000; the others by the same proxy go on as before."""
    server = start(NodeWs)
    nginx = start(Nginx, server.port, 30, certificate)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            stays=wss(nginx.port, certificate, do=says(0.9, 5)),
            quiet=wss(nginx.port, certificate),
            visitor=wss(nginx.port, certificate, do=["0.5 send hello"]),
        )
        await echoed(watch, 1, "visitor")
        await ask(watch, "send close 1000 download complete", "visitor")
        await seen(watch, "close", "visitor")
        await echoed(watch, 2, "stays")
        await leave(watch, "stays", "quiet", status=1)
    assert_said(watch.the("close", "visitor"), 1000, "download complete")
    recorder.keep("finch-nginx-visitor-download-complete", watch)

"""Clocks of proxies, servers and boxes, in the rhythm of a working day."""

import os
import signal

import pytest

from tests.probing import probing, seen
from tests.servers.apache import Apache
from tests.servers.between import Table, opened, says, sockjs, staged, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.frameworks import Aiohttp
from tests.servers.jvm import Artemis
from tests.servers.lines import leave, open_doors, over
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.watching import POSTMORTEM, Watch, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_nightly_job_is_forgotten(start: Starter, recorder: Recorder) -> None:
    """Artemis, STOMP over TCP: a strict router remembers for 4 s; a job without beats says nothing for 6.8 s.

    A monitor that beats goes through the same router.
    """
    with routed() as hosts:
        with hosts.server.inside():
            broker = start(Artemis)
        open_doors(hosts.server, broker.port)
        hosts.masquerade(forgets_after=4, strict=True)
        base: Table = {"url": f"stomp://{SERVER}:{broker.port}", "login": "anna", "passcode": "crew"}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                job=base | {"heart_beat": "0,0", "do": [f"{at} stomp-send /queue/n 1" for at in (0.6, 1.4, 8.2)]},
                monitor=base | {"heart_beat": "1700,1900"},
            )
            await over(watch, "job")
            await leave(watch, "monitor", status=1)
    assert watch.the("close", "job")["received"] is None
    recorder.keep("rhythm-router-forgets-nightly-job", watch)


async def test_a_server_hears_nothing_of_a_reader(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """aiohttp behind stunnel wants to hear something every 4.3 s; one says two words and then reads, one talks."""
    server = start(Aiohttp, receive_timeout=4.3)
    front = start(Stunnel, server.port, certificate)
    watch = await staged(
        {
            "reads": wss(front.port, certificate, do=["0.7 send good morning", "1.6 send any news"]),
            "talks": wss(front.port, certificate, do=says(1.6, 10, "send still here")),
        },
        "reads",
        stage="tls",
    )
    close = watch.the("close", "reads")
    assert close["initiator"] == "remote" and 4 < close["idle_tx"] < 5
    recorder.keep("rhythm-stunnel-aiohttp-hears-nothing", watch)


async def test_a_page_over_lunch(start: Starter, recorder: Recorder) -> None:
    """sockjs-node over WebSocket behind Apache, whose tunnels may be quiet for 4 s; its beats come every 25 s.

    A colleague talks through the same Apache, another one is as quiet and goes direct.
    """
    server = start(SockJsNode, heartbeat_delay=25000)
    proxy = start(Apache, server.port, timeout=4)
    watch = await staged(
        {
            "direct": sockjs(server.port, "websocket"),
            "talks": sockjs(proxy.port, "websocket", do=says(1.4, 12)),
            "lunch": sockjs(proxy.port, "websocket", do=says(0.8, 2)),
        },
        "lunch",
    )
    close = watch.the("close", "lunch")
    assert close["received"] is None and 3.5 < close["idle_any"] < 5.5
    recorder.keep("rhythm-apache-page-over-lunch", watch)


async def test_no_stream_is_older(start: Starter, recorder: Recorder) -> None:
    """Spring over SockJS's WebSocket behind Caddy, which ends a stream at 5.6 s, beats or not: two of other age.

    A third one goes direct.
    """
    spring = start(Spring, heart_beat="3100,3100")
    proxy = start(Caddy, spring.port, life=5.6)
    base = {"sockjs_transport": "websocket", "heart_beat": "3100,3100"}
    by_caddy: Table = base | {"url": f"stomp+http://{LOOPBACK}:{proxy.port}/sockjs"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, direct=base | {"url": spring.sockjs_url})
        await opened(watch, first=by_caddy | {"do": says(1.7, 5, "stomp-send /topic/a one")})
        await seen(watch, "stomp", "first", command="SEND", count=2)
        await opened(watch, second=by_caddy)
        await looked(watch, "first", "second")
        assert not watch.of("close", "direct")
        assert await watch.finish() == 1
    for name in ("first", "second"):
        assert 5.2 < watch.the("close", name)["age"] < 6.8
    recorder.keep("rhythm-caddy-sockjs-same-age", watch)


async def test_a_shop_closes_for_the_night(start: Starter, recorder: Recorder) -> None:
    """aiohttp behind nginx tells both of its clients 1001 at its shutdown and is gone; another server's goes on."""
    server, other = start(Aiohttp, says_bye=[1001, "Server shutdown"]), start(NodeWs)
    proxy = start(Nginx, server.port, 40)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "till", dir="in", opcode=1, count=3)
        os.kill(server.pid, signal.SIGTERM)

    watch = await staged(
        {
            "till": ws(proxy.port, do=says(0.9, 6, "send sold")),
            "stock": ws(proxy.port, ping_interval=2.4),
            "other": ws(other.port, do=says(1.7, 5)),
        },
        "till",
        "stock",
        strike=strike,
        stage="http",
    )
    assert {watch.the("close", name)["code"] for name in ("till", "stock")} == {1001}
    recorder.keep("rhythm-nginx-aiohttp-shutdown-1001", watch)

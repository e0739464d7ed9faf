"""Clocks, once more: idle proxies and servers, a forgetful router, an age that nobody may exceed."""

import asyncio
from contextlib import suppress

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from tests.probing import probing, seen
from tests.servers.between import Table, opened, says, staged, wss
from tests.servers.classic import ActiveMqWs
from tests.servers.endings import assert_said
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.joined import CREW
from tests.servers.lines import leave, open_doors, over
from tests.servers.looks import looked
from tests.servers.nginx import Certificate
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.strict import StrictPython
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_no_shift_is_longer(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A home-made broker behind HAProxy with TLS ends each session at 6.4 s with a bare 1000: one that sends,
    and one, opened later, that only beats. A third one is still young.
    """

    ages: set[asyncio.Task[None]] = set()

    async def age(client: ServerConnection) -> None:
        loop = asyncio.get_running_loop()
        ends = loop.time() + 6.4
        with suppress(ConnectionClosed):
            while ends - loop.time() > 2.1:
                await asyncio.sleep(2.1)
                await client.send("\n")
            await asyncio.sleep(ends - loop.time())
            await client.close(1000)

    async def broker(_: str, client: ServerConnection, message: str | bytes) -> None:
        if str(message).startswith("CONNECT"):
            await client.send("CONNECTED\nversion:1.2\nheart-beat:2100,2900\nserver:home/2.0\n\n\0")
            ages.add(asyncio.create_task(age(client)))
        elif str(message).startswith("DISCONNECT"):
            await client.send("RECEIPT\nreceipt-id:disconnect\n\n\0")

    async with house(broker, ping_interval=None, subprotocols=["v12.stomp"]) as app:
        proxy = start(HaProxy, app.port, tunnel=40, certificate=certificate)
        base = {"cacert": str(certificate.ca), "heart_beat": "2900,2100"}

        def at(user: str, **options: object) -> Table:
            return base | {"url": f"stomp+wss://localhost:{proxy.port}/?user={user}"} | options

        async with probing("--stdin", **POSTMORTEM) as watch:
            await opened(watch, sends=at("sends", do=says(1.7, 6, "stomp-send /queue/jobs one")))
            await seen(watch, "stomp", "sends", command="SEND", count=2)
            await opened(watch, beats=at("beats"))
            await seen(watch, "close", "sends")
            await opened(watch, young=at("young"))
            await looked(watch, "sends", "beats")
            assert not watch.of("close", "young")
            assert await watch.finish() == 1
    for name in ("sends", "beats"):
        assert_said(watch.the("close", name), 1000)
        assert 6 < watch.the("close", name)["age"] < 7.5
    recorder.keep("liveness-haproxy-stomp-same-age-1000", watch)


async def test_a_stream_without_beats(start: Starter, recorder: Recorder) -> None:
    """Spring over XHR streaming: HAProxy ends an answer that brings nothing for 5.7 s; a direct one is as quiet."""
    spring = start(Spring, heart_beat="", sockjs_heart_beat=25000)
    proxy = start(HaProxy, spring.port, client=40, server=5.7)
    base = {"heart_beat": "0,0", "sockjs_transport": "xhr-streaming", "subscribe": ["/topic/orders"]}
    watch = await staged(
        {
            "direct": {"url": spring.sockjs_url} | base,
            "page": {"url": f"stomp+http://{LOOPBACK}:{proxy.port}/sockjs"}
            | base
            | {"do": says(1.3, 3, "stomp-send /topic/orders one")},
        },
        "page",
    )
    assert watch.the("close", "page")["initiator"] == "remote"
    recorder.keep("liveness-haproxy-stream-idle", watch)


async def test_a_server_that_counts_our_words(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Behind HAProxy with TLS: news every 1.3 s, and a bare 1000 5.2 s after the reader's own last word."""
    server = start(StrictPython, idle=5.2, says=1.3, ending=(1000, ""))
    proxy = start(HaProxy, server.port, tunnel=40, certificate=certificate)
    watch = await staged(
        {
            "reads": wss(proxy.port, certificate, do=["0.9 send here", "1.7 send and here"]),
            "talks": wss(proxy.port, certificate, do=says(2.1, 10, "send here")),
        },
        "reads",
        stage="tls",
    )
    close = watch.the("close", "reads")
    assert_said(close, 1000)
    assert 5 < close["idle_tx"] < 6
    recorder.keep("liveness-haproxy-reader-idle-1000", watch)


async def test_a_router_forgets_a_page(start: Starter, recorder: Recorder) -> None:
    """ActiveMQ over WebSocket: a strict router remembers for 5 s; a page without beats is read for 8.7 s."""
    with routed() as hosts:
        with hosts.server.inside():
            broker = start(ActiveMqWs)
        open_doors(hosts.server, broker.port)
        hosts.masquerade(forgets_after=5, strict=True)
        base: Table = {"url": f"stomp+ws://{SERVER}:{broker.port}/"} | CREW
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                page=base | {"heart_beat": "0,0", "do": [f"{at} stomp-send /queue/s 1" for at in (0.7, 1.1, 9.8)]},
                board=base | {"heart_beat": "2300,2300"},
            )
            await over(watch, "page")
            await leave(watch, "board", status=1)
    assert watch.the("close", "page")["received"] is None
    recorder.keep("liveness-router-forgets-page", watch)

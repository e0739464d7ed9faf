"""Silence between a client and its server, and proxies that do not bear it; and proxies that are not to blame."""

import asyncio

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from tests.servers.between import says, ws
from tests.servers.haproxy import HaProxy
from tests.servers.pond import cut, homes, run
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def ticks(_: str, client: ServerConnection, message: str | bytes) -> None:
    """A feed: it ticks from the first word on, and hears nothing more."""

    async def tick() -> None:
        try:
            for n in range(40):
                await client.send(f"tick {n}")
                await asyncio.sleep(0.7)
        except ConnectionClosed:
            pass

    if message == "subscribe":
        client.ticking = asyncio.create_task(tick())  # type: ignore[attr-defined]


async def test_a_client_that_only_hears(start: Starter, recorder: Recorder) -> None:
    """``option independent-streams``: a feed ticks on, its hearer says nothing for 3.3 s and is cut; one talks on."""
    async with homes(rule=ticks) as app:
        haproxy = start(HaProxy, app.port, client=3.3, server=30, options="option independent-streams")
        tables = {
            "hears": ws(haproxy.port, "/?user=hears", do=["0.5 send subscribe"]),
            "talks": ws(haproxy.port, "/?user=talks", do=["0.3 send subscribe", *says(1.4, 9, "send ok")]),
        }
        watch = await run(tables, "hears")
    cut(watch, "hears")
    recorder.keep("trout-haproxy-client-timeout-feed-ticks-on", watch)

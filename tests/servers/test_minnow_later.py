"""Sessions that open well and are told something later: tokens that run out, places that are taken, doors that shut."""

import asyncio
from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from tests.probing import seen
from tests.servers.between import opened, says, ws
from tests.servers.haproxy import HaProxy
from tests.servers.house import echo, house
from tests.servers.lines import leave
from tests.servers.pond import heard, settled
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_deployment_says_so(recorder: Recorder, start: Starter) -> None:
    """1012 "service restart" for both, who come back and are told 503 while it warms up, and then are in."""
    warming = False

    def door(client: ServerConnection, _: Request) -> Response | None:
        return client.respond(HTTPStatus.SERVICE_UNAVAILABLE, "warming up\n") if warming else None

    async with house(echo, process_request=door, ping_interval=None) as app:
        haproxy = start(HaProxy, app.port)
        async with watching("--stdin", "--reconnect", **POSTMORTEM) as watch:
            await opened(
                watch,
                a=ws(haproxy.port, "/?user=a", do=says(0.8, 3)),
                b=ws(haproxy.port, "/?user=b"),
            )
            await heard(watch, "a", 3)
            warming = True
            await asyncio.gather(*(app.clients[user].close(1012, "service restart") for user in "ab"))
            for name in "ab":
                await seen(watch, "close", name, count=2)
            warming = False
            for name in "ab":
                await seen(watch, "open", name, count=2)
            await settled(watch, "a", "b")
            await leave(watch)
    recorder.keep("minnow-haproxy-1012-then-503-then-in", watch)

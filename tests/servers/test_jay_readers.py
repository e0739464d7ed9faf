"""Clients that read too late while a server says much; who reads in time is well."""

import asyncio

import pytest

from tests.probing import ask, probing, seen
from tests.servers.between import Table, opened, says, ws
from tests.servers.endings import assert_said
from tests.servers.golang import Gorilla
from tests.servers.lines import echoed, leave
from tests.servers.looks import looked
from tests.servers.node import NodeWs
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_stream_of_quotes_is_not_read(start: Starter, recorder: Recorder) -> None:
    """Spring gives up on a board that does not read for 3.6 s while quotes are sent; who publishes is well."""
    spring = await asyncio.to_thread(
        start,
        Spring,
        heart_beat="",
        inbound_threads=1,
        send_time_limit=1000,
        send_buffer_limit=16384,
        kernel_buffer=8192,
    )
    async with probing("--stdin", **POSTMORTEM) as watch:
        base: Table = {"url": spring.ws_url, "heart_beat": "0,0", "no_compression": True}
        await opened(
            watch,
            desk=base,
            board=base,
        )
        await ask(watch, "subscribe /topic/flood", "board")
        await ask(watch, "stomp-send /app/flood/2/300 x", "desk")
        await seen(watch, "stomp", "board", command="MESSAGE", count=2)
        await ask(watch, "freeze 3.6", "board")
        await ask(watch, "stomp-send /app/flood/60/60000 x", "desk")
        await looked(watch, "board")
        await ask(watch, "stomp-send /topic/other well", "desk")
        await leave(watch, "desk", status=1)
    assert watch.the("close", "board")["initiator"] == "remote"
    recorder.keep("jay-spring-quotes-not-read", watch)


async def test_gorilla_drops_who_cannot_follow(start: Starter, recorder: Recorder) -> None:
    """A hub's channel for a tablet is full, as it reads nothing for four seconds; the desk that sends is well."""
    server = start(Gorilla, Kernel=4096, Queue=8, WriteWait=1.5)
    async with probing("--stdin", **POSTMORTEM) as watch:
        for name in ("desk", "tablet"):
            await opened(watch, **{name: ws(server.port, f"/ws?user={name}", no_compression=True, do=says(0.7, 2))})
        await echoed(watch, 1, "tablet")
        await ask(watch, "freeze 4", "tablet")
        await ask(watch, "send flood 60 90000", "desk")
        await looked(watch, "tablet")
        await ask(watch, "send still here", "desk")
        await seen(watch, "frame", "desk", dir="in", text="still here")
        await leave(watch, "desk", status=1)
    assert watch.the("close", "tablet")["initiator"] == "remote"
    recorder.keep("jay-gorilla-tablet-cannot-follow", watch)


async def test_a_server_says_that_it_is_too_slow(start: Starter, recorder: Recorder) -> None:
    """Node's ws gives up on a chart that reads nothing, with a code and a word of its own; a small chart is well."""
    server = start(NodeWs, slow={"above": 60000, "code": 4290, "reason": "client too slow, buffer exceeded"})
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, small=ws(server.port, do=says(1.1, 8)), chart=ws(server.port, no_compression=True))
        await ask(watch, "send flood 2 900", "chart")
        await seen(watch, "frame", "chart", dir="in", opcode=1, count=2)
        await ask(watch, "send flood 90 120000", "chart")
        await ask(watch, "freeze 2.9", "chart")
        await looked(watch, "chart")
        await leave(watch, "small", status=1)
    assert_said(watch.the("close", "chart"), 4290, "client too slow, buffer exceeded")
    recorder.keep("jay-node-chart-too-slow-4290", watch)

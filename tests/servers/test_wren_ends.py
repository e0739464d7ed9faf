"""How talks of JSON come to their end: there is no room, a reader is too slow, all has been said."""

import asyncio

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, probing, seen
from tests.servers.between import opened, says, staged, ws
from tests.servers.endings import assert_said
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.lines import leave
from tests.servers.looks import looked
from tests.servers.nginx import Nginx
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_service_asks_to_come_later(start: Starter, recorder: Recorder) -> None:
    """A transcription service is at its limit: 1013 in mid-talk, once more at the return, then it has room."""
    visits: list[str] = []

    async def service(user: str, client: ServerConnection, message: str | bytes) -> None:
        await client.send(f"heard {message!s}")
        if user == "late":
            visits.append(user)
            if len(visits) in (3, 4):
                await client.close(1013, "all transcribers busy, try again in a moment")

    async with house(service) as app:
        nginx = start(Nginx, app.port)
        async with probing("--stdin", **POSTMORTEM) as watch:
            await opened(
                watch,
                early=ws(nginx.port, "/?user=early", do=says(1.1, 9, "send mm-hm")),
                late=ws(nginx.port, "/?user=late", reconnect=True),
            )
            for n, pause in enumerate((0.7, 1.0, 0.9)):
                await ask(watch, f"send part {n}", "late")
                await asyncio.sleep(pause)
            await seen(watch, "open", "late", count=2)
            await ask(watch, "send part 3", "late")
            await seen(watch, "close", "late", count=2)
            await seen(watch, "open", "late", count=3)
            await ask(watch, "send part 4", "late")
            await seen(watch, "frame", "late", dir="in", opcode=1, count=5)
            await leave(watch, "early")
    assert [line["code"] for line in watch.of("close", "late")][:2] == [1013, 1013]
    recorder.keep("wren-nginx-transcribers-busy-1013-twice", watch)


async def test_a_ticker_drops_a_slow_one(start: Starter, recorder: Recorder) -> None:
    """A ticker gives up on who has more than a megabyte waiting; a laptop with its lid down for 4 s. By HAProxy."""

    async def ticker(user: str, client: ServerConnection, message: str | bytes) -> None:
        await client.send("quotes follow")
        if message != "all" or user != "lid":
            return
        await asyncio.sleep(0.5)
        for _ in range(60):
            client.transport.write(b"\x82\x7f" + (300_000).to_bytes(8, "big") + bytes(300_000))
            await asyncio.sleep(0.05)
            if client.transport.get_write_buffer_size() > 1_000_000:
                client.transport.abort()
                return

    async with house(ticker, ping_interval=None) as app:
        haproxy = start(HaProxy, app.port)
        tables = {
            "desk": ws(haproxy.port, "/?user=desk", do=says(1.2, 7, "send top10")),
            "lid": ws(
                haproxy.port, "/?user=lid", no_compression=True, do=["0.8 send hello", "1.9 send all", "2.0 freeze 4"]
            ),
        }
        async with probing("--stdin", **POSTMORTEM) as watch:
            await opened(watch, **tables)
            await looked(watch, "lid")
            await leave(watch, "desk", status=1)
    close = watch.the("close", "lid")
    assert close["initiator"] == "remote" and close["received"] is None
    recorder.keep("wren-haproxy-ticker-drops-a-slow-one", watch)


async def test_an_export_is_done(start: Starter, recorder: Recorder) -> None:
    """A log stream has told all there was and says 1000; the user of another one leaves by himself. By nginx."""

    async def export(user: str, client: ServerConnection, message: str | bytes) -> None:
        for n in range(3):
            await client.send(f"{message!s} row {n}")
            await asyncio.sleep(0.5)
        if user == "export":
            await client.send("EOF")
            await client.close(1000, "export complete")

    async with house(export) as app:
        nginx = start(Nginx, app.port)
        tables = {
            "follow": ws(nginx.port, "/?user=follow", do=["0.5 send tail"]),
            "export": ws(nginx.port, "/?user=export", do=["0.6 send all"]),
            "left": ws(nginx.port, "/?user=left", do=["0.8 send tail", "2.9 close 1000 tab closed"]),
        }
        watch = await staged(tables, "export", "left")
    assert_said(watch.the("close", "export"), 1000, "export complete")
    recorder.keep("wren-nginx-export-done-1000", watch)

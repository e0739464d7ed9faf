"""Who does not answer: a kiosk, a server behind a dark way, a small server, a busy one, a laptop with its lid shut."""

import asyncio
import base64
import hashlib
from contextlib import closing, suppress

import pytest

from tests.probing import ask, probing, seen
from tests.servers.between import TCP, Table, opened, says, staged, ws
from tests.servers.frameworks import Aiohttp, Sanic
from tests.servers.frozen import frozen
from tests.servers.haproxy import HaProxy
from tests.servers.joined import ANNA
from tests.servers.jvm import Artemis
from tests.servers.lines import leave
from tests.servers.looks import looked
from tests.servers.nginx import Nginx
from tests.servers.node import NodeWs
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.toxiproxy import Toxiproxy
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


async def test_a_kiosk_says_no_pong(start: Starter, recorder: Recorder) -> None:
    """Sanic pings each 2.2 s and waits 1.9 s; a kiosk stops to answer, and two pages do. HAProxy in TCP mode."""
    server = start(Sanic, WEBSOCKET_PING_INTERVAL=2.2, WEBSOCKET_PING_TIMEOUT=1.9)
    haproxy = start(HaProxy, server.port, options=TCP)
    tables = {
        "page": ws(haproxy.port, do=says(1.6, 9)),
        "kiosk": ws(haproxy.port, do=["0.6 send hello", "2.9 hold-pongs", "3.7 send still here"]),
        "silent": ws(haproxy.port),
    }
    watch = await staged(tables, "kiosk")
    assert watch.the("close", "kiosk")["initiator"] == "remote"
    assert watch.of("frame", "silent", dir="out", opcode=10)
    recorder.keep("ash-haproxy-sanic-no-pong", watch)


async def test_the_way_behind_a_proxy_goes_dark(start: Starter, recorder: Recorder) -> None:
    """The proxy takes what a board says, and nothing comes back from behind it; it pings. Another goes direct."""
    server = start(NodeWs)
    proxy = start(Toxiproxy, server.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "board", dir="in", opcode=10, count=2)
        await asyncio.to_thread(proxy.poison, "timeout", timeout=0)

    pings: Table = {"ping_interval": 1.5, "ping_timeout": 2.6, "close_timeout": 0.9}
    tables = {
        "direct": ws(server.port, do=says(1.2, 10)) | pings,
        "board": ws(proxy.port, do=says(1.9, 3)) | pings,
    }
    watch = await staged(tables, "board", strike=strike, ok=False)
    close = watch.the("close", "board")
    assert close["initiator"] == "local" and close["sent"]["code"] == 1011
    recorder.keep("ash-toxiproxy-node-way-behind-goes-dark", watch)


async def says_numbers(writer: asyncio.StreamWriter) -> None:
    """A temperature each 0.9 s, as a text message."""
    for number in range(60):
        text = f"{20 + number % 7 / 10:.1f}".encode()
        writer.write(bytes([0x81, len(text)]) + text)
        await asyncio.sleep(0.9)


async def device(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A small WebSocket server: it says numbers, answers a Close, and knows no other frame of a client."""
    with closing(writer), suppress(ConnectionError, asyncio.IncompleteReadError):
        asked = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = dict(line.split(": ", 1) for line in asked.split("\r\n")[1:] if ": " in line)
        key = {name.lower(): value for name, value in lines.items()}["sec-websocket-key"]
        accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        words = "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"
        writer.write("\r\n".join((*words, f"Sec-WebSocket-Accept: {accept}", "", "")).encode())
        numbers = asyncio.create_task(says_numbers(writer))
        try:
            while True:
                first, second = await reader.readexactly(2)
                body = await reader.readexactly(4 + (second & 127))
                if first & 15 == 8:
                    code = bytes(octet ^ mask for octet, mask in zip(body[4:6], body[:2], strict=True))
                    numbers.cancel()
                    writer.write(bytes([0x88, 2]) + code)
                    await writer.drain()
                    return
        finally:
            numbers.cancel()


async def test_a_small_server_knows_no_pings(recorder: Recorder) -> None:
    """A device says its temperature all the time and answers no ping; a panel wants an answer. A log does not ask."""
    server = await asyncio.start_server(device, LOOPBACK, 0)
    port = server.sockets[0].getsockname()[1]
    tables = {
        "log": ws(port),
        "panel": ws(port, ping_interval=2.4, ping_timeout=2.8, close_timeout=1.2),
    }
    watch = await staged(tables, "panel", stage="http")
    server.close()
    await server.wait_closed()
    close = watch.the("close", "panel")
    assert close["initiator"] == "local" and close["sent"]["code"] == 1011
    assert len(watch.of("frame", "panel", dir="in", opcode=1)) > 4
    recorder.keep("ash-small-server-knows-no-pings", watch)


async def test_a_report_blocks_the_loop(start: Starter, recorder: Recorder) -> None:
    """A report takes aiohttp's only loop for 7 s; a viewer pings and gives up; who waits behind nginx goes on."""
    app, other = start(Aiohttp), start(NodeWs)
    nginx = start(Nginx, app.port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        pings: Table = {"ping_interval": 1.3, "ping_timeout": 2.7, "close_timeout": 0.8}
        await opened(
            watch,
            elsewhere=ws(other.port, do=says(1.1, 10), **pings),
            report=ws(nginx.port),
            viewer=ws(app.port, do=says(0.8, 3), **pings),
        )
        await seen(watch, "frame", "viewer", dir="in", opcode=10, count=2)
        await ask(watch, "send block 7", "report")
        await looked(watch, "viewer", patience=3)
        await ask(watch, "send is it done", "report")
        await seen(watch, "frame", "report", dir="in", text="is it done")
        await leave(watch, "elsewhere", "report")
    close = watch.the("close", "viewer")
    assert close["initiator"] == "local" and close["sent"]["code"] == 1011
    recorder.keep("ash-nginx-aiohttp-report-blocks-the-loop", watch)


async def test_a_lid_is_closed(artemis: Artemis, start: Starter, recorder: Recorder) -> None:
    """A laptop sleeps for 7 s: Artemis has given its till up, a server that asks for nothing has not minded."""
    server = start(NodeWs)
    till: Table = {"url": artemis.tcp_url, "heart_beat": "1500,1500", "subscribe": ["ash.lid"]} | ANNA
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, chat=ws(server.port, do=says(1.2, 3)), till=till)
        await seen(watch, "stomp", "till", command="beat", dir="out", count=2)
        with frozen(watch.process.pid):
            await asyncio.sleep(7)
        await seen(watch, "stall")
        await looked(watch, "till")
        await ask(watch, "send good morning", "chat")
        await seen(watch, "frame", "chat", dir="in", text="good morning")
        await leave(watch, "chat")
    assert watch.the("close", "till")["initiator"] == "remote"
    recorder.keep("ash-artemis-lid-closed", watch)

"""How many frames a second the probe takes, beside a bare client that only counts.

Run it: ``python tests/benchmarks/throughput.py``. Both read the same burst of 120-byte text frames from the same
server, in turn, in the same run; what counts is the ratio. The probe writes a JSON line for every frame, folded and
stamped; the reference does nothing but count.
"""

import asyncio
import base64
import contextlib
import hashlib
import re
import subprocess
import sys
import time

import websockets.asyncio.client

FRAMES = 100_000
ROUNDS = 3
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3
FRAME = bytes([0x81, 120]) + b"x" * 120
CLOSE = bytes([0x88, 2, 0x03, 0xE8])


async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers the upgrade, sends the burst and a Close."""
    head = await reader.readuntil(b"\r\n\r\n")
    key = re.search(rb"(?i)sec-websocket-key: *(\S+)", head)
    assert key is not None
    accept = base64.b64encode(hashlib.sha1(key[1] + GUID).digest())
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
    writer.write(b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
    for _ in range(FRAMES // 1000):
        writer.write(FRAME * 1000)
        await writer.drain()
    writer.write(CLOSE)
    with contextlib.suppress(ConnectionError):
        await reader.read(64)
    writer.close()


async def count(url: str) -> float:
    """Seconds a bare client takes."""
    began = time.perf_counter()
    async with websockets.asyncio.client.connect(url, compression=None, ping_interval=None, max_queue=None) as client:
        counted = 0
        with contextlib.suppress(websockets.ConnectionClosed):
            while True:
                await client.recv()
                counted += 1
    assert counted == FRAMES
    return time.perf_counter() - began


async def probe(url: str) -> float:
    """Seconds from the probe's first frame line to its last."""
    command = [sys.executable, "-m", "tui", "watch", "--json", "--no-compression", url]
    child = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, limit=1 << 20)
    assert child.stdout is not None
    first = last = 0.0
    counted = 0
    while line := await child.stdout.read(1 << 20):
        last = time.perf_counter()
        first = first or last
        counted += line.count(b'{"type":"frame"')
    await child.wait()
    return last - first


async def main() -> None:
    """Prints a line a round and the median ratio."""
    server = await asyncio.start_server(flood, "127.0.0.1", 0)
    url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    ratios = []
    for _ in range(ROUNDS):
        bare, ours = await count(url), await probe(url)
        ratios.append(ours / bare)
        sys.stdout.write(f"bare client {FRAMES / bare:9.0f} frames/s   probe {FRAMES / ours:9.0f} frames/s\n")
    sys.stdout.write(f"the probe takes {sorted(ratios)[ROUNDS // 2]:.2f} times as long as a client that only counts\n")


asyncio.run(main())

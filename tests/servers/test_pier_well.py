"""What looks like trouble and is none: every session is left open and well."""

import asyncio

import pytest

from tests.probing import ask, probing, seen
from tests.servers.between import Table, opened, says, sockjs, ws
from tests.servers.haproxy import HaProxy
from tests.servers.jvm import Jetty
from tests.servers.lines import leave
from tests.servers.nginx import Certificate
from tests.servers.node import NodeEndings, SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.waiting import eventually
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_jetty_pauses(start: Starter, recorder: Recorder) -> None:
    """An endpoint takes 2.7 s for a report; its client's pings wait as long, and are answered. Another talks on."""
    app = start(Jetty)
    base = {"ping_interval": 0.9, "ping_timeout": 4.5}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            report=ws(app.port, "/live?user=report", **base),
            chat=ws(app.port, "/live?user=chat", do=says(1.0, 6), **base),
        )
        await seen(watch, "frame", "report", dir="in", opcode=10, count=2)
        await ask(watch, "send sleep 2700", "report")
        await ask(watch, "send is it done", "report")
        await seen(watch, "frame", "report", dir="in", opcode=1, text="is it done")
        pongs = len(watch.of("frame", "report", dir="in", opcode=10))
        await seen(watch, "frame", "report", dir="in", opcode=10, count=pongs + 1)
        await leave(watch, "report", "chat", status=0)
    recorder.keep("pier-well-jetty-pauses", watch)


async def test_fragments_come_slowly(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A message comes in five fragments over four seconds, a ping of the server's between two of them; by stunnel."""
    app = start(NodeEndings)
    stunnel = start(Stunnel, app.port, certificate)
    table: Table = {"url": f"wss://localhost:{stunnel.port}/", "cacert": str(certificate.ca)}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, feed=table, chat=table | {"do": says(1.3, 6)})
        for piece in ("01047b226122", "00033a5b31", "89026869", "00022c32", "00025d7d"):
            await ask(watch, f"send raw {piece}", "feed")
            await asyncio.sleep(0.9)
        await ask(watch, "send raw 8000", "feed")
        await ask(watch, "send thanks", "feed")
        await seen(watch, "frame", "feed", dir="in", text="thanks")
        await leave(watch, "feed", "chat", status=0)
    recorder.keep("pier-well-slow-fragments", watch)


async def test_a_reload_spares(start: Starter, recorder: Recorder) -> None:
    """HAProxy's old worker keeps a socket and a stream as long as they like, and its new one takes a newcomer."""
    server = start(SockJsNode, heartbeat_delay=1400)
    haproxy = start(HaProxy, server.port, hard_stop=50)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            socket=sockjs(haproxy.port, "websocket", do=says(1.1, 6)),
            stream=sockjs(haproxy.port, "xhr-streaming"),
        )
        await seen(watch, "sockjs", "stream", kind="h", count=1)
        haproxy.reload()
        eventually(lambda: "worker" in haproxy.log.lower() or "reexec" in haproxy.log.lower())
        beats = len(watch.of("sockjs", "stream", kind="h"))
        await seen(watch, "sockjs", "stream", kind="h", count=beats + 1)
        await opened(watch, newcomer={"url": f"http://{LOOPBACK}:{haproxy.port}/echo", "do": says(0.8, 2)})
        await seen(watch, "sockjs", "newcomer", kind="a", dir="in", count=2)
        await seen(watch, "sockjs", "stream", kind="h", count=beats + 2)
        await leave(watch, "socket", "stream", "newcomer", status=0)
    recorder.keep("pier-well-haproxy-reload-spares", watch)

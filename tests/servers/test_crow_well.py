"""Sessions that are well while others' servers die, proxies are reloaded, and words are large or late."""

import asyncio

import pytest

from tests.probing import ask, probing, seen
from tests.servers.ashore import side_by_side
from tests.servers.between import Table, opened, says, sockjs, stomp, ws, wss
from tests.servers.frameworks import Sanic
from tests.servers.goapps import Melody
from tests.servers.haproxy import HaProxy
from tests.servers.joined import ANNA, beaten
from tests.servers.jvm import Artemis
from tests.servers.lesser import Hitch, Nghttpx
from tests.servers.lines import leave
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def reloads(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """nginx and HAProxy are reloaded and spare their sessions, hitch too, and a server next door is killed."""
    app, neighbour = start(Melody), start(NodeWs)
    nginx, haproxy = start(Nginx, app.port), start(HaProxy, app.port)
    hitch = start(Hitch, app.port, certificate)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            chat=ws(nginx.port, "/ws", do=["0.8 send hello", "4.4 send still here"]),
            wall=ws(haproxy.port, "/ws", ping_interval=2.1, ping_timeout=5),
            till=wss(hitch.port, certificate) | {"url": f"wss://localhost:{hitch.port}/ws"},
        )
        for reload in (nginx.reload, haproxy.reload, hitch.reload, neighbour.end):
            await asyncio.to_thread(reload)
            await asyncio.sleep(0.7)
        await seen(watch, "frame", "chat", dir="in", opcode=1, text="still here")
        await leave(watch, "chat", "wall", "till", status=0)
    recorder.keep("crow-well-reloads-and-a-death-next-door", watch)


async def large_words(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A picture of 50 kB and back over TLS, a stream of SockJS by nghttpx, and a laptop that naps for 1.8 s."""
    sanic, page = start(Sanic), start(SockJsNode, heartbeat_delay=2300)
    nginx, nghttpx = start(Nginx, sanic.port, 60, certificate), start(Nghttpx, page.port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            photo=wss(nginx.port, certificate, no_compression=True, do=["0.9 send-repeat x 50000"]),
            page=sockjs(nghttpx.port, "xhr-streaming", do=["1.2 send hello", "4.9 send goodbye"]),
        )
        await seen(watch, "frame", "photo", dir="in", opcode=1)
        await asyncio.sleep(0.6)
        await ask(watch, "freeze 1.8", "page")
        await asyncio.sleep(3.4)
        await ask(watch, "send thanks", "photo")
        await seen(watch, "frame", "photo", dir="in", opcode=1, text="thanks")
        await seen(watch, "sockjs", "page", kind="a", dir="in", count=2)
        await leave(watch, "photo", "page", status=0)
    recorder.keep("crow-well-large-words-and-a-nap", watch)


async def others_are_closed(artemis: Artemis, start: Starter, recorder: Recorder) -> None:
    """An operator closes bert's connections, who is not here, and all of anna's go on."""
    haproxy = start(HaProxy, artemis.port)
    app = start(NodeWs, pingEvery=1700)
    there: Table = {"url": f"stomp+ws://127.0.0.1:{haproxy.port}", "heart_beat": "2400,2400"} | ANNA
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            till=stomp(artemis.port, "2400,2400", ANNA, do=says(1.3, 5, "stomp-send crow.well 1")),
            board=there,
            chat=ws(app.port, do=["0.9 send hello", "5.2 send thanks"]),
        )
        await beaten(watch, "board", 1)
        await asyncio.to_thread(artemis.manage, "user bert")
        await beaten(watch, "board", 1)
        await seen(watch, "frame", "chat", dir="in", opcode=1, text="thanks")
        await leave(watch, "till", "board", "chat", status=0)
    recorder.keep("crow-well-operator-closes-others", watch)


async def test_well(artemis: Artemis, start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Three at a time; most of the time is spent waiting."""
    await side_by_side(
        (
            reloads(certificate, start, recorder),
            large_words(certificate, start, recorder),
            others_are_closed(artemis, start, recorder),
        )
    )

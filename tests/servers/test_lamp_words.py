"""What is said until the end: half frames, bytes nobody wants, too much for one reader, goodbyes; and talk of doom."""

import asyncio
import signal
import urllib.request

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, open_session, probing, seen
from tests.servers.apache import Apache
from tests.servers.between import Table, opened, says, sockjs, staged, stomp, web_stomp, ws, wss
from tests.servers.endings import assert_said
from tests.servers.frozen import frozen
from tests.servers.golang import Centrifuge
from tests.servers.house import house
from tests.servers.joined import beaten
from tests.servers.jvm import Artemis
from tests.servers.lesser import Hitch, Redir
from tests.servers.lines import leave
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeEndings, NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.socat import Socat
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.toxiproxy import Toxiproxy
from tests.servers.traefik import Traefik
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

HALF = "827e1000" + "5a" * 700
"""The head of a binary frame of 4096 bytes, and the first 700 of them."""


async def test_a_frame_is_half_said(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A program ends the connection in the middle of a chart; hitch passes on what came. Another chart is whole."""
    server = start(NodeEndings)
    hitch = start(Hitch, server.port, certificate)
    base = wss(hitch.port, certificate, no_compression=True)
    tables = {
        "whole": base | {"do": says(0.9, 6, "send chart")},
        "feed": base | {"do": [*says(0.7, 2.2, "send chart"), f"2.8 send cut {HALF}"]},
    }
    watch = await staged(tables, "feed", stage="tls")
    assert watch.the("close", "feed")["received"] is None
    recorder.keep("lamp-hitch-node-cut-in-a-frame", watch)


async def test_a_volume_is_used_up(start: Starter, recorder: Recorder) -> None:
    """A carrier's box ends a connection after so many bytes, in a picture; who takes another way has no such limit."""
    server = start(NodeEndings)
    box = start(Toxiproxy, server.port)
    box.poison("limit_data", bytes=26000)
    tables = {
        "past": ws(server.port, no_compression=True, do=says(0.9, 7)),
        "camera": ws(box.port, no_compression=True, do=says(0.8, 6, "send flood 6000")),
    }
    watch = await staged(tables, "camera")
    assert watch.the("close", "camera")["received"] is None
    recorder.keep("lamp-toxiproxy-volume-used-up", watch)


async def json_only(_: str, client: ServerConnection, message: str | bytes) -> None:
    """An application that speaks JSON."""
    if isinstance(message, bytes):
        await client.close(1003)
    else:
        await client.send(message)


async def test_a_card_reader_packs_its_messages(start: Starter, recorder: Recorder) -> None:
    """Its new firmware speaks MessagePack where the server knows JSON alone: 1003 without a word. Behind Apache."""
    async with house(json_only, ping_interval=None) as app:
        apache = start(Apache, app.port)
        tables = {
            "keyboard": ws(apache.port, "/?user=keyboard", do=says(1.0, 6, 'send {"card":4711}')),
            "reader": ws(
                apache.port, "/?user=reader", do=['0.8 send {"hello":1}', "2.3 send-binary 81a46361726404a1b2c3d4e5f6"]
            ),
        }
        watch = await staged(tables, "reader")
    assert_said(watch.the("close", "reader"), 1003)
    recorder.keep("lamp-apache-msgpack-1003", watch)


async def test_bytes_into_the_sockjs_of_spring(start: Starter, recorder: Recorder) -> None:
    """An app of a partner frames its first photo itself; SockJS knows text alone. The page beside it is well."""
    shop = start(Spring, heart_beat="2300,2300")
    nginx = start(Nginx, shop.port)
    base: Table = {
        "url": f"stomp+http://{LOOPBACK}:{nginx.port}/sockjs",
        "sockjs_transport": "websocket",
        "heart_beat": "2300,2300",
        "subscribe": ["/topic/photos"],
    }
    tables = {
        "page": base | {"do": says(1.1, 6, "stomp-send /topic/photos one more")},
        "app": base | {"do": ["2.6 raw-frame 828800000000ffd8ffe000104a46"]},
    }
    watch = await staged(tables, "app")
    assert watch.the("close", "app")["received"]["code"] == 1003
    recorder.keep("lamp-nginx-spring-sockjs-binary-1003", watch)


async def test_centrifuge_has_a_queue(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """An old tablet does not read for 4.5 s while news pour in; its queue is full. Another server is well."""
    server, other = start(Centrifuge, Queue=400000, Kernel=32768), start(Centrifuge)
    hitch = start(Hitch, server.port, certificate)
    base = wss(hitch.port, certificate) | {"url": f"wss://localhost:{hitch.port}/ws", "no_compression": True}

    def hello(user: str) -> list[str]:
        return [f'0.2 send {{"id":1,"connect":{{"token":"{user}"}}}}']

    async def strike(watch: Watch) -> None:
        for name in ("well", "slow"):
            await seen(watch, "frame", name, dir="in", opcode=1)
        await ask(watch, "freeze 4.5", "slow")
        address = f"http://{LOOPBACK}:{server.port}/flood?count=60&bytes=320000"
        await asyncio.to_thread(lambda: urllib.request.urlopen(address, timeout=20).close())

    tables = {"well": ws(other.port, "/ws", do=hello("anna")), "slow": base | {"do": hello("bert")}}
    watch = await staged(tables, "slow", strike=strike, stage="tls")
    assert watch.the("close", "slow")["initiator"] == "remote"
    recorder.keep("lamp-hitch-centrifuge-slow", watch)


async def pours(_: str, client: ServerConnection, message: str | bytes) -> None:
    """A feed that gives up on who takes longer than a second for a page of it."""
    if message != "history":
        await client.send(message)
        return
    await asyncio.sleep(0.4)  # it asks its database
    try:
        for _page in range(100):
            await asyncio.wait_for(client.send("x" * 400_000), 1.0)
    except TimeoutError:
        client.transport.abort()


async def test_a_feed_gives_up(start: Starter, recorder: Recorder) -> None:
    """A chart asks for all of its history and then draws for 5 s; the feed cuts. By socat; a ticker there is well."""
    async with house(pours, ping_interval=None) as app:
        way = start(Socat, app.port)
        tables = {
            "ticker": ws(way.port, "/?user=ticker", do=says(1.1, 9)),
            "slow": ws(
                way.port, "/?user=slow", no_compression=True, do=["0.7 send hello", "2.1 send history", "2.2 freeze 5"]
            ),
        }
        watch = await staged(tables, "slow")
    close = watch.the("close", "slow")
    assert close["initiator"] == "remote" and close["received"] is None
    recorder.keep("lamp-socat-feed-gives-up-on-a-slow-one", watch)


async def test_a_meeting_ends(start: Starter, recorder: Recorder) -> None:
    """Its host ends it: 1000 for both who are in, one in mid-sentence; the next meeting's waiting room stays."""
    async with house() as app:
        traefik = start(Traefik, app.port)

        async def strike(watch: Watch) -> None:
            await seen(watch, "frame", "anna", dir="in", opcode=1, count=4)
            for name in ("anna", "bert"):
                await app.clients[name].close(1000, "meeting ended by host")

        tables = {
            "waits": ws(traefik.port, "/?user=waits", ping_interval=1.9),
            "anna": ws(traefik.port, "/?user=anna", do=says(0.7, 6)),
            "bert": ws(traefik.port, "/?user=bert"),
        }
        watch = await staged(tables, "anna", "bert", strike=strike, status=1)
    assert_said(watch.the("close", "bert"), 1000, "meeting ended by host")
    recorder.keep("lamp-traefik-meeting-ended-1000", watch)


async def test_a_shift_ends(start: Starter, recorder: Recorder) -> None:
    """Somebody logs off in order (DISCONNECT with a receipt) from a stream of SockJS; the colleague works on."""
    shop = start(Spring, heart_beat="1900,1900")
    base: Table = {"url": shop.sockjs_url, "sockjs_transport": "xhr-streaming", "heart_beat": "1900,1900"}
    base |= {"subscribe": ["/topic/beds"]}
    tables = {
        "day": base | {"do": says(1.3, 6, "stomp-send /topic/beds 12 free")},
        "night": base | {"do": ["1.7 stomp-send /topic/beds 11 free", "3.4 disconnect"]},
    }
    watch = await staged(tables, "night", status=0)
    assert watch.the("close", "night")["asked"] is True
    recorder.keep("lamp-spring-stream-shift-ends", watch)


async def test_artemis_stands_still(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """Its machine runs out of processor: a till hears no beats, a desk no pong; the broker next door is well."""
    artemis = start(Artemis)
    base: Table = {"url": artemis.ws_url, "login": "anna", "passcode": "crew"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            nextdoor=stomp(broker.stomp_port, "4100,4100"),
            till=base | {"heart_beat": "1500,1500", "do": says(1.4, 3, "stomp-send jms.queue.sold 1")},
            desk=base | {"heart_beat": "0,0", "ping_interval": 1.3, "ping_timeout": 3.2, "close_timeout": 1.2},
        )
        await beaten(watch, "till", 2)
        with frozen(artemis.pid):
            await seen(watch, "heartbeat", "till", layer="stomp-in", state="missed")
            await looked(watch, "desk", stage="http", ok=False, patience=3)
            await leave(watch, "nextdoor")
    recorder.keep("lamp-freeze-artemis-two-and-a-neighbour", watch)


async def test_talk_of_doom(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """Sessions that say what ends others: c[3000], ERROR, 1006, GOAWAY, as bytes too; and one that says nothing."""
    node, page = start(NodeWs), start(SockJsNode, heartbeat_delay=2200)
    redir = start(Redir, node.port)
    words = ['send c[3000,"Go away!"]', "send Connection reset by peer (ECONNRESET)", "send HTTP/1.1 502 Bad Gateway"]
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            log=ws(redir.port, do=[f"{0.8 + n * 1.3:.1f} {said}" for n, said in enumerate(words)]),
            bytes=ws(redir.port, do=["1.1 send-binary 880203ee", "2.9 send-binary 00", "4.4 pong 1006"]),
            page=sockjs(page.port, "websocket", do=[f"{1.0 + n * 1.4:.1f} {said}" for n, said in enumerate(words)]),
            desk=web_stomp(
                broker.port,
                "2800,2800",
                subscribe=["/topic/alerts"],
                do=["1.6 stomp-send /topic/alerts ERROR session expired, heart-beat missed", "3.8 subscribe /topic/b"],
            ),
            silent=ws(node.port),
        )
        await seen(watch, "frame", "log", dir="in", opcode=1, count=3)
        await seen(watch, "frame", "bytes", dir="in", opcode=2, count=2)
        await seen(watch, "stomp", "desk", command="MESSAGE")
        await beaten(watch, "desk", 2)
        await leave(watch, "log", "bytes", "page", "desk", "silent", status=0)
    recorder.keep("lamp-none-words-of-doom", watch)


async def test_a_neighbour_dies(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A program nobody here is at dies, nginx is reloaded and hitch too, and a tab sleeps 2.4 s: all here are well."""
    node, stream, neighbour = start(NodeEndings), start(SockJsNode, heartbeat_delay=1700), start(NodeWs)
    nginx, hitch = start(Nginx, node.port), start(Hitch, node.port, certificate)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            old=ws(nginx.port, do=says(1.2, 9)),
            sealed=wss(hitch.port, certificate, ping_interval=1.8),
            polls=sockjs(stream.port, "xhr-polling"),
        )
        await seen(watch, "frame", "old", dir="in", opcode=1, count=2)
        await asyncio.to_thread(neighbour.end, signal.SIGKILL)
        nginx.reload()
        hitch.reload()
        await ask(watch, "freeze 2.4", "sealed")
        await seen(watch, "frame", "old", dir="in", opcode=1, count=5)
        assert (await open_session(watch, name="late", **ws(nginx.port, do=["0.3 send hello"])))["ok"]
        await seen(watch, "frame", "late", dir="in", opcode=1)
        await seen(watch, "frame", "sealed", dir="in", opcode=10, count=3)
        await leave(watch, "old", "sealed", "polls", "late", status=0)
    recorder.keep("lamp-none-neighbour-dies-and-well", watch)

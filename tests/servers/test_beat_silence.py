"""Beats, pings and pongs that stay away behind the proxies of a cluster, and a reader that is too slow."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, probing, seen
from tests.servers.between import Table, opened, says, staged, stomp, web_stomp, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.endings import assert_said
from tests.servers.envoy import Envoy
from tests.servers.frozen import frozen
from tests.servers.goapps import Melody
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.joined import ANNA
from tests.servers.jvm import Artemis
from tests.servers.lesser import Hitch, Varnish
from tests.servers.lines import beaten, leave, open_doors, over
from tests.servers.looks import looked
from tests.servers.nginx import Certificate
from tests.servers.node import NodeWs
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.rustapps import Axum
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.toxiproxy import Toxiproxy
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_tab_in_the_background(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """RabbitMQ behind Envoy with TLS: the tab's timer fires every 15 s where 2.2 were promised; two others beat."""
    proxy = start(Envoy, broker.port, certificate=certificate, route={"timeout": "0s", "idle_timeout": "60s"})
    tab = web_stomp(proxy.port, "2200,2200", cacert=str(certificate.ca))
    tab["url"] = f"stomp+wss://localhost:{proxy.port}/ws"
    watch = await staged(
        {
            "tab": tab | {"do": ["2.6 throttle-beats 15000"]},
            "window": tab,
            "script": stomp(broker.stomp_port, "2200,2200"),
        },
        "tab",
        stage="tls",
    )
    assert watch.the("close", "tab")["initiator"] == "remote"
    recorder.keep("beat-envoy-rabbitmq-tab-in-the-background", watch)


async def test_a_board_that_never_learns(start: Starter, recorder: Recorder) -> None:
    """Spring's streams behind Envoy: the board is dropped without beats, comes back, and is dropped again."""
    spring = start(Spring, heart_beat="1900,1900", sockjs_heart_beat=25000)
    proxy = start(Envoy, spring.port, route={"timeout": "0s", "idle_timeout": "60s"})
    base: Table = {"url": f"stomp+http://{LOOPBACK}:{proxy.port}/sockjs", "sockjs_transport": "xhr-streaming"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, desk=base | {"heart_beat": "0,0"})
        board = base | {"heart_beat": "1900,1900", "reconnect": True, "do": ["0.7 hold-beats"]}
        await opened(watch, board=board)
        await seen(watch, "close", "board")
        await seen(watch, "stomp", "board", command="CONNECTED", count=2)
        await seen(watch, "stomp", "board", command="beat", dir="out", count=1)
        await ask(watch, "hold-beats", "board")
        await seen(watch, "close", "board", count=2)
        await leave(watch, "desk", status=1)
    assert {close["initiator"] for close in watch.of("close", "board")[:2]} == {"remote"}
    recorder.keep("beat-envoy-spring-stream-twice-without-beats", watch)


async def test_a_home_made_broker_forgets_its_timer(
    certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """Behind Caddy with TLS: it promised 1.6 s, beats three times and goes on giving messages. Another one beats."""
    tasks: set[asyncio.Task[None]] = set()

    def broker(beats: int) -> object:
        async def beat(client: ServerConnection) -> None:
            for _ in range(beats):
                await asyncio.sleep(1.6)
                await client.send("\n")

        async def obey(_: str, client: ServerConnection, message: str | bytes) -> None:
            frame = str(message)
            if frame.startswith("CONNECT"):
                await client.send("CONNECTED\nversion:1.2\nheart-beat:1600,1600\nserver:kiosk/0.9\n\n\0")
                tasks.add(asyncio.create_task(beat(client)))
            elif frame.startswith("SEND"):
                await client.send("MESSAGE\nsubscription:sub-0\nmessage-id:1\ndestination:/queue/sales\n\nsold\0")
            elif frame.startswith("DISCONNECT"):
                await client.send("RECEIPT\nreceipt-id:disconnect\n\n\0")

        return obey

    options = {"ping_interval": None, "subprotocols": ["v12.stomp"]}
    async with house(broker(3), **options) as forgets, house(broker(60), **options) as beats:  # type: ignore[arg-type]
        files = f"{certificate.chain} {certificate.key}"
        first, second = start(Caddy, forgets.port, tls=files), start(Caddy, beats.port, tls=files)
        base: Table = {"cacert": str(certificate.ca), "heart_beat": "1600,1600", "subscribe": ["/queue/sales"]}
        async with probing("--stdin", **POSTMORTEM) as watch:
            await opened(
                watch,
                till=base
                | {
                    "url": f"stomp+wss://localhost:{first.port}/?user=till",
                    "do": [f"{at} stomp-send /queue/sales 1" for at in (2.1, 4.6)],
                },
                other=base | {"url": f"stomp+wss://localhost:{second.port}/?user=other"},
            )
            await seen(watch, "heartbeat", "till", layer="stomp-in", state="missed")
            await ask(watch, "stomp-send /queue/sales 2", "till")
            await seen(watch, "heartbeat", "till", layer="stomp-in", state="missed", count=2)
            await beaten(watch, 1, "other")
            await leave(watch, "till", "other")
        for task in tasks:
            task.cancel()
    assert watch.of("heartbeat", "till", layer="stomp-in", state="missed")
    recorder.keep("beat-caddy-home-made-forgets-to-beat", watch)


async def test_a_mute_tablet(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """melody behind hitch pings every 2.1 s and waits 3.4 s for a pong; a tablet says much and never pongs."""
    server = start(Melody, PingPeriod=2.1, PongWait=3.4)
    front = start(Hitch, server.port, certificate)
    base = wss(front.port, certificate) | {"url": f"wss://localhost:{front.port}/ws"}
    watch = await staged(
        {"mute": base | {"do": ["0.4 hold-pongs", *says(1.4, 7, "send hello")]}, "well": base},
        "mute",
        stage="tls",
    )
    assert watch.the("close", "mute")["initiator"] == "remote"
    recorder.keep("beat-hitch-melody-mute-tablet", watch)


async def test_a_lone_viewer_without_pongs(start: Starter, recorder: Recorder) -> None:
    """python-websockets behind Varnish: ticks come, the second ping is not answered; nobody else is there."""

    async def ticks(_: str, client: ServerConnection, message: str | bytes) -> None:
        for number in range(30):
            await client.send(f"tick {number}")
            await asyncio.sleep(0.9)

    async with house(ticks, ping_interval=2.3, ping_timeout=1.6) as app:
        proxy = start(Varnish, app.port)
        watch = await staged(
            {"mute": ws(proxy.port, "/?user=mute", do=["0.2 send go", "2.9 hold-pongs"])}, "mute", stage="http"
        )
    assert_said(watch.the("close", "mute"), 1011, "keepalive ping timeout")
    recorder.keep("beat-varnish-python-no-pong-lone", watch)


async def test_patience_shorter_than_the_line(start: Starter, recorder: Recorder) -> None:
    """Answers take 2.9 s since the line is bad; one session waits 1.2 s for its pong, the other 9 s."""
    server = start(NodeWs)
    way = start(Toxiproxy, server.port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            hasty=ws(way.port, ping_interval=1.7, ping_timeout=1.2, close_timeout=4, do=says(1.3, 3)),
            patient=ws(way.port, ping_interval=1.7, ping_timeout=9),
        )
        await seen(watch, "frame", "hasty", opcode=10, dir="in")
        await seen(watch, "frame", "patient", opcode=10, dir="in")
        way.poison("latency", latency=2900)
        await looked(watch, "hasty", patience=5)
        await seen(watch, "frame", "patient", opcode=10, dir="in", count=3)
        await leave(watch, "patient", status=1)
    close = watch.the("close", "hasty")
    assert (close["initiator"], close["sent"]["code"]) == ("local", 1011)
    recorder.keep("beat-toxiproxy-patience-shorter-than-the-line", watch)


async def test_a_program_in_a_debugger(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """axum behind HAProxy with TLS is stopped by a signal; who pings it gives up, another server's client does not."""
    server, other = start(Axum), start(NodeWs)
    proxy = start(HaProxy, server.port, tunnel=40, certificate=certificate)
    pings: Table = {"ping_interval": 2.3, "ping_timeout": 2.8, "close_timeout": 0.8}
    path = server.url.split(str(server.port))[1]
    secure = wss(proxy.port, certificate, do=says(1.3, 4, "send hello"), **pings)
    secure["url"] = f"wss://localhost:{proxy.port}{path}"
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, pings=secure, other=ws(other.port, **pings))
        await seen(watch, "frame", "pings", opcode=10, dir="in")
        with frozen(server.pid):
            await over(watch, "pings", stage="tls")
            await leave(watch, "other", status=1)
    assert watch.the("close", "pings")["initiator"] == "local"
    recorder.keep("beat-haproxy-axum-stands-still", watch)


async def test_a_laptop_sleeps_with_three_servers(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """RabbitMQ and Artemis want beats and drop the sleeper; a page without beats finds its server there."""
    artemis, node = start(Artemis), start(NodeWs)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            orders=web_stomp(broker.port, "1800,1800"),
            stock={"url": artemis.tcp_url, "heart_beat": "1400,1400"} | ANNA,
            page=ws(node.port, do=says(1.1, 2)),
        )
        await beaten(watch, 1, "orders", "stock")
        with frozen(watch.process.pid):
            await asyncio.sleep(8.3)  # the lid is closed
        await seen(watch, "stall")
        await looked(watch, "orders", "stock")
        await ask(watch, "send still there", "page")
        await seen(watch, "frame", "page", dir="in", text="still there")
        await leave(watch, "page", status=1)
    recorder.keep("beat-laptop-sleeps-three-servers", watch)


async def test_a_ticker_does_not_wait(recorder: Recorder) -> None:
    """A ticker gives a client 1.3 s to take its prices, and says so; another one reads. Kernels keep little."""

    async def ticker(_: str, client: ServerConnection, message: str | bytes) -> None:
        count = int(str(message).split()[1])
        try:
            async with asyncio.timeout(1.3):
                for number in range(count):
                    await client.send(f"{number} " + "price " * 1300)
        except TimeoutError:
            await client.close(4013, "consumer too slow")

    async with AsyncExitStack() as stack:
        hosts = stack.enter_context(routed())
        for host in (hosts.client, hosts.server):
            host.set(net__ipv4__tcp_rmem="4096 16384 16384", net__ipv4__tcp_wmem="4096 16384 16384")
        with hosts.server.inside():
            app = await stack.enter_async_context(house(ticker, ping_interval=None, write_limit=4096))
        open_doors(hosts.server, app.port)
        watch = await stack.enter_async_context(watching("--stdin", on=hosts.client.words, **POSTMORTEM))
        for name in ("slow", "reads"):
            await opened(watch, **{name: {"url": f"ws://{SERVER}:{app.port}/?user={name}", "no_compression": True}})
        await ask(watch, "send prices 3", "reads")
        await seen(watch, "frame", "reads", opcode=1, dir="in", count=3)
        await ask(watch, "send prices 2", "slow")
        await seen(watch, "frame", "slow", opcode=1, dir="in", count=2)
        await ask(watch, "send prices 60", "slow")
        await ask(watch, "freeze 3.1", "slow")
        await looked(watch, "slow")
        await ask(watch, "send prices 1", "reads")
        await seen(watch, "frame", "reads", opcode=1, dir="in", count=4)
        await leave(watch, "reads", status=1)
    assert_said(watch.the("close", "slow"), 4013, "consumer too slow")
    recorder.keep("beat-python-ticker-reader-4013", watch)

"""Who goes silent: brokers whose beats end, workers that hold theirs, programs that stand still."""

import asyncio
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, probing, seen
from tests.servers.abreast import up
from tests.servers.ashore import side_by_side
from tests.servers.between import Table, opened, says, staged, stomp, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.frozen import frozen
from tests.servers.haproxy import HaProxy
from tests.servers.homely import stomping
from tests.servers.house import house
from tests.servers.joined import ANNA
from tests.servers.jvm import Artemis, Vertx
from tests.servers.lesser import Nghttpx, Varnish
from tests.servers.lines import beaten, leave, over
from tests.servers.looks import looked
from tests.servers.nginx import Certificate
from tests.servers.node import NodeStomp, NodeWs
from tests.servers.node_apps import Fastify
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

PINGS: Table = {"ping_interval": 1.5, "ping_timeout": 3.1, "close_timeout": 1.0}


async def beats_end_and_pings_go_on(start: Starter, recorder: Recorder) -> None:
    """A broker's task that beats one screen fails after three beats, its library pings on; Varnish is between."""
    tasks: list[asyncio.Task[None]] = []

    async def beat(client: ServerConnection, count: int) -> None:
        for _ in range(count):
            await asyncio.sleep(1.4)
            await client.send("\n")

    async def nothing(*_: Any) -> None:
        pass

    talk = stomping(nothing, "mill/3.0", "1400,0")

    async def rule(user: str, client: ServerConnection, message: str | bytes) -> None:
        await talk(user, client, message)
        if str(message).startswith(("CONNECT", "STOMP")):
            tasks.append(asyncio.create_task(beat(client, 3 if user == "screen" else 1000)))

    async with house(rule, ping_interval=1.7, ping_timeout=9, subprotocols=["v12.stomp"]) as app:
        varnish = await up(start, Varnish, app.port)
        base: Table = {"heart_beat": "0,1400"}
        url = f"stomp+ws://{LOOPBACK}:{varnish.port}/?user="
        async with probing("--stdin", **POSTMORTEM) as watch:
            await opened(watch, other=base | {"url": f"{url}other"}, screen=base | {"url": f"{url}screen"})
            await seen(watch, "frame", "screen", opcode=9, dir="in", count=6)
            await beaten(watch, 1, "other")
            await leave(watch, "other", "screen")
        for task in tasks:
            task.cancel()
    assert len(watch.of("stomp", "screen", dir="in", command="beat")) == 3
    recorder.keep("lark-varnish-stomp-beats-end-pings-go-on", watch)


async def beats_end_and_receipts_come(start: Starter, recorder: Recorder) -> None:
    """A broker beats each of its sessions three times and no more; behind nghttpx, two came one after the other."""
    server = await up(start, NodeStomp, beatEvery=1600, beats=3)
    other = await up(start, NodeStomp, beatEvery=3000, beats=1000)
    nghttpx = await up(start, Nghttpx, server.port)
    asks = [rf"{at} stomp-frame SEND\ndestination:/q/l\nreceipt:r{at}\n\nx\0" for at in (3.6, 7.2, 10.4)]
    base: Table = {"url": f"stomp+ws://{LOOPBACK}:{nghttpx.port}/", "heart_beat": "1600,1600"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, other={"url": other.url, "heart_beat": "3000,3000"}, early=base | {"do": asks})
        await asyncio.sleep(2.1)
        await opened(watch, late=base)
        await seen(watch, "stomp", "early", dir="in", command="RECEIPT", count=3)
        await leave(watch, "other", "early", "late")
    for name in ("early", "late"):
        assert len(watch.of("stomp", name, dir="in", command="beat")) == 3
    recorder.keep("lark-nghttpx-stomp-beats-end-receipts-come", watch)


async def a_worker_holds_its_beats(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """RabbitMQ by HAProxy's TCP: a worker that gets messages does not beat; its publisher does, and a quiet twin."""
    haproxy = await up(start, HaProxy, broker.stomp_port, client=40, server=40, options="mode tcp\n    option tcplog")
    base = stomp(haproxy.port, "1600,1600")

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "worker", command="MESSAGE", dir="in", count=2)
        await ask(watch, "hold-beats", "worker")

    tables = {
        "twin": base,
        "worker": base | {"subscribe": ["/topic/lark.jobs"]},
        "publisher": base | {"do": says(1.1, 9, "stomp-send /topic/lark.jobs a job")},
    }
    watch = await staged(tables, "worker", strike=strike)
    assert watch.the("close", "worker")["initiator"] == "remote"
    recorder.keep("lark-haproxy-rabbitmq-worker-holds-its-beats", watch)


async def two_tabs_hold_their_beats(artemis: Artemis, start: Starter, recorder: Recorder) -> None:
    """Two hidden tabs stop beating at one moment, by an ssh tunnel to Artemis; a third in front goes on."""
    ssh = await up(start, SshTunnel, artemis.port)
    base: Table = {"url": f"stomp+ws://{LOOPBACK}:{ssh.port}/", "heart_beat": "1300,1300"} | ANNA

    async def strike(watch: Watch) -> None:
        await beaten(watch, 2, "one", "two")
        for name in ("one", "two"):
            await ask(watch, "hold-beats", name)

    tables = {"front": base | {"do": says(2.3, 7, "stomp-send lark.q 1")}, "one": base, "two": base}
    watch = await staged(tables, "one", "two", strike=strike)
    assert {watch.the("close", name)["initiator"] for name in ("one", "two")} == {"remote"}
    recorder.keep("lark-ssh-artemis-two-tabs-hold-beats", watch)


async def vertx_stands_still(start: Starter, recorder: Recorder) -> None:
    """Vert.x collects garbage for long under STOMP over TCP, a raw feed that pings, and SockJS; Node is well."""
    server, other = await up(start, Vertx, heartbeat=1500), await up(start, NodeWs)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            other=ws(other.port, do=says(3.6, 20)),
            till={"url": server.stomp_url, "heart_beat": "0,1000"},
            feed=ws(server.port, "/live?user=feed", do=says(1.3, 4)) | PINGS,
            page={"url": server.sockjs("echo"), "sockjs_transport": "websocket"}
            | {"do": ["0.5 send hello", "5.2 send anybody?"]},
        )
        await seen(watch, "frame", "feed", opcode=10, dir="in", count=2)
        with frozen(server.pid):
            await over(watch, "feed", patience=4)
            await asyncio.sleep(2)
            await leave(watch, "other", "page")
    recorder.keep("lark-vertx-stands-still-three-ways", watch)


async def fastify_stands_still(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A debugger holds Fastify behind Caddy: a chat speaks on and pings, gives up and is refused; another is well."""
    server, other = await up(start, Fastify), await up(start, NodeWs)
    caddy = await up(start, Caddy, server.port, tls=f"{certificate.chain} {certificate.key}")
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            other=ws(other.port, do=says(1.6, 16)),
            chat=wss(caddy.port, certificate, do=says(0.9, 7), reconnect=True, open_timeout=2.4)
            | PINGS
            | {"url": f"wss://localhost:{caddy.port}/ws"},
        )
        await seen(watch, "frame", "chat", opcode=10, dir="in", count=2)
        with frozen(server.pid):
            await seen(watch, "close", "chat", count=2)
            await looked(watch, "chat", stage="tls")
            await leave(watch, "other", status=1)
    assert watch.of("close", "chat")[0]["initiator"] == "local"
    recorder.keep("lark-caddy-fastify-stands-still", watch)


async def test_beats(broker: RabbitMq, artemis: Artemis, start: Starter, recorder: Recorder) -> None:
    """Several at a time; most of the time is spent waiting."""
    await side_by_side(
        (
            beats_end_and_pings_go_on(start, recorder),
            beats_end_and_receipts_come(start, recorder),
            a_worker_holds_its_beats(broker, start, recorder),
            two_tabs_hold_their_beats(artemis, start, recorder),
        )
    )


async def test_programs_stand_still(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Two at a time."""
    await side_by_side((vertx_stands_still(start, recorder), fastify_stands_still(certificate, start, recorder)))

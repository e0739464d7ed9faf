"""Servers and proxies that are stopped, started or reloaded under sessions, and programs that cut one of them."""

import asyncio

import pytest

from tests.probing import ask, seen
from tests.servers.apache import Apache
from tests.servers.between import Table, restarted, says, staged, ws
from tests.servers.frameworks import Aiohttp
from tests.servers.goapps import Melody
from tests.servers.haproxy import HaProxy
from tests.servers.joined import GUEST
from tests.servers.jvm import Jetty
from tests.servers.lesser import Varnish
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeEndings, NodeStomp, NodeWs
from tests.servers.node_apps import StompBroker
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.traefik import Traefik
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_small_broker_is_restarted(start: Starter, recorder: Recorder) -> None:
    """stomp-broker-js ends when its supervisor says so and is there again; its clients come back by themselves."""
    broker, other = start(StompBroker, heartbeat=[1500, 1500]), start(NodeStomp, beatEvery=1400, beats=1000)

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "page", command="SEND", dir="out", count=2)
        await asyncio.to_thread(restarted, broker)
        for name in ("page", "tablet"):
            await seen(watch, "stomp", name, command="CONNECTED", count=2)
        await asyncio.sleep(1.5)

    there: Table = {"url": broker.url, "heart_beat": "1500,1500", "reconnect": True}
    tables = {
        "elsewhere": {"url": other.url, "heart_beat": "1400,1400"},
        "page": there | {"do": says(0.7, 2, "stomp-send /topic/board up")},
        "tablet": there | {"subscribe": ["/topic/board"]},
    }
    watch = await staged(tables, "page", "tablet", strike=strike)
    recorder.keep("pier-stomp-broker-js-restarted", watch)


async def test_a_deployment_says_so(start: Starter, recorder: Recorder) -> None:
    """Melody tells everybody 1012 before its new version starts; behind Varnish. One who is elsewhere stays."""
    app, other = start(Melody, Stop=[1012, "deploy 2026-11-27 #412"]), start(NodeWs)
    varnish = start(Varnish, app.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "busy", dir="in", opcode=1, count=2)
        await asyncio.to_thread(restarted, app)

    tables = {
        "busy": ws(varnish.port, "/ws", do=says(0.8, 5)),
        "idle": ws(varnish.port, "/ws"),
        "elsewhere": ws(other.port, do=says(1.1, 5)),
    }
    watch = await staged(tables, "busy", "idle", strike=strike)
    assert {watch.the("close", name)["code"] for name in ("busy", "idle")} == {1012}
    recorder.keep("pier-varnish-melody-1012", watch)


async def test_jetty_cuts_one(start: Starter, recorder: Recorder) -> None:
    """Another user's word has the program cut anna in the middle of her talk; behind Apache."""
    app = start(Jetty)
    apache = start(Apache, app.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "anna", dir="in", opcode=1, count=4)
        await ask(watch, "send cut anna", "bert")

    tables = {
        "bert": ws(apache.port, "/live?user=bert"),
        "anna": ws(apache.port, "/live?user=anna", do=says(0.5, 6)),
    }
    watch = await staged(tables, "anna", strike=strike)
    assert watch.the("close", "anna")["received"] is None
    recorder.keep("pier-apache-jetty-cuts-one", watch)


async def test_aiohttp_aborts_one_again(start: Starter, recorder: Recorder) -> None:
    """The program aborts a desk's connection when a certain order comes, and again when the desk is back."""
    app = start(Aiohttp)

    async def strike(watch: Watch) -> None:
        for count in (1, 2):
            await seen(watch, "open", "desk2", count=count)
            await asyncio.sleep(1.1)
            await ask(watch, "send cut", "desk2")
            await seen(watch, "close", "desk2", count=count)
        await seen(watch, "open", "desk2", count=3)
        await asyncio.sleep(1.2)

    tables = {
        "desk1": ws(app.port, do=says(0.9, 6)),
        "desk2": ws(app.port, do=["0.5 send order 4711"], reconnect=True),
    }
    watch = await staged(tables, "desk2", strike=strike)
    recorder.keep("pier-aiohttp-aborts-one-again", watch)


async def test_nginx_is_reloaded(spring: Spring, start: Starter, recorder: Recorder) -> None:
    """For a new certificate of another site; its old worker leaves after 1.3 s, with every session it has."""
    nginx = start(Nginx, spring.port, shutdown_timeout=1.3)

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "socket", command="SEND", dir="out", count=3)
        nginx.reload()
        for name in ("socket", "stream", "plain"):
            await seen(watch, "close", name)

    login: Table = {"login": "anna", "passcode": "crew", "heart_beat": "0,0"}
    base = {"url": f"stomp+http://{LOOPBACK}:{nginx.port}/sockjs"} | login
    tables = {
        "direct": login | {"url": spring.ws_url, "do": says(1.2, 6, "stomp-send /topic/orders 5")},
        "socket": base | {"sockjs_transport": "websocket", "do": says(0.6, 6, "stomp-send /topic/orders 6")},
        "stream": base | {"sockjs_transport": "xhr-streaming"},
        "plain": login | {"url": f"stomp+ws://{LOOPBACK}:{nginx.port}/ws"},
    }
    watch = await staged(tables, "socket", "stream", "plain", strike=strike)
    recorder.keep("pier-nginx-spring-reload", watch)


async def test_haproxy_is_reloaded_twice(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """An ingress controller reloads HAProxy for each change, and one comes soon after another. RabbitMQ, over TLS."""
    haproxy = start(HaProxy, broker.port, certificate=certificate, hard_stop=0.4)
    base: Table = {"url": f"stomp+wss://localhost:{haproxy.port}/ws", "cacert": str(certificate.ca)} | GUEST
    base |= {"heart_beat": "0,0", "reconnect": True}

    async def strike(watch: Watch) -> None:
        for count in (1, 2):
            for name in ("beats", "sends"):
                await seen(watch, "stomp", name, command="CONNECTED", count=count)
            await asyncio.sleep(0.5)
            haproxy.reload()
            for name in ("beats", "sends"):
                await seen(watch, "close", name, count=count)
        for name in ("beats", "sends"):
            await seen(watch, "stomp", name, command="CONNECTED", count=3)
        await asyncio.sleep(0.3)

    tables = {
        "direct": {"url": broker.url, "heart_beat": "0,0"} | GUEST,
        "beats": base,
        "sends": base | {"do": ["0.2 stomp-send /topic/changes one"]},
    }
    watch = await staged(tables, "beats", "sends", strike=strike)
    recorder.keep("pier-haproxy-rabbitmq-reloaded-twice", watch)


async def test_node_dies_in_a_snapshot(start: Starter, recorder: Recorder) -> None:
    """It sends a map of fourteen megabytes to one who takes it slowly, and its process ends meanwhile."""
    app, other = start(NodeEndings), start(NodeWs)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "ops", dir="in", opcode=1, count=2)
        await ask(watch, "send flood 14000000", "map")
        await ask(watch, "freeze 1.4", "map")
        await asyncio.sleep(0.4)
        await ask(watch, "send exit", "ops")

    tables = {
        "elsewhere": ws(other.port, do=says(0.9, 5)),
        "ops": ws(app.port, do=says(0.5, 1.2)),
        "map": ws(app.port, do=["0.3 send hello"]),
    }
    watch = await staged(tables, "map", "ops", strike=strike, ok=False)
    recorder.keep("pier-node-dies-in-a-snapshot", watch)


async def test_a_frame_ends_early(start: Starter, recorder: Recorder) -> None:
    """A chart's frame says 4096 bytes and has 39 of them when Node ends the connection; by Traefik."""
    app = start(NodeEndings)
    traefik = start(Traefik, app.port)
    part = b'{"series":[17,18,19,23,21,20,22,25,24,'.hex()

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "chat", dir="in", opcode=1, count=3)
        await ask(watch, f"send cut 817e1000{part}", "chart")

    tables = {
        "chat": ws(traefik.port, do=says(0.7, 5)),
        "chart": ws(traefik.port, do=["0.4 send give me all", "1.1 send and more"]),
    }
    watch = await staged(tables, "chart", strike=strike)
    recorder.keep("pier-traefik-node-frame-ends-early", watch)

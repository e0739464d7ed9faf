"""Ends that come to busy and silent sessions alike: planned stops, crashes, restarted gateways and boxes that reset."""

import asyncio
import signal

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, seen
from tests.servers.apache import Apache
from tests.servers.ashore import begun, doors
from tests.servers.between import Table, assert_cut, opened, restarted, says, staged, stomp, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.endings import assert_said
from tests.servers.envoy import Envoy
from tests.servers.forward import Dante, Privoxy
from tests.servers.frameworks import Aiohttp, Sanic
from tests.servers.golang import Gorilla
from tests.servers.house import house
from tests.servers.joined import CREW
from tests.servers.jvm import Tomcat
from tests.servers.lesser import Hitch
from tests.servers.lines import echoed, leave, over
from tests.servers.nginx import Certificate
from tests.servers.node import NodeWs
from tests.servers.ports import LOOPBACK
from tests.servers.python_apps import CoilMq
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, Watch, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def spoken(watch: Watch, name: str, count: int) -> None:
    """Returns once so many messages have come in."""
    await seen(watch, "frame", name, dir="in", opcode=1, count=count)


async def test_a_node_leaves_the_pool(start: Starter, recorder: Recorder) -> None:
    """aiohttp says 1001 to one that comes by a SOCKS proxy and to one that comes straight; another service stays."""
    server = start(Aiohttp, says_bye=[1001, "scale-in: node leaves the pool"])
    proxy, other = start(Dante), start(NodeWs)

    async def strike(watch: Watch) -> None:
        await spoken(watch, "office", 4)
        await asyncio.to_thread(server.end, signal.SIGTERM)

    tables = {
        "office": ws(server.port, proxy=f"socks5h://{LOOPBACK}:{proxy.port}", do=says(0.74, 6)),
        "home": ws(server.port, ping_interval=1.6),
        "elsewhere": ws(other.port, do=says(1.15, 7)),
    }
    watch = await staged(tables, "office", "home", strike=strike)
    for name in ("office", "home"):
        assert_said(watch.the("close", name), 1001, "scale-in: node leaves the pool")
    recorder.keep("hall-dante-aiohttp-scaled-in-1001", watch)


async def stomp_server(_: str, client: ServerConnection, message: str | bytes) -> None:
    """A home-made STOMP server: it lets in whoever connects."""
    if str(message).startswith("CONNECT"):
        await client.send("CONNECTED\nversion:1.2\nheart-beat:0,0\nserver:shopd/7\n\n\0")


async def test_a_stomp_server_is_emptied(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """1001 without a word to two of a home-made server behind hitch; both are let in again, an admin's is not meant."""
    async with house(stomp_server, subprotocols=["v12.stomp"]) as app:
        hitch = start(Hitch, app.port, certificate)

        def user(name: str, **options: object) -> Table:
            url = f"stomp+wss://localhost:{hitch.port}/?user={name}"
            base: Table = {"url": url, "cacert": str(certificate.ca), "heart_beat": "0,0"}
            return base | CREW | options

        async def strike(watch: Watch) -> None:
            await seen(watch, "stomp", "till", command="SEND", dir="out", count=2)
            for name in ("desk", "till"):
                await app.clients[name].close(1001)
            for name in ("desk", "till"):
                await seen(watch, "stomp", name, command="CONNECTED", count=2)

        sale = "stomp-send /queue/sales 19.90"
        tables = {
            "admin": user("admin", do=says(1.7, 6, sale)),
            "desk": user("desk", reconnect=True),
            "till": user("till", reconnect=True, do=says(1.3, 4, sale)),
        }
        watch = await staged(tables, "desk", "till", strike=strike, stage="tls")
    assert watch.of("close", "desk")[0]["received"] == {"code": 1001, "reason": ""}
    recorder.keep("hall-hitch-home-made-stomp-1001-and-back", watch)


async def test_a_java_machine_halts(start: Starter, recorder: Recorder) -> None:
    """Tomcat's process ends by ``halt`` under one that comes by Privoxy and one that comes straight."""
    server, other, proxy = start(Tomcat), start(NodeWs), start(Privoxy)
    tables = {
        "wall": ws(server.port, "/live?user=wall", ping_interval=2.1),
        "phone": ws(
            server.port,
            "/live?user=phone",
            proxy=f"http://{LOOPBACK}:{proxy.port}",
            do=[*says(0.85, 3.5), "4.1 send halt"],
        ),
        "elsewhere": ws(other.port, do=says(1.3, 7)),
    }
    watch = await staged(tables, "wall", "phone")
    assert_cut(watch, "wall", "phone")
    recorder.keep("hall-privoxy-tomcat-halts", watch)


async def test_an_upload_takes_all_memory(start: Starter, recorder: Recorder) -> None:
    """gorilla's process has no more memory and ends; two came by Apache. A page at another server goes on."""
    server = start(Gorilla, limits=(f"--as={2 << 30}",), PingPeriod=1.9)
    apache, other = start(Apache, server.port), start(Sanic)

    async def strike(watch: Watch) -> None:
        await spoken(watch, "feed", 3)
        await ask(watch, "send grow", "upload")

    tables = {
        "upload": ws(apache.port, "/ws"),
        "feed": ws(apache.port, "/ws", do=says(1.05, 6)),
        "elsewhere": ws(other.port, do=says(1.25, 7)),
    }
    watch = await staged(tables, "upload", "feed", strike=strike)
    assert_cut(watch, "upload", "feed")
    assert "out of memory" in server.log
    recorder.keep("hall-apache-gorilla-out-of-memory", watch)


async def test_envoy_is_restarted_under_a_broker(start: Starter, recorder: Recorder) -> None:
    """It passes STOMP on as plain TCP; the broker and one that goes straight to it notice nothing."""
    broker = start(CoilMq)
    envoy = start(Envoy, broker.port, tcp={})

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "sends", command="SEND", dir="out", count=4)
        await asyncio.to_thread(restarted, envoy)

    crew = CREW | {"stomp_version": "1.0,1.1"}
    order = "stomp-send /queue/orders one"
    tables = {
        "straight": stomp(broker.port, "0,0", crew, do=says(1.2, 8, order)),
        "sends": stomp(envoy.port, "0,0", crew, do=says(0.9, 6, order)),
        "waits": stomp(envoy.port, "0,0", crew, subscribe=["/queue/invoices"]),
    }
    watch = await staged(tables, "sends", "waits", strike=strike)
    assert_cut(watch, "sends", "waits")
    recorder.keep("hall-envoy-tcp-restarted-under-coilmq", watch)


async def test_caddy_is_restarted(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Its package is updated in the night: both come back by themselves; one that goes straight stays."""
    server = start(Sanic)
    caddy = start(Caddy, server.port, tls=f"{certificate.chain} {certificate.key}")

    async def strike(watch: Watch) -> None:
        await spoken(watch, "chat", 3)
        await asyncio.to_thread(caddy.stop)
        for name in ("chat", "board"):
            await seen(watch, "end", name, how="refused")
        await asyncio.to_thread(caddy.begin)
        for name in ("chat", "board"):
            await seen(watch, "open", name, count=2)

    tables = {
        "straight": ws(server.port, do=says(1.3, 9)),
        "chat": wss(caddy.port, certificate, reconnect=True, do=says(1.1, 4)),
        "board": wss(caddy.port, certificate, reconnect=True, ping_interval=2.3),
    }
    watch = await staged(tables, "chat", "board", strike=strike, stage="tls")
    recorder.keep("hall-caddy-wss-restarted-and-back", watch)


async def test_a_filter_reads_along(start: Starter, recorder: Recorder) -> None:
    """An intrusion filter on the way resets the flow of a message with SQL in it; a plain one's goes on."""
    with routed() as hosts:
        broker = await begun(hosts.server, start, CoilMq)
        doors(hosts, broker)
        hosts.weather(word="UNION SELECT")
        base: Table = {"url": f"stomp://{SERVER}:{broker.port}", "heart_beat": "0,0", "stomp_version": "1.0,1.1"}
        base |= CREW | {"vhost": "localhost"}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                orders=base | {"do": says(1.4, 12, "stomp-send /queue/orders one")},
                search=base | {"do": says(1.1, 3, "stomp-send /queue/search shoes")},
            )
            await seen(watch, "stomp", "search", command="SEND", dir="out", count=2)
            await ask(watch, "stomp-send /queue/search x' UNION SELECT name FROM users", "search")
            await over(watch, "search")
            await seen(watch, "stomp", "orders", command="SEND", dir="out", count=4)
            await leave(watch, "orders", status=1)
    assert watch.the("end", "search")["how"] == "reset"
    recorder.keep("hall-intrusion-filter-resets-coilmq", watch)


async def test_a_box_resets_what_leads_to_one_server(start: Starter, recorder: Recorder) -> None:
    """A new rule of a firewall answers the words of two sessions by RST and is withdrawn; a third server is spared."""
    with routed() as hosts:
        server, other = await begun(hosts.server, start, Sanic), await begun(hosts.server, start, NodeWs)
        doors(hosts, server, other)
        url = f"ws://{SERVER}:{server.port}/"
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                other={"url": f"ws://{SERVER}:{other.port}/", "do": says(1.6, 12)},
                chat={"url": url, "do": says(1.2, 9)},
                feed={"url": url, "ping_interval": 1.3},
            )
            await echoed(watch, 2, "chat")
            rule = f"tcp dport {server.port} ct state established reject with tcp reset"
            hosts.router.wall(rule, name="band")
            for name in ("chat", "feed"):
                await seen(watch, "close", name)
            hosts.router.no_wall("band")
            await over(watch, "chat", "feed")
            await echoed(watch, 1, "other")
            await leave(watch, "other", status=1)
    for name in ("chat", "feed"):
        assert watch.the("end", name)["how"] == "reset"
    recorder.keep("hall-box-resets-both-of-one-server", watch)

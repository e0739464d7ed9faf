"""What is between and behind: a proxy that waits so long, one that starts anew, an age, a death; and who is well."""

import asyncio
import signal

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, probing, seen
from tests.servers.activemq import ActiveMq
from tests.servers.between import Table, assert_cut, opened, says, sockjs, stomp, web_stomp, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.haproxy import HaProxy
from tests.servers.homely import deliver, stomping
from tests.servers.house import house
from tests.servers.joined import CREW, beaten
from tests.servers.lesser import Hitch, Varnish
from tests.servers.lines import leave
from tests.servers.looks import looked
from tests.servers.mosquitto import PING, connect
from tests.servers.nats import Nats
from tests.servers.nats import connect as hello
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import GraphqlWs, SockJsNode
from tests.servers.node_apps import SocketIo
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]

SOCKET_IO = "/socket.io/?EIO=4&transport=websocket"
MQTT: Table = {"subprotocol": ["mqtt"]}


async def mqtt(_: str, client: ServerConnection, message: str | bytes) -> None:
    """As much of an MQTT broker as things need that only say that they are there."""
    if message == bytes.fromhex(PING):
        await client.send(b"\xd0\x00")
    elif isinstance(message, bytes) and message[0] == 0x10:
        await client.send(b"\x20\x02\x00\x00")


async def test_a_meter_keeps_alive_too_rarely(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """MQTT by HAProxy with TLS, which ends a tunnel after 3.5 s of silence; a meter pings each minute, a lamp often."""
    async with house(mqtt, subprotocols=["mqtt"], ping_interval=None) as broker:
        haproxy = start(HaProxy, broker.port, tunnel=3.5, certificate=certificate)
        pings = [f"{0.3 + n * 1.4:.1f} send-binary {PING}" for n in range(1, 6)]

        def at(name: str, *do: str) -> Table:
            table = wss(haproxy.port, certificate, do=[f"0.3 send-binary {connect(name, 60)}", *do]) | MQTT
            return table | {"url": f"wss://localhost:{haproxy.port}/mqtt?user={name}"}

        async with probing("--stdin", **POSTMORTEM) as watch:
            await opened(watch, lamp=at("lamp", *pings), meter=at("meter", f"1.5 send-binary {PING}"))
            await looked(watch, "meter", stage="tls")
            await leave(watch, "lamp", status=1)
    assert_cut(watch, "meter")
    recorder.keep("wren-haproxy-mqtt-meter-idle-3500ms", watch)


async def test_nats_is_killed(start: Starter, recorder: Recorder) -> None:
    """Out of memory: the process dies under a busy client and a silent one; an MQTT broker elsewhere lives."""
    nats = start(Nats)
    async with house(mqtt, subprotocols=["mqtt"], ping_interval=None) as other:
        tank = [f"0.3 send-binary {connect('tank', 30)}", f"3.1 send-binary {PING}"]
        async with probing("--stdin", **POSTMORTEM) as watch:
            await opened(
                watch,
                tank=ws(other.port, "/mqtt?user=tank", do=tank) | MQTT,
                busy=ws(nats.port, do=[f"0.3 send {hello('anna')}", *says(0.8, 9, r"send PUB load 2\r\n17\r\n")]),
                silent=ws(nats.port, do=[f"0.4 send {hello('bert')}", r"0.7 send SUB load 1\r\n"]),
            )
            await seen(watch, "frame", "silent", dir="in", count=3)
            await asyncio.to_thread(nats.end, signal.SIGKILL)
            await looked(watch, "busy", "silent", ok=False)
            await asyncio.sleep(0.5)
            await leave(watch, "tank", status=1)
    assert_cut(watch, "busy", "silent")
    recorder.keep("wren-nats-killed-two", watch)


async def test_varnish_is_updated(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """It is stopped and its new version started: a STOMP page comes back, two past it noticed nothing."""
    server = start(GraphqlWs)
    way = start(Varnish, broker.port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            past=web_stomp(broker.port, "1500,1500"),
            page=web_stomp(way.port, "1500,1500", do=says(0.9, 3, "stomp-send /topic/a 1"), reconnect=True),
            other=ws(server.port, subprotocol=["graphql-transport-ws"], do=['0.3 send {"type":"connection_init"}']),
        )
        await beaten(watch, "page", 1)
        await asyncio.to_thread(way.end, signal.SIGTERM)
        await seen(watch, "close", "page")
        way.begin()
        await seen(watch, "stomp", "page", command="CONNECTED", count=2)
        await beaten(watch, "past", 1)
        await leave(watch, "past", "other")
    assert watch.of("close", "page")[0]["initiator"] == "remote"
    recorder.keep("wren-varnish-rabbitmq-updated", watch)


async def test_five_seconds_and_no_more(start: Starter, recorder: Recorder) -> None:
    """Caddy's streams live for five seconds, however busy; the second comes later and ends later. Past it: well."""

    async def echo(_: str, client: ServerConnection, message: str | bytes) -> None:
        await client.send(message)

    async with house(echo) as app:
        caddy = start(Caddy, app.port, life=5)
        async with probing("--stdin", **POSTMORTEM) as watch:
            await opened(
                watch,
                past=ws(app.port, "/?user=past", do=says(1.3, 9)),
                first=ws(caddy.port, "/?user=first", do=says(0.9, 5)),
            )
            await asyncio.sleep(1.7)
            await opened(watch, second=ws(caddy.port, "/?user=second", do=says(1.1, 5)))
            await looked(watch, "first", "second")
            await leave(watch, "past", status=1)
    ages = [watch.the("close", name)["age"] for name in ("first", "second")]
    assert all(4.6 < age < 5.8 for age in ages), ages
    recorder.keep("wren-caddy-life-of-five-seconds", watch)


async def test_four_of_different_kinds(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Socket.IO, MQTT, NATS and GraphQL side by side, each kept alive in its own way; two hear of others' troubles."""
    game, lines, shop = start(SocketIo, pingInterval=2500), start(Nats), start(GraphqlWs)
    haproxy, hitch = start(HaProxy, game.port), start(Hitch, shop.port, certificate)
    ticks = 'send {"id":"1","type":"subscribe","payload":{"query":"subscription { ticks }"}}'
    said = [f"0.3 send {hello()}", r"0.8 send SUB alerts 1\r\n"]
    said += [r"1.7 send PUB alerts 30\r\n-ERR 'Authorization Violation'\r\n"]
    pings = [f"0.3 send-binary {connect('tank', 5)}", f"3.3 send-binary {PING}"]
    async with (
        house(mqtt, subprotocols=["mqtt"], ping_interval=None) as tank,
        probing("--stdin", **POSTMORTEM) as watch,
    ):
        await opened(
            watch,
            game=ws(haproxy.port, SOCKET_IO, do=["0.3 send 40", '1.0 send 42["chat","I was kicked: code 4001"]']),
            tank=ws(tank.port, "/mqtt?user=tank", do=pings) | MQTT,
            lines=ws(lines.port, do=said),
            shop=wss(hitch.port, certificate, do=['0.3 send {"type":"connection_init"}', f"0.9 {ticks}"])
            | {"subprotocol": ["graphql-transport-ws"]},
        )
        for count in (1, 2):
            await seen(watch, "frame", "game", text="2", count=count)
            await ask(watch, "send 3", "game")
        await leave(watch, "game", "tank", "lines", "shop", status=0)
    recorder.keep("wren-none-four-of-different-kinds", watch)


async def test_a_broker_talks_of_errors(activemq: ActiveMq, start: Starter, recorder: Recorder) -> None:
    """Alerts quote what ended others, with ERROR and codes; a client naps for two seconds. All of them are well."""

    async def alerts(_: str, client: ServerConnection, message: str | bytes) -> None:
        if str(message).startswith("SUBSCRIBE"):
            said = ("ERROR message:Bad CONNECT", "1009 message too big at till 4", "session expired, vhost not found")
            for n, body in enumerate(said):
                await asyncio.sleep(0.9)
                await deliver(client, "/topic/alerts", body, n)

    app_rule = stomping(alerts, "alerts/9")
    page = start(SockJsNode, heartbeat_delay=1500)
    async with house(app_rule, subprotocols=["v12.stomp"], ping_interval=1.2) as app:
        nginx = start(Nginx, app.port)
        async with probing("--stdin", **POSTMORTEM) as watch:
            await opened(
                watch,
                alerts={
                    "url": f"stomp+ws://{LOOPBACK}:{nginx.port}/?user=a",
                    "heart_beat": "0,0",
                    "subscribe": ["/topic/alerts"],
                },
                naps=stomp(activemq.port, "6000,6000", CREW, do=["0.9 stomp-send /queue/wren.z 1", "1.2 freeze 2"]),
                page=sockjs(page.port, "xhr-streaming", do=["1.0 send rate limit exceeded (4029)"]),
            )
            await seen(watch, "stomp", "alerts", command="MESSAGE", count=3)
            await beaten(watch, "naps", 1)
            await leave(watch, "alerts", "naps", "page", status=0)
    recorder.keep("wren-none-alerts-of-others", watch)


async def test_nginx_gets_a_new_certificate(start: Starter, recorder: Recorder) -> None:
    """nginx is reloaded under two pages of Spring, by a socket and a stream; a late one comes. All are well."""
    spring = start(Spring, heart_beat="9000,9000", inbound_threads=1)
    nginx = start(Nginx, spring.port, 60, rules="proxy_buffering off;")
    base: Table = {"heart_beat": "9000,9000", "subscribe": ["/topic/a"]}
    socket = base | {"url": f"stomp+ws://{LOOPBACK}:{nginx.port}/ws"}
    streams = base | {"url": f"stomp+http://{LOOPBACK}:{nginx.port}/sockjs", "sockjs_transport": "xhr-streaming"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, page=socket | {"do": says(1.7, 6, "stomp-send /topic/a 1")}, streams=streams)
        await seen(watch, "stomp", "page", command="MESSAGE", count=1)
        nginx.reload()
        await opened(watch, late=socket)
        await seen(watch, "stomp", "page", command="MESSAGE", count=3)
        await seen(watch, "stomp", "late", command="MESSAGE", count=2)
        await leave(watch, "page", "streams", "late", status=0)
    recorder.keep("wren-none-nginx-reloaded", watch)

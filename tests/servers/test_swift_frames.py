"""Bytes that break a rule: frames, characters and sizes, the client's and the server's, raw and under STOMP."""

import asyncio

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, seen
from tests.servers.activemq import ActiveMq
from tests.servers.apache import Apache
from tests.servers.asgi_hosts import Hypercorn
from tests.servers.between import Table, says, staged, stomp, web_stomp, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.classic import ActiveMqWs
from tests.servers.envoy import Envoy
from tests.servers.goapps import Gobwas
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.joined import ANNA, CREW, subscribe
from tests.servers.jvm import Artemis
from tests.servers.lesser import Rinetd
from tests.servers.mosquitto import PING, connect, publish
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import GraphqlWs
from tests.servers.node_apps import SocketIo
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.socat import Socat
from tests.servers.starting import Starter
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

SOCKET_IO = "/socket.io/?EIO=4&transport=websocket"
LATIN_1 = r"2.6 send Cr\xe8me br\xfbl\xe9e 6.50"


async def test_two_threads_write_at_once(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Two threads of a scoreboard write to one socket: a message begins within another one. By nginx with TLS."""

    async def board(user: str, client: ServerConnection, message: str | bytes) -> None:
        if user == "board2" and message == "poll 4":
            client.transport.write(b"\x01\x0b" + b'{"home":2,"' + b"\x81\x0a" + b'{"clock":6')
        else:
            await client.send('{"home":1,"away":0}')

    async with house(board) as app:
        nginx = start(Nginx, app.port, 60, certificate)

        def at(user: str, every: float) -> Table:
            do = [f"{n * every:.1f} send poll {n}" for n in range(1, 6)]
            return wss(nginx.port, certificate, do=do) | {"url": f"wss://localhost:{nginx.port}/?user={user}"}

        watch = await staged({"board1": at("board1", 1.2), "board2": at("board2", 0.8)}, "board2", stage="tls")
    assert watch.the("close", "board2")["sent"]["code"] == 1002
    recorder.keep("swift-nginx-two-threads-write-at-once", watch)


async def test_a_code_that_must_not_be_sent(start: Starter, recorder: Recorder) -> None:
    """A camera's firmware puts 1006 into its Close; another camera of the same make is well. By Caddy."""

    async def camera(user: str, client: ServerConnection, message: str | bytes) -> None:
        await client.send(f"frame {message!s}")
        if user == "cam" and message == "3":
            client.transport.write(b"\x88\x02\x03\xee")

    async with house(camera) as app:
        caddy = start(Caddy, app.port)
        tables = {
            "other": ws(caddy.port, "/?user=other", do=says(1.1, 6, "send 1")),
            "cam": ws(caddy.port, "/?user=cam", do=["0.7 send 1", "1.5 send 2", "2.3 send 3"]),
        }
        watch = await staged(tables, "cam")
    recorder.keep("swift-caddy-1006-on-the-wire", watch)


async def test_a_meter_has_opcodes_of_its_own(start: Starter, recorder: Recorder) -> None:
    """A meter's vendor uses opcode 3 for telemetry; gobwas does not know it. By rinetd; a text meter is well."""
    rinetd = start(Rinetd, start(Gobwas).port)
    tables = {
        "text": ws(rinetd.port, "/ws", do=says(1.0, 6, "send kWh 812")),
        "meter": ws(rinetd.port, "/ws", do=["0.8 send kWh 77", "2.4 raw-frame 8384000000006b57684d"]),
    }
    watch = await staged(tables, "meter")
    assert watch.the("close", "meter")["initiator"] == "remote"
    recorder.keep("swift-rinetd-gobwas-opcode-3", watch)


async def test_a_client_of_socket_io_2(start: Starter, recorder: Recorder) -> None:
    """A library that pings by itself, as Socket.IO 2 had it, at a server of version 4; by HAProxy. A new one is in."""
    server = start(SocketIo)
    haproxy = start(HaProxy, server.port)
    new = ["0.4 send 40", *says(1.2, 6, 'send 42["chat","hi"]')]
    tables = {
        "new": ws(haproxy.port, SOCKET_IO, do=new),
        "old": ws(haproxy.port, SOCKET_IO, do=["0.4 send 40", '1.1 send 42["chat","ho"]', "2.9 send 2"]),
    }
    watch = await staged(tables, "old")
    assert watch.the("close", "old")["initiator"] == "remote"
    recorder.keep("swift-haproxy-socketio-pings-of-version-3", watch)


async def test_a_page_begins_twice(graphql: GraphqlWs, start: Starter, recorder: Recorder) -> None:
    """A page that is mounted twice says connection_init twice on one socket: 4429. By Apache; another has its ticks."""
    apache = start(Apache, graphql.port)
    base: Table = {"subprotocol": ["graphql-transport-ws"]}
    init = 'send {"type":"connection_init"}'
    ticks = 'send {"id":"1","type":"subscribe","payload":{"query":"subscription { ticks }"}}'
    tables = {
        "once": ws(apache.port, do=[f"0.3 {init}", f"0.7 {ticks}"]) | base,
        "twice": ws(apache.port, do=[f"0.3 {init}", f"0.7 {ticks}", f"3.2 {init}"]) | base,
    }
    watch = await staged(tables, "twice")
    assert watch.the("close", "twice")["code"] == 4429
    recorder.keep("swift-apache-graphql-init-twice-4429", watch)


async def test_a_till_in_latin_1(start: Starter, recorder: Recorder) -> None:
    """A till's menu is in Latin-1; Hypercorn behind Envoy does not take it, and the kitchen's display is well."""
    envoy = start(Envoy, start(Hypercorn).port)
    tables = {
        "kitchen": ws(envoy.port, do=says(1.1, 6, "send table 4")),
        "till": ws(envoy.port, do=["0.9 send Soup 4.20", LATIN_1]),
    }
    watch = await staged(tables, "till")
    assert watch.the("close", "till")["initiator"] == "remote"
    recorder.keep("swift-envoy-hypercorn-latin-1", watch)


async def test_a_menu_is_handed_on(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """A till posts Latin-1 over TCP, and RabbitMQ hands it to a page as text over WebSocket. By nginx."""
    nginx = start(Nginx, broker.port)
    slip = r"3.1 stomp-frame SEND\ndestination:/topic/menu\ncontent-type:text/plain\n\nCr\xe8me br\xfbl\xe9e\0"
    tables = {
        "page": web_stomp(nginx.port, "3000,3000", subscribe=["/topic/menu"]),
        "till": stomp(broker.stomp_port, "2500,2500", do=["1.0 stomp-send /topic/menu Soup", slip]),
        "stock": web_stomp(nginx.port, "2800,2800", do=says(1.3, 5, "stomp-send /topic/stock 1")),
    }
    watch = await staged(tables, "page")
    assert watch.the("close", "page")["sent"]["code"] == 1007
    recorder.keep("swift-nginx-rabbitmq-hands-on-latin-1", watch)


async def test_a_scan_is_too_big(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A scan of 70 kB in one frame, where Artemis takes 64; HAProxy with TLS. Who sends small ones stays."""
    artemis = start(Artemis)
    haproxy = start(HaProxy, artemis.port, certificate=certificate)
    base: Table = {"url": f"stomp+wss://localhost:{haproxy.port}/", "cacert": str(certificate.ca)}
    base |= ANNA | {"heart_beat": "3000,3000", "no_compression": True}
    tables = {
        "small": base | {"do": says(1.1, 6, "stomp-send jms.queue.small page")},
        "scan": base | {"subscribe": ["jms.queue.scans"], "do": ["0.9 send cover", "2.6 send-repeat x 70000"]},
    }
    watch = await staged(tables, "scan")
    assert watch.the("close", "scan")["initiator"] == "remote"
    recorder.keep("swift-haproxy-artemis-ws-scan-too-big", watch)


async def test_a_photo_is_too_big(start: Starter, recorder: Recorder) -> None:
    """An MQTT 5 broker takes two kilobytes, and a camera publishes a photo: DISCONNECT 0x95. By socat; a lamp pings."""

    async def mqtt(_: str, client: ServerConnection, message: str | bytes) -> None:
        if len(message) > 2000:
            await client.send(b"\xe0\x02\x95\x00")
            await client.close(1000)
        elif isinstance(message, bytes):
            await client.send(b"\xd0\x00" if message[0] == 0xC0 else b"\x20\x08\x00\x00\x05\x27\x00\x00\x07\xd0")

    async with house(mqtt, subprotocols=["mqtt"]) as app:
        way = start(Socat, app.port)

        def at(user: str, *do: str) -> Table:
            hello = f"0.3 send-binary {connect(user, 60, level=5)}"
            return ws(way.port, f"/mqtt?user={user}", subprotocol=["mqtt"], do=[hello, *do])

        photo = f"2.8 send-binary {publish('cam/1', 2600)}"
        tables = {
            "lamp": at("lamp", *says(1.2, 6, f"send-binary {PING}")),
            "cam": at("cam", f"1.4 send-binary {PING}", photo),
        }
        watch = await staged(tables, "cam")
    assert watch.the("close", "cam")["initiator"] == "remote"
    recorder.keep("swift-socat-mqtt-photo-too-big", watch)


async def test_a_plan_is_more_than_we_take(start: Starter, recorder: Recorder) -> None:
    """A planner publishes nine kilobytes; a reader that takes four hangs up. ActiveMQ over WebSocket, by rinetd."""
    rinetd = start(Rinetd, start(ActiveMqWs).port)
    plan = "0123456789 " * 820
    base: Table = {"url": f"stomp+ws://{LOOPBACK}:{rinetd.port}/", "heart_beat": "4000,4000"} | CREW

    async def strike(watch: Watch) -> None:
        await subscribe(watch, "reader", "/topic/plans")
        await ask(watch, "stomp-send /topic/plans short", "planner")
        await seen(watch, "stomp", "reader", command="MESSAGE")
        await asyncio.sleep(1.1)
        await ask(watch, f"stomp-send /topic/plans {plan}", "planner")

    tables = {"planner": base, "reader": base | {"max_size": 4096}}
    watch = await staged(tables, "reader", strike=strike)
    assert watch.the("close", "reader")["initiator"] == "local"
    recorder.keep("swift-rinetd-activemq-plan-over-our-limit", watch)


async def test_a_header_without_end(own_activemq: ActiveMq, start: Starter, recorder: Recorder) -> None:
    """A worker leaves out the newlines of its headers, eleven kilobytes of them; ActiveMQ by socat. Another is well."""
    way = start(Socat, own_activemq.port)
    slip = r"2.7 stomp-frame SEND\ndestination:/queue/log " + "trace " * 1900
    tables = {
        "calm": stomp(way.port, "3000,3000", CREW, do=says(1.1, 6, "stomp-send /queue/log ok")),
        "worker": stomp(way.port, "3000,3000", CREW, do=["0.8 stomp-send /queue/log ok", slip]),
    }
    watch = await staged(tables, "worker")
    assert watch.the("close", "worker")["initiator"] == "remote"
    recorder.keep("swift-socat-activemq-header-without-end", watch)

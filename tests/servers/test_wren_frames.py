"""Frames that break a rule, ours and theirs: characters, sizes, bytes where text is spoken, framing itself."""

import asyncio
import json

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.frames import Frame, Opcode

from tests.probing import ask, seen
from tests.servers.apache import Apache
from tests.servers.between import Table, says, staged, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.endings import assert_said
from tests.servers.envoy import Envoy
from tests.servers.frameworks import Aiohttp
from tests.servers.golang import Gorilla
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.lesser import Nghttpx
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs
from tests.servers.node_apps import SocketIo
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.traefik import Traefik
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_controller_goes_on_with_nothing(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A controller sends the rest of a message whose beginning it lost; Node's ws, behind nginx with TLS."""
    server = start(NodeWs)
    nginx = start(Nginx, server.port, 60, certificate)
    tables = {
        "lift1": wss(nginx.port, certificate, do=says(1.1, 6, 'send {"floor":3}')),
        "lift2": wss(nginx.port, certificate, do=['0.7 send {"floor":1}', "2.6 raw-frame 8084000000002d32227d"]),
    }
    watch = await staged(tables, "lift2")
    assert watch.the("close", "lift2")["received"]["code"] == 1002
    recorder.keep("wren-nginx-node-rest-of-nothing-1002", watch)


async def test_a_ping_that_is_too_long(start: Starter, recorder: Recorder) -> None:
    """A library of its own puts a whole report into a ping; gorilla behind Envoy does not take it."""
    server = start(Gorilla)
    envoy = start(Envoy, server.port)
    report = b'{"uptime":86400,"volts":[' + b"12," * 40 + b"12]}"
    frame = b"\x89\xfe" + len(report).to_bytes(2, "big") + bytes(4) + report
    tables = {
        "well": ws(envoy.port, "/ws", do=says(0.9, 6)),
        "meter": ws(envoy.port, "/ws", do=["0.8 send on", f"2.4 raw-frame {frame.hex()}"]),
    }
    watch = await staged(tables, "meter")
    assert watch.the("close", "meter")["initiator"] == "remote"
    recorder.keep("wren-envoy-gorilla-ping-too-long", watch)


async def test_a_gateway_pings_in_pieces(start: Starter, recorder: Recorder) -> None:
    """A building's gateway splits its ping in two after an update; Apache passes it on. Another gateway has none."""

    async def gateway(user: str, client: ServerConnection, message: str | bytes) -> None:
        await client.send(json.dumps({"seen": str(message)}))
        if user == "north" and message == "poll 3":
            await asyncio.sleep(0.4)
            client.transport.write(b"\x09\x03hea")  # a ping, and more of it to come

    async with house(gateway, ping_interval=None) as app:
        apache = start(Apache, app.port)
        tables = {
            "south": ws(apache.port, "/?user=south", do=[f"{n * 0.9:.1f} send poll {n}" for n in range(1, 6)]),
            "north": ws(apache.port, "/?user=north", do=[f"{n * 0.8:.1f} send poll {n}" for n in range(1, 4)]),
        }
        watch = await staged(tables, "north")
    assert watch.the("close", "north")["sent"]["code"] == 1002
    recorder.keep("wren-apache-gateway-ping-in-pieces", watch)


async def test_half_a_smiley(start: Starter, recorder: Recorder) -> None:
    """A chat cuts messages at forty UTF-16 units, and so a smiley in half; Socket.IO behind HAProxy says 1007."""
    server = start(SocketIo, pingInterval=25_000)
    haproxy = start(HaProxy, server.port)
    path = "/socket.io/?EIO=4&transport=websocket"
    hello = '1.0 send 42["chat","hello"]'
    tables = {
        "eva": ws(haproxy.port, path, do=["0.3 send 40", hello, '2.1 send 42["chat","anyone?"]']),
        "tim": ws(
            haproxy.port, path, do=["0.4 send 40", hello, r'2.7 send 42["chat","so nice to see you \xed\xa0\xbd"]']
        ),
    }
    watch = await staged(tables, "tim")
    assert watch.the("close", "tim")["received"]["code"] == 1007
    recorder.keep("wren-haproxy-socketio-half-a-smiley", watch)


async def test_prices_in_gbk(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A home-made STOMP server passes on what an old system wrote in GBK; by Caddy with TLS. English goods are well."""

    async def market(user: str, client: ServerConnection, message: str | bytes) -> None:
        frame = str(message)
        if frame.startswith(("CONNECT", "STOMP")):
            await client.send("CONNECTED\nversion:1.2\nserver:market/3.1\nheart-beat:0,0\n\n\0")
        elif frame.startswith("SUBSCRIBE"):
            head = "MESSAGE\nsubscription:0\nmessage-id:{}\ndestination:/topic/goods\n\n"
            for n, name in enumerate(("tea 12.5", "rice 3.2", "苹果 8.8" if user == "stall" else "apple 8.8")):
                await asyncio.sleep(0.7)
                body = head.format(n).encode() + name.encode("gbk") + b"\0"
                client.transport.write(Frame(Opcode.TEXT, body).serialize(mask=False))

    async with house(market, subprotocols=["v12.stomp"], ping_interval=None) as app:
        caddy = start(Caddy, app.port, tls=f"{certificate.chain} {certificate.key}")

        def at(user: str) -> Table:
            table: Table = {"cacert": str(certificate.ca), "heart_beat": "0,0", "subscribe": ["/topic/goods"]}
            return table | {"url": f"stomp+wss://localhost:{caddy.port}/?user={user}"}

        watch = await staged({"shop": at("shop"), "stall": at("stall")}, "stall")
    assert watch.the("close", "stall")["sent"]["code"] == 1007
    recorder.keep("wren-caddy-stomp-prices-in-gbk", watch)


async def test_an_upload_is_gzipped(start: Starter, recorder: Recorder) -> None:
    """A mobile app starts to gzip its telemetry; the ingest takes text alone and says so. By Traefik."""

    async def ingest(_: str, client: ServerConnection, message: str | bytes) -> None:
        if isinstance(message, bytes):
            await client.close(1003, "text frames only")
        else:
            await client.send('{"ok":true}')

    async with house(ingest, ping_interval=None) as app:
        traefik = start(Traefik, app.port)
        tables = {
            "app-1.8": ws(traefik.port, "/?user=old", do=says(0.8, 6, 'send {"steps":120}')),
            "app-1.9": ws(
                traefik.port,
                "/?user=new",
                do=['0.5 send {"app":"1.9"}', "2.2 send-binary 1f8b0800000000000203ab562a2e492d2856b2323432a80500b7c0"],
            ),
        }
        watch = await staged(tables, "app-1.9")
    assert_said(watch.the("close", "app-1.9"), 1003, "text frames only")
    recorder.keep("wren-traefik-gzip-1003", watch)


async def test_an_attachment_for_a_small_broker(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """STOMP over WebSocket with TLS by stunnel: twenty kilobytes are all it takes, and an order has a picture."""

    async def broker(_: str, client: ServerConnection, message: str | bytes) -> None:
        if str(message).startswith(("CONNECT", "STOMP")):
            await client.send("CONNECTED\nversion:1.2\nserver:kitchen/0.4\nheart-beat:0,0\n\n\0")

    async with house(broker, subprotocols=["v12.stomp"], max_size=20_000) as app:
        stunnel = start(Stunnel, app.port, certificate)

        def at(user: str, *do: str) -> Table:
            table: Table = {"cacert": str(certificate.ca), "heart_beat": "0,0", "no_compression": True}
            return table | {"url": f"stomp+wss://localhost:{stunnel.port}/?user={user}", "do": list(do)}

        tables = {
            "bar": at("bar", *says(1.0, 6, "stomp-send /app/orders 2 beer")),
            "kitchen": at(
                "kitchen", "0.8 stomp-send /app/orders soup", f"2.3 stomp-send /app/orders {'/9j/4AAQSk' * 2600}"
            ),
        }
        watch = await staged(tables, "kitchen", stage="tls")
    assert watch.the("close", "kitchen")["code"] == 1009
    recorder.keep("wren-stunnel-stomp-picture-1009", watch)


async def test_a_drawing_for_aiohttp(start: Starter, recorder: Recorder) -> None:
    """An engineer drops a file of five megabytes into a whiteboard whose aiohttp has the default limit. By nghttpx."""
    server = start(Aiohttp)
    nghttpx = start(Nghttpx, server.port)
    tables = {
        "eva": ws(nghttpx.port, "/", do=says(1.1, 5, "send line 3 4")),
        "tom": ws(nghttpx.port, "/", no_compression=True, do=["0.9 send line 1 2", "2.5 send-repeat M 5000000"]),
    }
    watch = await staged(tables, "tom")
    assert watch.the("close", "tom")["initiator"] == "remote"
    recorder.keep("wren-nghttpx-aiohttp-drawing-too-big", watch)


async def test_a_first_page_is_over_our_limit(start: Starter, recorder: Recorder) -> None:
    """GraphQL: the subscription's first result has everything, more than the kiosk takes; the office takes it."""

    async def graphql(_: str, client: ServerConnection, message: str | bytes) -> None:
        said = json.loads(message)
        if said["type"] == "connection_init":
            await client.send('{"type":"connection_ack"}')
        elif said["type"] == "subscribe":
            await asyncio.sleep(0.6)
            stock = [{"sku": n, "name": f"article {n}", "left": n % 7} for n in range(900)]
            await client.send(json.dumps({"id": said["id"], "type": "next", "payload": {"data": {"stock": stock}}}))

    init = '0.3 send {"type":"connection_init"}'
    query = 'send {"id":"1","type":"subscribe","payload":{"query":"subscription { stock { sku name left } }"}}'
    async with house(graphql, subprotocols=["graphql-transport-ws"], ping_interval=None) as app:
        haproxy = start(HaProxy, app.port)
        base: Table = {"subprotocol": ["graphql-transport-ws"], "no_compression": True}
        url = f"ws://{LOOPBACK}:{haproxy.port}/graphql?user="

        async def strike(watch: Watch) -> None:
            await seen(watch, "frame", "kiosk", dir="in", opcode=1)
            await ask(watch, query, "office")
            await seen(watch, "frame", "office", dir="in", opcode=1, count=2)
            await ask(watch, query, "kiosk")

        tables = {
            "office": base | {"url": url + "office", "do": [init]},
            "kiosk": base | {"url": url + "kiosk", "do": [init], "max_size": 16384},
        }
        watch = await staged(tables, "kiosk", strike=strike)
    assert watch.the("close", "kiosk")["sent"]["code"] == 1009
    recorder.keep("wren-haproxy-graphql-first-page-over-our-limit", watch)

"""Words that break a rule of WebSocket, of STOMP or of an application, by us or by the server, with others beside."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.frames import Frame, Opcode

from tests.servers.between import Table, says, staged, stomp, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.endings import assert_said
from tests.servers.envoy import Envoy
from tests.servers.frameworks import Aiohttp, Sanic
from tests.servers.golang import Coder
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.joined import CREW
from tests.servers.jvm import Vertx
from tests.servers.lesser import Hitch, Lighttpd, Nghttpx, Redir, Varnish
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs
from tests.servers.node_apps import Fastify, Rules, StompBroker
from tests.servers.ports import LOOPBACK
from tests.servers.python_apps import CoilMq
from tests.servers.recordings import Recorder
from tests.servers.scripted import Connection, ScriptedServer
from tests.servers.starting import Starter

pytestmark = [pytest.mark.real, pytest.mark.extra]

LATIN_1 = "818700000000" + "caf\xe9 17".encode("latin-1").hex()
SECOND_HALF = "808a00000000" + b'"t":21.5}]'.hex()
"""The end of a message whose beginning was lost: a continuation of nothing."""
WARNING = b"PHP Warning:  Undefined array key 1 in /srv/push/Room.php on line 88\n"
TO_COILMQ = CREW | {"stomp_version": "1.0,1.1"}
CONNECTED = b"CONNECTED\nversion:1.1\nheart-beat:0,0\nserver:stockd/0.4\n\n\0"
SALE = "stomp-send /queue/sales 9.90"


async def test_a_snapshot_for_coder(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Its limit is twelve kilobytes; an editor sends its whole document one day. Behind Envoy with TLS."""
    app = start(Coder, ReadLimit=12_000)
    envoy = start(Envoy, app.port, certificate=certificate)
    table = wss(envoy.port, certificate, no_compression=True) | {"url": f"wss://localhost:{envoy.port}/ws"}
    tables = {
        "editor": table | {"do": ["0.7 send-repeat d 4000", "1.9 send-repeat d 14000"]},
        "reader": table | {"do": says(1.0, 4)},
    }
    watch = await staged(tables, "editor")
    assert watch.the("close", "editor")["code"] == 1009
    recorder.keep("gate-envoy-coder-snapshot-1009", watch)


async def test_a_catalogue_over_our_limit(start: Starter, recorder: Recorder) -> None:
    """A small device takes four kilobytes; the office sends the whole catalogue, which others take."""
    app = start(StompBroker)
    table: Table = {"url": app.url, "heart_beat": "0,0", "subscribe": ["/topic/catalogue"]}
    say = f"stomp-send /topic/catalogue {'item,' * 1300}"
    tables = {
        "device": table | {"max_size": 4096},
        "till": table,
        "office": {"url": app.url, "heart_beat": "0,0", "do": ["0.6 stomp-send /topic/catalogue item", f"1.8 {say}"]},
    }
    watch = await staged(tables, "device")
    assert watch.the("close", "device")["sent"]["code"] == 1009
    recorder.keep("gate-stomp-broker-js-catalogue-over-our-limit", watch)


async def test_the_first_fragment_was_lost(start: Starter, recorder: Recorder) -> None:
    """A sensor's firmware drops the beginning of a long message; Fastify behind nghttpx says 1002."""
    app = start(Fastify)
    nghttpx = start(Nghttpx, app.port)
    table = ws(nghttpx.port, "/ws", no_compression=True)
    tables = {
        "sensor": table | {"do": ['0.6 send [{"t":21.4}]', '1.3 send [{"t":21.4}]', f"2.2 raw-frame {SECOND_HALF}"]},
        "panel": table | {"do": says(0.9, 5)},
    }
    watch = await staged(tables, "sensor")
    assert watch.the("close", "sensor")["code"] == 1002
    recorder.keep("gate-nghttpx-fastify-lost-first-fragment", watch)


async def test_a_subscription_without_an_id(start: Starter, recorder: Recorder) -> None:
    """A client ported from STOMP 1.0 subscribes as it did there; Vert.x behind redir wants an id."""
    server = start(Vertx)
    redir = start(Redir, int(server.stomp_url.rpartition(":")[2]))
    frame = r"stomp-frame SUBSCRIBE\ndestination:/queue/jobs\nack:auto\n\n\0"
    tables = {
        "ported": stomp(redir.port, "0,0", CREW, do=["0.5 stomp-send /queue/jobs 1", f"1.7 {frame}"]),
        "newer": stomp(redir.port, "0,0", CREW, do=says(0.9, 4, "stomp-send /queue/jobs 2")),
    }
    watch = await staged(tables, "ported")
    recorder.keep("gate-redir-vertx-subscribe-without-id", watch)


def warns(connection: Connection) -> None:
    """A program whose warnings go where its frames go."""
    connection.upgrade()
    for n in range(2):
        connection.receive()
        connection.frame(Opcode.TEXT, f'{{"seq":{n}}}'.encode())
    connection.receive()
    connection.send(WARNING)
    connection.read_to_end()


async def test_a_warning_in_the_stream(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A push server in PHP prints to its socket; behind HAProxy with TLS. Another room has a server of another make."""
    other = start(HaProxy, start(NodeWs).port, certificate=certificate)
    with ScriptedServer(warns) as app:
        haproxy = start(HaProxy, app.port, certificate=certificate)
        tables = {
            "page": wss(haproxy.port, certificate, no_compression=True, do=says(0.7, 2.5, "send next")),
            "room": wss(other.port, certificate, do=says(1.1, 5)),
        }
        watch = await staged(tables, "page")
    recorder.keep("gate-haproxy-warning-of-php-in-the-stream", watch)


def masks(connection: Connection) -> None:
    """A home-made broker that relays with a client's library, which masks."""
    connection.upgrade(subprotocol="v12.stomp")
    connection.receive()
    connection.frame(Opcode.TEXT, CONNECTED.replace(b"1.1", b"1.2"))
    connection.receive()
    connection.closing.wait(1.3)
    message = b"MESSAGE\nsubscription:1\nmessage-id:2\ndestination:/queue/stock\n\n11\0"
    connection.send(Frame(Opcode.TEXT, message).serialize(mask=True))
    connection.read_to_end()


async def test_a_broker_masks_its_frames(recorder: Recorder) -> None:
    """It lets in as it should, and its first message is masked, as only a client's may be; alone."""
    with ScriptedServer(masks) as broker:
        table: Table = {"url": f"stomp+ws://{LOOPBACK}:{broker.port}/", "heart_beat": "0,0"}
        watch = await staged({"A": table | {"no_compression": True, "subscribe": ["/queue/stock"]}}, "A")
    assert watch.the("close", "A")["sent"]["code"] == 1002
    recorder.keep("gate-home-made-broker-masks-its-frames", watch)


async def exports(_: str, client: ServerConnection, message: str | bytes) -> None:
    """An application that dies in the middle of an export."""
    if message == "export":
        client.transport.write(b"\x81\x7e" + struct.pack("!H", 48_000) + b"id;name;price\n" * 1200)
        client.transport.close()
    else:
        await client.send(message)


async def test_an_export_is_cut(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """The frame was to have 48 kB, and TCP ends after 17; behind nginx with TLS. Others go on."""
    async with house(exports) as app:
        nginx = start(Nginx, app.port, 30, certificate)

        def user(name: str, *do: str) -> Table:
            url = f"wss://localhost:{nginx.port}/?user={name}"
            return wss(nginx.port, certificate, no_compression=True, do=list(do)) | {"url": url}

        tables = {"export": user("export", "0.6 send hello", "1.7 send export"), "list": user("list", *says(1.0, 4))}
        watch = await staged(tables, "export")
    recorder.keep("gate-nginx-export-cut-in-a-frame", watch)


def ends_in_a_message(connection: Connection) -> None:
    """A home-made broker whose process ends while it writes."""
    connection.read_stomp()
    connection.send(CONNECTED)
    connection.read_stomp()
    head = b"MESSAGE\nsubscription:1\nmessage-id:1\ndestination:/queue/stock\ncontent-length:"
    connection.send(head + b"2\n\n12\0")
    connection.closing.wait(1.7)
    connection.send(head + b"5200\n\n" + b"sku-00417;12;" * 110)
    connection.wait_for_bytes(0.2)


@contextmanager
def stockd() -> Iterator[int]:
    """The port of that broker."""
    with ScriptedServer(ends_in_a_message) as broker:
        yield broker.port


async def test_a_broker_ends_in_a_message(start: Starter, recorder: Recorder) -> None:
    """Of 5200 bytes of a MESSAGE 1430 come, then a FIN; a session at another broker goes on."""
    other = start(CoilMq)
    with stockd() as port:
        tables = {
            "sales": stomp(other.port, "0,0", TO_COILMQ, do=says(1.1, 4, SALE)),
            "stock": stomp(port, "0,0", CREW, subscribe=["/queue/stock"]),
        }
        watch = await staged(tables, "stock")
    recorder.keep("gate-home-made-broker-ends-in-a-message", watch)


async def test_a_word_in_latin_1(start: Starter, recorder: Recorder) -> None:
    """An old till sends its text as it has it; aiohttp behind lighttpd says 1007."""
    app = start(Aiohttp)
    lighttpd = start(Lighttpd, app.port)
    table = ws(lighttpd.port, no_compression=True)
    tables = {
        "legacy": table | {"do": ["0.6 send tea 17", "1.5 send milk 2", f"2.4 raw-frame {LATIN_1}"]},
        "modern": table | {"do": says(1.1, 5, "send caf\xe9 17")},
    }
    watch = await staged(tables, "legacy")
    assert watch.the("close", "legacy")["code"] == 1007
    recorder.keep("gate-lighttpd-aiohttp-latin-1", watch)


async def in_gbk(user: str, client: ServerConnection, message: str | bytes) -> None:
    """An application that greets in the coding its database has."""
    said = str(message)
    await client.send(f"{said} \u5f20\u4f1f".encode("gbk") if user == "shanghai" else said, text=True)


async def test_a_name_in_gbk(start: Starter, recorder: Recorder) -> None:
    """The name of one customer comes out of a table of old; behind Varnish."""
    async with house(in_gbk) as app:
        varnish = start(Varnish, app.port)
        table: Table = {"no_compression": True}
        tables = {
            "shanghai": ws(varnish.port, "/?user=shanghai", do=["1.9 send hello"]) | table,
            "leeds": ws(varnish.port, "/?user=leeds", do=says(0.8, 4, "send hello")) | table,
        }
        watch = await staged(tables, "shanghai")
    assert watch.the("close", "shanghai")["sent"]["code"] == 1007
    recorder.keep("gate-varnish-name-in-gbk", watch)


async def text_only(_: str, client: ServerConnection, message: str | bytes) -> None:
    """An application that takes text."""
    if isinstance(message, bytes):
        await client.close(1003, "protobuf is not enabled for this tenant")
    else:
        await client.send(message)


async def test_protobuf_for_a_tenant_without(start: Starter, recorder: Recorder) -> None:
    """Version 5 of the client says hello in protobuf at once; version 4 speaks JSON. Behind Envoy."""
    async with house(text_only) as app:
        envoy = start(Envoy, app.port)
        tables = {
            "v4": ws(envoy.port, "/?user=v4", do=says(0.9, 4, 'send {"hello":4}')),
            "v5": ws(envoy.port, "/?user=v5", do=["0.3 send-binary 0a0568656c6c6f1005"]),
        }
        watch = await staged(tables, "v5")
    assert_said(watch.the("close", "v5"), 1003, "protobuf is not enabled for this tenant")
    recorder.keep("gate-envoy-protobuf-1003", watch)


async def test_a_name_nobody_may_have(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """1008 from Sanic for a display name with a blocked word in it; the room goes on. Behind hitch."""
    app = start(Sanic)
    hitch = start(Hitch, app.port, certificate)
    rule = "display name contains a blocked word"
    table = wss(hitch.port, certificate)
    tables = {
        "troll": table | {"do": ["0.8 send hello", f"2.1 send close 1008 {rule}"]},
        "room": table | {"do": says(1.2, 5)},
    }
    watch = await staged(tables, "troll")
    assert_said(watch.the("close", "troll"), 1008, rule)
    recorder.keep("gate-hitch-sanic-name-1008", watch)


async def test_a_bot_says_too_much(start: Starter, recorder: Recorder) -> None:
    """Three messages a second are allowed, a bot's loop has no pause; Node's ws behind Caddy says 1008."""
    app = start(Rules, rate={"most": 3, "end": [1008, "rate limit exceeded: 3 messages per second"]})
    caddy = start(Caddy, app.port)
    tables = {
        "bot": ws(caddy.port, "/?user=bot", do=["0.6 send 1", *(f"{2.05 + n / 100:.2f} send {n}" for n in range(6))]),
        "page": ws(caddy.port, "/?user=page", do=says(1.1, 5)),
    }
    watch = await staged(tables, "bot")
    assert watch.the("close", "bot")["code"] == 1008
    recorder.keep("gate-caddy-node-too-many-1008", watch)

"""More words that are not taken: text, sizes, rules, grammar, data, destinations and queues of somebody else."""

from collections.abc import Iterator

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, probing, seen
from tests.servers.between import Table, answer, refused, says, staged, stomp, web_stomp, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.classic import ActiveMqWs
from tests.servers.endings import assert_said
from tests.servers.frameworks import Aiohttp
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.joined import CREW, GUEST
from tests.servers.jvm import Undertow
from tests.servers.looks import every
from tests.servers.nginx import Certificate, Nginx
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter, starting
from tests.servers.stunnel import Stunnel
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

ORDERS = "stomp-send /topic/orders one more"


def text_frame(payload: bytes) -> str:
    """A text message of ours with these bytes, masked with zeros, as hexadecimal digits."""
    assert len(payload) < 126
    return bytes((0x81, 0x80 | len(payload), 0, 0, 0, 0)).hex() + payload.hex()


@pytest.fixture(scope="module")
def relay(broker: RabbitMq, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spring]:
    """A Spring application that relays to RabbitMQ, temporary queues too."""
    with starting(tmp_path_factory.mktemp("relay")) as start:
        prefixes = "/topic,/queue,/temp-queue"
        yield start(Spring, relay=broker.stomp_port, relay_prefixes=prefixes, inbound_threads=1)


async def test_a_till_writes_latin_1(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """STOMP over WebSocket with Spring, TLS by stunnel: the first article with an accent ends it."""
    shop = start(Spring, heart_beat="3600,3600", inbound_threads=1)
    stunnel = start(Stunnel, shop.port, certificate)
    table: Table = {"url": f"stomp+wss://localhost:{stunnel.port}/ws", "cacert": str(certificate.ca)}
    table |= {"heart_beat": "3600,3600", "no_compression": True}
    article = text_frame("SEND\ndestination:/topic/sold\n\ncrème brûlée\0".encode("latin-1"))
    tables = {
        "till": table | {"do": ["0.8 stomp-send /topic/sold coffee", f"2.45 raw-frame {article}"]},
        "desk": table | {"subscribe": ["/topic/sold"], "do": says(1.1, 5, "stomp-send /topic/sold crème brûlée")},
    }
    watch = await staged(tables, "till")
    assert watch.the("close", "till")["code"] == 1007
    recorder.keep("words-stunnel-spring-till-in-latin-1", watch)


async def test_a_long_letter_for_aiohttp(start: Starter, recorder: Recorder) -> None:
    """Its limit is seven kilobytes, by ssh; short letters come back, and the other session goes direct."""
    app = start(Aiohttp, max_msg_size=7000)
    tunnel = start(SshTunnel, app.port)
    tables = {
        "letters": ws(tunnel.port, do=["0.7 send-repeat a 2000", "1.9 send-repeat a 2500", "3.15 send-repeat a 8200"]),
        "notes": ws(app.port, do=says(1.3, 6)),
    }
    for table in tables.values():
        table["no_compression"] = True
    watch = await staged(tables, "letters")
    assert watch.the("close", "letters")["code"] == 1009
    recorder.keep("words-ssh-aiohttp-long-letter-1009", watch)


async def test_a_schema_of_before(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Undertow's application minds which schema a message has; behind nginx with TLS."""
    app = start(Undertow)
    nginx = start(Nginx, app.port, 35, certificate)

    def user(name: str, *do: str) -> Table:
        url = f"wss://localhost:{nginx.port}/live?user={name}"
        return wss(nginx.port, certificate, do=list(do)) | {"url": url}

    tables = {
        "old": user("old", *says(0.7, 1.5), "2.55 send close 1008 schema v1 is not accepted any more"),
        "new": user("new", *says(1.15, 5)),
    }
    watch = await staged(tables, "old")
    assert watch.the("close", "old")["code"] == 1008
    recorder.keep("words-nginx-undertow-schema-1008", watch)


async def test_a_command_of_another_protocol(start: Starter, recorder: Recorder) -> None:
    """A client says ``PUBLISH``, as in MQTT; ActiveMQ's WebSocket behind Caddy tells what it does not know."""
    classic = start(ActiveMqWs)
    caddy = start(Caddy, classic.port)
    table: Table = {"url": f"stomp+ws://{LOOPBACK}:{caddy.port}/", "heart_beat": "2600,2600"} | CREW
    publish = r"stomp-frame PUBLISH\ndestination:/queue/orders\n\n66\0"
    tables = {
        "mixed": table | {"do": ["0.9 stomp-send /queue/orders 65", f"2.2 {publish}"]},
        "well": table | {"subscribe": ["/queue/orders"], "do": says(1.0, 5, "stomp-send /queue/orders 7")},
    }
    watch = await staged(tables, "mixed")
    assert watch.the("close", "mixed")["error"].startswith("Unknown STOMP action")
    recorder.keep("words-caddy-activemq-ws-says-publish", watch)


async def no_pictures(_: str, client: ServerConnection, message: str | bytes) -> None:
    """An application that closes without many words where it is sent bytes."""
    if isinstance(message, bytes):
        await client.close(1003)
    else:
        await client.send(message)


async def test_a_picture_for_a_chat_of_words(start: Starter, recorder: Recorder) -> None:
    """By ssh, alone, and nobody looks after it."""
    async with house(no_pictures) as app:
        tunnel = start(SshTunnel, app.port)
        there = f"A=ws://{LOOPBACK}:{tunnel.port}/?user=anna"
        do = [*every(0.75, "send hello", 2.3), "--do", "3.05 send-binary 89504e470d0a1a0a0000000d49484452"]
        async with probing(there, *do, "--no-postmortem", "--stdin") as watch:
            await seen(watch, "close", "A")
            assert await watch.finish() == 1
    assert_said(watch.the("close"), 1003)
    recorder.keep("words-ssh-picture-1003-alone", watch)


async def test_a_temporary_queue_is_asked_for(
    relay: Spring, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """RabbitMQ makes those by ``reply-to`` alone; a page subscribes to one. HAProxy with TLS in front of Spring."""
    haproxy = start(HaProxy, relay.port, certificate=certificate)
    table: Table = {"url": f"stomp+https://localhost:{haproxy.port}/sockjs", "cacert": str(certificate.ca)}
    table |= {"heart_beat": "5600,5600", "sockjs_transport": "websocket"}
    tables = {
        "asks": table | {"do": ["0.8 " + ORDERS, "1.95 subscribe /temp-queue/answers"]},
        "well": table | {"subscribe": ["/topic/orders"], "do": says(0.9, 5, ORDERS)},
    }
    watch = await staged(tables, "asks")
    assert "destination" in watch.the("close", "asks")["error"].lower()
    recorder.keep("words-haproxy-relay-temp-queue", watch)


async def test_a_second_printer(broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Two printers were set up alike; the queue is the first one's alone. WebSocket with TLS by HAProxy, and direct."""
    haproxy = start(HaProxy, broker.port, certificate=certificate)
    own = r"stomp-frame SUBSCRIBE\nid:1\ndestination:/queue/printer\nexclusive:true\nauto-delete:true\nreceipt:in\n\n\0"
    second = web_stomp(0, "2100,2100", url=f"stomp+wss://localhost:{haproxy.port}/ws", cacert=str(certificate.ca))

    async def strike(watch: Watch) -> None:
        await ask(watch, own, "first")
        await seen(watch, "stomp", "first", command="RECEIPT")
        await seen(watch, "stomp", "second", command="SEND", count=2)
        await ask(watch, own, "second")

    tables = {
        "first": stomp(broker.stomp_port, "1450,1450", GUEST),
        "second": second | {"do": says(0.8, 2, ORDERS)},
    }
    watch = await staged(tables, "second", strike=strike)
    recorder.keep("words-haproxy-rabbitmq-second-printer", watch)


async def test_a_capital_letter_in_a_subprotocol(start: Starter, recorder: Recorder) -> None:
    """python-websockets speaks ``chat.v3``, one client offers ``Chat.V3``; behind Caddy."""
    async with house(subprotocols=["chat.v3"]) as app:
        caddy = start(Caddy, app.port)
        watch = await refused(
            {"slip": ws(caddy.port, "/?user=anna", subprotocol=["Chat.V3"])},
            after=1.35,
            before=1.6,
            well=ws(caddy.port, "/?user=bert", subprotocol=["chat.v3"], do=says(0.75, 3)),
        )
    assert answer(watch, "slip") == 400
    recorder.keep("words-caddy-subprotocol-in-capitals", watch)

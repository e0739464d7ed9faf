"""What brokers and programs do not take from one of two: a passcode, a vhost, a destination, a picture."""

import asyncio

import pytest

from tests.probing import ask, seen
from tests.servers.between import Table, refused, says, staged, ws
from tests.servers.caddy import Caddy
from tests.servers.envoy import Envoy
from tests.servers.joined import GUEST
from tests.servers.jvm import Jetty, Netty, Vertx
from tests.servers.lesser import Nghttpx
from tests.servers.nginx import Certificate
from tests.servers.ports import LOOPBACK
from tests.servers.python import PythonEndings
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.test_words_stomp import turned_away
from tests.servers.traefik import Traefik
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_passcode_of_before(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A kiosk that was off for a month comes to Vert.x's STOMP, behind Caddy, with what was right then."""
    broker = start(Vertx, user="kiosk:winter26")
    caddy = start(Caddy, broker.port, tls=f"{certificate.chain} {certificate.key}")
    table: Table = {"url": f"stomp+wss://localhost:{caddy.port}/stomp", "cacert": str(certificate.ca)}
    table |= {"login": "kiosk", "heart_beat": "1000,1000"}
    watch = await turned_away("kiosk4", table | {"passcode": "autumn26"}, 1.2, kiosk1=table | {"passcode": "winter26"})
    recorder.keep("pier-caddy-vertx-stomp-passcode-of-before", watch)


async def test_a_vhost_percent_encoded(broker: RabbitMq, certificate: Certificate, recorder: Recorder) -> None:
    """Somebody took ``%2F`` from an AMQP URL and put it where STOMP wants ``/``; over TLS."""
    table: Table = {"url": broker.tls_url, "cacert": str(certificate.ca), "heart_beat": "1800,1800"} | GUEST
    watch = await refused(
        {"report": table | {"vhost": "%2F"}},
        after=1.5,
        before=1.1,
        shop=table | {"do": says(1.2, 3, "stomp-send /topic/orders 17")},
    )
    recorder.keep("pier-rabbitmq-tls-vhost-percent-encoded", watch)


async def test_a_vhost_of_staging(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """The page was built for staging and goes to production, whose RabbitMQ has no vhost of that name."""
    nghttpx = start(Nghttpx, broker.port)
    table: Table = {"url": f"stomp+ws://{LOOPBACK}:{nghttpx.port}/ws", "heart_beat": "1400,1400"} | GUEST
    watch = await turned_away("stage", table | {"vhost": "shop-staging"}, 0.9, live=table)
    recorder.keep("pier-nghttpx-rabbitmq-vhost-of-staging", watch)


async def test_destinations_with_slashes(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """Spring's relay hands RabbitMQ a room with two slashes, and one behind a queue's name. By Caddy, over TLS."""
    spring = start(Spring, relay=broker.stomp_port, inbound_threads=1)
    caddy = start(Caddy, spring.port, tls=f"{certificate.chain} {certificate.key}")
    table: Table = {"cacert": str(certificate.ca), "heart_beat": "2600,2600"}
    page = table | {"url": f"stomp+https://localhost:{caddy.port}/sockjs", "sockjs_transport": "xhr-streaming"}
    socket = table | {"url": f"stomp+wss://localhost:{caddy.port}/ws"}

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "right", dir="out", command="SEND", count=2)
        await ask(watch, "subscribe /topic/rooms/17/chat", "room")
        await seen(watch, "close", "room")
        await ask(watch, "stomp-send /queue/alerts/ smoke", "alerts")

    tables = {
        "right": socket | {"do": says(1.0, 6, "stomp-send /topic/rooms.17 hello")},
        "room": page,
        "alerts": socket,
    }
    watch = await staged(tables, "room", "alerts", strike=strike)
    for name in ("room", "alerts"):
        assert watch.of("stomp", name, dir="in", command="ERROR")
    recorder.keep("pier-relay-rabbitmq-slashes", watch)


async def test_a_picture_is_not_allowed(start: Starter, recorder: Recorder) -> None:
    """A filter behind Netty closes with 1008 whoever sends such a picture; the others chat on. By Traefik."""
    app = start(Netty, max=65536)
    traefik = start(Traefik, app.port)
    rule = "close 1008 attachment violates acceptable use policy (nsfw)"

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "tom", dir="in", count=2)
        await ask(watch, f"send {rule}", "eva")

    tables = {
        "tom": ws(traefik.port, "/live?user=tom", do=says(0.9, 5)),
        "eva": ws(traefik.port, "/live?user=eva", do=["0.4 send hi all"]),
    }
    watch = await staged(tables, "eva", strike=strike)
    assert watch.the("close", "eva")["code"] == 1008
    recorder.keep("pier-netty-policy-1008-traefik", watch)


async def test_jetty_raises(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """An order's number is none, and the endpoint raises; Jetty says 1011 to that one. Behind Envoy, over TLS."""
    app = start(Jetty)
    envoy = start(Envoy, app.port, certificate=certificate)

    def of(user: str, **options: object) -> Table:
        where = {"url": f"wss://localhost:{envoy.port}/live?user={user}", "cacert": str(certificate.ca)}
        return where | options

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "till1", dir="in", opcode=1, count=2)
        await ask(watch, "send raise", "till2")

    watch = await staged({"till1": of("till1", do=says(0.8, 6)), "till2": of("till2")}, "till2", strike=strike)
    assert watch.the("close", "till2")["code"] == 1011
    recorder.keep("pier-envoy-jetty-raises-1011", watch)


async def test_a_handler_fails_twice(start: Starter, recorder: Recorder) -> None:
    """It fails at a certain order, and once more when the client is back and sends the order again. By Traefik."""
    app = start(PythonEndings)
    traefik = start(Traefik, app.port)

    async def strike(watch: Watch) -> None:
        for count in (1, 2):
            await seen(watch, "open", "east", count=count)
            await asyncio.sleep(1.0)
            await ask(watch, "send raise", "east")
            await seen(watch, "close", "east", count=count)
        await seen(watch, "open", "east", count=3)
        await asyncio.sleep(1.3)

    tables = {
        "west": ws(traefik.port, do=says(1.0, 6)),
        "east": ws(traefik.port, do=["0.3 send order 16"], reconnect=True),
    }
    watch = await staged(tables, "east", strike=strike)
    assert {line["code"] for line in watch.of("close", "east")} >= {1011}
    recorder.keep("pier-traefik-handler-fails-twice", watch)

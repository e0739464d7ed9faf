"""Brokers and STOMP programs that turn somebody away or end him: names, rights, versions, places, operators."""

import asyncio
from collections.abc import Iterator

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import open_session, probing, seen
from tests.servers.apache import Apache
from tests.servers.between import Table, opened, refused, says, staged, stomp, stomps, web_stomp, ws
from tests.servers.classic import ActiveMqWs
from tests.servers.haproxy import HaProxy
from tests.servers.homely import deliver, refuse, stomping
from tests.servers.house import house
from tests.servers.joined import ANNA, CREW, GUEST
from tests.servers.jvm import Artemis, Vertx
from tests.servers.lesser import Hitch, Lighttpd, Nghttpx, Redir, Rinetd, Varnish
from tests.servers.lines import leave
from tests.servers.looks import looked
from tests.servers.nginx import Certificate
from tests.servers.node_apps import Fastify
from tests.servers.ports import LOOPBACK
from tests.servers.python_apps import CoilMq
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.socat import Socat
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.test_words_stomp import turned_away
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

SOLD = "stomp-send /topic/sold 1"
SEND_OUT = (
    "rabbit_connection_tracking:close_connections("
    'rabbit_connection_tracking:list_of_user(<<"temp">>), "contract has ended", 0).'
)


async def test_an_underscore_is_a_hyphen(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """Somebody writes orders_eu for a virtual host that is called otherwise, and tries again; by redir, TCP."""
    redir = start(Redir, broker.stomp_port)
    wrong: Table = stomp(redir.port, "2000,2000", GUEST | {"vhost": "orders_eu"}, reconnect=True, open_timeout=4)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, eu1=stomp(redir.port, "2000,2000", do=says(1.1, 6, SOLD)))
        await open_session(watch, name="eu2", **wrong)
        await seen(watch, "close", "eu2", count=2)
        await leave(watch, "eu1", status=3)
    assert watch.of("stomp", "eu2", command="ERROR")
    recorder.keep("swift-redir-rabbitmq-vhost-underscore", watch)


async def test_a_library_of_before_the_standard(start: Starter, recorder: Recorder) -> None:
    """A library asks for version 7 of the protocol, and Fastify's does not speak it; by nghttpx."""
    nghttpx = start(Nghttpx, start(Fastify).port)
    old = ws(nghttpx.port, "/ws", header=["Sec-WebSocket-Version: 7"])
    well = ws(nghttpx.port, "/ws", do=says(0.9, 4))
    watch = await refused({"old": old}, after=1.2, before=0.8, new=well)
    recorder.keep("swift-nghttpx-fastify-version-7", watch)


async def test_a_version_nobody_wrote(start: Starter, recorder: Recorder) -> None:
    """A beta of a client offers STOMP 1.5 and nothing else; ActiveMQ over WebSocket, by socat."""
    way = start(Socat, start(ActiveMqWs).port)
    base: Table = {"url": f"stomp+ws://{LOOPBACK}:{way.port}/", "heart_beat": "1700,1700"} | CREW
    beta = base | {"connect_header": ["accept-version: 1.5"], "open_timeout": 4}
    watch = await turned_away("beta", beta, 0.9, stable=base | {"do": says(1.1, 5, SOLD)})
    recorder.keep("swift-socat-activemq-ws-stomp-1-5", watch)


async def test_a_name_is_lost(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """A page subscribes to ``/topic`` when its variable is not set; Spring relays it to RabbitMQ. By lighttpd."""
    spring = start(Spring, relay=broker.stomp_port, inbound_threads=1)
    lighttpd = start(Lighttpd, spring.port)
    base: Table = {"url": f"stomp+ws://{LOOPBACK}:{lighttpd.port}/ws", "heart_beat": "5000,5000"}
    tables = {
        "right": base | {"do": says(1.1, 6, SOLD)},
        "page": base | {"do": ["0.8 " + SOLD, "2.3 subscribe /topic"]},
    }
    watch = await staged(tables, "page")
    assert watch.the("stomp", "page", command="ERROR")
    recorder.keep("swift-lighttpd-relay-topic-name-lost", watch)


async def test_an_address_was_not_made(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A reader asks for an address that was not made on the new Artemis; STOMP over TLS by stunnel."""
    stunnel = start(Stunnel, start(Artemis).port, certificate)
    day = says(1.1, 6, "stomp-send jms.topic.day 1")
    night = ["0.7 stomp-send jms.topic.day 2", "2.6 subscribe closed.q3"]
    tables = {
        "day": stomps(stunnel.port, "2200,2200", certificate, ANNA, do=day),
        "night": stomps(stunnel.port, "2200,2200", certificate, ANNA, do=night),
    }
    watch = await staged(tables, "night", stage="tls")
    assert watch.the("stomp", "night", command="ERROR")
    recorder.keep("swift-stunnel-artemis-address-not-made", watch)


async def test_a_queue_has_its_reader(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """Two windows want a queue for themselves by Spring's relay: a socket has it, a stream does not get it. Apache."""
    spring = start(Spring, relay=broker.stomp_port, inbound_threads=1)
    apache = start(Apache, spring.port)
    base: Table = {"url": f"stomp+http://{LOOPBACK}:{apache.port}/sockjs", "heart_beat": "5000,5000"}
    alone = r"stomp-frame SUBSCRIBE\nid:7\ndestination:/queue/swift.desk\nexclusive:true\n\n\0"
    tables = {
        "first": base | {"sockjs_transport": "websocket", "do": ["0.4 " + alone, *says(1.3, 6, SOLD)]},
        "second": base | {"sockjs_transport": "xhr-streaming", "do": ["0.9 " + SOLD, "2.7 " + alone]},
    }
    watch = await staged(tables, "second")
    assert watch.the("stomp", "second", command="ERROR")
    recorder.keep("swift-apache-relay-stream-exclusive-queue", watch)


@pytest.fixture
def users(broker: RabbitMq) -> Iterator[None]:
    """The user audit, who has rights nowhere, and temp, who has all; the test takes them away."""
    for user in ("audit", "temp"):
        broker.ctl("add_user", user, "crew")
    broker.ctl("set_permissions", "-p", "/", "temp", ".*", ".*", ".*")
    yield
    for user in ("audit", "temp"):
        broker.ctl("delete_user", user)


@pytest.mark.usefixtures("users")
async def test_an_auditor_has_no_rights_yet(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """The account is there and its passcode right, but nobody gave it rights on the virtual host; by hitch."""
    hitch = start(Hitch, broker.stomp_port, certificate)
    audit = stomps(
        hitch.port, "1600,1600", certificate, {"login": "audit", "passcode": "crew", "vhost": "/"}, open_timeout=4
    )
    till = stomps(hitch.port, "1600,1600", certificate, do=says(1.2, 5, SOLD))
    watch = await turned_away("audit", audit, 1.1, till=till)
    assert watch.of("stomp", "audit", command="ERROR")
    recorder.keep("swift-hitch-rabbitmq-no-rights-on-vhost", watch)


@pytest.mark.usefixtures("users")
async def test_a_user_is_sent_out(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """An operator closes all that the user temp has open, a socket and a TCP session; others stay. By HAProxy."""
    haproxy = start(HaProxy, broker.port)
    temp = {"login": "temp", "passcode": "crew", "vhost": "/"}

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "temp1", command="SEND", count=2)
        await asyncio.to_thread(broker.ctl, "eval", SEND_OUT)

    tables = {
        "guest": web_stomp(haproxy.port, "1900,1900", do=says(1.1, 9, SOLD)),
        "temp1": web_stomp(haproxy.port, "1900,1900", do=says(0.9, 9, SOLD)) | temp,
        "temp2": stomp(broker.stomp_port, "1900,1900", temp),
    }
    watch = await staged(tables, "temp1", "temp2", strike=strike)
    recorder.keep("swift-haproxy-rabbitmq-user-sent-out-two", watch)


async def test_a_probe_never_logs_in(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """A monitoring probe opens TLS at a STOMP port and waits for a banner; RabbitMQ by stunnel ends it."""
    stunnel = start(Stunnel, broker.stomp_port, certificate)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, till=stomps(stunnel.port, "4000,4000", certificate))
        silent = stomps(stunnel.port, "0,0", certificate, no_stomp_connect=True)
        assert (await open_session(watch, name="probe", **silent))["ok"]
        await looked(watch, "probe", stage="tls")
        await leave(watch, "till")
    assert watch.the("close", "probe")["initiator"] == "remote"
    recorder.keep("swift-stunnel-rabbitmq-connect-forgotten", watch)


async def test_a_job_has_the_passcode_of_staging(start: Starter, recorder: Recorder) -> None:
    """A job logs in to CoilMQ with the passcode of the other environment; by rinetd. Another one is in."""
    rinetd = start(Rinetd, start(CoilMq).port)
    crew = stomp(rinetd.port, "0,0", CREW, stomp_version="1.0,1.1", open_timeout=4)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, other=crew | {"do": says(0.9, 6, "stomp-send /queue/jobs 1")})
        await asyncio.sleep(1.0)
        await open_session(watch, name="job", **crew | {"passcode": "staging"})
        await looked(watch, "job")
        await leave(watch, "other", status=3)
    recorder.keep("swift-rinetd-coilmq-passcode-of-staging", watch)


async def test_somebody_logs_out(start: Starter, recorder: Recorder) -> None:
    """A user logs out of a page that polls: DISCONNECT, its receipt, the end; others stay. Spring by nghttpx."""
    spring = start(Spring, heart_beat="4000,4000")
    nghttpx = start(Nghttpx, spring.port)
    base: Table = {"url": f"stomp+http://{LOOPBACK}:{nghttpx.port}/sockjs", "heart_beat": "4000,4000"}
    tables = {
        "stays": base | {"sockjs_transport": "websocket", "do": says(1.1, 5, SOLD)},
        "left": base | {"sockjs_transport": "xhr-polling", "do": ["0.8 " + SOLD, "2.4 disconnect"]},
    }
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, **tables)
        await looked(watch, "left")
        await leave(watch, "stays")
    recorder.keep("swift-nghttpx-spring-poll-logs-out", watch)


async def test_a_consumer_is_cancelled(start: Starter, recorder: Recorder) -> None:
    """A broker's partition moves: an ERROR says that the subscription was cancelled, then 1000. By HAProxy."""

    async def broker(user: str, client: ServerConnection, message: str | bytes) -> None:
        if not str(message).startswith("SUBSCRIBE"):
            return
        for n in range(5):
            await deliver(client, f"/queue/{user}", f"parcel {n}", n)
            await asyncio.sleep(0.7)
        if user == "reader":
            why = "consumer cancelled: queue 'reader' failed over to another node"
            await refuse(client, "Consumer cancelled", why, 1000)

    async with house(stomping(broker, "depot/2"), subprotocols=["v12.stomp"]) as app:
        haproxy = start(HaProxy, app.port)

        def at(user: str) -> Table:
            url = f"stomp+ws://{LOOPBACK}:{haproxy.port}/?user={user}"
            return {"url": url, "heart_beat": "0,0", "subscribe": [f"/queue/{user}"]}

        watch = await staged({"other": at("other"), "reader": at("reader")}, "reader")
    assert watch.the("stomp", "reader", command="ERROR")
    recorder.keep("swift-haproxy-stomp-consumer-cancelled", watch)


async def test_a_null_pointer(start: Starter, recorder: Recorder) -> None:
    """A shop's server fails at one order and says so in an ERROR, before it ends TCP's line; by rinetd."""

    async def shop(user: str, client: ServerConnection, message: str | bytes) -> None:
        if user == "till2" and "order 3" in str(message):
            why = "java.lang.NullPointerException: customer is null\n\tat shop.Orders.add(Orders.java:88)"
            await refuse(client, "Internal server error", why, 1011)

    async with house(stomping(shop, "shop/9"), subprotocols=["v12.stomp"]) as app:
        rinetd = start(Rinetd, app.port)

        def at(user: str, every: float) -> Table:
            url = f"stomp+ws://{LOOPBACK}:{rinetd.port}/?user={user}"
            do = [f"{n * every:.1f} stomp-send /app/orders order {n}" for n in range(1, 6)]
            return {"url": url, "heart_beat": "0,0", "do": do}

        watch = await staged({"till1": at("till1", 1.2), "till2": at("till2", 0.8)}, "till2")
    assert watch.the("stomp", "till2", command="ERROR")
    recorder.keep("swift-rinetd-stomp-null-pointer", watch)


async def test_a_frame_goes_nowhere(start: Starter, recorder: Recorder) -> None:
    """A till's SEND has lost its destination; Vert.x over WebSocket, by Varnish. Another till is well."""
    vertx = start(Vertx)
    varnish = start(Varnish, vertx.port)
    base: Table = {"url": f"stomp+ws://{LOOPBACK}:{varnish.port}/stomp", "heart_beat": "2500,2500"}
    slip = r"2.6 stomp-frame SEND\ncontent-type:text/plain\n\n4.20\0"
    tables = {
        "other": base | {"do": says(1.2, 6, "stomp-send /prices 3.80")},
        "till": base | {"do": ["0.8 stomp-send /prices 4.10", slip]},
    }
    watch = await staged(tables, "till")
    assert watch.of("stomp", "till", command="ERROR")
    recorder.keep("swift-varnish-vertx-send-to-nowhere", watch)

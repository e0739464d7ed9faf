"""What brokers say in the middle of the work: destinations, names in use, queues taken away, limits, operators."""

import asyncio
from collections.abc import Iterator

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, open_session, probing, seen
from tests.servers.activemq import ActiveMq
from tests.servers.between import TCP, Table, opened, says, staged, stomp, stomps, web_stomp, wss
from tests.servers.envoy import Envoy
from tests.servers.haproxy import HaProxy
from tests.servers.homely import deliver, refuse, stomping
from tests.servers.house import house
from tests.servers.joined import ANNA, CREW, GUEST, beaten, subscribe
from tests.servers.jvm import Artemis
from tests.servers.lesser import Nghttpx, Rinetd, Varnish
from tests.servers.lines import leave
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import GraphqlWs
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.socat import Socat
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.test_words_stomp import turned_away
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_an_exchange_whose_name_came_out_empty(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """A region was not set, and a page that polls sends to ``/exchange/``; Spring relays to RabbitMQ. By rinetd."""
    spring = start(Spring, relay=broker.stomp_port, relay_prefixes="/topic,/queue,/exchange", inbound_threads=1)
    rinetd = start(Rinetd, spring.port)
    base: Table = {"heart_beat": "5000,5000"}
    tables = {
        "known": base
        | {"url": f"stomp+ws://{LOOPBACK}:{rinetd.port}/ws", "do": says(1.0, 6, "stomp-send /queue/wren.eu 3")},
        "unset": base
        | {
            "url": f"stomp+http://{LOOPBACK}:{rinetd.port}/sockjs",
            "sockjs_transport": "xhr-polling",
            "do": ["0.8 stomp-send /topic/hello 1", "2.7 stomp-send /exchange/ 3"],
        },
    }
    watch = await staged(tables, "unset")
    assert watch.the("stomp", "unset", command="ERROR")
    recorder.keep("wren-rinetd-relay-exchange-without-a-name", watch)


async def test_a_queue_of_the_night(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """A reader asks for a queue that the nightly job has not declared; STOMP over TLS by HAProxy."""
    haproxy = start(HaProxy, broker.stomp_port, options=TCP, certificate=certificate)
    day = says(1.1, 6, "stomp-send /topic/day 1")
    tables = {
        "day": stomps(haproxy.port, "1800,1800", certificate, subscribe=["/topic/day"], do=day),
        "night": stomps(haproxy.port, "1800,1800", certificate, do=["2.4 subscribe /amq/queue/nightly.reports"]),
    }
    watch = await staged(tables, "night", stage="tls")
    assert watch.of("stomp", "night", command="ERROR")
    recorder.keep("wren-haproxy-rabbitmq-queue-of-the-night", watch)


async def test_two_tills_have_one_name(activemq: ActiveMq, start: Starter, recorder: Recorder) -> None:
    """The second till was copied from the first, client-id and all; ActiveMQ by HAProxy in TCP mode."""
    haproxy = start(HaProxy, activemq.port, options=TCP)
    till: Table = stomp(haproxy.port, "1500,1500", CREW, connect_header=["client-id: till-1"])
    watch = await turned_away("till2", till, 1.4, till1=till | {"do": says(1.2, 4, "stomp-send /queue/wren.sold 1")})
    assert watch.the("stomp", "till2", command="ERROR")
    recorder.keep("wren-haproxy-activemq-tills-of-one-name", watch)


async def test_a_queue_is_tidied_away(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """Somebody deletes a queue that a page reads; it is told and stays, and another page's is there. By nghttpx."""
    nghttpx = start(Nghttpx, broker.port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            stays=web_stomp(nghttpx.port, "3000,3000", subscribe=["/queue/wren.stays"]),
            page=web_stomp(nghttpx.port, "3000,3000"),
        )
        await subscribe(watch, "page", "/queue/wren.alerts")
        await ask(watch, "stomp-send /queue/wren.alerts 1", "page")
        await seen(watch, "stomp", "page", command="MESSAGE")
        await asyncio.to_thread(broker.ctl, "delete_queue", "wren.alerts")
        await seen(watch, "stomp", "page", command="ERROR")
        await ask(watch, "stomp-send /queue/wren.stays 2", "stays")
        await beaten(watch, "stays", 1)
        await leave(watch, "stays")
    recorder.keep("wren-nghttpx-rabbitmq-queue-tidied-away", watch)


async def test_a_subscription_is_taken_back(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A news service ends a subscription whose feed was closed down, and the session; another feed goes on."""

    async def news(user: str, client: ServerConnection, message: str | bytes) -> None:
        if not str(message).startswith("SUBSCRIBE"):
            return
        for n in range(4):
            await deliver(client, "/topic/feed", f"headline {n}", n)
            await asyncio.sleep(0.6)
        if user == "sports":
            await refuse(client, "Subscription cancelled by server", "queue 'feed.sports' was deleted")

    async with house(stomping(news, "news/5"), subprotocols=["v12.stomp"]) as app:
        stunnel = start(Stunnel, app.port, certificate)

        def at(user: str) -> Table:
            table: Table = {"cacert": str(certificate.ca), "heart_beat": "0,0", "subscribe": [f"/topic/feed.{user}"]}
            return table | {"url": f"stomp+wss://localhost:{stunnel.port}/?user={user}"}

        watch = await staged({"weather": at("weather"), "sports": at("sports")}, "sports", stage="tls")
    assert watch.the("stomp", "sports", command="ERROR")
    recorder.keep("wren-stunnel-stomp-subscription-cancelled", watch)


async def test_a_sensor_sends_too_often(start: Starter, recorder: Recorder) -> None:
    """A loose contact: a dozen messages in a second where five are allowed; ERROR, and 1008. By Varnish."""
    count = 0

    async def plant(user: str, _client: ServerConnection, message: str | bytes) -> None:
        nonlocal count
        if user == "door" and str(message).startswith("SEND"):
            count += 1
            if count == 7:
                await refuse(_client, "Rate limit exceeded", "max 5 messages per second per session", 1008)

    async with house(stomping(plant, "plant/1.1"), subprotocols=["v12.stomp"]) as app:
        varnish = start(Varnish, app.port)
        url = f"stomp+ws://{LOOPBACK}:{varnish.port}/?user="
        burst = [f"{2.5 + n * 0.09:.2f} stomp-send /app/door open" for n in range(9)]
        tables: dict[str, Table] = {
            "tank": {"url": url + "tank", "heart_beat": "0,0", "do": says(1.1, 6, "stomp-send /app/tank 71")},
            "door": {"url": url + "door", "heart_beat": "0,0", "do": ["0.9 stomp-send /app/door open", *burst]},
        }
        watch = await staged(tables, "door")
    assert watch.the("stomp", "door", command="ERROR")
    recorder.keep("wren-varnish-stomp-sensor-rate-limit", watch)


async def test_a_header_without_a_colon(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """A shell script puts its frames together by hand, and one header has no colon; RabbitMQ by socat."""
    way = start(Socat, broker.stomp_port)
    slip = r"2.5 stomp-frame SEND\ndestination /queue/wren.log\n\ndisk full\0"
    tables = {
        "well": stomp(way.port, "2000,2000", do=says(1.1, 6, "stomp-send /queue/wren.log ok")),
        "script": stomp(way.port, "2000,2000", do=["0.9 stomp-send /queue/wren.log ok", slip]),
    }
    watch = await staged(tables, "script")
    assert watch.the("close", "script")["initiator"] == "remote"
    recorder.keep("wren-socat-rabbitmq-header-without-colon", watch)


async def test_a_table_is_closed(start: Starter, recorder: Recorder) -> None:
    """A card room of Spring's closes a table with a code of its own, to one who polls; by nginx."""
    spring = start(Spring, heart_beat="3000,3000")
    nginx = start(Nginx, spring.port, 60, rules="proxy_buffering off;")
    base: Table = {"url": f"stomp+http://{LOOPBACK}:{nginx.port}/sockjs", "heart_beat": "3000,3000"}
    tables = {
        "other": base | {"sockjs_transport": "websocket", "do": says(1.1, 6, "stomp-send /topic/cards 4")},
        "player": base
        | {
            "sockjs_transport": "xhr-polling",
            "subscribe": ["/topic/cards"],
            "do": ["2.6 stomp-send /app/close/3500/table-closed leave"],
        },
    }
    watch = await staged(tables, "player")
    assert watch.the("close", "player")["sockjs"]["code"] == 3500
    recorder.keep("wren-nginx-spring-poll-table-closed-3500", watch)


@pytest.fixture
def fair(broker: RabbitMq) -> Iterator[dict[str, str]]:
    """A vhost for the days of a fair; the test takes it away."""
    broker.ctl("add_vhost", "fair")
    broker.ctl("set_permissions", "-p", "fair", "guest", ".*", ".*", ".*")
    yield GUEST | {"vhost": "fair"}
    if "fair" in broker.ctl("list_vhosts"):
        broker.ctl("delete_vhost", "fair")


async def test_the_fair_is_over(
    broker: RabbitMq, fair: dict[str, str], certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """Its vhost is deleted under two stands, and one tries to come back; the shop in another vhost is well."""
    stunnel = start(Stunnel, broker.stomp_port, certificate)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            shop=stomps(stunnel.port, "1800,1800", certificate, GUEST),
            stand1=stomps(stunnel.port, "1800,1800", certificate, fair, do=says(0.9, 3, "stomp-send /topic/visit 1")),
            stand2=stomps(stunnel.port, "1800,1800", certificate, fair, reconnect=True),
        )
        await beaten(watch, "stand1", 1)
        await asyncio.to_thread(broker.ctl, "delete_vhost", "fair")
        await looked(watch, "stand1", stage="tls")
        await seen(watch, "close", "stand2", count=2)
        await leave(watch, "shop")
    recorder.keep("wren-stunnel-rabbitmq-vhost-deleted", watch)


async def test_anna_is_sent_home(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """An operator of Artemis closes what a user has open; the visitor stays. By Envoy with TLS."""
    artemis = start(Artemis)
    envoy = start(Envoy, artemis.port, certificate=certificate)
    base: Table = {"url": f"stomp+wss://localhost:{envoy.port}/", "cacert": str(certificate.ca)}
    base |= {"heart_beat": "1600,1600"}

    async def strike(watch: Watch) -> None:
        await beaten(watch, "anna", 2)
        await asyncio.to_thread(artemis.manage, "user anna")

    tables = {
        "visitor": base | {"login": "visitor", "passcode": "crew"},
        "anna": base | ANNA | {"do": says(0.9, 6, "stomp-send jms.queue.wren 1")},
    }
    watch = await staged(tables, "anna", strike=strike)
    assert watch.the("close", "anna")["initiator"] == "remote"
    recorder.keep("wren-envoy-artemis-user-closed", watch)


async def test_the_users_database_is_away(
    graphql: GraphqlWs, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """graphql-ws cannot look somebody up and says 4500; who came before has his ticks. By HAProxy with TLS."""
    haproxy = start(HaProxy, graphql.port, certificate=certificate)
    base: Table = {"subprotocol": ["graphql-transport-ws"]}

    def at(user: str, *do: str) -> Table:
        init = f'0.4 send {{"type":"connection_init","payload":{{"user":"{user}"}}}}'
        return wss(haproxy.port, certificate, do=[init, *do]) | base

    ticks = '0.9 send {"id":"1","type":"subscribe","payload":{"query":"subscription { ticks }"}}'
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, anna=at("anna", ticks))
        await seen(watch, "frame", "anna", dir="in", opcode=1, count=3)
        await open_session(watch, name="bruno", **at("broken"))
        await looked(watch, "bruno")
        await seen(watch, "frame", "anna", dir="in", opcode=1, count=5)
        await leave(watch, "anna", status=1)
    assert watch.the("close", "bruno")["code"] == 4500
    recorder.keep("wren-haproxy-graphql-users-database-4500", watch)

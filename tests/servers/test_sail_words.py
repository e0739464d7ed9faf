"""Sessions that end by what is said: faults of a server, rights, queues that are gone, rules, frames too large."""

import asyncio
from collections.abc import Iterator

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, open_session, probing, seen
from tests.servers.between import Table, opened, says, staged, stomp, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.envoy import Envoy
from tests.servers.frameworks import Tornado
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.joined import GUEST, beaten, subscribe
from tests.servers.jvm import Artemis
from tests.servers.lesser import Nghttpx, Rinetd
from tests.servers.lines import leave
from tests.servers.nginx import Certificate
from tests.servers.node import NodeEndings
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.socat import Socat
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.toxiproxy import Toxiproxy
from tests.servers.uvicorn import Uvicorn
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

VISITOR = {"login": "visitor", "passcode": "crew"}
POOL = (
    "org.springframework.jdbc.CannotGetJdbcConnectionException: HikariPool-1 - Connection is not available, "
    "request timed out after 30000ms"
)


async def test_a_handler_has_a_bug(start: Starter, recorder: Recorder) -> None:
    """An order that uvicorn's application throws at; by nghttpx. Who orders nothing of the kind stays."""
    app = start(Uvicorn)
    way = start(Nghttpx, app.port)
    tables = {
        "calm": ws(way.port, "/live", do=says(1.0, 6)),
        "buyer": ws(way.port, "/live", do=[*says(0.6, 1.5), "2.3 send raise"]),
    }
    watch = await staged(tables, "buyer")
    assert watch.the("close", "buyer")["initiator"] == "remote"
    recorder.keep("sail-nghttpx-uvicorn-handler-throws", watch)


async def pool(_: str, client: ServerConnection, message: str | bytes) -> None:
    """A home-made broker whose database gives no more connections to who stores an order."""
    frame = str(message)
    if frame.startswith("CONNECT"):
        await client.send("CONNECTED\nversion:1.2\nserver:orders/3\nheart-beat:0,0\n\n\0")
    elif "/app/orders" in frame:
        await asyncio.sleep(0.9)
        await client.send(f"ERROR\nmessage:Internal server error\ncontent-type:text/plain\n\n{POOL}\0")
        await client.close(1002)


async def test_a_database_gives_no_connection(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """An ERROR says so, and the session is over; one who only reads stays. By HAProxy with TLS."""
    async with house(pool, subprotocols=["v12.stomp"]) as app:
        way = start(HaProxy, app.port, certificate=certificate)
        base: Table = {"cacert": str(certificate.ca), "heart_beat": "0,0"}
        url = f"stomp+wss://localhost:{way.port}/?user="
        tables = {
            "reader": base | {"url": url + "reader", "do": says(1.0, 6, "stomp-send /app/news any")},
            "buyer": base
            | {"url": url + "buyer", "do": ["0.7 stomp-send /app/news any", "1.9 stomp-send /app/orders 4"]},
        }
        watch = await staged(tables, "buyer")
    assert watch.the("stomp", "buyer", command="ERROR")
    recorder.keep("sail-haproxy-stomp-error-of-a-pool", watch)


async def only_1_2(_: str, client: ServerConnection, message: str | bytes) -> None:
    """A broker of the newest version alone."""
    frame = str(message)
    if frame.startswith(("CONNECT", "STOMP")):
        if "1.2" not in frame.partition("accept-version:")[2].partition("\n")[0]:
            body = "Supported protocol versions are 1.2"
            await client.send(f"ERROR\nversion:1.2\ncontent-type:text/plain\n\n{body}\0")
            await client.close(1002)
        else:
            await client.send("CONNECTED\nversion:1.2\nserver:fleetd/7\nheart-beat:0,0\n\n\0")


async def test_a_client_of_stomp_1_1_is_refused_twice(start: Starter, recorder: Recorder) -> None:
    """An old scanner offers 1.0 and 1.1 to a broker that was updated to 1.2 alone; the new scanner is in."""
    async with house(only_1_2, ping_interval=None) as app:
        way = start(Rinetd, app.port)
        url = f"stomp+ws://{LOOPBACK}:{way.port}/?user="
        async with probing("--stdin", **POSTMORTEM) as watch:
            await opened(watch, new={"url": url + "new", "do": says(0.9, 4, "stomp-send /queue/scans 4006381333931")})
            await open_session(watch, name="old", url=url + "old", stomp_version="1.0,1.1", reconnect=True)
            await seen(watch, "close", "old", count=2)
            await leave(watch, "new")
    assert watch.of("stomp", "old", command="ERROR")
    recorder.keep("sail-rinetd-scanner-of-stomp-1-1", watch)


@pytest.fixture
def auditor(broker: RabbitMq) -> Iterator[RabbitMq]:
    """The broker with a user who may do everything, at first."""
    broker.ctl("add_user", "auditor", "spring")
    broker.ctl("set_permissions", "auditor", ".*", ".*", ".*")
    yield broker
    broker.ctl("delete_user", "auditor")


async def test_rights_are_taken_away_meanwhile(auditor: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """An administrator narrows a user's rights while he is in; the next subscription is refused. Another user beats."""
    way = start(Socat, auditor.stomp_port)
    url = f"stomp://{LOOPBACK}:{way.port}"
    who = {"login": "auditor", "passcode": "spring", "vhost": "/"}

    async def strike(watch: Watch) -> None:
        await subscribe(watch, "audit", "/queue/sail.sales")
        await asyncio.to_thread(auditor.ctl, "set_permissions", "auditor", "^sail[.]sales", "^sail", "^sail[.]sales")
        await ask(watch, r"stomp-frame SUBSCRIBE\nid:2\ndestination:/queue/payroll\n\n\0", "audit")

    tables: dict[str, Table] = {
        "shop": {"url": url, "heart_beat": "6000,6000", "do": says(2.6, 14, "stomp-send /topic/sales 3")} | GUEST,
        "audit": {"url": url, "heart_beat": "6000,6000"} | who,
    }
    watch = await staged(tables, "audit", strike=strike)
    assert watch.the("stomp", "audit", command="ERROR")
    recorder.keep("sail-socat-rabbitmq-rights-taken-away", watch)


async def test_a_visitor_publishes(artemis: Artemis, start: Starter, recorder: Recorder) -> None:
    """Artemis over WebSocket behind Caddy: a visitor may read only, and sends; anna sends well."""
    caddy = start(Caddy, artemis.port)
    url = f"stomp+ws://{LOOPBACK}:{caddy.port}/"
    tables: dict[str, Table] = {
        "anna": {"url": url, "heart_beat": "2500,2500", "login": "anna", "passcode": "crew"}
        | {"do": says(0.9, 6, "stomp-send /topic/wall hello")},
        "visitor": {"url": url, "heart_beat": "2500,2500", "do": ["1.7 stomp-send /topic/wall me too"]} | VISITOR,
    }
    watch = await staged(tables, "visitor")
    assert watch.the("stomp", "visitor", command="ERROR")
    recorder.keep("sail-caddy-artemis-visitor-publishes", watch)


async def test_a_queue_is_deleted_by_a_cleanup(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """The queue of a worker, who beats on and gets nothing any more; who reads another one is well. A TCP proxy."""
    way = start(Toxiproxy, broker.stomp_port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            other=stomp(way.port, "4000,4000", subscribe=["/queue/sail.other"]),
            worker=stomp(way.port, "4000,4000"),
        )
        await subscribe(watch, "worker", "/queue/sail.jobs")
        await ask(watch, "stomp-send /queue/sail.jobs 1", "worker")
        await seen(watch, "stomp", "worker", command="MESSAGE")
        await asyncio.to_thread(broker.ctl, "delete_queue", "sail.jobs")
        await seen(watch, "stomp", "worker", command="ERROR")
        await ask(watch, "stomp-send /queue/sail.other 2", "worker")
        await seen(watch, "stomp", "other", command="MESSAGE")
        await beaten(watch, "worker", 1)
        await leave(watch, "other", "worker")
    recorder.keep("sail-toxiproxy-rabbitmq-queue-deleted", watch)


async def test_a_queue_is_deleted_behind_a_relay(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """Spring relays to RabbitMQ, where an operator deletes the queue of one page; the page of another queue stays."""
    relay = start(Spring, relay=broker.stomp_port, relay_prefixes="/topic,/queue")
    table: Table = {"heart_beat": "2000,2000"}

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "orders", command="beat", dir="in", count=2)
        await asyncio.to_thread(broker.ctl, "delete_queue", "sail.orders")

    tables = {
        "mails": {"url": relay.sockjs_url, "sockjs_transport": "websocket", "subscribe": ["/queue/sail.mails"]} | table,
        "orders": {"url": relay.ws_url, "subscribe": ["/queue/sail.orders"]} | table,
    }
    watch = await staged(tables, "orders", strike=strike)
    assert watch.the("stomp", "orders", command="ERROR")
    recorder.keep("sail-spring-relay-queue-deleted", watch)


async def no_numbers(_: str, client: ServerConnection, message: str | bytes) -> None:
    """A chat in which nobody may give a telephone number."""
    if "+49" in str(message):
        await client.close(1008, "message contains personal data")
    else:
        await client.send(message)


async def test_a_telephone_number_is_said(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A chat closes 1008 for whoever says one; the others go on. By Caddy with TLS."""
    async with house(no_numbers) as app:
        caddy = start(Caddy, app.port, tls=f"{certificate.chain} {certificate.key}")

        def at(user: str, *do: str) -> Table:
            return wss(caddy.port, certificate, do=list(do)) | {"url": f"wss://localhost:{caddy.port}/?user={user}"}

        tables = {
            "anna": at("anna", *says(0.9, 6, "send hello")),
            "bert": at("bert", "0.6 send hello", "1.5 send call me", "2.2 send +49 30 901820"),
        }
        watch = await staged(tables, "bert")
    assert watch.the("close", "bert")["received"] == {"code": 1008, "reason": "message contains personal data"}
    recorder.keep("sail-caddy-chat-personal-data-1008", watch)


async def bids(user: str, client: ServerConnection, message: str | bytes) -> None:
    """A home-made STOMP auction that ends a session which bids against itself."""
    frame = str(message)
    if frame.startswith("CONNECT"):
        await client.send("CONNECTED\nversion:1.2\nserver:auction/1\nheart-beat:0,0\n\n\0")
    elif user == "shill" and "17" in frame:
        await client.close(1008, "bid violates house rules 4.2")


async def test_a_bid_against_the_house_rules(start: Starter, recorder: Recorder) -> None:
    """STOMP over WebSocket: a Close 1008 for a bid that the house does not take; another bidder stays."""
    async with house(bids, subprotocols=["v12.stomp"]) as app:
        way = start(HaProxy, app.port)
        url = f"stomp+ws://{LOOPBACK}:{way.port}/?user="
        tables = {
            "fair": {"url": url + "fair", "do": says(1.2, 6, "stomp-send /app/bid 12")},
            "shill": {"url": url + "shill", "do": ["0.8 stomp-send /app/bid 13", "2.9 stomp-send /app/bid 17"]},
        }
        watch = await staged(tables, "shill")
    assert watch.the("close", "shill")["received"]["code"] == 1008
    recorder.keep("sail-haproxy-stomp-house-rules-1008", watch)


async def test_a_scan_is_too_large(start: Starter, recorder: Recorder) -> None:
    """A scanner sends a page of 400 kB to a Tornado that takes 64; its small words were welcome. By Caddy."""
    server = start(Tornado, websocket_max_message_size=65536)
    caddy = start(Caddy, server.port)
    tables = {
        "small": ws(caddy.port, "/", do=says(0.8, 6)),
        "scan": ws(caddy.port, "/", do=[*says(0.7, 1.5), "2.2 send-repeat x 400000"], no_compression=True),
    }
    watch = await staged(tables, "scan")
    assert watch.the("close", "scan")["initiator"] == "remote"
    recorder.keep("sail-caddy-tornado-scan-too-large", watch)


async def test_a_snapshot_is_over_our_limit(start: Starter, recorder: Recorder) -> None:
    """A board takes messages of 32 kB at most and is sent one of 90; the desk has no such limit. By Envoy."""
    server = start(NodeEndings)
    envoy = start(Envoy, server.port)
    tables = {
        "desk": ws(envoy.port, do=says(0.9, 4)),
        "board": ws(envoy.port, max_size=32768, do=says(0.8, 2)),
    }

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "board", dir="in", opcode=1, count=2)
        await ask(watch, "send flood-others 90000", "desk")

    watch = await staged(tables, "board", strike=strike)
    assert watch.the("close", "board")["sent"]["code"] == 1009
    recorder.keep("sail-envoy-node-snapshot-over-our-limit", watch)

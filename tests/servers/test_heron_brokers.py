"""Brokers: beats that stay away, logins that never come, queues and accounts taken away, names in use, relays cut."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, open_session, probing, seen
from tests.servers.activemq import ActiveMq
from tests.servers.ashore import side_by_side
from tests.servers.between import Table, opened, says, staged, stomp, stomps, web_stomp
from tests.servers.caddy import Caddy
from tests.servers.forward import Squid
from tests.servers.homely import refuse, stomping
from tests.servers.house import house
from tests.servers.joined import ANNA, CREW, GUEST, beaten, subscribe
from tests.servers.jvm import Artemis
from tests.servers.lesser import Hitch, Lighttpd, Nghttpx, Redir, Rinetd
from tests.servers.lines import leave
from tests.servers.looks import looked
from tests.servers.nginx import Certificate
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.socat import Socat
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def a_page_without_beats(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """A dialog of the browser blocks a page's script, which hears news and beats no more; both pages go by Squid."""
    squid = start(Squid)
    way: Table = {"proxy": f"http://{LOOPBACK}:{squid.port}"}
    tables = {
        "other": web_stomp(broker.port, "2000,2000", do=says(1.3, 9, "stomp-send /topic/heron.news 1")) | way,
        "page": web_stomp(broker.port, "2000,2000", subscribe=["/topic/heron.news"], do=["2.6 hold-beats"]) | way,
    }
    watch = await staged(tables, "page")
    assert watch.the("close", "page")["initiator"] == "remote"
    recorder.keep("heron-squid-rabbitmq-page-without-beats", watch)


async def a_hidden_tab(artemis: Artemis, certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Its timers fire once in nine seconds where 1.7 s are agreed; the tab in front is well. STOMP over TLS, hitch."""
    hitch = start(Hitch, artemis.port, certificate)
    tables = {
        "front": stomps(hitch.port, "1700,1700", certificate, ANNA),
        "hidden": stomps(hitch.port, "1700,1700", certificate, ANNA, do=["1.9 throttle-beats 9000"]),
    }
    watch = await staged(tables, "hidden", stage="tls")
    assert watch.the("close", "hidden")["initiator"] == "remote"
    recorder.keep("heron-hitch-artemis-hidden-tab-once-in-nine", watch)


@asynccontextmanager
async def gateway(patience: float) -> AsyncIterator[int]:
    """The port of a small STOMP gateway over TCP: it beats, and ends who has not said CONNECT in so many seconds."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await asyncio.wait_for(reader.readuntil(b"\0"), patience)
            writer.write(b"CONNECTED\nversion:1.2\nserver:gate/1.0\nheart-beat:1500,1500\n\n\0")
            while True:
                with suppress(TimeoutError):
                    if not await asyncio.wait_for(reader.read(4096), 1.5):
                        break
                writer.write(b"\n")
        except (TimeoutError, asyncio.IncompleteReadError):
            pass
        writer.close()

    server = await asyncio.start_server(serve, LOOPBACK, 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def a_job_never_connects(recorder: Recorder) -> None:
    """A job opens its socket to a gateway, waits for a secret that is not there and never says CONNECT; one does."""
    async with gateway(3.6) as port:
        tables: dict[str, Table] = {
            "till": {"url": f"stomp://{LOOPBACK}:{port}", "heart_beat": "1500,1500"},
        }
        async with probing("--stdin", **POSTMORTEM) as watch:
            await opened(watch, **tables)
            await open_session(watch, name="job", url=f"stomp://{LOOPBACK}:{port}", no_stomp_connect=True)
            await looked(watch, "job")
            await leave(watch, "till", status=1)
    assert watch.the("close", "job")["initiator"] == "remote"
    recorder.keep("heron-tcp-gateway-job-never-connects", watch)


async def nobody_says_connect(start: Starter, recorder: Recorder) -> None:
    """A page's token request fails, and its STOMP socket stays mute until ERROR and 1008; another page is in."""

    async def nothing(_: str, __: ServerConnection, ___: str | bytes) -> None:
        return

    async with house(stomping(nothing, "rooms/4"), subprotocols=["v12.stomp"]) as app:
        lighttpd = start(Lighttpd, app.port)
        base: Table = {"url": f"stomp+ws://{LOOPBACK}:{lighttpd.port}/?user=", "heart_beat": "0,0"}
        page: Table = base | {"url": base["url"] + "page", "no_stomp_connect": True}
        async with probing("--stdin", **POSTMORTEM) as watch:
            await opened(watch, other=base | {"url": base["url"] + "other", "do": says(1.4, 6, "stomp-send /app/x 1")})
            await open_session(watch, name="page", **page)
            await seen(watch, "open", "page")
            await asyncio.sleep(4.0)
            await refuse(app.clients["page"], "Connect timeout", "no CONNECT frame within 4000 ms", 1008)
            await looked(watch, "page")
            await leave(watch, "other", status=1)
    recorder.keep("heron-lighttpd-stomp-no-connect-1008", watch)


async def a_queue_behind_a_relay(
    broker: RabbitMq, spring: Spring, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """A job tidies up and deletes the queue that a poller reads by Spring's relay and Caddy; another reader stays."""
    caddy = start(Caddy, spring.port, tls=f"{certificate.chain} {certificate.key}")
    base: Table = {"heart_beat": "3000,3000", "cacert": str(certificate.ca)}
    base |= {"url": f"stomp+https://localhost:{caddy.port}/sockjs", "sockjs_transport": "xhr-polling"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, other=base | {"sockjs_transport": "websocket"}, reader=base)
        await subscribe(watch, "other", "/queue/heron.stays")
        await subscribe(watch, "reader", "/queue/heron.old")
        await ask(watch, "stomp-send /queue/heron.old 1", "reader")
        await seen(watch, "stomp", "reader", command="MESSAGE")
        await asyncio.to_thread(broker.ctl, "delete_queue", "heron.old")
        await seen(watch, "stomp", "reader", command="ERROR")
        await asyncio.sleep(1.5)
        await ask(watch, "stomp-send /queue/heron.stays 1", "other")
        await seen(watch, "stomp", "other", command="MESSAGE")
        await leave(watch, "other")
    recorder.keep("heron-caddy-relay-poller-queue-deleted", watch)


async def a_report_s_queue(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """An operator deletes the queue of a report in mid-work; it is told, and goes on to send. By socat."""
    way = start(Socat, broker.stomp_port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            till=stomp(way.port, "2500,2500", subscribe=["/queue/heron.till"]),
            report=stomp(way.port, "2500,2500", do=says(0.9, 9, "stomp-send /topic/heron.done 1")),
        )
        await subscribe(watch, "report", "/queue/heron.report")
        await ask(watch, "stomp-send /queue/heron.report 1", "report")
        await seen(watch, "stomp", "report", command="MESSAGE")
        await asyncio.to_thread(broker.ctl, "delete_queue", "heron.report")
        await seen(watch, "stomp", "report", command="ERROR")
        await beaten(watch, "till", 1)
        await leave(watch, "till")
    recorder.keep("heron-socat-rabbitmq-report-queue-deleted", watch)


@pytest.fixture
def temp(broker: RabbitMq) -> Iterator[dict[str, str]]:
    """An account for a week; the test deletes it."""
    broker.ctl("add_user", "temp", "crew")
    broker.ctl("set_permissions", "-p", "/", "temp", ".*", ".*", ".*")
    yield {"login": "temp", "passcode": "crew", "vhost": "/"}
    if "temp" in broker.ctl("list_users"):
        broker.ctl("delete_user", "temp")


async def an_account_is_deleted(broker: RabbitMq, temp: dict[str, str], start: Starter, recorder: Recorder) -> None:
    """Its week is over; its session ends in mid-work and is not let in again. Another account's lives; by redir."""
    redir = start(Redir, broker.stomp_port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            desk=stomp(redir.port, "2000,2000", GUEST),
            temp=stomp(redir.port, "2000,2000", temp, reconnect=True, do=says(0.8, 4, "stomp-send /topic/heron.t 1")),
        )
        await beaten(watch, "temp", 2)
        await asyncio.to_thread(broker.ctl, "delete_user", "temp")
        await seen(watch, "close", "temp", count=2)
        await beaten(watch, "desk", 1)
        await leave(watch, "desk")
    assert watch.of("close", "temp")[0]["initiator"] == "remote"
    recorder.keep("heron-redir-rabbitmq-account-deleted", watch)


async def a_queue_of_another(spring: Spring, start: Starter, recorder: Recorder) -> None:
    """A second window wants the exclusive queue of the first; Spring relays to RabbitMQ, by nghttpx."""
    nghttpx = start(Nghttpx, spring.port)
    base: Table = {"heart_beat": "4000,4000", "url": f"stomp+http://{LOOPBACK}:{nghttpx.port}/sockjs"}
    asks = r"stomp-frame SUBSCRIBE\nid:1\ndestination:/queue/heron.seat\nexclusive:true\nauto-delete:true\n\n\0"
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            first=base | {"sockjs_transport": "websocket", "do": [f"0.4 {asks}"]},
            second=base | {"sockjs_transport": "websocket"},
        )
        await asyncio.sleep(2.1)
        await ask(watch, asks, "second")
        await seen(watch, "stomp", "second", command="ERROR")
        await asyncio.sleep(1.5)
        await ask(watch, "stomp-send /queue/heron.seat 1", "first")
        await seen(watch, "stomp", "first", command="MESSAGE")
        await leave(watch, "first")
    recorder.keep("heron-nghttpx-relay-seat-of-another", watch)


async def subscribed_twice(activemq: ActiveMq, certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A page that is drawn anew subscribes durably once more; ActiveMQ says that it is in use. TLS by stunnel."""
    stunnel = start(Stunnel, activemq.port, certificate)
    asks = r"stomp-frame SUBSCRIBE\nid:{}\ndestination:/topic/heron\nactivemq.subscriptionName:page\n\n\0"
    tables = {
        "other": stomps(stunnel.port, "4000,4000", certificate, CREW, do=says(1.3, 6, "stomp-send /topic/heron 1")),
        "page": stomps(
            stunnel.port,
            "4000,4000",
            certificate,
            CREW,
            connect_header=["client-id:page"],
            do=[f"0.5 {asks.format(1)}", f"2.8 {asks.format(2)}"],
        ),
    }
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, **tables)
        await seen(watch, "stomp", "page", command="ERROR")
        await asyncio.sleep(1.5)
        await leave(watch, "other")
    recorder.keep("heron-stunnel-activemq-durable-subscribed-twice", watch)


async def a_visitor_sends(artemis: Artemis, start: Starter, recorder: Recorder) -> None:
    """A visitor of Artemis reads prices, and then sends one, which he may not; a clerk may. By rinetd."""
    rinetd = start(Rinetd, artemis.port)
    visitor = ANNA | {"login": "visitor"}
    tables = {
        "clerk": stomp(rinetd.port, "2600,2600", ANNA, do=says(1.1, 6, "stomp-send heron.prices 17")),
        "visitor": stomp(
            rinetd.port,
            "2600,2600",
            visitor,
            do=["0.6 subscribe heron.prices", "2.9 stomp-send heron.prices 3"],
        ),
    }
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, **tables)
        await seen(watch, "stomp", "visitor", command="ERROR")
        await asyncio.sleep(1.2)
        await leave(watch, "clerk")
    recorder.keep("heron-rinetd-artemis-visitor-sends", watch)


async def test_rabbitmq(
    broker: RabbitMq, temp: dict[str, str], certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """Four with one broker at a time; most of the time is spent waiting."""
    spring = start(Spring, relay=broker.stomp_port, inbound_threads=1)
    await side_by_side(
        (
            a_page_without_beats(broker, start, recorder),
            a_queue_behind_a_relay(broker, spring, certificate, start, recorder),
            a_report_s_queue(broker, start, recorder),
            an_account_is_deleted(broker, temp, start, recorder),
        )
    )


async def test_a_queue_of_another(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """Two windows of one user."""
    spring = start(Spring, relay=broker.stomp_port, inbound_threads=1)
    await a_queue_of_another(spring, start, recorder)


async def test_artemis_and_gateways(
    artemis: Artemis, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """Four at a time; most of the time is spent waiting."""
    await side_by_side(
        (
            a_hidden_tab(artemis, certificate, start, recorder),
            a_visitor_sends(artemis, start, recorder),
            a_job_never_connects(recorder),
            nobody_says_connect(start, recorder),
        )
    )


async def test_activemq(activemq: ActiveMq, certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A page that subscribes twice."""
    await subscribed_twice(activemq, certificate, start, recorder)

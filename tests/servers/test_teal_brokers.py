"""Brokers and their clients: names that came out wrong, rights, versions, what is in use, what is taken away."""

import asyncio
from contextlib import suppress

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, open_session, probing, seen
from tests.servers.activemq import ActiveMq
from tests.servers.apache import Apache
from tests.servers.between import Table, opened, refused, says, staged, stomp, stomps, web_stomp, ws
from tests.servers.caddy import Caddy
from tests.servers.envoy import Envoy
from tests.servers.forward import Squid
from tests.servers.haproxy import HaProxy
from tests.servers.homely import refuse, stomping
from tests.servers.house import house
from tests.servers.joined import ANNA, CREW, GUEST, beaten, subscribe
from tests.servers.jvm import Artemis
from tests.servers.lesser import Hitch, Redir, Varnish
from tests.servers.lines import leave
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.rustapps import Axum
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.test_words_stomp import turned_away
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

SOLD = "stomp-send /topic/teal.sold 1"


async def told(watch: Watch, session: str) -> None:
    """The broker says an ERROR; where it stays after that, its client gives up and leaves in order."""
    await seen(watch, "stomp", session, dir="in", command="ERROR")
    with suppress(AssertionError):
        await watch.until(lambda line: line["type"] == "close" and line["s"] == session, 2.0)
    if not watch.of("close", session):
        await ask(watch, "disconnect", session)
        await seen(watch, "close", session)


async def test_a_word_is_misspelt(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """A page subscribes to ``/exchnage/…``, which is no kind of destination; RabbitMQ by HAProxy with TLS."""
    haproxy = start(HaProxy, broker.port, certificate=certificate)
    base = web_stomp(0, "2500,2500", url=f"stomp+wss://localhost:{haproxy.port}/ws", cacert=str(certificate.ca))
    tables = {
        "right": base | {"subscribe": ["/exchange/amq.topic/teal"], "do": says(1.2, 6, SOLD)},
        "page": base | {"do": ["0.8 " + SOLD, "2.3 subscribe /exchnage/amq.topic/teal"]},
    }
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, **tables)
        await told(watch, "page")
        await leave(watch, "right")
    recorder.keep("teal-haproxy-rabbitmq-exchange-misspelt", watch)


async def test_an_exchange_of_the_next_release(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """A page of the next release reads an exchange that is not there yet; Spring's relay, a stream, by Caddy."""
    spring = start(Spring, relay=broker.stomp_port, relay_prefixes="/topic,/queue,/exchange", inbound_threads=1)
    caddy = start(Caddy, spring.port)
    base: Table = {"url": f"stomp+http://{LOOPBACK}:{caddy.port}/sockjs", "heart_beat": "5000,5000"}
    tables = {
        "today": base | {"sockjs_transport": "websocket", "do": says(1.2, 6, SOLD)},
        "board": base
        | {"sockjs_transport": "xhr-streaming", "do": ["0.8 " + SOLD, "2.5 subscribe /exchange/prices.v2/eu"]},
    }
    watch = await staged(tables, "board")
    assert watch.the("stomp", "board", command="ERROR")
    recorder.keep("teal-caddy-relay-no-exchange-prices-v2", watch)


async def test_a_job_runs_twice(
    own_activemq: ActiveMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """The nightly job is still at work when the next one comes with its client-id; ActiveMQ, TLS by hitch."""
    hitch = start(Hitch, own_activemq.port, certificate)
    job = stomps(hitch.port, "1600,1600", certificate, CREW, connect_header=["client-id: nightly"], open_timeout=4)
    night1 = job | {"do": says(1.1, 6, "stomp-send /queue/teal 1")}
    watch = await turned_away("night2", job, 1.7, night1=night1)
    recorder.keep("teal-hitch-activemq-nightly-job-twice", watch)


async def test_a_visitor_reads_what_is_not_his(own_activemq: ActiveMq, start: Starter, recorder: Recorder) -> None:
    """A visitor may read the lobby and asks for the orders; ActiveMQ by redir. A till of the crew is well."""
    redir = start(Redir, own_activemq.port)
    visitor = {"login": "visitor", "passcode": "crew"}
    tables = {
        "till": stomp(redir.port, "2200,2200", CREW, do=says(1.2, 6, "stomp-send /queue/orders 1")),
        "visitor": stomp(
            redir.port, "2200,2200", visitor, subscribe=["/queue/lobby.news"], do=["2.4 subscribe /queue/orders"]
        ),
    }
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, **tables)
        await told(watch, "visitor")
        await leave(watch, "till")
    recorder.keep("teal-redir-activemq-visitor-reads-orders", watch)


async def test_a_secret_ends_in_a_space(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """A passcode was copied with the space behind it; RabbitMQ over WebSocket, by Caddy. Another job is in."""
    caddy = start(Caddy, broker.port)
    well = web_stomp(caddy.port, "1800,1800", do=says(1.1, 5, SOLD))
    job = web_stomp(caddy.port, "1800,1800", passcode="guest ", open_timeout=4)
    watch = await turned_away("job", job, 1.3, other=well)
    assert watch.of("stomp", "job", command="ERROR")
    recorder.keep("teal-caddy-rabbitmq-passcode-with-a-space", watch)


async def test_a_vhost_in_capitals(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """A worker's settings say PROD where no such virtual host is, and it tries again; RabbitMQ by Envoy with TLS."""
    envoy = start(Envoy, broker.port, certificate=certificate)
    base = web_stomp(0, "1900,1900", url=f"stomp+wss://localhost:{envoy.port}/ws", cacert=str(certificate.ca))
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, other=base | {"do": says(1.2, 6, SOLD)})
        await open_session(watch, name="worker", **base | {"vhost": "PROD", "reconnect": True, "open_timeout": 4})
        await seen(watch, "close", "worker", count=2)
        await leave(watch, "other", status=3)
    assert watch.of("stomp", "worker", command="ERROR")
    recorder.keep("teal-envoy-rabbitmq-vhost-in-capitals", watch)


async def test_a_server_of_one_version(start: Starter, recorder: Recorder) -> None:
    """A library of 2010 speaks STOMP 1.0 only to a server that speaks 1.2 only; by Varnish. A new one is in."""

    async def nothing(_user: str, _client: ServerConnection, _message: str | bytes) -> None:
        return

    let_in = stomping(nothing, "news/7")

    async def strict(user: str, client: ServerConnection, message: str | bytes) -> None:
        if user == "old" and str(message).startswith("CONNECT"):
            await client.send("ERROR\nversion:1.2\ncontent-type:text/plain\n\nSupported protocol versions are 1.2\0")
            await client.close(1002)
        else:
            await let_in(user, client, message)

    async with house(strict, subprotocols=["v12.stomp", "v10.stomp"]) as app:
        varnish = start(Varnish, app.port)
        base: Table = {"url": f"stomp+ws://{LOOPBACK}:{varnish.port}/?user=", "heart_beat": "0,0"}
        old = base | {"url": base["url"] + "old", "stomp_version": "1.0", "open_timeout": 4}
        new = base | {"url": base["url"] + "new", "do": says(1.1, 5, "stomp-send /app/x 1")}
        async with probing("--stdin", **POSTMORTEM) as watch:
            await opened(watch, new=new)
            await seen(watch, "stomp", "new", command="SEND")
            await open_session(watch, name="old", **old)
            await looked(watch, "old")
            await leave(watch, "new", status=3)
    recorder.keep("teal-varnish-stomp-only-1-2", watch)


async def test_a_version_between_draft_and_standard(start: Starter, recorder: Recorder) -> None:
    """A device's library says version 12, of the last drafts, and axum takes 13 only; by HAProxy. A new one is in."""
    haproxy = start(HaProxy, start(Axum).port)
    old = ws(haproxy.port, "/ws", header=["Sec-WebSocket-Version: 12"])
    watch = await refused({"old": old}, after=1.3, before=0.7, new=ws(haproxy.port, "/ws", do=says(0.9, 5)))
    recorder.keep("teal-haproxy-axum-websocket-version-12", watch)


async def test_a_queue_is_deleted_under_a_relay(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """A queue that a polling page reads is deleted, and Spring's relay says so; by nginx with TLS."""
    spring = start(Spring, relay=broker.stomp_port, inbound_threads=1)
    nginx = start(Nginx, spring.port, 60, certificate)
    base: Table = {"url": f"stomp+https://localhost:{nginx.port}/sockjs", "cacert": str(certificate.ca)}
    base |= {"heart_beat": "5000,5000"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            other=base | {"sockjs_transport": "websocket", "do": says(1.2, 8, SOLD)},
            page=base | {"sockjs_transport": "xhr-polling", "subscribe": ["/queue/teal.mail"]},
        )
        await ask(watch, "stomp-send /queue/teal.mail 1", "page")
        await seen(watch, "stomp", "page", command="MESSAGE")
        await asyncio.to_thread(broker.ctl, "delete_queue", "teal.mail")
        await told(watch, "page")
        await leave(watch, "other")
    recorder.keep("teal-nginx-relay-queue-deleted-polling", watch)


async def test_an_operator_closes_and_she_is_back(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """An operator of Artemis closes a user's connection; she comes back, a visitor stays. TCP with TLS by stunnel."""
    artemis = start(Artemis)
    stunnel = start(Stunnel, artemis.port, certificate)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            visitor=stomps(stunnel.port, "1700,1700", certificate, {"login": "visitor", "passcode": "crew"}),
            anna=stomps(stunnel.port, "1700,1700", certificate, ANNA, reconnect=True),
        )
        await subscribe(watch, "anna", "jms.queue.teal")
        await beaten(watch, "anna", 2)
        await asyncio.to_thread(artemis.manage, "user anna")
        await seen(watch, "stomp", "anna", command="CONNECTED", count=2)
        await beaten(watch, "anna", 1)
        await leave(watch, "visitor")
    recorder.keep("teal-stunnel-artemis-operator-closes-and-back", watch)


async def test_a_clerk_goes_home(start: Starter, recorder: Recorder) -> None:
    """A clerk's program says DISCONNECT and leaves; another one's stays. Artemis over WebSocket, by Squid."""
    artemis, squid = start(Artemis), start(Squid)
    base: Table = {"url": f"stomp+ws://{LOOPBACK}:{artemis.port}/", "proxy": f"http://{LOOPBACK}:{squid.port}"}
    base |= ANNA | {"heart_beat": "2000,2000"}
    tables = {
        "stays": base | {"do": says(1.2, 6, "stomp-send jms.queue.teal 1")},
        "clerk": base | {"do": ["0.9 stomp-send jms.queue.teal 2", "2.5 disconnect"]},
    }
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, **tables)
        await looked(watch, "clerk")
        await leave(watch, "stays")
    recorder.keep("teal-squid-artemis-clerk-disconnects", watch)


async def test_a_wrong_password_on_a_stream(spring: Spring, start: Starter, recorder: Recorder) -> None:
    """Bruno mistypes his password on a page that streams; anna, on a socket, is in. Spring by HAProxy."""
    haproxy = start(HaProxy, spring.port)
    base: Table = {"url": f"stomp+http://{LOOPBACK}:{haproxy.port}/sockjs", "heart_beat": "500,500"} | ANNA
    bruno = base | {"sockjs_transport": "xhr-streaming", "passcode": "crwe", "open_timeout": 4}
    well = base | {"sockjs_transport": "websocket", "heart_beat": "2000,2000"}
    watch = await turned_away("bruno", bruno, 1.2, anna=well)
    recorder.keep("teal-haproxy-spring-stream-wrong-password", watch)


def homely(port: int, user: str, do: list[str], **options: object) -> Table:
    """A session at a home-made STOMP server."""
    url = f"stomp+ws://{LOOPBACK}:{port}/?user={user}"
    return {"url": url, "heart_beat": "0,0", "do": do} | GUEST | options


async def test_a_login_lasts_a_shift(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A clerk's login lasts as long as his shift, and the server ends it with an ERROR; by hitch. One is on duty."""

    async def shift(user: str, client: ServerConnection, message: str | bytes) -> None:
        if user == "clerk" and "sale 4" in str(message):
            await refuse(client, "Session credentials have expired", "access token expired at 18:00:00", 1000)

    async with house(stomping(shift, "shop/3"), subprotocols=["v12.stomp"]) as app:
        hitch = start(Hitch, app.port, certificate)

        def at(user: str, every: float) -> Table:
            sales = [f"{n * every:.1f} stomp-send /app/sale sale {n}" for n in range(1, 6)]
            table = homely(hitch.port, user, sales, cacert=str(certificate.ca))
            return table | {"url": f"stomp+wss://localhost:{hitch.port}/?user={user}"}

        watch = await staged({"duty": at("duty", 1.3), "clerk": at("clerk", 0.8)}, "clerk", stage="tls")
    assert watch.the("stomp", "clerk", command="ERROR")
    recorder.keep("teal-hitch-stomp-login-lasts-a-shift", watch)


async def test_a_meter_is_over_its_quota(start: Starter, recorder: Recorder) -> None:
    """A meter that was set to tenths of seconds is over its quota of messages: ERROR, and the end. By Apache."""
    count = 0

    async def plant(user: str, client: ServerConnection, _: str | bytes) -> None:
        nonlocal count
        count += user == "meter"
        if user == "meter" and count == 9:
            await refuse(client, "Quota exceeded", "throttled: 20 messages per minute allowed, retry after 41 s", 1000)

    async with house(stomping(plant, "plant/2"), subprotocols=["v12.stomp"]) as app:
        apache = start(Apache, app.port)
        burst = [f"{1.8 + n * 0.1:.1f} stomp-send /app/kwh 8{n}" for n in range(12)]
        tables = {
            "slow": homely(apache.port, "slow", says(1.2, 5, "stomp-send /app/kwh 3")),
            "meter": homely(apache.port, "meter", burst),
        }
        watch = await staged(tables, "meter")
    assert watch.the("stomp", "meter", command="ERROR")
    recorder.keep("teal-apache-stomp-quota-error", watch)

"""Who may come in, and for how long: passcodes, tokens, rights, versions, a second device, a long sleep."""

import asyncio
from collections.abc import Iterator

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, open_session, probing, seen
from tests.servers.apache import Apache
from tests.servers.between import Table, opened, says, staged, stomps, web_stomp
from tests.servers.caddy import Caddy
from tests.servers.envoy import Envoy
from tests.servers.haproxy import HaProxy
from tests.servers.homely import refuse, stomping
from tests.servers.house import house
from tests.servers.joined import ANNA, GUEST
from tests.servers.jvm import Artemis
from tests.servers.lesser import Varnish
from tests.servers.lines import leave
from tests.servers.looks import looked
from tests.servers.nginx import Certificate
from tests.servers.node import SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.test_words_stomp import turned_away
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_report_has_no_account_any_more(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """RabbitMQ behind Varnish: a nightly report logs in as somebody who was removed, and again; the till is in."""
    varnish = start(Varnish, broker.port)
    report: Table = web_stomp(varnish.port, "1500,1500", login="report", passcode="q3", reconnect=True, open_timeout=3)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, till=web_stomp(varnish.port, "1500,1500", do=says(1.1, 5, "stomp-send /topic/sold 1")))
        await open_session(watch, name="report", **report)
        await seen(watch, "close", "report", count=2)
        await leave(watch, "till", status=3)
    assert watch.of("stomp", "report", command="ERROR")
    recorder.keep("wren-varnish-rabbitmq-no-such-account", watch)


async def test_a_jwt_runs_out_between_two_orders(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """An ERROR tells that the token expired when the waiter sends the next order; by HAProxy with TLS."""
    orders: list[str] = []

    async def orders_of(user: str, client: ServerConnection, message: str | bytes) -> None:
        orders.append(user)
        if orders.count("waiter") == 3 and user == "waiter":
            await refuse(
                client,
                "Failed to handle SEND",
                "io.jsonwebtoken.ExpiredJwtException: JWT expired 1304 milliseconds ago",
            )

    async with house(stomping(orders_of, "menu/2.0"), subprotocols=["v12.stomp"]) as app:
        haproxy = start(HaProxy, app.port, certificate=certificate)

        def at(user: str, until: float) -> Table:
            table: Table = {"cacert": str(certificate.ca), "heart_beat": "0,0"}
            table |= {"connect_header": [f"Authorization: Bearer eyJ.{user}"]}
            do = says(1.2, until, "stomp-send /app/order soup")
            return table | {"url": f"stomp+wss://localhost:{haproxy.port}/?user={user}", "do": do}

        watch = await staged({"cook": at("cook", 6), "waiter": at("waiter", 3.7)}, "waiter")
    assert watch.the("stomp", "waiter", command="ERROR")
    recorder.keep("wren-haproxy-stomp-jwt-ran-out", watch)


@pytest.fixture
def kiosk(broker: RabbitMq) -> Iterator[dict[str, str]]:
    """Someone who may publish what is called ``kiosk.…`` alone."""
    broker.ctl("add_user", "kiosk", "lobby")
    broker.ctl("set_permissions", "kiosk", ".*", ".*", ".*")
    broker.ctl("set_topic_permissions", "kiosk", "amq.topic", "^kiosk\\.", ".*")
    yield {"login": "kiosk", "passcode": "lobby", "vhost": "/"}
    broker.ctl("delete_user", "kiosk")


async def test_a_kiosk_publishes_what_is_not_its_own(
    broker: RabbitMq, kiosk: dict[str, str], certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """It has rights for its own topics and writes into the doors'; STOMP over TLS by stunnel."""
    stunnel = start(Stunnel, broker.stomp_port, certificate)
    own = says(0.9, 2, "stomp-send /topic/kiosk.touch 1")
    tables = {
        "doors": stomps(stunnel.port, "1600,1600", certificate, GUEST, subscribe=["/topic/doors.main"]),
        "kiosk": stomps(
            stunnel.port, "1600,1600", certificate, kiosk, do=[*own, "3.0 stomp-send /topic/doors.main open"]
        ),
    }
    watch = await staged(tables, "kiosk", stage="tls")
    assert watch.the("stomp", "kiosk", command="ERROR")
    recorder.keep("wren-stunnel-rabbitmq-topic-not-its-own", watch)


async def test_a_vhost_nobody_named(broker: RabbitMq, certificate: Certificate, recorder: Recorder) -> None:
    """A script says no vhost, and so the name of the machine stands for it; over TLS. Another script says ``/``."""
    table: Table = {"url": broker.tls_url, "cacert": str(certificate.ca), "heart_beat": "1700,1700"}
    table |= {"login": "guest", "passcode": "guest"}
    watch = await turned_away("script", table, 1.2, cron=table | {"vhost": "/"})
    assert watch.of("stomp", "script", command="ERROR")
    recorder.keep("wren-rabbitmq-tls-vhost-nobody-named", watch)


async def test_a_client_of_tomorrow(artemis: Artemis, start: Starter, recorder: Recorder) -> None:
    """Somebody's library offers STOMP 2.0; Artemis behind Apache knows none such. An older client is in."""
    apache = start(Apache, artemis.port)
    base: Table = {"url": f"stomp+ws://{LOOPBACK}:{apache.port}/", "heart_beat": "1500,1500"} | ANNA
    watch = await turned_away(
        "new", base | {"connect_header": ["accept-version: 2.0"], "open_timeout": 5}, 1.0, old=base
    )
    recorder.keep("wren-apache-artemis-stomp-2-0", watch)


async def test_a_second_device(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Spring has one session for a login; a tablet ends the stream of the desktop. Behind Caddy with TLS."""
    spring = start(Spring, one_session="4009/Signed in on another device", heart_beat="3000,3000")
    caddy = start(Caddy, spring.port, tls=f"{certificate.chain} {certificate.key}")
    base: Table = {"url": f"stomp+https://localhost:{caddy.port}/sockjs", "cacert": str(certificate.ca)}
    base |= {"heart_beat": "3000,3000", "passcode": "x"}

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "desktop", command="MESSAGE", count=2)
        await opened(watch, tablet=base | {"login": "kim", "sockjs_transport": "websocket"})

    feed = {"subscribe": ["/topic/mail"], "do": says(1.1, 3, "stomp-send /topic/mail hi")}
    tables = {
        "lee": base | {"login": "lee", "sockjs_transport": "xhr-polling"},
        "desktop": base | {"login": "kim", "sockjs_transport": "xhr-streaming"} | feed,
    }
    watch = await staged(tables, "desktop", strike=strike)
    assert watch.the("close", "desktop")["sockjs"]["code"] == 4009
    recorder.keep("wren-caddy-spring-stream-second-device", watch)


async def test_a_laptop_sleeps_over_its_session(start: Starter, recorder: Recorder) -> None:
    """sockjs-node keeps a session without a poll for 1.4 s, and the laptop slept for five; by Apache, a socket too."""
    server = start(SockJsNode, heartbeat_delay=1100, disconnect_delay=1400)
    apache = start(Apache, server.port)
    base: Table = {"url": f"http://{LOOPBACK}:{apache.port}/echo"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            wall=base | {"sockjs_transport": "xhr-streaming", "do": says(1.6, 8, "send hello")},
            laptop=base | {"sockjs_transport": "xhr-polling", "do": ["0.6 send hello"]},
        )
        await seen(watch, "sockjs", "laptop", dir="in", kind="h")
        await ask(watch, "freeze 5", "laptop")
        await looked(watch, "laptop")
        await leave(watch, "wall")
    recorder.keep("wren-apache-sockjs-laptop-slept", watch)


async def test_a_page_forgets_to_log_in(start: Starter, recorder: Recorder) -> None:
    """A page opens Spring's socket and never says CONNECT: Spring is done with it when another comes. By Envoy."""
    spring = start(Spring, first_message=3000, heart_beat="2000,2000")
    envoy = start(Envoy, spring.port)
    base: Table = {"url": f"stomp+ws://{LOOPBACK}:{envoy.port}/ws", "heart_beat": "2000,2000"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, page=base | {"subscribe": ["/topic/a"]})
        await asyncio.sleep(0.6)
        await open_session(watch, name="draft", no_stomp_connect=True, **base)
        await seen(watch, "open", "draft")
        await asyncio.sleep(3.6)
        await opened(watch, later=base)  # Spring looks for the silent when somebody comes
        await looked(watch, "draft")
        await leave(watch, "page", "later")
    assert watch.the("close", "draft")["initiator"] == "remote"
    recorder.keep("wren-envoy-spring-no-connect", watch)

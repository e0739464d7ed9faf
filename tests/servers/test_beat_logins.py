"""Who may come in and stay: passwords and vhosts that changed, tokens and logins that run out, newer logins."""

import asyncio
from collections.abc import Iterator

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, open_session, probing, seen
from tests.servers.activemq import ActiveMq
from tests.servers.between import Table, opened, refused, says, staged, stomp, stomps, ws
from tests.servers.caddy import Caddy
from tests.servers.endings import assert_said
from tests.servers.envoy import Envoy
from tests.servers.house import house
from tests.servers.joined import CREW
from tests.servers.lesser import Nghttpx
from tests.servers.lines import beaten, leave
from tests.servers.looks import looked
from tests.servers.nginx import Certificate
from tests.servers.node import NodeWs
from tests.servers.ports import LOOPBACK
from tests.servers.python_apps import SockJsTornado
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.socat import Socat
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.test_spring_boot_logins import LOGIN_PAGE, ORDERS, asked
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]


@pytest.fixture
def reporter(broker: RabbitMq) -> Iterator[RabbitMq]:
    """The broker, with a user ``report`` of its own."""
    broker.ctl("add_user", "report", "spring")
    broker.ctl("set_permissions", "report", ".*", ".*", ".*")
    yield broker
    broker.ctl("delete_user", "report")


async def test_a_password_is_changed(reporter: RabbitMq, recorder: Recorder) -> None:
    """RabbitMQ, STOMP over TCP: it is changed under a session, which connects anew with the old one. Another lives."""
    job = stomp(reporter.stomp_port, "2900,2900", {"login": "report", "passcode": "spring", "vhost": "/"})
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, other=stomp(reporter.stomp_port, "3100,3100"), report=job)
        await beaten(watch, 1, "report")
        await asyncio.to_thread(reporter.ctl, "change_password", "report", "autumn")
        await ask(watch, "reconnect", "report")
        await seen(watch, "close", "report", count=2)
        await beaten(watch, 1, "other")
        await leave(watch, "other")
    assert len(watch.of("stomp", "report", command="CONNECTED")) == 1
    recorder.keep("beat-rabbitmq-password-changed-while-connected", watch)


async def test_a_login_of_yesterday(start: Starter, recorder: Recorder) -> None:
    """Caddy asks for a user and a password in front of Node's ws; one of two sessions has yesterday's."""
    server = start(NodeWs)
    rules = """@out not header Authorization "Basic b3BzOmF1dHVtbg=="
    header @out WWW-Authenticate `Basic realm="operations"`
    respond @out "401 Unauthorized" 401"""
    proxy = start(Caddy, server.port, rules=rules)
    watch = await refused(
        {"yesterday": ws(proxy.port, user="ops:summer")},
        after=1.3,
        before=1.1,
        today=ws(proxy.port, user="ops:autumn", do=says(0.8, 4)),
    )
    assert watch.the("http", "yesterday", dir="in", status=401)
    recorder.keep("beat-caddy-basic-auth-of-yesterday", watch)


async def test_a_token_is_not_refreshed(start: Starter, recorder: Recorder) -> None:
    """A python server behind nghttpx pushes prices, warns of the token's end and closes; a fresh login goes on."""

    async def prices(name: str, client: ServerConnection, message: str | bytes) -> None:
        for number in range(4 if name == "morning" else 9):
            await client.send(f'{{"price":{4710 + number}}}')
            await asyncio.sleep(1.1)
        if name == "morning":
            await client.send('{"warning":"token is about to expire","seconds":1}')
            await asyncio.sleep(1)
            await client.close(4001, "access token has expired")

    async with house(prices, ping_interval=3.4) as app:
        proxy = start(Nghttpx, app.port)
        watch = await staged(
            {
                name: ws(proxy.port, f"/?user={name}", do=["0.3 send prices", *says(1.3, 6, "send ok")])
                for name in ("fresh", "morning")
            },
            "morning",
        )
    assert_said(watch.the("close", "morning"), 4001, "access token has expired")
    recorder.keep("beat-nghttpx-refresh-token-4001", watch)


async def test_a_visitor_writes(
    activemq: ActiveMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """ActiveMQ behind stunnel: a visitor may read the lobby and sends to it; an owner does so and may."""
    front = start(Stunnel, activemq.port, certificate)
    visitor = {"login": "visitor", "passcode": "crew"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            owner=stomps(front.port, "2700,2700", certificate, CREW),
            visitor=stomps(front.port, "2700,2700", certificate, visitor),
        )
        await ask(watch, "subscribe /queue/lobby.beat", "visitor")
        await ask(watch, "stomp-send /queue/lobby.beat welcome", "owner")
        await seen(watch, "stomp", "visitor", command="MESSAGE")
        await ask(watch, "stomp-send /queue/lobby.beat thanks", "visitor")
        await seen(watch, "stomp", "visitor", command="ERROR")
        await beaten(watch, 2, "owner")
        await leave(watch, "owner")
    recorder.keep("beat-stunnel-activemq-visitor-writes", watch)


@pytest.fixture
def shop(broker: RabbitMq) -> Iterator[RabbitMq]:
    """The broker, with a vhost ``shop`` that the test takes away."""
    broker.ctl("add_vhost", "shop")
    broker.ctl("set_permissions", "-p", "shop", "guest", ".*", ".*", ".*")
    yield broker
    if "shop" in broker.ctl("list_vhosts").split():
        broker.ctl("delete_vhost", "shop")


async def test_a_vhost_is_taken_away(shop: RabbitMq, recorder: Recorder) -> None:
    """RabbitMQ, STOMP over TCP: the tenant's vhost is deleted under his session, which comes back in vain."""
    tenant = stomp(shop.stomp_port, "3300,3300", {"login": "guest", "passcode": "guest", "vhost": "shop"})
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, other=stomp(shop.stomp_port, "2900,2900"), shop=tenant)
        await beaten(watch, 1, "shop")
        await asyncio.to_thread(shop.ctl, "delete_vhost", "shop")
        await seen(watch, "close", "shop")
        await ask(watch, "reconnect", "shop")
        await seen(watch, "close", "shop", count=2)
        await beaten(watch, 1, "other")
        await leave(watch, "other")
    assert len(watch.of("stomp", "shop", command="CONNECTED")) == 1
    recorder.keep("beat-rabbitmq-vhost-taken-away", watch)


async def test_a_second_login_on_a_phone(start: Starter, recorder: Recorder) -> None:
    """Spring's streams behind Envoy: a user may have one; the older one is told so. Another user's stays."""
    spring = start(Spring, one_session="3409/Another session was opened for this user", heart_beat="3100,3100")
    proxy = start(Envoy, spring.port, route={"timeout": "0s", "idle_timeout": "60s"})
    base: Table = {"url": f"stomp+http://{LOOPBACK}:{proxy.port}/sockjs", "sockjs_transport": "xhr-streaming"}
    base |= {"heart_beat": "0,0"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            colleague=base | {"login": "bert"},
            desk=base | {"login": "anna", "heart_beat": "3100,3100", "do": says(1.2, 3, ORDERS)},
        )
        await beaten(watch, 1, "desk")
        await opened(watch, phone=base | {"login": "anna"})
        await looked(watch, "desk")
        await ask(watch, ORDERS, "phone")
        await leave(watch, "phone", "colleague", status=1)
    assert watch.the("close", "desk")["code"] == 3409
    recorder.keep("beat-envoy-spring-stream-second-login", watch)


async def test_a_login_is_over(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Spring behind Caddy with TLS: the HTTP session of one page ends under its WebSocket; another one's is long."""
    spring = start(Spring, options=LOGIN_PAGE, door="401", heart_beat="3400,3400")
    proxy = start(Caddy, spring.port, tls=f"{certificate.chain} {certificate.key}")
    short, long = await asked(spring, "/login?seconds=4"), await asked(spring, "/login?seconds=900")
    base: Table = {"url": f"stomp+wss://localhost:{proxy.port}/ws", "cacert": str(certificate.ca)}
    base |= {"heart_beat": "3400,3400", "do": says(1.9, 8, ORDERS)}
    watch = await staged(
        {"office": base | {"cookie": [short]}, "home": base | {"cookie": [long]}}, "office", stage="tls"
    )
    assert watch.the("close", "office")["code"] == 1008
    recorder.keep("beat-caddy-spring-login-over", watch)


async def test_a_poller_is_away(start: Starter, recorder: Recorder) -> None:
    """sockjs-tornado behind socat forgets a session 1.6 s after its last poll; one does not poll for 5.1 s."""
    server = start(SockJsTornado, heartbeat_delay=2.4, disconnect_delay=1.6)
    way = start(Socat, server.port)
    base: Table = {"url": f"http://{LOOPBACK}:{way.port}/echo"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            stream=base | {"sockjs_transport": "xhr-streaming", "do": says(1.7, 8, "send hello")},
            poller=base | {"sockjs_transport": "xhr-polling", "do": ["0.8 send hello"]},
        )
        await seen(watch, "sockjs", "poller", dir="in", kind="a")
        await ask(watch, "pause-polling 5.1", "poller")
        await looked(watch, "poller")
        await leave(watch, "stream", status=1)
    recorder.keep("beat-socat-sockjs-tornado-poller-away", watch)


async def test_a_page_that_never_connects(start: Starter, recorder: Recorder) -> None:
    """A home-made STOMP server behind nghttpx closes what has not logged in after 4.2 s; a till has."""

    async def broker(_: str, client: ServerConnection, message: str | bytes) -> None:
        if str(message).startswith("CONNECT"):
            await client.send("CONNECTED\nversion:1.2\nheart-beat:0,0\nserver:till/2.2\n\n\0")
        elif str(message).startswith("DISCONNECT"):
            await client.send("RECEIPT\nreceipt-id:disconnect\n\n\0")

    async with house(broker, ping_interval=2.7, subprotocols=["v12.stomp"]) as app:
        proxy = start(Nghttpx, app.port)
        base: Table = {"heart_beat": "0,0", "passcode": "crew", "login": "anna"}

        def url(name: str) -> Table:
            return base | {"url": f"stomp+ws://{LOOPBACK}:{proxy.port}/?user={name}"}

        async with probing("--stdin", **POSTMORTEM) as watch:
            await opened(watch, till=url("till") | {"do": says(1.3, 8, "stomp-send /queue/sales 9")})
            assert (await open_session(watch, name="page", **url("page"), no_stomp_connect=True))["ok"]
            await seen(watch, "open", "page")
            await asyncio.sleep(4.2)  # the server's patience
            await app.clients["page"].close(4408, "STOMP session not established in time")
            await looked(watch, "page")
            await leave(watch, "till", status=1)
    assert_said(watch.the("close", "page"), 4408, "STOMP session not established in time")
    recorder.keep("beat-nghttpx-home-made-nobody-connects", watch)

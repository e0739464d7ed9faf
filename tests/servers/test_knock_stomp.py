"""Logins and destinations that brokers refuse, by tunnels and proxies, with somebody well beside."""

import asyncio
import json
from collections.abc import Iterator

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, open_session, probing, seen
from tests.servers.activemq import ActiveMq
from tests.servers.between import (
    TCP,
    Edited,
    Table,
    answer,
    assert_cut,
    opened,
    refused,
    says,
    staged,
    stomp,
    stomps,
    web_stomp,
    ws,
    wss,
)
from tests.servers.classic import ActiveMqWs
from tests.servers.endings import assert_said
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.joined import CREW, GUEST, beaten
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.python import PythonEndings
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter, starting
from tests.servers.stunnel import Stunnel
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

CLERK = {"login": "clerk", "passcode": "desk", "vhost": "/"}
PRICES = "stomp-send /topic/prices 17.20"


@pytest.fixture(scope="module")
def shop(broker: RabbitMq, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spring]:
    """A Spring application that relays to RabbitMQ what RabbitMQ knows, and some that it does not."""
    with starting(tmp_path_factory.mktemp("shop")) as start:
        prefixes = "/topic,/queue,/exchange,/amq/queue,/orders"
        yield start(Spring, relay=broker.stomp_port, relay_prefixes=prefixes, inbound_threads=1)


@pytest.fixture(scope="module")
def clerk(broker: RabbitMq) -> RabbitMq:
    """The broker, where ``clerk`` may read and write his own queues and topics and make no others."""
    broker.ctl("add_user", "clerk", "desk")
    broker.ctl("set_permissions", "clerk", "^(clerk|stomp-subscription)", "^(clerk|amq)", "^(clerk|amq|stomp)")
    return broker


def at_shop(shop: Spring, transport: str, **options: object) -> Table:
    """A session of the shop's, over SockJS."""
    table: Table = {"url": shop.sockjs_url, "sockjs_transport": transport, "heart_beat": "7000,7000"}
    return table | options


async def turned_away(name: str, table: Table, **well: Table) -> Watch:
    """Sessions that are let in, and one whose WebSocket opens and whose login is refused."""
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, **well)
        await open_session(watch, name=name, **table)
        await looked(watch, name)
        for session in well:
            await beaten(watch, session, 1)
        assert {line["s"] for line in watch.of("close")} == {name}
        assert await watch.finish() == 3
    return watch


async def test_a_passcode_that_was_changed(activemq: ActiveMq, start: Starter, recorder: Recorder) -> None:
    """Both through one ssh; one till still has last year's word, and is refused before it is in."""
    tunnel = start(SshTunnel, activemq.port)
    well = stomp(tunnel.port, "1800,1800", CREW, do=says(0.7, 4, "stomp-send /queue/lobby.till hello"))
    old = stomp(tunnel.port, "1800,1800", CREW | {"passcode": "crew-2025"})
    watch = await refused({"till4": old}, after=2.0, before=1.6, till3=well)
    assert "password" in watch.the("close", "till4")["error"]
    recorder.keep("knock-ssh-activemq-passcode-of-last-year", watch)


async def login_first(_: str, client: ServerConnection, message: str | bytes) -> None:
    """An application whose clients log in by their first message."""
    said = json.loads(message)
    if said.get("op") != "auth":
        await client.send(json.dumps({"op": "echo", "data": said}))
    elif said["key"] == "k-77":
        await client.send(json.dumps({"op": "welcome"}))
    else:
        await client.send(json.dumps({"op": "error", "message": "unknown API key"}))
        await client.close(4401, "invalid credentials")


async def test_a_key_nobody_knows(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """The code of those whose time is up, and a reason that says otherwise; behind nginx."""
    async with house(login_first) as app:
        nginx = start(Nginx, app.port, 20, certificate)

        def bot(name: str, key: str, *more: str) -> Table:
            do = [f'0.85 send {{"op":"auth","key":"{key}"}}', *more]
            return wss(nginx.port, certificate, do=do) | {"url": f"wss://localhost:{nginx.port}/?user={name}"}

        well = bot("well", "k-77", *(f'{n}.6 send {{"op":"price"}}' for n in (1, 2, 3)))
        watch = await staged({"well": well, "typo": bot("typo", "k-78")}, "typo")
    assert_said(watch.the("close", "typo"), 4401, "invalid credentials")
    recorder.keep("knock-nginx-unknown-key-4401", watch)


async def test_no_queue_of_his_own(clerk: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """He asks for an answer to a temporary queue, which he may not make; he was let in, and so was his colleague."""
    haproxy = start(HaProxy, clerk.stomp_port, options=TCP)

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "boss", command="SEND", count=3)
        request = r"destination:/topic/clerk.ask\nreply-to:/temp-queue/answers\n\nhow many?"
        await ask(watch, rf"stomp-frame SEND\n{request}\0", "clerk")

    tables = {
        "clerk": stomp(haproxy.port, "2100,2100", CLERK),
        "boss": stomp(haproxy.port, "2100,2100", GUEST, do=says(0.6, 5, PRICES)),
    }
    watch = await staged(tables, "clerk", strike=strike)
    assert watch.the("close", "clerk")["error"] == "access_refused"
    recorder.keep("knock-haproxy-rabbitmq-no-temp-queue", watch)


async def channels(user: str, client: ServerConnection, message: str | bytes) -> None:
    """An application with a channel that is not for everybody."""
    if "payroll" in str(message) and user != "boss":
        await client.close(1008, "not authorized to join channel payroll")
    else:
        await client.send(message)


async def test_a_channel_that_is_not_for_him(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """The code of a breach of policy, and a reason that tells of a permission; over TLS by stunnel."""
    async with house(channels) as app:
        stunnel = start(Stunnel, app.port, certificate)

        def user(name: str, *do: str) -> Table:
            return wss(stunnel.port, certificate, do=list(do)) | {"url": f"wss://localhost:{stunnel.port}/?user={name}"}

        join = 'send {"join":"payroll"}'
        tables = {
            "clerk": user("clerk", '0.7 send {"join":"lobby"}', f"2.2 {join}"),
            "boss": user("boss", f"0.9 {join}"),
        }
        watch = await staged(tables, "clerk")
    assert_said(watch.the("close", "clerk"), 1008, "not authorized to join channel payroll")
    recorder.keep("knock-stunnel-payroll-1008", watch)


async def test_the_host_is_taken_for_a_vhost(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """Who names no vhost asks for that of the URL's host, and there is none; behind HAProxy with TLS."""
    haproxy = start(HaProxy, broker.port, certificate=certificate)
    table = web_stomp(0, "1300,1300", url=f"stomp+wss://localhost:{haproxy.port}/ws", cacert=str(certificate.ca))
    bare = {name: value for name, value in table.items() if name != "vhost"} | {"open_timeout": 3.4}
    watch = await turned_away("bare", bare, named=table)
    assert watch.the("close", "bare")["error"] == "Bad CONNECT"
    recorder.keep("knock-haproxy-rabbitmq-host-as-vhost", watch)


async def test_a_capital_letter_in_a_vhost(broker: RabbitMq, recorder: Recorder) -> None:
    """There is ``/shop``; ``/Shop`` is another one. Over TLS, alone, and the user does not wait for long."""
    broker.ctl("add_vhost", "/shop")
    broker.ctl("set_permissions", "-p", "/shop", "guest", ".*", ".*", ".*")
    words = ("--login", "guest", "--passcode", "guest", "--vhost", "/Shop", *broker.trust, "--heart-beat", "4000,4000")
    options = ("--open-timeout", "7", "--no-postmortem", "--stdin")
    async with probing(f"A={broker.tls_url}", *words, *options) as watch:
        await seen(watch, "close", "A")
        assert await watch.finish() == 3
    assert watch.the("close")["error"] == "Bad CONNECT"
    recorder.keep("knock-rabbitmq-tls-vhost-in-capitals", watch)


async def test_nginx_asks_for_an_old_version(start: Starter, recorder: Recorder) -> None:
    """A configuration of 2011: python-websockets answers 426 and says which version it speaks."""
    app = start(PythonEndings)
    nginx = start(Edited, app.port)
    nginx.edit(("location / {", "location / { proxy_set_header Sec-WebSocket-Version 8;"))
    watch = await refused({"through": ws(nginx.port)}, after=0.5, before=1.8, past=ws(app.port, do=says(0.7, 3)))
    assert answer(watch, "through") in (400, 426)
    recorder.keep("knock-nginx-websocket-version-8", watch)


async def test_a_client_of_a_later_stomp(start: Starter, recorder: Recorder) -> None:
    """ActiveMQ's WebSocket tells which versions there are, and says 1000."""
    classic = start(ActiveMqWs)
    well: Table = {"url": classic.url, "heart_beat": "1600,1600"} | CREW
    well |= {"subscribe": ["/topic/news"], "do": says(0.9, 4, "stomp-send /topic/news hello")}
    future = well | {"connect_header": ["accept-version: 2.0"]}
    watch = await turned_away("future", future, well=well)
    assert watch.the("close", "future")["error"].startswith("Invalid Protocol version[2.0]")
    recorder.keep("knock-activemq-ws-stomp-2-0", watch)


async def test_slashes_in_a_topic(shop: Spring, recorder: Recorder) -> None:
    """What the simple broker takes RabbitMQ does not: ``/topic/shop/eu`` is no destination of its."""

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "old", command="MESSAGE", count=2)
        await ask(watch, "subscribe /topic/shop/eu", "new")

    tables = {
        "old": at_shop(shop, "websocket", subscribe=["/topic/prices"], do=says(0.8, 5, PRICES)),
        "new": at_shop(shop, "websocket"),
    }
    watch = await staged(tables, "new", strike=strike)
    assert watch.the("close", "new")["error"] == "Invalid destination"
    recorder.keep("knock-spring-relay-slashes-in-a-topic", watch)


async def test_a_prefix_rabbitmq_does_not_know(shop: Spring, recorder: Recorder) -> None:
    """It was added to the relay's prefixes alone; over polling, and nobody else is there."""
    table = at_shop(shop, "xhr-polling", do=["0.9 " + PRICES, "2.4 stomp-send /orders/new 66"])
    watch = await staged({"A": table}, "A")
    assert watch.the("close")["error"] == "Unknown destination"
    recorder.keep("knock-spring-relay-unknown-prefix", watch)


async def test_an_exchange_with_a_slip(shop: Spring, recorder: Recorder) -> None:
    """He sells to an exchange that is called otherwise, over a stream; who reads the prices reads on."""
    tables = {
        "buyer": at_shop(shop, "xhr-streaming", subscribe=["/topic/prices"], do=says(0.9, 5, PRICES)),
        "seller": at_shop(shop, "websocket", do=["1.2 " + PRICES, "2.65 stomp-send /exchange/order/new 66"]),
    }
    watch = await staged(tables, "seller")
    recorder.keep("knock-spring-relay-send-to-no-exchange", watch)


async def test_a_queue_that_was_taken_away(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """A reader of ``/amq/queue/…`` leaves; its queue is deleted; it comes back. Through ssh, another one direct."""
    tunnel = start(SshTunnel, broker.stomp_port)
    declare = (
        "eval",
        'rabbit_amqqueue:declare(rabbit_misc:r(<<"/">>, queue, <<"orders">>), true, false, [], none, <<"x">>).',
    )
    broker.ctl(*declare)
    reader = stomp(tunnel.port, "2300,2300", GUEST, subscribe=["/amq/queue/orders"])
    other = stomps(0, "1700,1700", certificate, GUEST, url=broker.tls_url, do=says(0.8, 6, PRICES))
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, other=other, morning=reader)
        await ask(watch, "stomp-send /queue/orders 66", "other")
        await seen(watch, "stomp", "morning", command="MESSAGE")
        await ask(watch, "disconnect", "morning")
        await seen(watch, "close", "morning")
        await asyncio.to_thread(broker.ctl, "delete_queue", "orders")
        await open_session(watch, name="evening", **reader)
        await looked(watch, "evening")
        assert await watch.finish() == 1
    assert watch.the("close", "evening")["error"] == "not_found"
    recorder.keep("knock-ssh-rabbitmq-queue-taken-away", watch)


async def test_a_client_id_on_two_hosts(
    activemq: ActiveMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """The spare was copied with its configuration; over TLS by stunnel, where the first one works on."""
    stunnel = start(Stunnel, activemq.port, certificate)
    header = ["client-id: warehouse"]
    do = says(0.75, 4, "stomp-send /queue/lobby.stock 12")
    first = stomps(stunnel.port, "2700,2700", certificate, CREW, connect_header=header, do=do)
    spare = stomps(stunnel.port, "2700,2700", certificate, CREW, connect_header=header)
    watch = await refused({"spare": spare}, after=1.1, before=2.4, first=first)
    assert "already connected" in watch.the("close", "spare")["error"]
    recorder.keep("knock-stunnel-activemq-client-id-twice", watch)


async def test_a_queue_somebody_has_for_himself(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """One direct, one through ssh; both want it exclusively."""
    tunnel = start(SshTunnel, broker.stomp_port)

    async def strike(watch: Watch) -> None:
        exclusive = r"id:1\ndestination:/queue/night-shift\nexclusive:true\nauto-delete:true\nreceipt:in\n\n\0"
        await ask(watch, rf"stomp-frame SUBSCRIBE\n{exclusive}", "direct")
        await seen(watch, "stomp", "direct", command="RECEIPT")
        await seen(watch, "stomp", "far", command="SEND")
        await ask(watch, rf"stomp-frame SUBSCRIBE\n{exclusive}", "far")

    tables = {
        "direct": stomp(broker.stomp_port, "1900,1900", GUEST),
        "far": stomp(tunnel.port, "2500,2500", GUEST, do=["1.6 " + PRICES]),
    }
    watch = await staged(tables, "far", strike=strike)
    assert watch.the("close", "far")["error"] == "resource_locked"
    assert_cut(watch, "far")
    recorder.keep("knock-ssh-rabbitmq-queue-taken-exclusively", watch)

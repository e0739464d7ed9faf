"""What brokers refuse in an ordinary week: logins, vhosts, permissions, names, locks, versions, wrong ports."""

import asyncio

import pytest

from tests.probing import ask, open_session, seen
from tests.servers.activemq import ActiveMq
from tests.servers.ashore import begun
from tests.servers.between import Table, answer, opened, says, stomp, stomps, web_stomp, ws
from tests.servers.haproxy import HaProxy
from tests.servers.homely import refuse, stomping
from tests.servers.house import house
from tests.servers.joined import CREW, GUEST
from tests.servers.lines import leave, open_doors
from tests.servers.nginx import Certificate, Nginx
from tests.servers.pond import refusals, run, settled
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.watching import POSTMORTEM, Watch, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

ORDER = "stomp-send /queue/orders one"


async def turned_away(
    wrong: dict[str, Table], well: dict[str, Table], *, on: tuple[str, ...] = (), closes: int = 1, after: float = 1.1
) -> Watch:
    """Sessions that are let in, and then some whose socket may open and whose CONNECT is refused."""
    async with watching("--stdin", on=on, **POSTMORTEM) as watch:
        await opened(watch, **well)
        await asyncio.sleep(after)
        for name, table in wrong.items():
            await open_session(watch, name=name, **table)
        for name in wrong:
            await seen(watch, "close", name, count=closes)
        await settled(watch, *wrong)
        await asyncio.sleep(0.9)
        await leave(watch, *well)
    return watch


async def test_a_password_was_rotated(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """The secret was rotated at noon; a pod still has the old one and tries by nginx; the other has the new."""
    await asyncio.to_thread(broker.ctl, "add_user", "orders", "noon")
    await asyncio.to_thread(broker.ctl, "set_permissions", "orders", ".*", ".*", ".*")
    nginx = start(Nginx, broker.port)
    new = web_stomp(nginx.port, "4000,4000", login="orders", passcode="noon", do=says(1.1, 9, ORDER))
    old = new | {"passcode": "morning", "do": [], "open_timeout": 4}
    watch = await turned_away({"pod1": old}, {"pod2": new})
    assert watch.of("stomp", "pod1", command="ERROR") or watch.of("close", "pod1")
    recorder.keep("bass-rabbitmq-secret-rotated-nginx", watch)


async def test_guest_comes_from_another_machine(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """``guest`` works on the broker's own machine alone; the developer's colleague has a user of her own."""
    with routed() as hosts:
        broker = await begun(hosts.server, start, RabbitMq, certificate)
        open_doors(hosts.server, broker.stomp_port, broker.port)
        with hosts.server.inside():
            broker.ctl("add_user", "anna", "crew")
            broker.ctl("set_permissions", "anna", ".*", ".*", ".*")
        tcp = f"stomp://{SERVER}:{broker.stomp_port}"
        base: Table = {"url": f"stomp+ws://{SERVER}:{broker.port}/ws", "heart_beat": "0,0", "open_timeout": 4} | GUEST
        anna = base | {"login": "anna", "passcode": "crew", "do": says(1.0, 9, ORDER)}
        on = hosts.client.words
        watch = await turned_away({"dev": base}, {"anna": anna, "job": anna | {"url": tcp}}, on=on)
        billing = anna | {"url": tcp, "vhost": "/billing"}
        watch2 = await turned_away({"invoice": billing}, {"anna": anna}, on=on, after=1.7)
    recorder.keep("bass-afar-rabbitmq-guest-from-elsewhere", watch)
    recorder.keep("bass-afar-rabbitmq-vhost-not-made-yet", watch2)


async def test_a_vhost_is_another_teams(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """``/stock`` is there, and ``reports`` was given no permissions in it. STOMP over WebSocket by HAProxy."""
    for words in (
        ("add_vhost", "/stock"),
        ("add_user", "reports", "crew"),
        ("set_permissions", "reports", ".*", ".*", ".*"),
    ):
        await asyncio.to_thread(broker.ctl, *words)
    haproxy = start(HaProxy, broker.port)
    base = web_stomp(haproxy.port, "0,0", login="reports", passcode="crew")
    stock = base | {"vhost": "/stock", "open_timeout": 4}
    watch = await turned_away({"stock": stock}, {"own": base | {"do": says(1.0, 8, ORDER)}})
    recorder.keep("bass-rabbitmq-haproxy-vhost-of-another-team", watch)


async def test_a_reader_writes(broker: RabbitMq, recorder: Recorder) -> None:
    """A dashboard's user may read; its new button sends to ``/topic/commands``. STOMP over TLS, back and gone again."""
    await asyncio.to_thread(broker.ctl, "add_user", "dash", "crew")
    await asyncio.to_thread(broker.ctl, "set_permissions", "dash", "^stomp-", "^stomp-", ".*")
    base: Table = {"url": broker.tls_url, "heart_beat": "5000,5000", "cacert": broker.trust[1], "vhost": "/"}
    base |= {"login": "dash", "passcode": "crew"}
    tables = {
        "viewer": base | {"subscribe": ["/topic/state"]},
        "dash": base | {"reconnect": True, "do": ["0.9 stomp-send /topic/commands restart"]},
    }
    watch = await run(tables, "dash", back=["dash"])
    recorder.keep("bass-rabbitmq-stomps-reader-writes-back", watch)


async def test_an_exchange_is_not_declared(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """The consumers' exchange is declared by a service that was not rolled out: a publisher over stunnel's TLS."""
    base: Table = {"url": broker.tcp_url, "heart_beat": "0,0"} | GUEST
    tables = {
        "well": base | {"do": says(1.1, 6, ORDER)},
        "feed": base | {"do": ["0.8 stomp-send /queue/a 1", "1.7 stomp-send /exchange/prices-v2/eur 1.08"]},
    }
    watch = await run(tables, "feed")
    assert watch.of("stomp", "feed", command="ERROR")
    recorder.keep("bass-rabbitmq-exchange-not-declared", watch)


async def test_a_zombie_has_the_queue(broker: RabbitMq, recorder: Recorder) -> None:
    """The old pod is not gone yet and has its exclusive queue; the new one wants it, three times in vain."""
    base: Table = {"url": broker.tcp_url, "heart_beat": "6000,6000"} | GUEST
    frame = (
        r"stomp-frame SUBSCRIBE\nid:1\ndestination:/queue/worker-7\nexclusive:true\nauto-delete:true\nreceipt:in\n\n\0"
    )
    async with watching("--stdin", **POSTMORTEM) as watch:
        await opened(watch, old=base, other=base | {"do": says(1.2, 7, ORDER)})
        await ask(watch, frame, "old")
        await seen(watch, "stomp", "old", command="RECEIPT")
        await open_session(watch, name="new", **base, reconnect=True)
        for count in (1, 2):
            await seen(watch, "stomp", "new", command="CONNECTED", count=count)
            await asyncio.sleep(0.4)
            await ask(watch, frame, "new")
            await seen(watch, "close", "new", count=count)
        await settled(watch, "new")
        await leave(watch, "old", "other")
    recorder.keep("bass-rabbitmq-exclusive-queue-of-the-old-pod", watch)


async def test_a_client_of_tomorrow(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """``accept-version:2.0``, by nginx, over WebSocket: RabbitMQ has 1.2 at most. Another says 1.1."""
    nginx = start(Nginx, broker.port)
    base = web_stomp(nginx.port, "0,0")
    new = base | {"connect_header": ["accept-version: 2.0"], "open_timeout": 4}
    watch = await turned_away(
        {"new": new}, {"old": base | {"stomp_version": "1.1", "do": says(0.9, 8, ORDER)}}, after=1.4
    )
    recorder.keep("bass-rabbitmq-nginx-version-2", watch)


async def test_the_path_of_another_broker(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """``/stomp`` was right at the last broker, RabbitMQ's is ``/ws``: 404 by cowboy; STOMP over TCP is well."""
    page: Table = {"url": f"stomp+ws://{LOOPBACK}:{broker.port}/stomp", "heart_beat": "10000,10000"} | GUEST
    watch = await refusals(
        {"page": page}, after=1.3, before=0.8, job=stomp(broker.stomp_port, "0,0", do=says(1.0, 4, ORDER))
    )
    assert answer(watch, "page") == 404
    recorder.keep("bass-rabbitmq-path-of-another-broker-404", watch)


async def test_the_port_of_amqp(broker: RabbitMq, recorder: Recorder) -> None:
    """5672 is what everybody knows of RabbitMQ; STOMP is not spoken there. Its neighbour has 61613."""
    watch = await refusals(
        {"job": stomp(broker.amqp_port, "0,0", open_timeout=5)},
        after=1.0,
        before=1.0,
        right=stomp(broker.stomp_port, "0,0", do=says(1.0, 5, ORDER)),
    )
    recorder.keep("bass-rabbitmq-stomp-to-5672", watch)


async def test_connect_is_forgotten(broker: RabbitMq, recorder: Recorder) -> None:
    """A script of ``nc`` says SEND at once; RabbitMQ does not know who that is. A client beside it does it right."""
    base: Table = {"url": broker.tcp_url, "heart_beat": "0,0"} | GUEST
    frame = r"0.9 stomp-frame SEND\ndestination:/queue/orders\n\none\0"
    async with watching("--stdin", **POSTMORTEM) as watch:
        await opened(watch, right=base | {"do": says(1.0, 7, ORDER)})
        await open_session(watch, name="script", **base, no_stomp_connect=True, do=[frame])
        await seen(watch, "close", "script")
        await settled(watch, "script")
        await leave(watch, "right")
    recorder.keep("bass-rabbitmq-send-without-connect", watch)


async def test_a_vhost_is_full(broker: RabbitMq, recorder: Recorder) -> None:
    """The plan of a hosted broker has two connections; a third pod comes."""
    for words in (("add_vhost", "/small"), ("set_permissions", "-p", "/small", "guest", ".*", ".*", ".*")):
        await asyncio.to_thread(broker.ctl, *words)
    await asyncio.to_thread(broker.ctl, "set_vhost_limits", "-p", "/small", '{"max-connections": 2}')
    base: Table = {"url": broker.tcp_url, "heart_beat": "0,0"} | GUEST | {"vhost": "/small"}
    async with watching("--stdin", **POSTMORTEM) as watch:
        await opened(watch, pod1=base | {"do": says(1.1, 6, ORDER)}, pod2=base)
        await asyncio.sleep(1.6)
        await open_session(watch, name="pod3", **base, open_timeout=4)
        await seen(watch, "close", "pod3")
        await settled(watch, "pod3")
        await leave(watch, "pod1", "pod2")
    recorder.keep("bass-rabbitmq-vhost-connection-limit", watch)


async def test_a_typing_error_in_the_passcode(
    activemq: ActiveMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """ActiveMQ behind stunnel: two workers of one deployment have ``crwe``; the job of last week has it right."""
    stunnel = start(Stunnel, activemq.port, certificate)
    right = stomps(stunnel.port, "3000,3000", certificate, CREW)
    wrong = right | {"passcode": "crwe"}
    watch = await refusals({"w1": wrong, "w2": wrong}, after=1.2, before=0.9, job=right | {"do": says(0.9, 5, ORDER)})
    recorder.keep("bass-activemq-stunnel-passcode-mistyped-two", watch)


async def test_a_visitor_reads_the_orders(activemq: ActiveMq, recorder: Recorder) -> None:
    """A visitor may read the lobby alone and subscribes to the orders; ActiveMQ says so."""
    base: Table = {"url": activemq.url, "heart_beat": "0,0"}
    tables = {
        "crew": base | CREW | {"do": says(1.1, 5, ORDER)},
        "visitor": base | {"login": "visitor", "passcode": "crew"},
    }

    async with watching("--stdin", **POSTMORTEM) as watch:
        await opened(watch, **tables)
        await asyncio.sleep(1.3)
        await ask(watch, "subscribe /queue/orders", "visitor")
        await seen(watch, "stomp", "visitor", command="ERROR")
        await asyncio.sleep(1.2)
        await settled(watch, "visitor")
        await leave(watch, "crew")
    recorder.keep("bass-activemq-visitor-reads-the-orders", watch)


async def test_a_client_id_is_taken(activemq: ActiveMq, recorder: Recorder) -> None:
    """Two tills were cloned and have one ``client-id``: the second is refused, again and again."""
    base: Table = {"url": activemq.url, "heart_beat": "8000,8000", "connect_header": ["client-id: till-7"]} | CREW
    async with watching("--stdin", **POSTMORTEM) as watch:
        await opened(watch, till7=base | {"do": says(1.0, 6, ORDER)})
        await asyncio.sleep(1.1)
        await open_session(watch, name="clone", **base, reconnect=True)
        await seen(watch, "close", "clone", count=2)
        await settled(watch, "clone")
        await leave(watch, "till7")
    recorder.keep("bass-activemq-client-id-of-a-clone", watch)


async def test_a_browser_at_the_port_of_stomp(activemq: ActiveMq, recorder: Recorder) -> None:
    """61613 in a ``ws:`` URL: ActiveMQ reads GET for a STOMP command. A worker speaks STOMP there."""
    watch = await refusals(
        {"browser": ws(activemq.port, "/stomp", open_timeout=5)},
        after=1.1,
        before=1.1,
        worker=stomp(activemq.port, "0,0", CREW, do=says(1.0, 6, ORDER)),
    )
    recorder.keep("bass-activemq-ws-to-its-stomp-port", watch)


async def test_a_token_runs_out_at_the_broker(recorder: Recorder) -> None:
    """A gateway's STOMP: an ERROR "access token expired" for one, by its own clock; the other has a newer token."""

    async def rule(user: str, client: object, message: str | bytes) -> None:
        if user == "old" and "/queue/orders" in str(message):
            await asyncio.sleep(0.2)
            await refuse(client, "Access token expired", "exp=2026-11-28T05:00:00Z", 1008)  # type: ignore[arg-type]

    async with house(stomping(rule, "gateway/3.2"), ping_interval=None) as app:
        base: Table = {"heart_beat": "0,0"}
        url = f"stomp+ws://{LOOPBACK}:{app.port}/?user="
        tables = {
            "old": base | {"url": f"{url}old", "do": [f"2.4 {ORDER}"]},
            "new": base | {"url": f"{url}new", "do": says(0.8, 5, ORDER)},
        }
        watch = await run(tables, "old")
    recorder.keep("bass-gateway-stomp-error-token-expired", watch)


async def test_three_ways_to_a_broker(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """Nothing is wrong: TCP, TLS and WebSocket by nginx, beats and orders, and an ERROR for a name that is none."""
    nginx = start(Nginx, broker.port)
    tables: dict[str, Table] = {
        "tcp": stomp(broker.stomp_port, "1500,1500", do=says(0.9, 4, ORDER)),
        "tls": {"url": broker.tls_url, "heart_beat": "0,2000", "cacert": broker.trust[1]} | GUEST,
        "web": web_stomp(nginx.port, "2000,2000", subscribe=["/topic/news"]),
    }
    async with watching("--stdin", **POSTMORTEM) as watch:
        await opened(watch, **tables)
        await seen(watch, "stomp", "tcp", command="beat", dir="in", count=2)
        await seen(watch, "stomp", "web", command="beat", dir="in", count=2)
        await leave(watch, *tables)
    recorder.keep("bass-none-three-ways-to-rabbitmq", watch)


async def test_a_second_login_page(broker: RabbitMq, recorder: Recorder) -> None:
    """``/orders/new`` is no destination RabbitMQ knows: it says so and stays; the user goes on to send elsewhere."""
    base: Table = {"url": broker.url, "heart_beat": "4000,4000"} | GUEST
    async with watching("--stdin", **POSTMORTEM) as watch:
        await opened(watch, well=base | {"do": says(1.1, 4, ORDER)}, page=base)
        await asyncio.sleep(1.2)
        await ask(watch, "stomp-send /orders/new hello", "page")
        await seen(watch, "stomp", "page", command="ERROR")
        await asyncio.sleep(1.4)
        assert not watch.of("close", "page")
        await watch.command("quit")
        await watch.finish()
    recorder.keep("bass-rabbitmq-destination-without-prefix-stays", watch)

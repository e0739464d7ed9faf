"""What brokers do not take in daily work: names, versions, ids, destinations that came out wrong or went away."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.probing import ask, open_session, probing, seen
from tests.servers.between import Table, assert_cut, opened, ready, says, staged, stomp, stomps, web_stomp
from tests.servers.classic import ActiveMqWs
from tests.servers.haproxy import HaProxy
from tests.servers.joined import ANNA, CREW, GUEST, beaten
from tests.servers.jvm import Artemis
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter, starting
from tests.servers.stunnel import Stunnel
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

INVOICES = 'rabbit_misc:r(<<"/">>, exchange, <<"invoices">>)'
ORDERS = "stomp-send /topic/orders one more"


@pytest.fixture(scope="module")
def relay(broker: RabbitMq, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spring]:
    """A Spring application that relays to RabbitMQ."""
    with starting(tmp_path_factory.mktemp("relay")) as start:
        yield start(Spring, relay=broker.stomp_port, inbound_threads=1)


async def turned_away(name: str, table: Table, after: float = 0.0, **well: Table) -> Watch:
    """Sessions that are let in, and one whose login is refused; the others beat on."""
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, **well)
        await asyncio.sleep(after)
        await open_session(watch, name=name, **table)
        await looked(watch, name)
        for session in well:
            await beaten(watch, session, 1)
        assert {line["s"] for line in watch.of("close")} == {name}
        assert await watch.finish() == 3
    return watch


async def test_a_queue_whose_name_came_out_empty(
    relay: Spring, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """A page asks for the queue of a user it does not know yet: ``/queue/``; nginx with TLS, a stream and a poll."""
    nginx = start(Nginx, relay.port, 40, certificate, rules="proxy_buffering off;")
    table: Table = {"url": f"stomp+https://localhost:{nginx.port}/sockjs", "cacert": str(certificate.ca)}
    table |= {"heart_beat": "6000,6000"}
    tables = {
        "known": table | {"sockjs_transport": "xhr-polling", "do": says(1.1, 4, ORDERS)},
        "guest": table | {"sockjs_transport": "xhr-streaming", "do": ["0.7 " + ORDERS, "2.3 subscribe /queue/"]},
    }
    watch = await staged(tables, "guest")
    recorder.keep("words-nginx-relay-empty-queue-name", watch)


async def test_an_exchange_is_taken_away(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """It was there for the first invoices; somebody tidies up, and the next one has nowhere to go."""
    declare = f'rabbit_exchange:declare({INVOICES}, topic, true, false, false, [], <<"x">>).'
    broker.ctl("eval", declare)
    stunnel = start(Stunnel, broker.stomp_port, certificate)

    async def strike(watch: Watch) -> None:
        for n in range(3):
            await ask(watch, f"stomp-send /exchange/invoices/eu {n}", "billing")
            await asyncio.sleep(0.6)
        await asyncio.to_thread(broker.ctl, "eval", f'rabbit_exchange:delete({INVOICES}, false, <<"x">>).')
        await ask(watch, "stomp-send /exchange/invoices/eu 3", "billing")

    tables = {
        "billing": stomps(stunnel.port, "2400,2400", certificate, GUEST),
        "orders": stomps(stunnel.port, "1900,1900", certificate, GUEST, do=says(0.9, 5, ORDERS)),
    }
    watch = await staged(tables, "billing", strike=strike)
    assert watch.the("close", "billing")["error"] == "not_found"
    recorder.keep("words-stunnel-rabbitmq-exchange-taken-away", watch)


async def test_the_new_one_comes_before_the_old_one_leaves(start: Starter, recorder: Recorder) -> None:
    """A deployment overlaps: both have the worker's client-id; the second try, when the old one has left, is let in."""
    classic = start(ActiveMqWs)
    nginx = start(Nginx, classic.port)
    worker: Table = {"url": f"stomp+ws://{LOOPBACK}:{nginx.port}/", "heart_beat": "1700,1700", "open_timeout": 6}
    worker |= CREW | {"connect_header": ["client-id: worker-1"], "subscribe": ["/queue/jobs"]}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, old=worker | {"do": says(0.9, 2, "stomp-send /queue/jobs 17")})
        await seen(watch, "stomp", "old", command="MESSAGE")
        await open_session(watch, name="new1", **worker)
        await looked(watch, "new1")
        await ask(watch, "disconnect", "old")
        await seen(watch, "close", "old")
        await open_session(watch, name="new2", **worker)
        await ready(watch, "new2", "stomp+ws:")
        await beaten(watch, "new2", 1)
        assert await watch.finish() == 3
    assert "worker-1 already connected" in watch.the("close", "new1")["error"]
    recorder.keep("words-nginx-activemq-ws-deployment-overlaps", watch)


async def test_a_client_that_offers_stomp_1_3(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """A slip in a list of versions, over WebSocket with TLS by stunnel; its colleague has none."""
    stunnel = start(Stunnel, broker.port, certificate)
    table = web_stomp(0, "1600,1600", url=f"stomp+wss://localhost:{stunnel.port}/ws", cacert=str(certificate.ca))
    slip = table | {"connect_header": ["accept-version: 1.3"], "open_timeout": 4.5}
    watch = await turned_away("slip", slip, 0.8, right=table | {"do": says(1.2, 4, ORDERS)})
    assert watch.the("close", "slip")["error"]
    recorder.keep("words-stunnel-rabbitmq-stomp-1-3", watch)


async def test_a_vhost_as_in_a_url(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """``%2F`` was copied from an AMQP URL, where it stands for ``/``; STOMP takes it as it is. By ssh, alone."""
    tunnel = start(SshTunnel, broker.stomp_port)
    watch = await turned_away("A", stomp(tunnel.port, "3100,3100", GUEST, vhost="%2F"))
    assert watch.the("close")["error"] == "Bad CONNECT"
    recorder.keep("words-ssh-rabbitmq-vhost-percent-2f", watch)


async def test_a_passcode_that_was_rotated(
    artemis: Artemis, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """One of two services has the passcode of yesterday; Artemis behind nginx with TLS."""
    nginx = start(Nginx, artemis.port, 30, certificate)
    table: Table = {"url": f"stomp+wss://localhost:{nginx.port}/", "cacert": str(certificate.ca)}
    table |= ANNA | {"heart_beat": "1500,1500"}
    old = table | {"passcode": "crew-0", "open_timeout": 7}
    watch = await turned_away("old", old, 1.4, new=table | {"do": says(0.9, 4, "stomp-send orders 17")})
    assert watch.the("close", "old")["error"].startswith("Security Error occurred")
    recorder.keep("words-nginx-artemis-passcode-of-yesterday", watch)


async def test_an_address_that_is_not_made(artemis: Artemis, start: Starter, recorder: Recorder) -> None:
    """Artemis makes no address there, and one reader has its name with a slip; HAProxy in TCP mode."""
    haproxy = start(HaProxy, artemis.port, options="mode tcp\n    option tcplog")
    tables = {
        "typo": stomp(haproxy.port, "2200,2200", ANNA, do=["0.8 stomp-send orders 1", "2.05 subscribe closed.ordres"]),
        "well": stomp(haproxy.port, "1300,1300", ANNA, subscribe=["orders"], do=says(0.75, 5, "stomp-send orders 2")),
    }
    watch = await staged(tables, "typo")
    assert_cut(watch, "typo")
    recorder.keep("words-haproxy-artemis-no-such-address", watch)


async def test_staff_only(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """One who polls asks for the staff's topic, another one by WebSocket for everybody's; HAProxy with TLS."""
    shop = start(Spring, heart_beat="5100,5100", inbound_threads=1)
    haproxy = start(HaProxy, shop.port, certificate=certificate)
    table: Table = {"url": f"stomp+https://localhost:{haproxy.port}/sockjs", "cacert": str(certificate.ca)}
    table |= {"heart_beat": "5100,5100"}
    tables = {
        "clerk": table | {"sockjs_transport": "xhr-polling", "do": ["0.9 " + ORDERS, "2.6 subscribe /topic/staff"]},
        "page": table | {"sockjs_transport": "websocket", "subscribe": ["/topic/orders"], "do": says(0.8, 5, ORDERS)},
    }
    watch = await staged(tables, "clerk")
    recorder.keep("words-haproxy-spring-poll-staff-only", watch)

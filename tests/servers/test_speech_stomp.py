"""Logins, names and queues that brokers do not take from one of two, by proxies and by a relay."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.probing import ask, open_session, probing, seen
from tests.servers.between import TCP, Table, opened, says, staged, stomp, stomps, web_stomp
from tests.servers.caddy import Caddy
from tests.servers.haproxy import HaProxy
from tests.servers.jvm import Vertx
from tests.servers.lines import beaten
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter, starting
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

ANNA = {"login": "anna", "passcode": "crew", "vhost": "/"}
AUDITOR = {"login": "auditor", "passcode": "ledger", "vhost": "/"}
ORDERS = "stomp-send /topic/orders one more"


@pytest.fixture(scope="module")
def relay(broker: RabbitMq, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spring]:
    """A Spring application that relays to RabbitMQ."""
    with starting(tmp_path_factory.mktemp("relay")) as start:
        yield start(Spring, relay=broker.stomp_port, inbound_threads=1)


def refusal(watch: Watch, session: str) -> str:
    """What the broker called its one ERROR to a session."""
    return str(dict(watch.the("stomp", session, command="ERROR")["headers"])["message"])


async def turned_away(name: str, table: Table, after: float, **well: Table) -> Watch:
    """Sessions that are let in, and one whose login is refused; the others beat on."""
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, **well)
        await asyncio.sleep(after)
        await open_session(watch, name=name, **table)
        await looked(watch, name)
        await beaten(watch, 1, *well)
        assert {line["s"] for line in watch.of("close")} == {name}
        assert await watch.finish() == 3
    return watch


async def test_a_blank_behind_a_passcode(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """It was copied from a page with one more; STOMP over WebSocket behind Caddy, where a colleague is let in."""
    broker.ctl("add_user", "anna", "crew")
    broker.ctl("set_permissions", "anna", ".*", ".*", ".*")
    caddy = start(Caddy, broker.port)
    table = web_stomp(caddy.port, "1850,1850") | ANNA
    slip = table | {"passcode": "crew ", "open_timeout": 6.3}
    watch = await turned_away("copied", slip, 1.4, typed=table | {"do": says(1.2, 4, ORDERS)})
    assert watch.the("close", "copied")["error"] == "Bad CONNECT"
    recorder.keep("speech-caddy-rabbitmq-blank-behind-passcode", watch)


async def test_a_vhost_without_its_slash(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """There is ``/prod``; one service has ``prod`` in its environment. STOMP over WebSocket behind nginx with TLS."""
    broker.ctl("add_vhost", "/prod")
    broker.ctl("set_permissions", "-p", "/prod", "guest", ".*", ".*", ".*")
    nginx = start(Nginx, broker.port, 30, certificate)
    table = web_stomp(0, "1750,1750", url=f"stomp+wss://localhost:{nginx.port}/ws", cacert=str(certificate.ca))
    slip = table | {"vhost": "prod", "open_timeout": 5.4}
    watch = await turned_away("mailer", slip, 1.15, shop=table | {"vhost": "/prod", "do": says(0.95, 4, ORDERS)})
    assert watch.the("close", "mailer")["error"] == "Bad CONNECT"
    recorder.keep("speech-nginx-rabbitmq-vhost-without-slash", watch)


async def test_vertx_speaks_no_later_stomp(start: Starter, recorder: Recorder) -> None:
    """A client's list has versions that nobody made; HAProxy in TCP mode in front of Vert.x, alone."""
    server = start(Vertx)
    haproxy = start(HaProxy, int(server.stomp_url.rpartition(":")[2]), options=TCP)
    table = stomp(haproxy.port, "2050,2050", {})
    list_ = table | {"connect_header": ["accept-version: 1.3,2.0"], "open_timeout": 4.2}
    watch = await turned_away("A", list_, 0)
    assert watch.the("close", "A")["error"].startswith("Incompatible versions")
    recorder.keep("speech-haproxy-vertx-stomp-versions", watch)


async def test_a_page_wants_what_a_worker_has(broker: RabbitMq, relay: Spring, recorder: Recorder) -> None:
    """The worker has a queue for itself, by TCP; a page asks for the same one by Spring's relay and a stream."""
    own = r"stomp-frame SUBSCRIBE\nid:1\ndestination:/queue/night\nexclusive:true\nauto-delete:true\nreceipt:in\n\n\0"

    async def strike(watch: Watch) -> None:
        await ask(watch, own, "worker")
        await seen(watch, "stomp", "worker", command="RECEIPT")
        await seen(watch, "stomp", "page", command="SEND", count=2)
        await ask(watch, own, "page")

    page: Table = {"url": relay.sockjs_url, "sockjs_transport": "xhr-streaming", "heart_beat": "5200,5200"}
    tables = {
        "worker": stomp(broker.stomp_port, "1650,1650"),
        "page": page | {"do": says(0.85, 2, ORDERS)},
    }
    watch = await staged(tables, "page", strike=strike)
    assert watch.the("close", "page")["error"]
    recorder.keep("speech-relay-queue-of-a-worker", watch)


async def test_a_queue_with_a_slash(relay: Spring, start: Starter, recorder: Recorder) -> None:
    """Spring's own broker took ``/queue/orders/eu``, RabbitMQ does not; one who polls by HAProxy, alone."""
    haproxy = start(HaProxy, relay.port)
    table: Table = {"url": f"stomp+http://{LOOPBACK}:{haproxy.port}/sockjs", "sockjs_transport": "xhr-polling"}
    table |= {"heart_beat": "6300,6300", "do": ["0.8 stomp-send /queue/orders 1", "2.15 stomp-send /queue/orders/eu 2"]}
    watch = await staged({"A": table}, "A")
    assert refusal(watch, "A") == "Invalid destination"
    recorder.keep("speech-haproxy-relay-poll-queue-with-a-slash", watch)


async def test_a_dead_letter_queue_nobody_declared(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """A console asks for ``/amq/queue/orders.dlq``, which is made with the next release; TLS by HAProxy in TCP mode."""
    haproxy = start(HaProxy, broker.stomp_port, options=TCP, certificate=certificate)
    tables = {
        "console": stomps(haproxy.port, "2350,2350", certificate)
        | {"do": ["0.8 " + ORDERS, "2.1 subscribe /amq/queue/orders.dlq"]},
        "board": stomps(haproxy.port, "1450,1450", certificate, subscribe=["/topic/orders"], do=says(1.0, 5, ORDERS)),
    }
    watch = await staged(tables, "console")
    assert refusal(watch, "console") == "not_found"
    recorder.keep("speech-haproxy-rabbitmq-no-dead-letters", watch)


async def test_an_auditor_writes(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """He may read all and write nothing; his tool says good morning. By ssh, and another one direct."""
    broker.ctl("add_user", "auditor", "ledger")
    broker.ctl("set_permissions", "auditor", "^stomp", "^stomp", ".*")
    tunnel = start(SshTunnel, broker.stomp_port)
    auditor = stomp(tunnel.port, "2450,2450", AUDITOR, subscribe=["/topic/orders"])
    tables = {
        "auditor": auditor | {"do": ["2.65 stomp-send /topic/audit good morning"]},
        "till": stomp(broker.stomp_port, "1700,1700", do=says(0.75, 6, ORDERS)),
    }
    watch = await staged(tables, "auditor")
    assert refusal(watch, "auditor") == "access_refused"
    recorder.keep("speech-ssh-rabbitmq-auditor-writes", watch)

"""Brokers that are stopped, killed or closed to somebody by hand, queues that are taken away, and a relay cut off."""

import asyncio
import signal
import urllib.request
from collections.abc import Iterator

import pytest

from tests.probing import ask, probing, seen
from tests.servers.activemq import ActiveMq
from tests.servers.ashore import side_by_side
from tests.servers.between import Table, assert_cut, opened, says, staged, stomp, stomps, web_stomp, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.golang import Centrifuge
from tests.servers.joined import ANNA, CREW, GUEST, beaten, subscribe
from tests.servers.jvm import Artemis
from tests.servers.lesser import Lighttpd, Nghttpx, Varnish
from tests.servers.lines import leave
from tests.servers.nginx import Certificate
from tests.servers.node import NodeWs
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


RESET = (
    "rabbit_connection_tracking:close_connections("
    'rabbit_connection_tracking:list_of_user(<<"field">>), "sessions are being reset", 0).'
)


@pytest.fixture
def field(broker: RabbitMq) -> Iterator[dict[str, str]]:
    """The account of the field service."""
    broker.ctl("add_user", "field", "crew")
    broker.ctl("set_permissions", "-p", "/", "field", ".*", ".*", ".*")
    yield {"login": "field", "passcode": "crew", "vhost": "/"}
    broker.ctl("delete_user", "field")


async def an_account_s_connections_are_closed(
    broker: RabbitMq, field: dict[str, str], certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """An operator closes all of an account: a phone's STOMP by Caddy and a van's over TLS, which return. One stays."""
    caddy = start(Caddy, broker.port, tls=f"{certificate.chain} {certificate.key}")
    there: Table = {"cacert": str(certificate.ca), "reconnect": True, "heart_beat": "2400,2400"} | field

    async def strike(watch: Watch) -> None:
        await beaten(watch, "phone", 1)
        await asyncio.to_thread(broker.ctl, "eval", RESET)
        for name in ("phone", "van"):
            await seen(watch, "stomp", name, command="CONNECTED", count=2)
        await asyncio.sleep(1.0)

    tables = {
        "office": stomp(broker.stomp_port, "4000,4000", GUEST, do=says(1.6, 9, "stomp-send /topic/crow 1")),
        "phone": there | {"url": f"stomp+wss://localhost:{caddy.port}/ws"},
        "van": there | {"url": broker.tls_url, "do": says(1.1, 3, "stomp-send /topic/crow.van 1")},
    }
    watch = await staged(tables, "phone", "van", strike=strike, stage="tls")
    assert watch.of("close", "phone")[0]["initiator"] == "remote"
    recorder.keep("crow-caddy-rabbitmq-user-connections-closed", watch)


async def a_queue_is_made_anew(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """A deployment deletes a queue and makes it with other arguments; its reader by lighttpd is told, another stays."""
    lighttpd = start(Lighttpd, broker.port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            other=web_stomp(lighttpd.port, "3000,3000", do=says(1.4, 8, "stomp-send /topic/crow.o 1")),
            reader=web_stomp(lighttpd.port, "3000,3000"),
        )
        await subscribe(watch, "other", "/queue/crow.stays")
        await subscribe(watch, "reader", "/queue/crow.work")
        await ask(watch, "stomp-send /queue/crow.work 1", "other")
        await seen(watch, "stomp", "reader", command="MESSAGE")
        await asyncio.to_thread(broker.ctl, "delete_queue", "crow.work")
        await seen(watch, "stomp", "reader", command="ERROR")
        await beaten(watch, "reader", 1)
        await leave(watch, "other")
    recorder.keep("crow-lighttpd-rabbitmq-queue-made-anew", watch)


async def a_till_s_queue_is_deleted(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """A queue that a till reads over TLS by stunnel is deleted by mistake in a busy hour; a twin reads another one."""
    stunnel = start(Stunnel, broker.stomp_port, certificate)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            twin=stomps(stunnel.port, "2800,2800", certificate),
            till=stomps(stunnel.port, "2800,2800", certificate, do=says(0.8, 6, "stomp-send /queue/crow.till 1")),
        )
        await subscribe(watch, "twin", "/queue/crow.twin")
        await subscribe(watch, "till", "/queue/crow.till")
        await seen(watch, "stomp", "till", command="MESSAGE", count=2)
        await asyncio.to_thread(broker.ctl, "delete_queue", "crow.till")
        await seen(watch, "stomp", "till", command="ERROR")
        await asyncio.sleep(1.2)
        await ask(watch, "stomp-send /queue/crow.twin 1", "twin")
        await seen(watch, "stomp", "twin", command="MESSAGE")
        await leave(watch, "twin")
    recorder.keep("crow-stunnel-rabbitmq-till-queue-deleted", watch)


async def an_operator_disconnects(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Centrifugo's API has a user disconnected, on a phone and in a tab; another user is well. TLS by stunnel."""
    app = start(Centrifuge)
    stunnel = start(Stunnel, app.port, certificate)
    base: Table = wss(stunnel.port, certificate) | {"url": f"wss://localhost:{stunnel.port}/ws"}

    def login(user: str) -> list[str]:
        return [f'0.3 send {{"id":1,"connect":{{"token":"{user}"}}}}']

    def disconnect() -> None:
        urllib.request.urlopen(f"http://{LOOPBACK}:{app.port}/disconnect?user=bert", timeout=10).close()

    async def strike(watch: Watch) -> None:
        for name in ("phone", "tab"):
            await seen(watch, "frame", name, dir="in", opcode=1)
        await asyncio.sleep(1.9)
        await asyncio.to_thread(disconnect)

    tables = {
        "anna": base | {"do": login("anna")},
        "phone": base | {"do": login("bert")},
        "tab": base | {"do": login("bert")},
    }
    watch = await staged(tables, "phone", "tab", strike=strike, stage="tls")
    assert watch.the("close", "tab")["received"] is not None
    recorder.keep("crow-stunnel-centrifuge-operator-disconnects", watch)


async def a_relay_s_acceptor_is_stopped(start: Starter, recorder: Recorder) -> None:
    """Artemis is stopped in order under Spring's relay: a page by Varnish and a board by nghttpx; one is elsewhere."""
    broker, other = start(Artemis), start(NodeWs)
    spring = start(Spring, relay=broker.port, relay_system="anna:crew", relay_client="anna:crew", inbound_threads=1)
    varnish, nghttpx = start(Varnish, spring.port), start(Nghttpx, spring.port)
    base: Table = {"heart_beat": "4000,4000"}
    tables = {
        "elsewhere": ws(other.port, do=says(1.4, 9)),
        "page": base
        | {
            "url": f"stomp+ws://{LOOPBACK}:{varnish.port}/ws",
            "do": says(0.9, 5, "stomp-send /queue/crow.a 1"),
        },
        "board": base | {"url": f"stomp+http://{LOOPBACK}:{nghttpx.port}/sockjs", "sockjs_transport": "xhr-streaming"},
    }

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "page", command="SEND", dir="out", count=2)
        await asyncio.to_thread(broker.end, signal.SIGTERM)

    watch = await staged(tables, "page", "board", strike=strike)
    recorder.keep("crow-varnish-relay-artemis-stopped", watch)


async def artemis_is_updated(start: Starter, recorder: Recorder) -> None:
    """Artemis is stopped in order and started again for an update: a till and a web page return; one is elsewhere."""
    broker, other = start(Artemis), start(NodeWs)

    async def strike(watch: Watch) -> None:
        await beaten(watch, "till", 1)
        await asyncio.to_thread(broker.end, signal.SIGTERM)
        await asyncio.to_thread(broker.begin)
        for name in ("till", "page"):
            await seen(watch, "stomp", name, command="CONNECTED", count=2)
        await asyncio.sleep(0.9)

    there: Table = ANNA | {"reconnect": True}
    tables = {
        "elsewhere": ws(other.port, do=["0.8 send hello", "4.2 send still here"]),
        "till": stomp(broker.port, "2600,2600", ANNA, reconnect=True),
        "page": {"url": f"stomp+ws://{LOOPBACK}:{broker.port}", "heart_beat": "2600,2600"} | there,
    }
    watch = await staged(tables, "till", "page", strike=strike)
    recorder.keep("crow-artemis-updated-and-back", watch)


async def activemq_is_killed(activemq: ActiveMq, certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """ActiveMQ is killed under a register that sells and one that beats, TLS by stunnel. One is elsewhere."""
    other = start(NodeWs)
    stunnel = start(Stunnel, activemq.port, certificate)

    async def strike(watch: Watch) -> None:
        await beaten(watch, "beats", 1)
        await asyncio.to_thread(activemq.sigkill)

    tables = {
        "elsewhere": ws(other.port, do=says(1.4, 8)),
        "beats": stomps(stunnel.port, "2200,2200", certificate, CREW),
        "sells": stomps(stunnel.port, "2200,2200", certificate, CREW, do=says(0.9, 6, "stomp-send /queue/crow.sold 1")),
    }
    watch = await staged(tables, "beats", "sells", strike=strike, stage="tls", ok=False)
    assert_cut(watch, "beats", "sells")
    recorder.keep("crow-stunnel-activemq-killed-under-two-registers", watch)


async def test_rabbitmq(broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Two with one broker and one without at a time; most of the time is spent waiting."""
    await side_by_side(
        (
            a_queue_is_made_anew(broker, start, recorder),
            a_till_s_queue_is_deleted(broker, certificate, start, recorder),
            an_operator_disconnects(certificate, start, recorder),
        )
    )


async def test_an_account(
    broker: RabbitMq, field: dict[str, str], certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """One of RabbitMQ's."""
    await an_account_s_connections_are_closed(broker, field, certificate, start, recorder)


async def test_java(own_activemq: ActiveMq, certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Two at a time; most of the time is spent waiting."""
    await side_by_side(
        (
            artemis_is_updated(start, recorder),
            activemq_is_killed(own_activemq, certificate, start, recorder),
        )
    )


async def test_a_relay(start: Starter, recorder: Recorder) -> None:
    """Spring without its broker."""
    await a_relay_s_acceptor_is_stopped(start, recorder)

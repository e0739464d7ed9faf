"""What brokers refuse their users for: a passcode, a permission, a destination, a version, a place that is taken."""

import asyncio

import pytest

from tests.probing import ask, open_session, probing, seen
from tests.servers.between import TCP, Table, opened, refused, says, staged, stomp, stomps
from tests.servers.haproxy import HaProxy
from tests.servers.joined import GUEST, beaten, subscribe
from tests.servers.lines import leave
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

SELL = "stomp-send /topic/ash.sold 1"


def error(watch: Watch, session: str) -> str:
    """What its broker said in its ERROR."""
    found = watch.of("stomp", session, dir="in", command="ERROR")
    assert found, [line for line in watch.lines if line.get("s") == session and line["type"] in ("frame", "end")][-8:]
    return str(found[0])


async def told_and_gone(watch: Watch, session: str) -> None:
    """The broker says an ERROR and stays; it still beats when its client gives up and leaves in order."""
    await seen(watch, "stomp", session, dir="in", command="ERROR")
    await beaten(watch, session, 1)
    await ask(watch, "disconnect", session)
    await seen(watch, "close", session)


async def test_an_old_passcode(broker: RabbitMq, recorder: Recorder) -> None:
    """The passcode of the packers was changed; one packer comes with the old one, over TLS. A till sells on."""
    await asyncio.to_thread(broker.ctl, "add_user", "packer", "autumn")
    await asyncio.to_thread(broker.ctl, "set_permissions", "packer", ".*", ".*", ".*")
    base: Table = {"url": broker.tls_url, "cacert": broker.trust[1], "heart_beat": "4100,4100"}
    packer = base | {"login": "packer", "passcode": "summer", "vhost": "/"}
    watch = await refused({"packer": packer}, after=1.3, before=1.2, till=base | GUEST | {"do": says(1.2, 4, SELL)})
    assert watch.of("stomp", "packer", command="ERROR")
    recorder.keep("ash-stomps-rabbitmq-old-passcode", watch)


async def test_a_kiosk_may_not_publish(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """It may read what is sold and write nothing but its own queue; after a while it publishes. By stunnel."""
    await asyncio.to_thread(broker.ctl, "add_user", "kiosk", "kiosk")
    await asyncio.to_thread(broker.ctl, "set_permissions", "kiosk", "^stomp-", "^stomp-", ".*")
    stunnel = start(Stunnel, broker.stomp_port, certificate)
    kiosk = {"login": "kiosk", "passcode": "kiosk", "vhost": "/"}
    reads = {"subscribe": ["/topic/ash.sold"], "do": ["2.8 " + SELL]}
    tables = {
        "till": stomps(stunnel.port, "3100,3100", certificate, do=says(0.9, 6, SELL)),
        "kiosk": stomps(stunnel.port, "3100,3100", certificate, kiosk) | reads,
    }
    watch = await staged(tables, "kiosk")
    assert watch.of("stomp", "kiosk", command="MESSAGE")
    assert "access_refused" in error(watch, "kiosk") or "refused" in error(watch, "kiosk")
    recorder.keep("ash-stunnel-rabbitmq-kiosk-may-not-publish", watch)


async def test_an_exchange_that_was_renamed(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """Billing sends some orders, and then an invoice to an exchange that is not there. HAProxy in TCP mode."""
    haproxy = start(HaProxy, broker.stomp_port, options=TCP)
    orders = says(0.7, 2.3, "stomp-send /queue/ash.orders 3")
    tables = {
        "desk": stomp(haproxy.port, "2700,2700", subscribe=["/queue/ash.orders"]),
        "billing": stomp(haproxy.port, "2700,2700", do=[*orders, "2.6 stomp-send /exchange/invoices-2024/eu 17"]),
    }
    watch = await staged(tables, "billing")
    assert "not_found" in error(watch, "billing") or "NOT_FOUND" in error(watch, "billing")
    recorder.keep("ash-haproxy-rabbitmq-send-to-no-exchange", watch)


async def test_a_destination_without_a_prefix(broker: RabbitMq, recorder: Recorder) -> None:
    """A meter sends to ``/meters/7``, as it did with its old broker; another uses a topic."""
    tables = {
        "other": stomp(broker.stomp_port, "2300,2300", do=says(1.0, 5, "stomp-send /topic/meters.6 20.1")),
        "meter": stomp(broker.stomp_port, "2300,2300", do=["1.7 stomp-send /meters/7 20.4"]),
    }

    async def strike(watch: Watch) -> None:
        await told_and_gone(watch, "meter")

    watch = await staged(tables, "meter", strike=strike, status=0)
    assert "destination" in error(watch, "meter")
    recorder.keep("ash-rabbitmq-tcp-destination-without-prefix", watch)


async def test_a_queue_is_deleted(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """Somebody tidies up and deletes a queue that a worker reads; another worker's queue stays. By stunnel."""
    stunnel = start(Stunnel, broker.stomp_port, certificate)

    async def strike(watch: Watch) -> None:
        await subscribe(watch, "worker", "/queue/ash.scans")
        await ask(watch, "stomp-send /queue/ash.scans 1", "other")
        await seen(watch, "stomp", "worker", command="MESSAGE")
        await asyncio.to_thread(broker.ctl, "delete_queue", "ash.scans")
        await told_and_gone(watch, "worker")

    tables = {
        "other": stomps(stunnel.port, "2900,2900", certificate, subscribe=["/queue/ash.prints"]),
        "worker": stomps(stunnel.port, "2900,2900", certificate),
    }
    watch = await staged(tables, "worker", strike=strike, status=0)
    assert "cancelled" in error(watch, "worker")
    recorder.keep("ash-stunnel-rabbitmq-queue-deleted", watch)


async def test_a_version_that_does_not_exist(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """A library that was written by hand asks for STOMP 2.0; by nginx, where an old page is well."""
    nginx = start(Nginx, broker.port)
    base: Table = {"url": f"stomp+ws://{LOOPBACK}:{nginx.port}/ws", "heart_beat": "3300,3300"} | GUEST
    fresh = base | {"connect_header": ["accept-version: 2.0"]}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, old=base | {"do": says(1.1, 4, SELL)})
        await seen(watch, "stomp", "old", command="SEND")
        await open_session(watch, name="fresh", **fresh)
        await looked(watch, "fresh")
        await beaten(watch, "old", 1)
        await leave(watch, "old", status=3)
    assert "ersion" in error(watch, "fresh")
    recorder.keep("ash-nginx-rabbitmq-accept-version", watch)


async def test_a_script_says_no_connect(broker: RabbitMq, recorder: Recorder) -> None:
    """A script opens TLS and waits for what it will never be told; RabbitMQ gives it 3.7 s. A till sells on."""
    await asyncio.to_thread(broker.ctl, "eval", "application:set_env(rabbitmq_stomp, login_timeout, 3700).")
    base: Table = {"url": broker.tls_url, "cacert": broker.trust[1], "heart_beat": "2500,2500"} | GUEST
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, till=base | {"do": says(1.3, 6, SELL)})
        await open_session(watch, name="script", **base, no_stomp_connect=True)
        await looked(watch, "script")
        await leave(watch, "till")
    await asyncio.to_thread(broker.ctl, "eval", "application:unset_env(rabbitmq_stomp, login_timeout).")
    assert watch.the("close", "script")["initiator"] == "remote"
    recorder.keep("ash-stomps-rabbitmq-script-says-no-connect", watch)


async def test_a_ledger_is_taken(broker: RabbitMq, recorder: Recorder) -> None:
    """The day's clerk has the ledger's queue for himself; the night's comes too early. Both over TLS."""
    base: Table = {"url": broker.tls_url, "cacert": broker.trust[1], "heart_beat": "2800,2800"} | GUEST
    frame = r"SUBSCRIBE\nid:1\ndestination:/queue/ash.ledger\nexclusive:true\nauto-delete:true\nreceipt:in\n\n\0"

    async def strike(watch: Watch) -> None:
        await ask(watch, f"stomp-frame {frame}", "day")
        await seen(watch, "stomp", "day", command="RECEIPT")
        await asyncio.sleep(1.2)
        await ask(watch, f"stomp-frame {frame}", "night")

    watch = await staged({"day": base, "night": base | {"do": ["0.4 " + SELL]}}, "night", strike=strike)
    assert error(watch, "night")
    recorder.keep("ash-stomps-rabbitmq-ledger-taken", watch)

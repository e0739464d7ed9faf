"""What brokers and applications do not have or do not allow: versions, destinations, names in use, too much at once."""

import asyncio
from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from tests.probing import ask, open_session, probing, seen
from tests.servers.activemq import ActiveMq
from tests.servers.between import (
    TCP,
    Table,
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
from tests.servers.caddy import Caddy
from tests.servers.endings import assert_said
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.joined import ANNA, CREW, subscribe
from tests.servers.jvm import Artemis
from tests.servers.lesser import Hitch, Rinetd, Varnish
from tests.servers.lines import beaten, leave
from tests.servers.looks import looked
from tests.servers.nginx import Certificate
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.socat import Socat
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_client_of_another_time(start: Starter, recorder: Recorder) -> None:
    """Artemis, STOMP over TCP behind socat: a lone client speaks 1.3 only."""
    broker = start(Artemis)
    way = start(Socat, broker.port)
    watch = await refused({"old": stomp(way.port, "2000,2000", ANNA, connect_header=["accept-version: 1.3"])})
    assert "AMQ339002" in watch.the("close", "old")["error"]
    recorder.keep("beat-socat-artemis-stomp-1-3-lone", watch)


async def test_a_slash_is_forgotten(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """Web-STOMP behind hitch: a clerk subscribes to a queue without its first slash; another page is well."""
    front = start(Hitch, broker.port, certificate)
    page = web_stomp(front.port, "2300,2300", cacert=str(certificate.ca))
    page["url"] = f"stomp+wss://localhost:{front.port}/ws"
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, page=page, clerk=page)
        await subscribe(watch, "page", "/queue/beat.orders")
        await ask(watch, "stomp-send /queue/beat.orders one", "page")
        await seen(watch, "stomp", "page", command="MESSAGE")
        await ask(watch, "subscribe queue/beat.orders", "clerk")
        await seen(watch, "stomp", "clerk", command="ERROR")
        await beaten(watch, 2, "page")
        await leave(watch, "page")
    recorder.keep("beat-hitch-rabbitmq-slash-forgotten", watch)


async def test_a_queue_is_not_there(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """RabbitMQ, STOMP over TLS that ends at HAProxy: a reader wants a queue that others should have made."""
    proxy = start(HaProxy, broker.stomp_port, client=40, certificate=certificate, options=TCP)
    base = stomps(proxy.port, "2700,2700", certificate)
    watch = await staged(
        {
            "writer": base | {"do": says(1.4, 6, "stomp-send /queue/beat.there one")},
            "reader": base | {"do": ["1.7 subscribe /amq/queue/beat.nightly"]},
        },
        "reader",
        stage="tls",
    )
    assert watch.the("close", "reader")["error"] == "not_found"
    recorder.keep("beat-haproxy-rabbitmq-queue-not-there", watch)


async def test_an_old_instance_still_lives(activemq: ActiveMq, start: Starter, recorder: Recorder) -> None:
    """ActiveMQ, STOMP over TCP behind rinetd: the new instance has the old one's client-id and is refused, twice."""
    way = start(Rinetd, activemq.port)
    base = stomp(way.port, "2100,2100", CREW, connect_header=["client-id: till-3"])
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, old=base)
        await beaten(watch, 1, "old")
        assert (await open_session(watch, name="new", **base))["ok"]
        await seen(watch, "close", "new")
        await ask(watch, "reconnect", "new")
        await seen(watch, "close", "new", count=2)
        await looked(watch, "new")
        await beaten(watch, 1, "old")
        await leave(watch, "old")
    assert not watch.of("stomp", "new", command="CONNECTED")
    recorder.keep("beat-rinetd-activemq-old-instance-lives", watch)


async def test_a_queue_is_deleted(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """Web-STOMP behind Caddy with TLS: a lone reader's queue is deleted in a quiet hour; the socket stays open."""
    proxy = start(Caddy, broker.port, tls=f"{certificate.chain} {certificate.key}")
    page = web_stomp(proxy.port, "2600,2600", cacert=str(certificate.ca))
    page["url"] = f"stomp+wss://localhost:{proxy.port}/ws"
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, reader=page)
        await subscribe(watch, "reader", "/queue/beat.invoices")
        await beaten(watch, 2, "reader")
        await asyncio.to_thread(broker.ctl, "delete_queue", "beat.invoices")
        await seen(watch, "stomp", "reader", command="ERROR")
        await beaten(watch, 1, "reader")
        await leave(watch, "reader")
    assert watch.the("close", "reader")["error"] == "Server cancelled subscription"
    recorder.keep("beat-caddy-rabbitmq-queue-deleted-lone", watch)


async def test_too_many_a_second(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A home-made STOMP server behind Caddy: a script sends 12 at once and gets an ERROR and 1008; a till is slow."""
    heard: dict[str, list[float]] = {}

    async def broker(name: str, client: ServerConnection, message: str | bytes) -> None:
        now, frame = asyncio.get_running_loop().time(), str(message)
        if frame.startswith("CONNECT"):
            await client.send("CONNECTED\nversion:1.2\nheart-beat:0,0\nserver:kiosk/0.9\n\n\0")
        elif frame.startswith("DISCONNECT"):
            await client.send("RECEIPT\nreceipt-id:disconnect\n\n\0")
        elif frame.startswith("SEND"):
            mine = heard.setdefault(name, [])
            mine[:] = [*(at for at in mine if now - at < 1), now]
            if len(mine) > 8:
                await client.send("ERROR\nmessage:Too many messages, 8 per second allowed\n\n\0")
                await client.close(1008)

    async with house(broker, ping_interval=2.9, subprotocols=["v12.stomp"]) as app:
        proxy = start(Caddy, app.port, tls=f"{certificate.chain} {certificate.key}")
        base: Table = {"heart_beat": "0,0", "cacert": str(certificate.ca)}
        url = f"stomp+wss://localhost:{proxy.port}/?user="
        burst = [f"{2.1 + n * 0.02:.2f} stomp-send /queue/sales {n}" for n in range(12)]
        watch = await staged(
            {
                "till": base | {"url": f"{url}till", "do": says(0.8, 6, "stomp-send /queue/sales 1")},
                "script": base | {"url": f"{url}script", "do": burst},
            },
            "script",
            stage="tls",
        )
    close = watch.the("close", "script")
    assert (close["code"], close["error"]) == (1008, "Too many messages, 8 per second allowed")
    recorder.keep("beat-caddy-stomp-too-many-a-second", watch)


async def test_a_device_does_not_sign(start: Starter, recorder: Recorder) -> None:
    """A gateway for devices behind Varnish wants a signature on every message; one device has old firmware."""

    async def gateway(_: str, client: ServerConnection, message: str | bytes) -> None:
        if "sig=" in str(message):
            await client.send("ok")
        else:
            await client.close(1008, "payload not signed")

    async with house(gateway, ping_interval=3.7) as app:
        proxy = start(Varnish, app.port)
        watch = await staged(
            {
                "new": ws(proxy.port, "/?user=new", do=says(1.1, 6, "send t=21.4 sig=9f31")),
                "device": ws(proxy.port, "/?user=device", do=["0.9 send t=20.9 sig=11aa", "2.8 send t=20.8"]),
            },
            "device",
        )
    assert_said(watch.the("close", "device"), 1008, "payload not signed")
    recorder.keep("beat-varnish-unsigned-frames-1008", watch)


async def test_a_third_tab(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A server behind Caddy with TLS lets a user open two sessions in a minute; the third gets 429, Retry-After."""
    opens = 0

    def count(client: ServerConnection, request: Request) -> Response | None:
        nonlocal opens
        opens += 1
        if opens <= 2:
            return None
        response = client.respond(HTTPStatus.TOO_MANY_REQUESTS, "slow down\n")
        response.headers["Retry-After"] = "41"
        return response

    async with house(ping_interval=2.9, process_request=count) as app:
        proxy = start(Caddy, app.port, tls=f"{certificate.chain} {certificate.key}")
        base = wss(proxy.port, certificate)
        base["url"] += "?user=anna"
        watch = await refused({"third": base}, after=1.2, before=1.0, first=base | {"do": says(0.9, 3)}, second=base)
    assert watch.of("http", "third", dir="in", status=429)
    recorder.keep("beat-caddy-429-third-tab", watch)

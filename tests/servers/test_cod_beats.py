"""Beats that are held here, and beats that a broker promised and does not send."""

import asyncio
import random
import time
from contextlib import suppress

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from tests.probing import ask, seen
from tests.servers.abreast import up
from tests.servers.afar import Afar
from tests.servers.ashore import begun, doors, side_by_side
from tests.servers.between import Table, opened, says, staged, web_stomp
from tests.servers.endings import assert_said
from tests.servers.frozen import frozen
from tests.servers.homely import refuse, stomping
from tests.servers.house import house
from tests.servers.lesser import Lighttpd
from tests.servers.lines import beaten, behind_nginx, join, leave, over, within
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeStomp
from tests.servers.outside import house_there, outside, there, there_stomp
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.routed import routed
from tests.servers.starting import Starter
from tests.servers.test_wire_doors import trusts
from tests.watching import POSTMORTEM, Watch, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def nothing(*_: object) -> None:
    """No rule."""


async def a_bot_holds_its_beats(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """RabbitMQ by lighttpd: a bot that listens stops beating; its twin goes on, and so does who only listens slowly."""
    lighttpd = await up(start, Lighttpd, broker.port)
    base = web_stomp(lighttpd.port, "1700,1700")

    async def strike(watch: Watch) -> None:
        await beaten(watch, 2, "bot")
        await ask(watch, "hold-beats", "bot")

    tables = {
        "twin": base,
        "bot": base | {"subscribe": ["/topic/cod"], "do": says(0.9, 2.7, "stomp-send /topic/cod hi")},
        "lazy": web_stomp(broker.port, "4000,4000"),
    }
    watch = await staged(tables, "bot", strike=strike)
    assert watch.the("close", "bot")["initiator"] == "remote"
    recorder.keep("cod-lighttpd-rabbitmq-bot-holds-beats", watch)


async def a_phone_s_heart_stops(recorder: Recorder) -> None:
    """A game far away wants a word every 3.1 s and says in Chinese that the heart-beat timed out; a desk beats."""
    waits: dict[str, asyncio.Task[None]] = {}

    async def give_up(client: ServerConnection) -> None:
        await asyncio.sleep(3.1)
        await client.close(4000, "心跳超时")

    async def rule(user: str, client: ServerConnection, _: str | bytes) -> None:
        if user in waits:
            waits[user].cancel()
        waits[user] = asyncio.create_task(give_up(client))
        await client.send('{"op":"pong"}')

    with routed() as hosts:
        async with house_there(hosts, rule, ping_interval=None) as app:
            beat = 'send {"op":"ping"}'
            tables = {
                "desk": there(app.port, "/?user=desk", do=says(1.3, 14, beat)),
                "phone": there(app.port, "/?user=phone", do=says(1.3, 3, beat)),
            }
            watch = await outside(hosts, tables, "phone", patience=1.5)
            for task in waits.values():
                task.cancel()
    assert_said(watch.the("close", "phone"), 4000, "心跳超时")
    recorder.keep("cod-afar-game-heartbeat-timeout-in-chinese", watch)


async def a_broker_says_that_it_heard_nothing(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A home-made broker behind nginx names in an ERROR how long it heard nothing; another beats on."""
    heard: dict[str, float] = {}
    tasks: list[asyncio.Task[None]] = []
    talk = stomping(nothing, "drum/0.4", "1500,1500")

    async def mind(user: str, client: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            while time.monotonic() - heard[user] < 3.6:
                await asyncio.sleep(0.75)
                await client.send("\n")
            await refuse(client, "Missed heart-beat from client", "nothing received for 3600 ms", code=1000)

    async def rule(user: str, client: ServerConnection, message: str | bytes) -> None:
        heard[user] = time.monotonic()
        if str(message) == "\n":
            return
        await talk(user, client, message)
        if str(message).startswith(("CONNECT", "STOMP")):
            tasks.append(asyncio.create_task(mind(user, client)))

    async with house(rule, ping_interval=None, subprotocols=["v12.stomp"]) as app:
        nginx = await up(start, Nginx, app.port, 40, certificate)
        url = f"stomp+wss://localhost:{nginx.port}/?user="
        base: Table = {"cacert": str(certificate.ca), "heart_beat": "1500,1500"}

        async def strike(watch: Watch) -> None:
            await beaten(watch, 2, "till")
            await ask(watch, "hold-beats", "till")

        tables = {"office": base | {"url": f"{url}office"}, "till": base | {"url": f"{url}till"}}
        watch = await staged(tables, "till", strike=strike, stage="tls")
        for task in tasks:
            task.cancel()
    assert watch.the("stomp", "till", command="ERROR")
    recorder.keep("cod-nginx-stomp-error-missed-heartbeat", watch)


async def test_held_beats(broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Several at a time; most of the time is spent waiting."""
    await side_by_side(
        (
            a_bot_holds_its_beats(broker, start, recorder),
            a_phone_s_heart_stops(recorder),
            a_broker_says_that_it_heard_nothing(certificate, start, recorder),
        )
    )


async def a_worker_afar_holds_its_beats(afar: Afar, recorder: Recorder) -> None:
    """ActiveMQ on another host, TCP: one worker holds its beats and is cut; one holds them too and works: it stays."""
    with routed(afar.host) as hosts:
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            work = says(0.8, 14, "stomp-send /queue/cod done")
            await join(watch, afar, "works", "activemq", "1600,1600", do=work)
            await join(watch, afar, "waits", "activemq", "1600,1600")
            await beaten(watch, 1, "waits")
            for name in ("works", "waits"):
                await ask(watch, "hold-beats", name)
            await within(watch, 20, "close", "waits")
            await over(watch, "waits", patience=3)
            await leave(watch, "works")
    assert watch.the("close", "waits")["initiator"] == "remote"
    recorder.keep("cod-afar-activemq-two-hold-one-works", watch)


async def a_sleepless_host(afar: Afar, recorder: Recorder) -> None:
    """The client's machine stands still for 6 s: RabbitMQ afar gives up on both its users, who come back."""
    with routed(afar.host) as hosts:
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await join(watch, afar, "till", "rabbitmq", "1700,1700", reconnect=True)
            await join(watch, afar, "stock", "rabbitmq-tcp", "1300,1300", reconnect=True)
            await beaten(watch, 2, "till")
            with frozen(watch.process.pid):
                await asyncio.sleep(6)
            for name in ("till", "stock"):
                await seen(watch, "stomp", name, command="CONNECTED", count=2)
            await beaten(watch, 1, "till")
            await leave(watch)
    assert watch.of("stall")
    recorder.keep("cod-afar-rabbitmq-client-stands-still", watch)


async def test_brokers_afar(afar: Afar, recorder: Recorder) -> None:
    """Two at a time."""
    await side_by_side((a_worker_afar_holds_its_beats(afar, recorder), a_sleepless_host(afar, recorder)))


async def beats_end_afar(start: Starter, recorder: Recorder) -> None:
    """A broker on another host beats a desk three times and no more; it gives receipts all the same. One is well."""
    with routed() as hosts:
        bad = await begun(hosts.server, start, NodeStomp, beatEvery=1200, beats=3)
        good = await begun(hosts.server, start, NodeStomp, beatEvery=2100, beats=1000)
        doors(hosts, bad, good)
        asks = [rf"{at} stomp-frame SEND\ndestination:/q/d\nreceipt:r{at}\n\nx\0" for at in (1.0, 4.4, 6.1, 8.6, 10.2)]
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                other=there_stomp(good.port, "2100,2100"),
                desk=there_stomp(bad.port, "1200,1200", do=asks),
            )
            await seen(watch, "stomp", "desk", dir="in", command="RECEIPT", count=5)
            await leave(watch, "other", "desk")
    assert len(watch.of("stomp", "desk", dir="in", command="beat")) == 3
    recorder.keep("cod-afar-broker-beats-thrice-receipts-come", watch)


async def beats_come_far_too_late(recorder: Recorder) -> None:
    """A broker promises a beat a second and beats every 3.4; its library pings. Another's are ragged, but come."""
    tasks: list[asyncio.Task[None]] = []

    async def beat(client: ServerConnection, user: str) -> None:
        with suppress(ConnectionClosed):
            while True:
                await asyncio.sleep(3.4 if user == "late" else random.uniform(0.3, 1.5))
                await client.send("\n")

    talk = stomping(nothing, "slug/2", "1000,0")

    async def rule(user: str, client: ServerConnection, message: str | bytes) -> None:
        await talk(user, client, message)
        if str(message).startswith(("CONNECT", "STOMP")):
            tasks.append(asyncio.create_task(beat(client, user)))

    with routed() as hosts:
        async with house_there(hosts, rule, ping_interval=1.9, subprotocols=["v12.stomp"]) as app:
            async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
                await opened(
                    watch,
                    ragged=there_stomp(app.port, "0,1000", "/?user=ragged"),
                    late=there_stomp(app.port, "0,1000", "/?user=late"),
                )
                await beaten(watch, 3, "late")
                await leave(watch, "ragged", "late")
            for task in tasks:
                task.cancel()
    recorder.keep("cod-afar-beats-come-far-too-late", watch)


async def rabbitmq_is_held_afar(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """RabbitMQ behind nginx on another host stands still: a till hears no beats, nginx takes its own. Node is well."""
    with routed() as hosts:
        broker = await begun(hosts.server, start, RabbitMq, certificate)
        _, url = await asyncio.to_thread(behind_nginx, hosts, start, certificate, broker.port)
        hosts.start_node()
        till: Table = {"url": f"stomp+{url}ws", "heart_beat": "1500,1500", "login": "guest", "passcode": "guest"}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                other=there(8080, do=says(2.2, 14)),
                till=till | {"vhost": "/", "do": says(2.0, 9, "stomp-send /topic/cod sale")} | trusts(certificate),
            )
            await beaten(watch, 2, "till")
            with frozen(broker.pid):
                await asyncio.sleep(6.5)
                await leave(watch, "other", "till")
    recorder.keep("cod-afar-nginx-rabbitmq-stands-still", watch)


async def test_silent_brokers(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Several at a time; most of the time is spent waiting."""
    await side_by_side(
        (
            beats_end_afar(start, recorder),
            beats_come_far_too_late(recorder),
            rabbitmq_is_held_afar(certificate, start, recorder),
        )
    )

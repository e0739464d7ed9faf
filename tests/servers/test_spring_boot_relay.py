"""A Spring broker relay and the RabbitMQ behind it: refusals, beats, and a broker that is held, stopped or killed."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.probing import ask, seen
from tests.servers.frozen import frozen
from tests.servers.looks import every, watched
from tests.servers.nginx import Certificate
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring, sessions
from tests.servers.starting import Starter, starting
from tests.servers.test_silent_server import silence
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

CONNECTED = '"System" session connected.'
ORDERS = "stomp-send /topic/orders one more"
LOST = "Connection to broker closed."
CLOSE_ALL = '[amqp_direct_connection:server_close(One, 320, <<"maintenance">>) || One <- rabbit_direct:list()].'
"""What "Force Close" of RabbitMQ's management says for a STOMP connection, for all of them."""


@pytest.fixture(scope="module")
def rabbit(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate) -> Iterator[RabbitMq]:
    """The broker of this module; its last test kills it."""
    broker = RabbitMq(tmp_path_factory.mktemp("rabbit"), certificate)
    yield broker
    broker.stop()


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory, rabbit: RabbitMq) -> Iterator[Spring]:
    """A Spring application that relays all destinations of RabbitMQ to it."""
    with starting(tmp_path_factory.mktemp("relay")) as start:
        everything = "/topic,/queue,/exchange,/amq/queue"
        yield start(Spring, relay=rabbit.stomp_port, relay_prefixes=everything, inbound_threads=1)


async def connected_again(relay: Spring, count: int) -> None:
    """Returns when Spring itself, which tries every five seconds, has logged in at the broker more often than that."""
    await asyncio.to_thread(relay.wait_until_said, CONNECTED, count + 1)


def pair(relay: Spring, transport: str, *beats: str) -> list[str]:
    """One session that talks and one that listens."""
    words = [*sessions(relay.port, transport, "chatty", "idle"), "--subscribe", "/topic/orders", *beats]
    return words + every(0.71, ORDERS, 6, "chatty", after=0.3)


@pytest.mark.parametrize(
    ("what", "transport", "destination", "why"),
    [
        ("exchange-missing", "xhr-streaming", "/exchange/stock/eu", "not_found"),
        ("queue-missing", "ws", "/amq/queue/orders-eu", "not_found"),
    ],
)
async def test_something_is_not_there(
    relay: Spring, recorder: Recorder, what: str, transport: str, destination: str, why: str
) -> None:
    words = [*sessions(relay.port, transport, "curious", "well"), "--heart-beat", "4000,4000"]
    words += ["--do", f"1.2 curious: subscribe {destination}", *every(0.9, ORDERS, 3, "well")]
    watch = await watched(words, ("curious",))
    assert watch.the("close", "curious").get("error") in (why, LOST, None)
    recorder.keep(f"spring-relay-{what}", watch)


async def test_its_client_account_may_not_read(
    rabbit: RabbitMq, relay: Spring, start: Starter, recorder: Recorder
) -> None:
    for order in (("add_user", "clerk", "clerk"), ("set_permissions", "clerk", "^stomp-", "^stomp-", "^stomp-")):
        await asyncio.to_thread(rabbit.ctl, *order)
    clerks = start(Spring, relay=rabbit.stomp_port, relay_client="clerk:clerk")
    words = [*sessions(clerks.port, "websocket", "A"), "--do", "0.9 subscribe /topic/salaries"]
    watch = await watched(words, ("A",))
    assert watch.the("close").get("error") in ("access_refused", "Access refused", LOST, None)
    recorder.keep("spring-relay-may-not-read", watch)


async def test_one_misses_its_beats(relay: Spring, recorder: Recorder) -> None:
    words = [*sessions(relay.port, "websocket", "late", "well"), "--heart-beat", "1500,1500"]
    watch = await watched([*words, "--do", "1.9 late: hold-beats"], ("late",))
    recorder.keep("spring-relay-one-misses-its-beats", watch)


async def test_the_broker_stands_still(rabbit: RabbitMq, relay: Spring, recorder: Recorder) -> None:
    """Spring hands on the broker's beats, so that none come; it answers pings all the same."""
    words = pair(relay, "ws", "--heart-beat", "1000,1000", "--ping-interval", "1.7", "--close-timeout", "0.5")

    async def strike(watch: Watch) -> None:
        for session in ("chatty", "idle"):
            await seen(watch, "stomp", session, command="beat", dir="in", count=2)
        with frozen(rabbit.pid):
            await silence(watch, "chatty", "idle")
            pongs = len(watch.of("frame", "idle", opcode=10, dir="in"))
            await seen(watch, "frame", "idle", opcode=10, dir="in", count=pongs + 1)
            await watch.command("quit")
            await seen(watch, "close", "chatty")
            await seen(watch, "close", "idle")

    watch = await watched(words, ("chatty", "idle"), status=0, strike=strike)
    recorder.keep("spring-relay-broker-frozen", watch)


async def test_the_broker_stands_still_when_somebody_comes(rabbit: RabbitMq, relay: Spring, recorder: Recorder) -> None:
    words = [*sessions(relay.port, "websocket", "A"), "--open-timeout", "3"]
    with frozen(rabbit.pid):
        watch = await watched(words, ("A",), status=3)
    recorder.keep("spring-relay-broker-frozen-at-connect", watch)


async def test_the_broker_has_no_memory_left(rabbit: RabbitMq, relay: Spring, recorder: Recorder) -> None:
    """It takes nothing from whoever publishes until it has; then all that was sent comes."""
    words = [*sessions(relay.port, "ws", "buyer", "seller"), "--heart-beat", "0,2000"]

    async def strike(watch: Watch) -> None:
        for session in ("buyer", "seller"):
            await seen(watch, "stomp", session, command="CONNECTED")
        await ask(watch, r"stomp-frame SUBSCRIBE\nid:1\ndestination:/topic/orders\nreceipt:1\n\n\0", "buyer")
        await seen(watch, "stomp", "buyer", command="RECEIPT")
        await ask(watch, ORDERS, "seller")
        await seen(watch, "stomp", "buyer", command="MESSAGE")
        await asyncio.to_thread(rabbit.ctl, "set_vm_memory_high_watermark", "0.000001")
        for _ in range(3):
            await ask(watch, ORDERS, "seller")
        beats = len(watch.of("stomp", "buyer", command="beat", dir="in"))
        await seen(watch, "stomp", "buyer", command="beat", dir="in", count=beats + 2)
        await asyncio.to_thread(rabbit.ctl, "set_vm_memory_high_watermark", "0.4")
        await seen(watch, "stomp", "buyer", command="MESSAGE", count=4)

    recorder.keep("spring-relay-memory-alarm", await watched(words, (), status=0, strike=strike))


async def test_an_operator_closes_what_clients_have(rabbit: RabbitMq, relay: Spring, recorder: Recorder) -> None:
    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "idle", command="MESSAGE", count=3)
        await asyncio.to_thread(rabbit.ctl, "eval", CLOSE_ALL)

    connected = relay.log.count(CONNECTED)
    watch = await watched(pair(relay, "xhr-streaming", "--heart-beat", "5000,5000"), ("chatty", "idle"), strike=strike)
    recorder.keep("spring-relay-operator-closes", watch)
    await connected_again(relay, connected)


async def test_the_broker_is_stopped_and_started(rabbit: RabbitMq, relay: Spring, recorder: Recorder) -> None:
    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "idle", command="MESSAGE", count=3)
        await asyncio.to_thread(rabbit.ctl, "stop_app")

    connected = relay.log.count(CONNECTED)
    watch = await watched(pair(relay, "websocket"), ("chatty", "idle"), strike=strike)
    try:
        down = await watched(sessions(relay.port, "xhr-streaming", "A"), ("A",), status=3)
    finally:
        await asyncio.to_thread(rabbit.ctl, "start_app")
    assert down.the("close")["error"] == "Broker not available."
    recorder.keep("spring-relay-broker-stopped", watch)
    recorder.keep("spring-relay-broker-down", down)
    await connected_again(relay, connected)


@pytest.mark.parametrize("who", ["client", "system"])
async def test_its_login_is_refused(rabbit: RabbitMq, start: Starter, recorder: Recorder, who: str) -> None:
    """Spring itself logs in as ``system`` and for its clients as ``client``, with a passcode that is no more."""
    wrong = {"relay_client": "guest:last-year"} | ({"relay_system": "guest:last-year"} if who == "system" else {})
    relay = start(Spring, relay=rabbit.stomp_port, **wrong)
    words = [*sessions(relay.port, "websocket" if who == "client" else "ws", "A"), "--open-timeout", "6"]
    recorder.keep(f"spring-relay-{who}-login-refused", await watched(words, ("A",), status=3))


async def test_the_broker_is_killed(rabbit: RabbitMq, relay: Spring, recorder: Recorder) -> None:
    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "idle", command="MESSAGE", count=4)
        rabbit.sigkill()

    watch = await watched(pair(relay, "xhr-polling", "--heart-beat", "6000,6000"), ("chatty", "idle"), strike=strike)
    recorder.keep("spring-relay-broker-sigkill", watch)

"""Servers that fall silent: programs that stand still while their kernel answers, and some that only forget to beat."""

import pytest

from tests.probing import ask, probing, run, seen
from tests.servers.brokers import broker_named
from tests.servers.frozen import frozen
from tests.servers.haproxy import HaProxy
from tests.servers.nginx import Certificate
from tests.servers.node import NodeStomp, NodeWs
from tests.servers.ports import LOOPBACK
from tests.servers.python import PythonWs
from tests.servers.recordings import Recorder
from tests.servers.spring import LOGIN, Spring
from tests.servers.starting import Starter
from tests.servers.takes import Take
from tests.servers.together import together
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

BEATS = ("--heart-beat", "1000,1000")
PINGS = ("--ping-interval", "0.5", "--ping-timeout")
QUIT = ("--stdin", "--close-timeout", "0.5")


async def silence(watch: Watch, *sessions: str) -> None:
    """Returns when from now on the server's beats are missed and the kernel has told twice how the connection is."""
    told = {session: len(watch.of("tcp_info", session, when="silent")) for session in sessions}
    missed = {session: len(watch.of("heartbeat", session, layer="stomp-in", state="missed")) for session in sessions}
    for session in sessions:
        await seen(watch, "heartbeat", session, layer="stomp-in", state="missed", count=missed[session] + 1)
        await seen(watch, "tcp_info", session, when="silent", count=told[session] + 2)


def assert_acknowledged(watch: Watch, session: str) -> None:
    """The server's kernel has taken all we sent."""
    assert watch.of("tcp_info", session)[-1]["unacked"] == 0


async def test_a_frozen_broker_still_there(request: pytest.FixtureRequest, take: Take, recorder: Recorder) -> None:
    """Both sessions are left while it stands still: our Close is not answered."""

    async def freezes(product: str, beats: int) -> None:
        broker = brokers[product]
        async with probing(broker.url, "-n", "2", *broker.options, *BEATS, *QUIT) as watch:
            for session in ("A1", "A2"):
                await seen(watch, "stomp", session, command="beat", dir="in", count=beats)
            with frozen(broker.pid):
                await silence(watch, "A1", "A2")
                await watch.command("quit")
                assert await watch.finish() == 0
        for session in ("A1", "A2"):
            assert_acknowledged(watch, session)
            close = watch.the("close", session)
            assert close["initiator"] == "local" and close["idle_rx"] > 1.9
        recorder.keep(take.of(f"{product}-frozen"), watch)

    ways = {"rabbitmq": take.one_of("", "-tcp", "-tls"), "activemq": "", "spring": take.one_of("", "-sockjs")}
    brokers = {product: broker_named(f"{product}{way}", request) for product, way in ways.items()}
    await together(freezes(product, take.one_of(1, 2)) for product in ways)


async def test_a_frozen_broker_that_never_lets_us_in(
    request: pytest.FixtureRequest, take: Take, recorder: Recorder
) -> None:
    """Its kernel accepts the connection; the answer to the first words never comes."""

    async def opens(product: str, seconds: float) -> None:
        broker = brokers[product]
        with frozen(broker.pid):
            watch, status = await run(broker.url, *broker.options, "--open-timeout", str(seconds))
        assert status == 3
        end = watch.the("end")
        assert (end["how"], end["detail"]) == ("timeout", "open-timeout")
        recorder.keep(take.of(f"{product}-frozen-at-the-door"), watch)

    ways = {"rabbitmq": take.one_of("", "-tcp"), "activemq": "", "spring": ""}
    brokers = {product: broker_named(f"{product}{way}", request) for product, way in ways.items()}
    await together(opens(product, take.between(1.5, 3)) for product in ways)


async def a_frozen_server_that_we_ping(start: Starter, take: Take, recorder: Recorder) -> None:
    """We give up on it, and on nobody else."""
    node, python, other = start(NodeWs), start(PythonWs), start(NodeWs)

    async def freezes(name: str, server: NodeWs | PythonWs, patience: float, pongs: int) -> None:
        words = (*PINGS, str(patience), *QUIT)
        async with probing(f"silent={server.url}", f"other={other.url}", *words) as watch:
            for session in ("silent", "other"):
                await seen(watch, "frame", session, opcode=10, dir="in", count=pongs)
            with frozen(server.pid):
                await seen(watch, "close", "silent")
                assert not watch.of("close", "other")
                await watch.command("quit")
                assert await watch.finish() == 1
        close = watch.the("close", "silent")
        assert (close["initiator"], close["sent"]["code"], close["received"]) == ("local", 1011, None)
        assert_acknowledged(watch, "silent")
        recorder.keep(take.of(f"{name}-frozen-pinged"), watch)

    servers: tuple[tuple[str, NodeWs | PythonWs], ...] = (("node-ws", node), ("python-ws", python))
    await together(freezes(*one, take.between(0.8, 1.5), take.one_of(1, 2, 3)) for one in servers)


async def a_frozen_server_behind_a_proxy(
    start: Starter, certificate: Certificate, take: Take, recorder: Recorder
) -> None:
    """The proxy's kernel acknowledges whatever becomes of the server behind it."""
    backend = start(PythonWs, ping_interval=None)
    tls = take.one_of(None, certificate)
    haproxy = start(HaProxy, backend.port, certificate=tls)
    url = f"wss://localhost:{haproxy.port}/" if tls else f"ws://{LOOPBACK}:{haproxy.port}/"
    words = (*PINGS, str(take.between(0.8, 1.5)), *QUIT, "--cacert", str(certificate.ca))
    async with probing(url, "-n", "2", *words) as watch:
        for session in ("A1", "A2"):
            await seen(watch, "frame", session, opcode=10, dir="in", count=2)
        with frozen(backend.pid):
            await seen(watch, "close", count=2)
            assert await watch.finish() == 1
    for close in watch.of("close"):
        assert (close["initiator"], close["sent"]["code"]) == ("local", 1011)
    recorder.keep(take.of("haproxy-frozen-backend"), watch)


async def a_broker_that_is_back_in_time(request: pytest.FixtureRequest, take: Take, recorder: Recorder) -> None:
    """It stood still for long enough to miss a beat of its own, and nobody minds: not it, not we."""
    state = take.one_of("late", "missed")
    broker = broker_named("rabbitmq", request)
    async with probing(broker.url, *broker.options, *BEATS, *QUIT) as watch:
        await seen(watch, "stomp", command="beat", dir="in", count=2)
        with frozen(broker.pid):
            await seen(watch, "heartbeat", layer="stomp-in", state=state)
        await seen(watch, "heartbeat", layer="stomp-in", state="recovered")
        beats = len(watch.of("stomp", command="beat", dir="in"))
        await seen(watch, "stomp", command="beat", dir="in", count=beats + 3)
        await watch.command("quit")
        assert await watch.finish() == 0
    recorder.keep(take.of("rabbitmq-frozen-for-a-moment"), watch)


async def springs_scheduler_is_blocked(spring: Spring, take: Take, recorder: Recorder) -> None:
    """One task of the application occupies the thread that beats. Tomcat answers pings all the same."""
    beats = take.one_of(1, 2)
    blocked = take.one_of(5000, 6000)
    words = (spring.ws_url, *LOGIN, *BEATS, *QUIT)
    pings = ("--ping-interval", str(take.between(0.5, 0.9)))
    async with probing(*words, "-n", "2") as plain, probing(*words, *pings) as pinged:
        for watch, session in ((plain, "A1"), (plain, "A2"), (pinged, "A")):
            await seen(watch, "stomp", session, command="beat", dir="in", count=beats)
        missed = len(pinged.of("heartbeat", layer="stomp-in", state="missed"))
        await ask(pinged, f"stomp-send /app/block/{blocked} x")
        await silence(plain, "A1", "A2")
        await seen(pinged, "heartbeat", layer="stomp-in", state="missed", count=missed + 1)
        pongs = len(pinged.of("frame", opcode=10, dir="in"))
        await seen(pinged, "frame", opcode=10, dir="in", count=pongs + 1)
        for watch in (plain, pinged):
            await watch.command("quit")
            assert await watch.finish() == 0
    for session in ("A1", "A2"):
        assert_acknowledged(plain, session)
        assert plain.the("close", session)["idle_rx"] > 1.9
    recorder.keep(take.of("spring-blocked-scheduler"), plain)
    recorder.keep(take.of("spring-blocked-scheduler-pinged"), pinged)


async def a_server_that_forgets_to_beat(start: Starter, take: Take, recorder: Recorder) -> None:
    """It answers all that asks for a receipt, but beats no more."""
    server = start(NodeStomp, beatEvery=take.one_of(500, 700), beats=take.one_of(1, 2, 3))
    async with probing(server.url, "--heart-beat", "1000,500", *QUIT) as watch:
        await seen(watch, "heartbeat", layer="stomp-in", state="missed")
        await ask(watch, r"stomp-frame SEND\ndestination:/queue/a\nreceipt:there\n\n\0")
        await seen(watch, "stomp", command="RECEIPT", dir="in")
        await seen(watch, "heartbeat", layer="stomp-in", state="missed", count=2)
        await watch.command("quit")
        assert await watch.finish() == 0
    recorder.keep(take.of("node-stomp-forgets-to-beat"), watch)


async def test_all_that_disturb_no_other(
    request: pytest.FixtureRequest,
    start: Starter,
    certificate: Certificate,
    spring: Spring,
    take: Take,
    recorder: Recorder,
) -> None:
    await together(
        (
            a_frozen_server_that_we_ping(start, take, recorder),
            a_frozen_server_behind_a_proxy(start, certificate, take, recorder),
            a_broker_that_is_back_in_time(request, take, recorder),
            springs_scheduler_is_blocked(spring, take, recorder),
            a_server_that_forgets_to_beat(start, take, recorder),
        )
    )

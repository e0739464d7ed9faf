"""Clients whose beats come late or not at all: what brokers do to them, to whom else, and what they put up with."""

import pytest

from tests.probing import probing, run, seen
from tests.servers.brokers import Broker, broker_named
from tests.servers.nginx import Nginx
from tests.servers.node import NodeStomp
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import LOGIN, RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.takes import Take
from tests.servers.together import together
from tests.watching import Line, Watch

pytestmark = pytest.mark.real

NEVER = "throttle-beats 60000"
"""A hidden browser tab: its timers fire once a minute."""

CODES = {"rabbitmq": 1000, "spring": 1002, "spring-sockjs": 1002}
"""What a broker says to a client that missed its beats; over TCP none says anything."""


def assert_dropped(close: Line, name: str) -> None:
    """The broker ended it, as that broker does. A RST comes where our echo or our last bytes lay unread."""
    assert (close["code"], close["initiator"]) == (CODES.get(name), "remote")
    assert close["transport"]["how"] in ("fin", "reset")


async def one_of_two(late: str, well: str, options: tuple[str, ...], fault: str) -> Watch:
    """Two sessions, of which ``late`` is dropped for a fault of its own; the other is left well."""
    words = (*options, "--heart-beat", "1000,1000", "--do", fault, "--stdin")
    async with probing(f"late={late}", f"well={well}", *words) as watch:
        await seen(watch, "close", "late")
        assert not watch.of("close", "well")
        await watch.command("quit")
        assert await watch.finish() == 1
    assert 1.9 < watch.the("close", "late")["idle_tx"] < 5
    assert watch.the("close", "well")["asked"] is True
    return watch


@pytest.mark.extra
async def test_one_of_two(
    request: pytest.FixtureRequest, broker: RabbitMq, start: Starter, take: Take, recorder: Recorder
) -> None:
    brokers = {name: broker_named(name, request) for name in ("rabbitmq", "rabbitmq-tls", "activemq", "spring-sockjs")}
    nginx = start(Nginx, broker.port)
    patient = start(NodeStomp, beatEvery=1000, beats=1000)

    async def at(name: str, fault: str) -> None:
        url = brokers[name].url
        watch = await one_of_two(url, url, brokers[name].options, fault)
        assert_dropped(watch.the("close", "late"), name)
        recorder.keep(take.of(f"{name}-one-misses-its-beats"), watch)

    async def behind_nginx(fault: str) -> None:
        """The Close comes through a proxy, and a session elsewhere with the same beats lives on."""
        watch = await one_of_two(f"stomp+ws://{LOOPBACK}:{nginx.port}/ws", patient.url, LOGIN, fault)
        assert_dropped(watch.the("close", "late"), "rabbitmq")
        recorder.keep(take.of("rabbitmq-nginx-held-beats"), watch)

    faults = [f"{take.between(0, 1)} late: {take.one_of(NEVER, 'hold-beats')}" for _ in brokers]
    await together(
        (
            *(at(*one) for one in zip(brokers, faults, strict=True)),
            behind_nginx(f"{take.between(0, 1)} late: hold-beats"),
        )
    )


async def tolerated(broker: Broker, every: int, late: int, seconds: float) -> Watch:
    """One session's beats come late, another sends other frames instead."""
    words = (
        *broker.options, "--heart-beat", f"{every},1000", "--duration", str(seconds),
        "--do", f"0 late: throttle-beats {late}", "--do", "0 busy: hold-beats",
        *(f"--do={0.4 + 0.9 * n:.1f} busy: stomp-send /topic/x {n}" for n in range(int(seconds))),
    )  # fmt: skip
    watch, status = await run(f"late={broker.url}", f"busy={broker.url}", *words)
    assert status == 0
    assert "late" in {line["state"] for line in watch.of("heartbeat", "late", layer="stomp-out")}
    return watch


@pytest.mark.extra
async def test_all_of_a_client(request: pytest.FixtureRequest, take: Take, recorder: Recorder) -> None:
    brokers = {name: broker_named(name, request) for name in ("rabbitmq", "rabbitmq-tcp", "activemq", "spring")}

    async def both(name: str, later: float) -> None:
        """One after the other stops."""
        url, options, _ = brokers[name]
        words = ("--do", "0 A1: hold-beats", "--do", f"{later} A2: {NEVER}")
        watch, status = await run(url, "-n", "2", *options, "--heart-beat", "1000,1000", *words)
        assert status == 1
        for session in ("A1", "A2"):
            assert_dropped(watch.the("close", session), name)
        recorder.keep(take.of(f"{name}-two-miss-their-beats"), watch)

    async def freezes(name: str, moment: float, pause: float) -> None:
        """It learns of its end when it is back, having sent the beat that is due: all the broker said lies there."""
        url, options, _ = brokers[name]
        watch, status = await run(url, *options, "--heart-beat", "1000,1000", "--do", f"{moment} freeze {pause}")
        assert status == 1
        assert_dropped(watch.the("close"), name)
        assert watch.the("close")["age"] > moment + pause - 0.2
        recorder.keep(take.of(f"{name}-frozen-client"), watch)

    async def keeps(name: str, every: int, late: int, seconds: float) -> None:
        """RabbitMQ wants a byte at every second look, Spring one in 3 n; another frame is as good as a beat."""
        watch = await tolerated(brokers[name], every, late, seconds)
        recorder.keep(take.of(f"{name}-tolerated-beats"), watch)

    await together(
        (
            *(both(name, take.between(0.3, 1.5)) for name in ("rabbitmq-tcp", "activemq", "spring")),
            *(freezes(name, take.between(0.1, 0.5), take.between(4, 4.5)) for name in ("rabbitmq", "spring")),
            keeps("rabbitmq", 2000, 2800, take.between(4, 5.5)),
            keeps("spring", 1000, 2000, take.between(4, 5.5)),
        )
    )

"""Clients whose beats come late or not at all: what brokers do to them, to whom else, and what they put up with."""

import pytest

from tests.probing import probing, run, seen
from tests.servers.brokers import broker_named
from tests.servers.nginx import Nginx
from tests.servers.node import NodeStomp
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import LOGIN, RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.takes import Take
from tests.servers.together import together
from tests.watching import Line

pytestmark = pytest.mark.real

NEVER = "throttle-beats 60000"
"""A hidden browser tab: its timers fire once a minute."""

CODES = {"rabbitmq": 1000, "spring": 1002, "spring-sockjs": 1002}
"""What a broker says to a client that missed its beats; over TCP none says anything."""


def assert_dropped(close: Line, name: str) -> None:
    """The broker ended it, as that broker does. A RST comes where our echo or our last bytes lay unread."""
    assert (close["code"], close["initiator"]) == (CODES.get(name), "remote")
    assert close["transport"]["how"] in ("fin", "reset")


@pytest.mark.parametrize(
    "names", [("rabbitmq", "activemq"), ("rabbitmq-tls", "spring-sockjs")], ids=lambda names: "+".join(names)
)
async def test_one_of_two(
    names: tuple[str, ...], request: pytest.FixtureRequest, take: Take, recorder: Recorder
) -> None:
    async def one_of_two(name: str, fault: str, moment: float) -> None:
        broker = broker_named(name, request)
        words = (*broker.options, "--heart-beat", "1000,1000", "--do", f"{moment} late: {fault}", "--stdin")
        async with probing(f"late={broker.url}", f"well={broker.url}", *words) as watch:
            await seen(watch, "close", "late")
            assert not watch.of("close", "well")
            await watch.command("quit")
            assert await watch.finish() == 1
        assert_dropped(watch.the("close", "late"), name)
        assert 1.9 < watch.the("close", "late")["idle_tx"] < 5
        assert watch.the("close", "well")["asked"] is True
        recorder.keep(take.of(f"{name}-one-misses-its-beats"), watch)

    await together(one_of_two(name, take.one_of(NEVER, "hold-beats"), take.between(0, 1)) for name in names)


async def test_both_one_after_the_other(request: pytest.FixtureRequest, take: Take, recorder: Recorder) -> None:
    async def both(name: str, later: float) -> None:
        broker = broker_named(name, request)
        words = ("--do", "0 A1: hold-beats", "--do", f"{later} A2: {NEVER}")
        watch, status = await run(broker.url, "-n", "2", *broker.options, "--heart-beat", "1000,1000", *words)
        assert status == 1
        for session in ("A1", "A2"):
            assert_dropped(watch.the("close", session), name)
        recorder.keep(take.of(f"{name}-two-miss-their-beats"), watch)

    await together(both(name, take.between(0.3, 1.5)) for name in ("rabbitmq-tcp", "activemq", "spring"))


async def test_a_client_that_does_nothing_for_a_while(
    request: pytest.FixtureRequest, take: Take, recorder: Recorder
) -> None:
    """It learns of its end when it is back, having sent the beat that is due: all the broker said lies there."""

    async def freezes(name: str, moment: float, pause: float) -> None:
        broker = broker_named(name, request)
        words = (*broker.options, "--heart-beat", "1000,1000", "--do", f"{moment} freeze {pause}")
        watch, status = await run(broker.url, *words)
        assert status == 1
        close = watch.the("close")
        assert_dropped(close, name)
        assert close["age"] > moment + pause - 0.2
        recorder.keep(take.of(f"{name}-frozen-client"), watch)

    await together(freezes(name, take.between(0.1, 0.5), take.between(4, 5)) for name in ("rabbitmq", "spring"))


async def test_behind_nginx_beside_another_server(
    broker: RabbitMq, start: Starter, take: Take, recorder: Recorder
) -> None:
    """The Close comes through a proxy, and a session elsewhere with the same beats lives on."""
    nginx = start(Nginx, broker.port)
    patient = start(NodeStomp, beatEvery=1000, beats=1000)
    words = ("--heart-beat", "1000,1000", "--stdin", "--do", f"{take.between(0, 1)} late: hold-beats")
    url = f"stomp+ws://{LOOPBACK}:{nginx.port}/ws"
    async with probing(f"late={url}", f"elsewhere={patient.url}", *LOGIN, *words) as watch:
        await seen(watch, "close", "late")
        await watch.command("quit")
        assert await watch.finish() == 1
    close = watch.the("close", "late")
    assert (close["code"], close["reason"], close["initiator"]) == (1000, "STOMP died", "remote")
    recorder.keep(take.of("rabbitmq-nginx-held-beats"), watch)


async def test_beats_that_are_late_but_tolerated(
    request: pytest.FixtureRequest, take: Take, recorder: Recorder
) -> None:
    """RabbitMQ wants a byte at every second look, Spring one in 3 n; another frame is as good as a beat."""

    async def tolerated(name: str, every: int, late: int, seconds: float) -> None:
        broker = broker_named(name, request)
        words = (
            *broker.options, "--heart-beat", f"{every},1000", "--duration", str(seconds),
            "--do", f"0 late: throttle-beats {late}", "--do", "0 busy: hold-beats",
            *(f"--do={0.4 + 0.9 * n:.1f} busy: stomp-send /topic/x {n}" for n in range(int(seconds))),
        )  # fmt: skip
        watch, status = await run(f"late={broker.url}", f"busy={broker.url}", *words)
        assert status == 0
        assert "late" in {line["state"] for line in watch.of("heartbeat", "late", layer="stomp-out")}
        recorder.keep(take.of(f"{name}-tolerated-beats"), watch)

    cases = (("rabbitmq", 2000, 2800), ("spring", 1000, 2000))
    await together(tolerated(*case, take.between(4.5, 6)) for case in cases)

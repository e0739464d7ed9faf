"""Spring applications that are stopped, killed, out of memory or held while sessions of every transport live."""

import os
import signal

import pytest

from tests.probing import seen
from tests.servers.frozen import frozen
from tests.servers.looks import every, signalled, watched
from tests.servers.nginx import Certificate
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring, sessions
from tests.servers.starting import Starter
from tests.servers.test_silent_server import silence
from tests.servers.transports import over_all_transports
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

ORDERS = "stomp-send /topic/orders one more"


async def test_a_graceful_stop_over_tls(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    tls = (f"--server.ssl.certificate={certificate.chain}", f"--server.ssl.certificate-private-key={certificate.key}")
    spring = start(Spring, options=(*tls, "--server.shutdown=graceful"), heart_beat="4100,4700")
    words = sessions(spring.port, "ws", "chatty", "idle", tls=True)
    words += ["--cacert", str(certificate.ca), "--do", "0.2 chatty: subscribe /topic/orders"]
    words += every(0.57, ORDERS, 5, "chatty", after=0.3)
    watch = await watched(
        words, ("chatty", "idle"), ok=False, strike=signalled(spring.pid, signal.SIGTERM, "chatty", 3)
    )
    recorder.keep("spring-stop-ws", watch)


@over_all_transports
async def test_a_stop_at_once(start: Starter, recorder: Recorder, transport: str) -> None:
    spring = start(Spring, options=("--server.shutdown=immediate",), heart_beat="", sockjs_heart_beat=1900)
    words = [*sessions(spring.port, transport, "chatty", "idle"), "--do", "0.2 chatty: subscribe /topic/orders"]
    words += every(0.63, ORDERS, 5, "chatty", after=0.3)

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "idle", command="CONNECTED")
        await seen(watch, "stomp", "chatty", command="MESSAGE", count=3)
        os.kill(spring.pid, signal.SIGTERM)

    watch = await watched(words, ("chatty", "idle"), ok=False, strike=strike)
    recorder.keep(f"spring-stop-{transport}", watch)


async def test_one_report_is_too_much_for_its_memory(start: Starter, recorder: Recorder) -> None:
    spring = start(Spring, jvm=("-XX:+ExitOnOutOfMemoryError",), heart_beat="2100,2100")
    words = sessions(spring.port, "ws", "hungry", "idle")
    words += ["--heart-beat", "2000,2000", "--do", "2.6 hungry: stomp-send /app/hoard report 2026"]
    watch = await watched(words, ("hungry", "idle"), ok=False)
    assert "OutOfMemoryError" in spring.log
    recorder.keep("spring-out-of-memory", watch)


async def test_it_is_killed_under_polls(start: Starter, recorder: Recorder) -> None:
    spring = start(Spring, heart_beat="2300,2700")
    words = [*sessions(spring.port, "xhr-polling", "chatty", "idle"), "--heart-beat", "3000,3000"]
    words += ["--do", "0.2 chatty: subscribe /topic/orders", *every(0.51, ORDERS, 5, "chatty", after=0.3)]

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "idle", command="CONNECTED")
        await seen(watch, "stomp", "chatty", command="MESSAGE", count=4)
        os.kill(spring.pid, signal.SIGKILL)

    watch = await watched(words, ("chatty", "idle"), ok=False, strike=strike)
    recorder.keep("spring-killed-xhr-polling", watch)


async def test_it_stands_still_under_streams(start: Starter, echo_port: int, recorder: Recorder) -> None:
    """It promised beats; a session with another server lives on. Ours are left while it is silent."""
    spring = start(Spring, heart_beat="1300,1300")
    words = [*sessions(spring.port, "xhr-streaming", "desk", "phone"), f"elsewhere=ws://{LOOPBACK}:{echo_port}/"]
    words += ["--heart-beat", "1200,1200", "--close-timeout", "0.5", *every(1.1, "send hello", 9, "elsewhere")]

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "phone", command="beat", dir="in", count=2)
        os.kill(spring.pid, signal.SIGSTOP)
        await silence(watch, "desk", "phone")

    recorder.keep("spring-frozen-xhr-streaming", await watched(words, (), status=0, strike=strike))


async def test_it_stands_still_under_pings(start: Starter, recorder: Recorder) -> None:
    """No beats were agreed; the client pings."""
    spring = start(Spring, heart_beat="")
    words = [*sessions(spring.port, "ws", "desk", "phone"), "--heart-beat", "0,0"]
    words += ["--ping-interval", "1.4", "--ping-timeout", "2.3"]

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "phone", opcode=10, dir="in", count=2)
        os.kill(spring.pid, signal.SIGSTOP)

    recorder.keep("spring-frozen-pinged", await watched(words, ("desk", "phone"), strike=strike))


async def test_a_pause_that_everybody_forgives(start: Starter, recorder: Recorder) -> None:
    """As long as a collection of a large heap: a beat or two are late, then all goes on."""
    spring = start(Spring, heart_beat="1000,1000")
    words = [*sessions(spring.port, "websocket", "desk", "phone"), "--heart-beat", "1000,1000"]

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "phone", command="beat", dir="in", count=2)
        with frozen(spring.pid):
            await seen(watch, "heartbeat", layer="stomp-in", state="late")
        beats = {name: len(watch.of("stomp", name, command="beat", dir="in")) for name in ("desk", "phone")}
        for name, count in beats.items():
            await seen(watch, "stomp", name, command="beat", dir="in", count=count + 3)

    recorder.keep("spring-paused-and-well", await watched(words, (), status=0, strike=strike))


async def test_it_stands_still_when_somebody_comes(start: Starter, recorder: Recorder) -> None:
    spring = start(Spring)
    words = [*sessions(spring.port, "websocket", "A"), "--open-timeout", "3.5"]
    with frozen(spring.pid):
        watch = await watched(words, ("A",), ok=False, status=3)
    recorder.keep("spring-sockjs-frozen-at-the-door", watch)

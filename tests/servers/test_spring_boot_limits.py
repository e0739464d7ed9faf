"""Limits of Spring and its Tomcat: slow readers, busy threads, connections, headers, streams, polls; and its TLS."""

from collections.abc import Iterator

import pytest

from tests.probing import ask, seen
from tests.servers.looks import every, watched
from tests.servers.nginx import Certificate
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring, sessions
from tests.servers.starting import Starter, starting
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

ORDERS = "stomp-send /topic/orders one more"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spring]:
    """An application that beats never, takes what its clients say in order and keeps streams short."""
    with starting(tmp_path_factory.mktemp("shop")) as start:
        yield start(Spring, heart_beat="", inbound_threads=1, sockjs_stream_bytes=4000)


@pytest.mark.parametrize(("transport", "limit"), [("xhr-streaming", "time"), ("websocket", "buffer")])
async def test_a_slow_reader(start: Starter, recorder: Recorder, transport: str, limit: str) -> None:
    """One of two is told much and does not read for a while: too long for a send, or too much waits behind it."""
    time, buffer = (1500, 1 << 24) if limit == "time" else (60000, 250000)
    spring = start(
        Spring,
        heart_beat="",
        kernel_buffer=8192,
        sockjs_stream_bytes=1 << 24,
        send_time_limit=time,
        send_buffer_limit=buffer,
    )
    words = [*sessions(spring.port, transport, "slow", "well"), "--no-compression", "--heart-beat", "0,0"]
    words += every(0.4, "stomp-send /app/prices/3/40000 x", 5.2, "well", after=2)

    async def strike(watch: Watch) -> None:
        for session in ("slow", "well"):
            await seen(watch, "stomp", session, command="CONNECTED")
        await ask(watch, "subscribe /topic/prices", "slow")
        await ask(watch, "stomp-send /app/prices/1/10 x", "well")
        await seen(watch, "stomp", "slow", command="MESSAGE")
        await ask(watch, "freeze 5", "slow")

    watch = await watched(words, ("slow",), strike=strike)
    assert watch.the("close", "slow")["initiator"] == "remote"
    recorder.keep("spring-slow-reader-buffer" if limit == "buffer" else "spring-slow-reader-xhr-streaming", watch)


async def test_its_one_thread_is_busy_when_somebody_comes(shop: Spring, recorder: Recorder) -> None:
    words = [*sessions(shop.port, "ws", "busy", "late"), "--stagger", "1.3", "--open-timeout", "3.2"]
    words += ["--do", "0.2 busy: stomp-send /app/sleep/5500 the monthly report"]
    recorder.keep("spring-threads-busy-at-connect", await watched(words, ("late",), status=3))


async def test_its_one_thread_is_busy_and_all_wait(shop: Spring, recorder: Recorder) -> None:
    words = [*sessions(shop.port, "websocket", "clerk", "cook"), "--subscribe", "/topic/orders"]
    words += ["--do", "0.5 clerk: stomp-send /app/sleep/3200 a report", *every(0.9, ORDERS, 2.9, "cook")]

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "cook", command="MESSAGE", count=3)

    recorder.keep("spring-threads-busy-and-well", await watched(words, (), status=0, strike=strike))


async def test_its_handler_fails(shop: Spring, recorder: Recorder) -> None:
    """Its log says so; its clients are told nothing, and live on."""
    words = [*sessions(shop.port, "ws", "A"), "--subscribe", "/topic/orders", "--do", "2.6 " + ORDERS]
    words += [word for at in ("0.4", "1.5") for word in ("--do", f"{at} stomp-send /app/fail order 66")]

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", command="MESSAGE")

    watch = await watched(words, (), status=0, strike=strike)
    assert "no such order" in shop.log
    recorder.keep("spring-handler-fails-and-well", watch)


async def test_tomcat_has_all_the_connections_it_takes(start: Starter, recorder: Recorder) -> None:
    spring = start(Spring, options=("--server.tomcat.max-connections=2",), heart_beat="5000,5000")
    words = [*sessions(spring.port, "ws", "first", "second", "third"), "--stagger", "0.9", "--open-timeout", "3.4"]
    recorder.keep("spring-tomcat-full", await watched(words, ("third",), status=3))


async def test_a_cookie_too_many(shop: Spring, recorder: Recorder) -> None:
    words = [*sessions(shop.port, "ws", "A"), "--cookie", "theme=dark", "--cookie", f"basket={9000 * 'x'}"]
    watch = await watched(words, ("A",), status=3)
    assert watch.the("http", dir="in")["status"] == 400
    recorder.keep("spring-big-cookie", watch)


async def test_a_stream_is_renewed_whenever_it_is_full(shop: Spring, recorder: Recorder) -> None:
    words = [*sessions(shop.port, "xhr-streaming", "A"), "--subscribe", "/topic/orders"]
    words += every(0.37, f"{ORDERS} {900 * 'x'}", 4.5)

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", command="MESSAGE", count=12)

    watch = await watched(words, (), status=0, strike=strike)
    assert len([line for line in watch.of("http", dir="out") if line["target"].endswith("xhr_streaming")]) > 2
    recorder.keep("spring-stream-renewed-and-well", watch)


async def test_a_page_that_does_not_poll(start: Starter, recorder: Recorder) -> None:
    shop = start(Spring, heart_beat="", sockjs_heart_beat=1100, sockjs_disconnect_delay=1400)
    words = [*sessions(shop.port, "xhr-polling", "hidden", "shown"), *every(1.3, ORDERS, 8, "shown")]
    watch = await watched([*words, "--do", "1.1 hidden: pause-polling 4.5"], ("hidden",))
    recorder.keep("spring-does-not-poll", watch)


async def test_its_tls(shop: Spring, start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Plain to its TLS port, TLS with a certificate nobody knows, and TLS to its plain port."""
    tls = (f"--server.ssl.certificate={certificate.chain}", f"--server.ssl.certificate-private-key={certificate.key}")
    spring = start(Spring, options=tls)
    scenarios = {
        "spring-plain-to-tls": sessions(spring.port, "websocket", "A"),
        "spring-certificate-untrusted": sessions(spring.port, "websocket", "A", tls=True),
        "spring-tls-to-plain": sessions(shop.port, "ws", "A", tls=True),
    }
    for name, words in scenarios.items():
        recorder.keep(name, await watched(words, ("A",), ok=False, status=3))

"""Spring behind nginx or HAProxy: idle, reloaded, restarted, with no backend, between two of them, set up wrongly."""

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from tests.probing import seen
from tests.servers.frozen import frozen
from tests.servers.haproxy import HaProxy
from tests.servers.looks import every, signalled, watched
from tests.servers.nginx import Certificate, Nginx
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring, sessions
from tests.servers.starting import Starter, starting
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

ORDERS = "stomp-send /topic/orders one more"


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Spring, Spring]]:
    """Two applications that none of these tests may end."""
    with starting(tmp_path_factory.mktemp("shops")) as start:
        yield start(Spring, heart_beat="1300,0"), start(Spring, heart_beat="1300,0")


@pytest.fixture
def shop(shops: tuple[Spring, Spring]) -> Spring:
    """One of them."""
    return shops[0]


def pair(port: int, transport: str) -> list[str]:
    """One session that talks, and hears itself, and one that does neither."""
    words = [*sessions(port, transport, "chatty", "idle"), "--heart-beat", "0,0"]
    return [*words, "--do", "0.1 chatty: subscribe /topic/orders", *every(0.73, ORDERS, 5, "chatty", after=0.2)]


async def test_haproxys_tunnel_is_idle(
    shop: Spring, start: Starter, certificate: Certificate, recorder: Recorder
) -> None:
    proxy = start(HaProxy, shop.port, tunnel=3.2, certificate=certificate)
    words = [*sessions(proxy.port, "ws", "busy", "quiet", tls=True), "--cacert", str(certificate.ca)]
    watch = await watched([*words, "--heart-beat", "0,0", *every(1.2, ORDERS, 7, "busy")], ("quiet",))
    assert watch.the("close", "quiet")["transport"]["how"] == "fin"
    recorder.keep("spring-haproxy-idle", watch)


async def test_beats_of_the_server_alone_keep_nginx_content(shop: Spring, start: Starter, recorder: Recorder) -> None:
    proxy = start(Nginx, shop.port, 2.4)
    words = [*sessions(proxy.port, "websocket", "A"), "--heart-beat", "0,1000"]

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", command="beat", dir="in", count=6)

    recorder.keep("spring-nginx-one-way-beats-and-well", await watched(words, (), status=0, strike=strike))


async def test_nginx_is_reloaded(shop: Spring, start: Starter, recorder: Recorder) -> None:
    proxy = start(Nginx, shop.port, shutdown_timeout=0.8, rules="proxy_buffering off;")
    words = [*sessions(proxy.port, "ws", "desk"), *sessions(proxy.port, "xhr-streaming", "phone")]
    words += ["--heart-beat", "2000,1000", *every(0.6, ORDERS, 5, "desk")]

    async def strike(watch: Watch) -> None:
        for session in ("desk", "phone"):
            await seen(watch, "stomp", session, command="beat", dir="in")
        proxy.reload()

    recorder.keep("spring-nginx-reload", await watched(words, ("desk", "phone"), strike=strike))


async def test_haproxy_is_restarted(shop: Spring, start: Starter, recorder: Recorder) -> None:
    proxy = start(HaProxy, shop.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "chatty", command="MESSAGE", count=3)
        await asyncio.to_thread(proxy.end, signal.SIGTERM)
        await asyncio.to_thread(proxy.begin)

    watch = await watched(pair(proxy.port, "websocket"), ("chatty", "idle"), strike=strike)
    recorder.keep("spring-haproxy-restarted", watch)


async def test_haproxys_operator_shuts_its_sessions(shop: Spring, start: Starter, recorder: Recorder) -> None:
    proxy = start(HaProxy, shop.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "chatty", command="MESSAGE", count=4)
        proxy.say("shutdown sessions server back/1")

    watch = await watched(pair(proxy.port, "ws"), ("chatty", "idle"), strike=strike)
    recorder.keep("spring-haproxy-sessions-shut", watch)


async def test_it_is_killed_behind_nginx(start: Starter, recorder: Recorder) -> None:
    spring = start(Spring, heart_beat="")
    proxy = start(Nginx, spring.port)
    strike = signalled(spring.pid, signal.SIGKILL, "chatty", 5)
    watch = await watched(pair(proxy.port, "websocket"), ("chatty", "idle"), stage="http", ok=False, strike=strike)
    recorder.keep("spring-nginx-backend-killed", watch)


async def test_one_of_two_is_stopped_for_a_new_version(start: Starter, recorder: Recorder) -> None:
    """HAProxy gives each its session in turn; who asks again comes to the one that is there."""
    springs = [start(Spring, heart_beat="2200,2200") for _ in range(2)]
    proxy = start(HaProxy, *(spring.port for spring in springs), options="option redispatch\n    retries 3")
    words = [*sessions(proxy.port, "ws", "first", "second"), "--stagger", "0.7", "--heart-beat", "3000,3000"]

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "second", command="beat", dir="in")
        os.kill(springs[0].pid, signal.SIGTERM)

    recorder.keep("spring-haproxy-rolling-stop", await watched(words, ("first",), strike=strike))


async def test_nobody_is_behind_it(start: Starter, recorder: Recorder) -> None:
    (nobody,) = free_ports(1)
    nginx, haproxy = start(Nginx, nobody), start(HaProxy, nobody)
    watch = await watched(sessions(nginx.port, "websocket", "A"), ("A",), ok=False, status=3)
    assert 502 in {line["status"] for line in watch.of("http", dir="in")}
    recorder.keep("spring-nginx-502", watch)
    watch = await watched(sessions(haproxy.port, "ws", "A"), ("A",), ok=False, status=3)
    assert 503 in {line["status"] for line in watch.of("http", dir="in")}
    recorder.keep("spring-haproxy-503", watch)


async def test_it_stands_still_behind_nginx(start: Starter, recorder: Recorder) -> None:
    spring = start(Spring)
    proxy = start(Nginx, spring.port, 2.1)
    with frozen(spring.pid):
        watch = await watched(sessions(proxy.port, "ws", "A"), ("A",), ok=False, status=3)
    assert 504 in {line["status"] for line in watch.of("http", dir="in")}
    recorder.keep("spring-nginx-504", watch)


@pytest.mark.parametrize("transport", ["xhr-streaming", "xhr-polling"])
async def test_haproxy_forgets_who_had_whom(
    shops: tuple[Spring, Spring], start: Starter, recorder: Recorder, transport: str
) -> None:
    proxy = start(HaProxy, *(shop.port for shop in shops))
    words = [*sessions(proxy.port, transport, "A"), "--open-timeout", "6"]
    watch = await watched(words, ("A",), ok=False, status=3)
    recorder.keep(f"spring-haproxy-not-sticky-{transport}", watch)


async def test_websockets_do_not_mind(shops: tuple[Spring, Spring], start: Starter, recorder: Recorder) -> None:
    """What /info came from one backend, and the WebSocket goes to the other."""
    proxy = start(HaProxy, *(shop.port for shop in shops))
    words = [*sessions(proxy.port, "websocket", "A"), "--subscribe", "/topic/orders", *every(0.8, ORDERS, 4)]

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", command="MESSAGE", count=3)

    recorder.keep("spring-haproxy-not-sticky-websocket-and-well", await watched(words, (), status=0, strike=strike))


async def test_nginx_passes_no_upgrade_on(shop: Spring, start: Starter, recorder: Recorder) -> None:
    proxy = start(Nginx, shop.port, upgrades=False)
    watch = await watched(sessions(proxy.port, "ws", "A"), ("A",), ok=False, status=3)
    assert watch.the("http", dir="in")["status"] == 400
    recorder.keep("spring-nginx-strips-upgrade", watch)


async def test_nginx_holds_a_stream_back(shop: Spring, start: Starter, recorder: Recorder) -> None:
    """It is told nothing of streams, speaks HTTP/1.0 to Spring and waits for a full buffer."""
    proxy = start(Nginx, shop.port, rules=f"location /sockjs {{ proxy_pass http://{LOOPBACK}:{shop.port}; }}")
    words = [*sessions(proxy.port, "xhr-streaming", "A"), "--open-timeout", "4"]
    recorder.keep("spring-nginx-holds-the-stream-back", await watched(words, ("A",), ok=False, status=3))

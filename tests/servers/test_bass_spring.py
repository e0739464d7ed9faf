"""Spring Boot's doors: context paths, SockJS's own paths, origins, CSRF, logins, relays whose broker is away."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.probing import open_session, seen
from tests.servers.between import Table, answer, opened, says, wss
from tests.servers.lines import leave
from tests.servers.nginx import Certificate, Nginx
from tests.servers.pond import refusals, settled
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter, starting
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

ORDER = "stomp-send /topic/orders one"
ANNA: Table = {"login": "anna", "passcode": "crew"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spring]:
    """The application these tests share; none of them may end it."""
    with starting(tmp_path_factory.mktemp("shop")) as start:
        yield start(
            Spring, user="anna:crew", origins="https://shop.example", heart_beat="3000,3000", first_message=2400
        )


def stomping(port: int, path: str = "/ws", **more: object) -> Table:
    """STOMP over WebSocket at it."""
    return {"url": f"stomp+ws://{LOOPBACK}:{port}{path}", "heart_beat": "3000,3000"} | ANNA | more


def sockjs(port: int, transport: str, path: str = "/sockjs", **more: object) -> Table:
    """STOMP over SockJS at it."""
    url = f"stomp+http://{LOOPBACK}:{port}{path}"
    return {"url": url, "heart_beat": "3000,3000", "sockjs_transport": transport} | ANNA | more


async def test_nginx_passes_no_upgrade(shop: Spring, start: Starter, recorder: Recorder) -> None:
    """``proxy_pass`` alone: Spring says that it can upgrade to WebSocket only. SockJS streams by the same nginx."""
    nginx = start(Nginx, shop.port, upgrades=False, rules="proxy_buffering off;")
    watch = await refusals(
        {"app": stomping(nginx.port)},
        after=1.1,
        before=1.0,
        page=sockjs(nginx.port, "xhr-streaming", do=says(1.0, 4, ORDER)),
    )
    assert answer(watch, "app") == 400
    recorder.keep("bass-spring-nginx-can-upgrade-only-400", watch)


async def test_a_raw_client_at_the_path_of_sockjs(shop: Spring, recorder: Recorder) -> None:
    """An app has no SockJS and says ``ws://…/sockjs``: 400 without a word; ``/websocket`` is missing."""
    watch = await refusals(
        {"app": stomping(shop.port, "/sockjs")}, after=1.0, before=1.2, page=sockjs(shop.port, "websocket")
    )
    recorder.keep("bass-spring-raw-client-at-sockjs-path-400", watch)


async def test_its_websocket_is_off(shop: Spring, recorder: Recorder) -> None:
    """``setWebSocketEnabled(false)`` since the old balancer; a new kiosk wants it, the old one polls."""
    watch = await refusals(
        {"new": sockjs(shop.port, "websocket", "/sockjs-xhr")},
        after=1.2,
        before=1.0,
        old=sockjs(shop.port, "xhr-polling", "/sockjs-xhr", do=says(1.3, 4, ORDER)),
    )
    recorder.keep("bass-spring-sockjs-websocket-off", watch)


async def test_an_origin_is_not_in_its_list(shop: Spring, recorder: Recorder) -> None:
    """``setAllowedOriginPatterns`` has the shop; the preview of a branch is at another name. Raw and SockJS."""
    good = {"origin": "https://shop.example"}
    bad = {"origin": "https://pr-412.preview.shop.example"}
    watch = await refusals(
        {"preview": stomping(shop.port, **bad), "preview2": sockjs(shop.port, "xhr-streaming", **bad)},
        after=0.9,
        before=1.1,
        live=stomping(shop.port, do=says(0.9, 4, ORDER), **good),
    )
    recorder.keep("bass-spring-origin-of-a-preview-403-two", watch)


async def test_a_login_is_refused_by_its_interceptor(shop: Spring, start: Starter, recorder: Recorder) -> None:
    """An interceptor throws at CONNECT: an ERROR that says little, 1002. By nginx, SockJS, again; anna is in."""
    nginx = start(Nginx, shop.port)
    async with watching("--stdin", **POSTMORTEM) as watch:
        await opened(watch, anna=sockjs(nginx.port, "websocket", do=says(1.1, 6, ORDER)))
        await asyncio.sleep(1.0)
        wrong = sockjs(nginx.port, "websocket", login="bert", passcode="bert", reconnect=True)
        await open_session(watch, name="bert", **wrong)
        await seen(watch, "close", "bert", count=2)
        await settled(watch, "bert")
        await leave(watch, "anna")
    recorder.keep("bass-spring-nginx-interceptor-refuses-login-again", watch)


async def test_nobody_says_connect(shop: Spring, recorder: Recorder) -> None:
    """A monitor opens ``/ws`` and says nothing; Spring has 2.4 s for a first message, and looks when somebody comes."""
    async with watching("--stdin", **POSTMORTEM) as watch:
        await opened(watch, early=stomping(shop.port, do=says(1.2, 9, ORDER)))
        await open_session(watch, name="monitor", **stomping(shop.port, no_stomp_connect=True))
        for number in range(4):
            await asyncio.sleep(1.7)
            if watch.of("close", "monitor"):
                break
            await opened(watch, **{f"late{number}": stomping(shop.port)})
        await seen(watch, "close", "monitor")
        await settled(watch, "monitor")
        await leave(watch, "early")
    recorder.keep("bass-spring-no-connect-within-its-time", watch)


async def test_wss_to_8080(shop: Spring, certificate: Certificate, recorder: Recorder) -> None:
    """A page under https says ``wss`` to Tomcat's plain port; who says ``ws`` is let in."""
    page = wss(shop.port, certificate, open_timeout=5) | {"url": f"stomp+wss://localhost:{shop.port}/ws"} | ANNA
    watch = await refusals({"page": page}, after=1.0, before=1.1, plain=stomping(shop.port, do=says(0.9, 5, ORDER)))
    recorder.keep("bass-spring-tls-to-tomcats-plain-port", watch)


async def test_its_context_path(start: Starter, recorder: Recorder) -> None:
    """``server.servlet.context-path=/api`` came with the release; a page still says ``/ws``, the new one ``/api/ws``.

    Its login page is asked for by another: 302. Nobody is refused who has been there.
    """
    api = await asyncio.to_thread(
        lambda: start(Spring, options=["--server.servlet.context-path=/api"], heart_beat="4000,4000")
    )
    watch = await refusals(
        {"page": stomping(api.port), "kiosk": sockjs(api.port, "xhr-polling")},
        after=1.2,
        before=1.0,
        new=stomping(api.port, "/api/ws", do=says(1.0, 5, ORDER)),
    )
    assert answer(watch, "page") == 404
    recorder.keep("bass-spring-context-path-404-two", watch)


async def test_csrf_is_asked_of_sockjs(start: Starter, recorder: Recorder) -> None:
    """Spring Security's CSRF refuses SockJS's posts; the socket, which is no post, is let in."""
    guarded = await asyncio.to_thread(lambda: start(Spring, door="csrf", heart_beat="3000,3000"))
    watch = await refusals(
        {"stream": sockjs(guarded.port, "xhr-streaming"), "poll": sockjs(guarded.port, "xhr-polling")},
        after=1.0,
        before=1.0,
        socket=sockjs(guarded.port, "websocket", do=says(1.0, 5, ORDER)),
    )
    recorder.keep("bass-spring-csrf-403-two", watch)


async def test_nobody_is_behind_the_relay(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """The relay's broker was not started after the night's patches: "Broker not available", again. Past it is well."""
    (nobody,) = free_ports(1)
    relay = await asyncio.to_thread(lambda: start(Spring, relay=nobody))
    async with watching("--stdin", **POSTMORTEM) as watch:
        direct: Table = {
            "url": broker.tcp_url,
            "heart_beat": "0,0",
            "login": "guest",
            "passcode": "guest",
            "vhost": "/",
        }
        await opened(watch, batch=direct | {"do": says(1.2, 7, ORDER)})
        await open_session(watch, name="page", **stomping(relay.port, reconnect=True))
        await open_session(watch, name="app", **sockjs(relay.port, "websocket"))
        await seen(watch, "close", "app")
        await seen(watch, "close", "page", count=3)
        await settled(watch, "page", "app")
        await leave(watch, "batch")
    recorder.keep("bass-spring-relay-without-broker-again", watch)


async def test_a_relays_client_may_not_write(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """The relay's account for clients may read alone: the first who sends to a queue is shown RabbitMQ's ERROR."""
    await asyncio.to_thread(broker.ctl, "add_user", "web", "web")
    await asyncio.to_thread(broker.ctl, "set_permissions", "web", "^stomp-", "^stomp-", ".*")
    relay = await asyncio.to_thread(
        lambda: start(Spring, relay=broker.stomp_port, relay_client="web:web", inbound_threads=1)
    )
    await asyncio.to_thread(relay.wait_until_said, '"System" session connected.', 1)
    async with watching("--stdin", **POSTMORTEM) as watch:
        await opened(watch, reader=sockjs(relay.port, "websocket", subscribe=["/topic/news"]))
        await opened(watch, writer=stomping(relay.port, do=["1.6 stomp-send /topic/news hello"]))
        await seen(watch, "close", "writer")
        await settled(watch, "writer")
        await asyncio.sleep(0.9)
        await leave(watch, "reader")
    recorder.keep("bass-spring-relay-account-may-not-write", watch)

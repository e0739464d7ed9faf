"""SockJS that a server's options or a proxy's get in the way of, and what the probe sees of it."""

import itertools

import pytest

from tests.probing import ask, probing, run, seen
from tests.servers.nginx import Nginx
from tests.servers.node import SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.spring import LOGIN, Spring
from tests.servers.starting import Starter
from tests.servers.takes import Take, extra

pytestmark = [pytest.mark.real, pytest.mark.extra]

UPGRADE = "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;"


async def test_sockjs_node_has_its_websocket_off(start: Starter, recorder: Recorder, take: Take) -> None:
    server = start(SockJsNode, websocket=False)
    watch, status = await run(server.url, "--sockjs-transport", "websocket", "--open-timeout", "3")
    assert status == 3
    assert not watch.of("open")
    recorder.keep(take.of("sockjs-node-websocket-off"), watch)


async def test_spring_has_its_websocket_off(spring: Spring, recorder: Recorder, take: Take) -> None:
    url = f"stomp+http://{LOOPBACK}:{spring.port}/sockjs-xhr"
    watch, status = await run(url, *LOGIN, "--sockjs-transport", "websocket", "--open-timeout", "3")
    assert status == 3
    assert not watch.of("open")
    recorder.keep(take.of("spring-sockjs-websocket-off"), watch)


@pytest.mark.parametrize("server", [extra("sockjs-node"), "spring"])
async def test_a_prefix_where_nothing_is(
    sockjs_node: SockJsNode, request: pytest.FixtureRequest, recorder: Recorder, take: Take, server: str
) -> None:
    """sockjs-node's own HTTP server answers nothing there; with Express in front of it that would be 404."""
    if server == "spring":
        spring: Spring = request.getfixturevalue("spring")
        url = f"http://{LOOPBACK}:{spring.port}"
    else:
        url = f"http://{LOOPBACK}:{sockjs_node.port}"
    path = take.one_of("/sock", "/api/sockjs", "/stomp")
    watch, status = await run(f"{url}{path}", "--open-timeout", "2")
    assert status == 3
    recorder.keep(take.of(f"{server}-other-prefix"), watch)


@pytest.mark.parametrize("transport", ["xhr-streaming", extra("xhr-polling"), extra("websocket")])
async def test_two_servers_behind_nginx(start: Starter, recorder: Recorder, take: Take, transport: str) -> None:
    """nginx gives the requests to one and the other in turn; a WebSocket is one request after ``/info``, and lives."""
    delay = take.one_of(1000, 2000)
    one, two = (start(SockJsNode, heartbeat_delay=delay, disconnect_delay=1000) for _ in range(2))
    pool = f"upstream pool {{ server {LOOPBACK}:{one.port}; server {LOOPBACK}:{two.port}; }}"
    rules = f"location /echo {{ proxy_pass http://pool; proxy_http_version 1.1; {UPGRADE} }}"
    nginx = start(Nginx, one.port, http=pool, rules=rules)
    url = f"http://{LOOPBACK}:{nginx.port}/echo"
    async with probing(url, "--sockjs-transport", transport, "--stdin") as watch:
        await seen(watch, "sockjs", kind="o")
        await ask(watch, "send hello")
        if transport == "websocket":
            await seen(watch, "sockjs", kind="a", dir="in")
        else:
            await seen(watch, "close")
        status = await watch.finish()
    assert status == (0 if transport == "websocket" else 1)
    recorder.keep(take.of(f"nginx-not-sticky-{transport}"), watch)


def stream(start: Starter, heartbeat: int, rules: str) -> tuple[str, ...]:
    """The probe's words for xhr-streaming with a sockjs-node that beats every ``heartbeat`` ms, through nginx."""
    server = start(SockJsNode, heartbeat_delay=heartbeat)
    where = f"proxy_pass http://{LOOPBACK}:{server.port};"
    nginx = start(Nginx, server.port, rules=f"location /echo {{ {where} {rules} }}")
    return f"http://{LOOPBACK}:{nginx.port}/echo", "--sockjs-transport", "xhr-streaming"


async def test_nginx_holds_a_stream_back(start: Starter, recorder: Recorder, take: Take) -> None:
    """An nginx that is told nothing speaks HTTP/1.0 to its upstream and waits for a full buffer of 4 KB.

    sockjs-node says 2051 bytes at first and 2 with each beat: not a byte comes.
    """
    words = stream(start, take.one_of(500, 1000, 25_000), "")
    watch, status = await run(*words, "--open-timeout", str(take.between(2, 3.5)))
    assert status == 3
    assert not watch.of("open")
    recorder.keep(take.of("nginx-stream-held-back"), watch)


async def test_nginx_lets_a_stream_through_in_clumps(start: Starter, recorder: Recorder, take: Take) -> None:
    """With a buffer of 16 bytes, eight beats come at a time."""
    small = "proxy_buffer_size 512; proxy_buffers 256 16; proxy_busy_buffers_size 512;"
    words = stream(start, take.one_of(200, 250, 300), small)
    async with probing(*words, "--stdin") as watch:
        await seen(watch, "sockjs", kind="h", count=25)
        assert await watch.finish() == 0
    beats = [line["m"] for line in watch.of("sockjs", kind="h")]
    gaps = [after - before for before, after in itertools.pairwise(beats)]
    assert max(gaps) > 1.2 and sum(gap < 0.1 for gap in gaps) > len(gaps) / 2
    recorder.keep(take.of("nginx-stream-in-clumps"), watch)


async def test_nginx_lets_a_stream_through_as_it_comes(start: Starter, recorder: Recorder, take: Take) -> None:
    """With HTTP/1.1 to its upstream nginx 1.22 passes each chunk on at once, ``proxy_buffering on`` or not."""
    words = stream(start, take.one_of(200, 300, 500), "proxy_http_version 1.1;")
    async with probing(*words, "--stdin") as watch:
        await seen(watch, "sockjs", kind="h", count=10)
        assert await watch.finish() == 0
    recorder.keep(take.of("nginx-stream-as-it-comes"), watch)

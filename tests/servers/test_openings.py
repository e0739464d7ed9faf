"""Upgrades that real servers refuse, each in its own words, and what the probe sees of it."""

import pytest

from tests.probing import ask, probing, run, seen
from tests.servers.haproxy import HaProxy
from tests.servers.nginx import Nginx
from tests.servers.node import NodeEndings
from tests.servers.ports import LOOPBACK
from tests.servers.python import PythonEndings
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.takes import Take, extra
from tests.servers.uvicorn import Uvicorn
from tests.watching import Watch

pytestmark = pytest.mark.real


def answer(watch: Watch) -> int:
    """The status of the one answer."""
    return int(watch.the("http", dir="in")["status"])


@pytest.mark.parametrize("status", [402, extra(405), extra(410), extra(418), extra(451), extra(500)])
async def test_nginx_answers_itself(
    node_endings: NodeEndings, start: Starter, recorder: Recorder, take: Take, status: int
) -> None:
    text = take.one_of("", ' "not here, not now"')
    nginx = start(Nginx, node_endings.port, rules=f"location /feed {{ return {status}{text}; }}")
    watch, code = await run(f"ws://{LOOPBACK}:{nginx.port}/feed")
    assert (code, answer(watch)) == (3, status)
    recorder.keep(take.of(f"nginx-answers-{status}"), watch)


@pytest.mark.parametrize(
    ("name", "status", "headers"),
    [
        ("307", 307, {"Location": "/v2/feed"}),
        extra("301", 301, {"Location": "https://login.shop.example/"}),
        extra("401", 401, {"WWW-Authenticate": 'Bearer realm="feed"'}),
        extra("402", 402, {}),
        extra("404", 404, {}),
        extra("429", 429, {"Retry-After": "30"}),
        extra("503", 503, {"Retry-After": "120"}),
        extra("500", 500, {}),
    ],
)
async def test_python_answers(
    start: Starter, recorder: Recorder, take: Take, name: str, status: int, headers: dict[str, str]
) -> None:
    path = take.one_of("/feed", "/ws/live", "/socket")
    server = start(PythonEndings, answers={path: (status, headers)})
    watch, code = await run(f"{server.url}{path}")
    assert (code, answer(watch)) == (3, status)
    recorder.keep(take.of(f"python-answers-{name}"), watch)


@pytest.mark.extra
async def test_python_fails_before_it_answers(start: Starter, recorder: Recorder, take: Take) -> None:
    server = start(PythonEndings, fails="/feed")
    watch, code = await run(f"{server.url}/feed")
    assert (code, answer(watch)) == (3, 500)
    recorder.keep(take.of("python-fails-before-it-answers"), watch)


@pytest.mark.extra
async def test_a_redirect_that_leads_to_itself(start: Starter, recorder: Recorder, take: Take) -> None:
    server = start(PythonEndings, answers={"/feed": (take.one_of(302, 307, 308), {"Location": "/feed"})})
    watch, code = await run(f"{server.url}/feed", "--location")
    assert code == 3
    recorder.keep(take.of("python-redirects-for-ever"), watch)


@pytest.mark.parametrize("server", [extra("node"), "python"])
async def test_an_origin_it_does_not_allow(start: Starter, recorder: Recorder, take: Take, server: str) -> None:
    allowed = ["https://shop.example"]
    url = (start(NodeEndings, origins=allowed) if server == "node" else start(PythonEndings, origins=allowed)).url
    origin = take.one_of("http://shop.example", "https://www.shop.example", "https://elsewhere.example")
    watch, code = await run(url, "--origin", origin)
    assert (code, answer(watch)) == (3, 403)
    recorder.keep(take.of(f"{server}-other-origin"), watch)


@pytest.mark.parametrize("server", ["node", extra("python")])
async def test_one_of_two_comes_from_where_it_may(start: Starter, recorder: Recorder, take: Take, server: str) -> None:
    """The other one has no Origin, as a program that is no browser."""
    allowed = ["https://shop.example"]
    url = (start(NodeEndings, origins=allowed) if server == "node" else start(PythonEndings, origins=allowed)).url
    async with probing(f"page={url}", "--origin", "https://shop.example", "--stdin") as watch:
        await seen(watch, "open", "page")
        await watch.command('{"cmd":"open","id":900,"session":{"name":"tool","origin":null,"url":"' + url + '"}}')
        await seen(watch, "end", "tool")
        assert await watch.finish() == 3
    recorder.keep(take.of(f"{server}-no-origin"), watch)


@pytest.mark.parametrize("offer", ["chat.v1", extra("")])
async def test_python_wants_another_subprotocol(start: Starter, recorder: Recorder, take: Take, offer: str) -> None:
    server = start(PythonEndings, subprotocols=take.one_of(["chat.v2"], ["chat.v3", "chat.v2"]))
    watch, code = await run(server.url, *(("--subprotocol", offer) if offer else ()))
    assert (code, answer(watch)) == (3, 400)
    recorder.keep(take.of(f"python-{'other' if offer else 'no'}-subprotocol"), watch)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        extra("accept-hidden", "proxy_hide_header Sec-WebSocket-Accept;"),
        ("key-of-its-own", 'proxy_set_header Sec-WebSocket-Key "dGhlIHNhbXBsZSBub25jZQ==";'),
        extra("extension-nobody-offered", 'proxy_set_header Sec-WebSocket-Extensions "permessage-deflate";'),
        ("subprotocol-nobody-offered", 'proxy_set_header Sec-WebSocket-Protocol "chat.v1";'),
    ],
)
async def test_a_proxy_that_spoils_the_handshake(
    start: Starter, recorder: Recorder, take: Take, name: str, rule: str
) -> None:
    """nginx tampers with the headers of one side."""
    server = start(NodeEndings, perMessageDeflate=True)
    upgrade = "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;"
    where = f"proxy_pass http://{LOOPBACK}:{server.port}; proxy_http_version 1.1;"
    nginx = start(Nginx, server.port, rules=f"location /feed {{ {where} {upgrade} {rule} }}")
    words = ("--no-compression",) if "extension" in name else take.one_of((), ("--subprotocol", "chat.v2"))
    watch, code = await run(f"ws://{LOOPBACK}:{nginx.port}/feed", *words)
    assert (code, answer(watch)) == (3, 101)
    recorder.keep(take.of(f"nginx-{name}"), watch)


@pytest.mark.parametrize(
    "server", ["node", extra("python"), extra("uvicorn"), extra("haproxy"), extra("rabbitmq"), "tomcat"]
)
async def test_more_headers_than_it_takes(
    request: pytest.FixtureRequest,
    node_endings: NodeEndings,
    python_endings: PythonEndings,
    start: Starter,
    recorder: Recorder,
    take: Take,
    server: str,
) -> None:
    """uvicorn 0.54 logs that it answered 431, and sends not a byte; the others say 431 or 400."""
    match server:
        case "node":
            url = node_endings.url
        case "python":
            url = python_endings.url
        case "uvicorn":
            uvicorn: Uvicorn = request.getfixturevalue("uvicorn")
            url = uvicorn.url
        case "haproxy":
            url = f"ws://{LOOPBACK}:{start(HaProxy, node_endings.port).port}/"
        case "rabbitmq":
            broker: RabbitMq = request.getfixturevalue("broker")
            url = broker.url.removeprefix("stomp+")
        case _:
            spring: Spring = request.getfixturevalue("spring")
            url = spring.ws_url.removeprefix("stomp+")
    size = take.one_of(20_000, 33_000, 70_000)
    name, value = take.one_of(("Cookie", f"session={'x' * size}"), ("Authorization", f"Bearer {'x' * size}"))
    watch, code = await run(url, "-H", f"{name}: {value}", "--open-timeout", "2.5")
    assert code == 3
    recorder.keep(take.of(f"{server}-headers-too-big"), watch)


@pytest.mark.parametrize(("name", "status"), [("503", ""), extra("429", "limit_req_status 429;")])
async def test_nginx_takes_so_many_upgrades_a_minute(
    node_endings: NodeEndings, start: Starter, recorder: Recorder, take: Take, name: str, status: str
) -> None:
    """``limit_req`` answers 503 unless told otherwise."""
    zone = f"limit_req_zone $binary_remote_addr zone=feed:1m rate={take.one_of(1, 5, 10)}r/m;"
    nginx = start(Nginx, node_endings.port, http=zone, rules=f"limit_req zone=feed; {status}")
    url = f"ws://{LOOPBACK}:{nginx.port}/"
    async with probing(f"first={url}", f"second={url}", "--stagger", str(take.between(0.3, 1)), "--stdin") as watch:
        await seen(watch, "end", "second")
        await ask(watch, "send still here", "first")
        await seen(watch, "frame", "first", dir="in", text="still here")
        assert await watch.finish() == 3
    assert watch.of("http", "second", dir="in")[0]["status"] == int(name)
    recorder.keep(take.of(f"nginx-limit-req-{name}"), watch)


@pytest.mark.extra
async def test_nginx_takes_so_many_connections(
    node_endings: NodeEndings, start: Starter, recorder: Recorder, take: Take
) -> None:
    zone = "limit_conn_zone $binary_remote_addr zone=feed:1m;"
    nginx = start(Nginx, node_endings.port, http=zone, rules="limit_conn feed 1;")
    url = f"ws://{LOOPBACK}:{nginx.port}/"
    async with probing(f"first={url}", f"second={url}", "--stagger", str(take.between(0.3, 1)), "--stdin") as watch:
        await seen(watch, "end", "second")
        await ask(watch, "send still here", "first")
        await seen(watch, "frame", "first", dir="in", text="still here")
        assert await watch.finish() == 3
    assert watch.of("http", "second", dir="in")[0]["status"] == 503
    recorder.keep(take.of("nginx-limit-conn"), watch)


@pytest.mark.parametrize("server", ["node", extra("rabbitmq"), extra("spring")])
async def test_a_path_where_nothing_is(
    request: pytest.FixtureRequest, start: Starter, recorder: Recorder, take: Take, server: str
) -> None:
    """ws, told one path, answers 400 to every other."""
    path = take.one_of("/wss", "/feed", "/api/v1/socket")
    match server:
        case "node":
            url = start(NodeEndings, path="/ws").url.removesuffix("/")
        case "rabbitmq":
            broker: RabbitMq = request.getfixturevalue("broker")
            url = f"stomp+ws://{LOOPBACK}:{broker.port}"
        case _:
            spring: Spring = request.getfixturevalue("spring")
            url = f"stomp+ws://{LOOPBACK}:{spring.port}"
    watch, code = await run(f"{url}{path}")
    assert (code, answer(watch)) == (3, 400 if server == "node" else 404)
    recorder.keep(take.of(f"{server}-other-path"), watch)

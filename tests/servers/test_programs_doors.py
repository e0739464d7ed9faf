"""Doors that stay shut: limits, maintenance, old addresses, and proxies that are not set up for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.probing import ask, open_session, probing, seen
from tests.servers.between import Table, answer, opened, refused, says, sockjs, staged, web_stomp, ws
from tests.servers.caddy import Caddy
from tests.servers.frozen import frozen
from tests.servers.haproxy import HaProxy
from tests.servers.lesser import Lighttpd
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.python import PythonWs
from tests.servers.python_apps import SockJsTornado
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter, starting
from tests.servers.uvicorn import Uvicorn
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

MOVED = """server.modules += ( "mod_redirect" )
url.redirect = ( "^/echo(.*)$" => "/live/echo$1" )
url.redirect-code = 301
"""
"""lighttpd's lines for an application that has moved."""
MAINTENANCE = """if (-f {flag}) {{ return 503; }}
error_page 503 @maintenance;
location @maintenance {{
    default_type text/html;
    add_header Retry-After 1800 always;
    return 503 "<html><title>Scheduled maintenance</title><body>We will be back at 18:30</body></html>";
}}"""
"""nginx's lines for a page that stands there as long as a file does."""
INSPECTED = "http-response wait-for-body time 20s"
"""Has HAProxy wait for the whole of a response, as those do who look at what leaves their house."""
OLD_HTTP = """location /feed {{
    proxy_pass http://{host}:{port};
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection "upgrade";
}}"""
"""A location that has both headers and speaks HTTP/1.0 to the server behind it, as nginx does unless told otherwise."""


@pytest.fixture(scope="module")
def spring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spring]:
    """An application that nobody ends."""
    with starting(tmp_path_factory.mktemp("spring")) as start:
        yield start(Spring, heart_beat="2300,2300")


def stomp_sockjs(port: int, transport: str, **options: object) -> Table:
    """STOMP over SockJS with Spring, wherever it is reached."""
    url = f"stomp+http://{LOOPBACK}:{port}/sockjs"
    return {"url": url, "sockjs_transport": transport, "heart_beat": "2300,2300"} | options


async def test_nginx_counts_logins(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """Three tabs are restored at once and let in; to the fourth it says 429."""
    zone = "limit_req_zone $binary_remote_addr zone=logins:1m rate=20r/m;"
    rules = "limit_req zone=logins burst=2 nodelay; limit_req_status 429;"
    nginx = start(Nginx, broker.port, certificate=certificate, http=zone, rules=rules)
    at = f"stomp+wss://localhost:{nginx.port}/ws"
    tab = web_stomp(0, "2600,2600", url=at, cacert=str(certificate.ca))
    tables = {"tab4": tab}
    watch = await refused(tables, after=0.4, before=3.1, tab1=tab, tab2=tab | {"heart_beat": "0,0"}, tab3=tab)
    assert answer(watch, "tab4") == 429
    recorder.keep("programs-nginx-rabbitmq-429-fourth-tab", watch)


async def test_sockjs_has_moved(start: Starter, recorder: Recorder) -> None:
    """lighttpd sends the old address to the new one by 301; who knows the new one polls there."""
    server = start(SockJsNode, heartbeat_delay=1700)
    lighttpd = start(Lighttpd, server.port, rules=MOVED)
    tables = {"bookmark": sockjs(lighttpd.port, "xhr-polling")}
    watch = await refused(tables, after=1.2, before=1, past=sockjs(server.port, "xhr-polling", do=says(0.9, 2)))
    assert answer(watch, "bookmark") == 301
    recorder.keep("programs-lighttpd-sockjs-301", watch)


async def test_a_flag_of_maintenance_is_set(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """nginx lets nobody else in; who was in goes on."""
    flag = tmp_path / "maintenance"
    server = start(SockJsNode, heartbeat_delay=1100)
    nginx = start(Nginx, server.port, rules=MAINTENANCE.format(flag=flag))
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, early=sockjs(nginx.port, "websocket", do=says(0.7, 5)))
        await seen(watch, "sockjs", "early", kind="a", count=3)
        flag.touch()
        await open_session(watch, name="late", **sockjs(nginx.port, "xhr-streaming"))
        await looked(watch, "late")
        await seen(watch, "frame", "early", opcode=9, dir="in", count=2)
        assert await watch.finish() == 3
    assert answer(watch, "late") == 503
    recorder.keep("programs-nginx-sockjs-maintenance-flag", watch)


async def test_caddy_deals_a_stream_out(start: Starter, recorder: Recorder) -> None:
    """To two servers in turn; a WebSocket by the same way needs no second request."""
    servers = [start(SockJsNode, heartbeat_delay=1900) for _ in range(2)]
    pool = " ".join(f"{LOOPBACK}:{server.port}" for server in servers)
    rules = f"reverse_proxy /echo/* {pool} {{\n lb_policy round_robin\n flush_interval -1\n }}"
    caddy = start(Caddy, servers[0].port, rules=rules)

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "socket", kind="a", dir="in", count=2)
        for words in ("send hello", "send anybody there"):
            if not watch.of("close", "stream"):
                await ask(watch, words, "stream")

    tables = {
        "socket": sockjs(caddy.port, "websocket", do=says(0.83, 5)),
        "stream": sockjs(caddy.port, "xhr-streaming"),
    }
    watch = await staged(tables, "stream", strike=strike)
    recorder.keep("programs-caddy-sockjs-dealt-out", watch)


async def test_one_location_speaks_old_http(start: Starter, recorder: Recorder) -> None:
    """Somebody copied two of the three lines. The other location of the same nginx has them all."""
    server = start(PythonWs, ping_interval=None)
    nginx = start(Nginx, server.port, rules=OLD_HTTP.format(host=LOOPBACK, port=server.port))
    watch = await refused(
        {"feed": ws(nginx.port, "/feed")}, after=0.8, before=0.9, chat=ws(nginx.port, "/chat", do=says(0.6, 2))
    )
    recorder.keep("programs-nginx-python-http-1-0", watch)


async def test_haproxy_holds_a_stream_of_spring_back(spring: Spring, start: Starter, recorder: Recorder) -> None:
    """It waits for the whole of what it has to inspect; one who polls through it is well."""
    haproxy = start(HaProxy, spring.port, rules=INSPECTED)
    tables = {"stream": stomp_sockjs(haproxy.port, "xhr-streaming", open_timeout=5.2)}
    watch = await refused(tables, polls=stomp_sockjs(haproxy.port, "xhr-polling"))
    recorder.keep("programs-haproxy-spring-stream-inspected", watch)


async def test_caddy_keeps_trying(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """For 2.3 s, then it says 502; the broker of another path is there."""
    (nobody,) = free_ports(1)
    rules = f"reverse_proxy /old/* {LOOPBACK}:{nobody} {{\n lb_try_duration 2300ms\n }}"
    caddy = start(Caddy, broker.port, rules=rules)
    gone = web_stomp(caddy.port, "1900,1900", url=f"stomp+ws://{LOOPBACK}:{caddy.port}/old/ws")
    watch = await refused({"old": gone}, after=0.5, new=web_stomp(caddy.port, "1900,1900"))
    assert answer(watch, "old") == 502
    recorder.keep("programs-caddy-rabbitmq-502-after-tries", watch)


async def test_caddy_waits_for_an_answer(start: Starter, recorder: Recorder) -> None:
    """For 2.7 s, of a program that is held by a debugger; what another path leads to is well."""
    held, well = start(Uvicorn), start(NodeWs)
    limits = "transport http {\n response_header_timeout 2700ms\n }"
    rules = f"reverse_proxy /live {LOOPBACK}:{held.port} {{\n {limits}\n }}"
    caddy = start(Caddy, well.port, rules=rules)
    with frozen(held.pid):
        watch = await refused({"live": ws(caddy.port, "/live")}, other=ws(caddy.port, "/chat", do=says(0.77, 4)))
    assert answer(watch, "live") == 504
    recorder.keep("programs-caddy-uvicorn-504", watch)


async def test_tornado_has_its_websocket_off_behind_lighttpd(start: Starter, recorder: Recorder) -> None:
    """Who polls is served."""
    server = start(SockJsTornado, heartbeat_delay=1.3, disabled_transports=["websocket"])
    lighttpd = start(Lighttpd, server.port)
    tables = {"socket": sockjs(lighttpd.port, "websocket", open_timeout=6)}
    watch = await refused(tables, after=0.6, before=1, polls=sockjs(lighttpd.port, "xhr-polling", do=says(0.8, 2)))
    recorder.keep("programs-lighttpd-tornado-websocket-off", watch)

"""Doors that stay shut: maintenance, conflicts, loops, handshakes, other protocols, no WebSocket, a proxy with 407."""

import asyncio
import base64
import hashlib
from collections.abc import Sequence
from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from tests.probing import open_session, probing
from tests.servers.apache import Apache
from tests.servers.between import Table, answer, opened, refused, says, stomp, web_stomp, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.certificates import server_context
from tests.servers.forward import Login, Socks
from tests.servers.goapps import Gobwas
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.joined import CREW
from tests.servers.lesser import Nghttpx, Rinetd
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.node_apps import Rules, SocketIo, StompBroker
from tests.servers.ports import LOOPBACK
from tests.servers.python_apps import CoilMq
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.scripted import Connection, ScriptedServer
from tests.servers.starting import Starter
from tests.servers.traefik import Traefik
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]

SHUTTER = """ProxyPass /pos !
RedirectMatch 503 ^/pos
ErrorDocument 503 "The point of sale is down for maintenance until 05:30."
Header always set Retry-After 1800 "expr=%{REQUEST_STATUS} == 503"
"""
SIGN = "maintenance: the search index is being rebuilt (41 %), only sessions that exist are served\n"


async def test_a_shutter_is_down(start: Starter, recorder: Recorder) -> None:
    """Apache answers for ``/pos`` itself while it is worked on, to a socket and a poll; the office is served."""
    app = start(NodeWs)
    apache = start(Apache, app.port, modules=("alias", "headers"), rules=SHUTTER)
    board: Table = {"url": f"http://{LOOPBACK}:{apache.port}/pos/echo", "sockjs_transport": "xhr-polling"}
    watch = await refused(
        {"kiosk": ws(apache.port, "/pos/live"), "board": board | {"open_timeout": 6}},
        after=1.3,
        before=1.6,
        office=ws(apache.port, "/office", do=says(1.2, 5)),
    )
    assert answer(watch, "kiosk") == 503
    recorder.keep("dock-apache-shutter-is-down-503", watch)


async def test_an_index_is_rebuilt(start: Starter, recorder: Recorder) -> None:
    """The application lets nobody new in and says why; who was in goes on. Through rinetd."""

    def shut(client: ServerConnection, request: Request) -> Response | None:
        if "user=late" not in request.path:
            return None
        said = client.respond(HTTPStatus.SERVICE_UNAVAILABLE, SIGN)
        said.headers["Retry-After"] = "600"
        return said

    async with house(process_request=shut) as app:
        rinetd = start(Rinetd, app.port)
        watch = await refused(
            {"late": ws(rinetd.port, "/?user=late")},
            after=1.7,
            before=1.1,
            early=ws(rinetd.port, "/?user=early", do=says(0.9, 4, "send more")),
        )
    assert answer(watch, "late") == 503
    recorder.keep("dock-rinetd-index-is-rebuilt-503", watch)


async def test_a_meeting_has_not_begun(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """409 for who comes before the host has opened the room; another room is open. Behind Caddy with TLS."""
    body = '{"error":"conflict","message":"meeting 77 has not been started by its host"}'
    said = {"status": "409 Conflict", "body": body, "headers": {"Content-Type": "application/json"}}
    app = start(Rules, only={"/meet/77": said})
    caddy = start(Caddy, app.port, tls=f"{certificate.chain} {certificate.key}")
    table = wss(caddy.port, certificate)
    watch = await refused(
        {"early": table | {"url": f"wss://localhost:{caddy.port}/meet/77"}},
        after=0.8,
        before=1.9,
        there=table | {"url": f"wss://localhost:{caddy.port}/meet/12", "do": says(1.1, 4)},
    )
    assert answer(watch, "early") == 409
    recorder.keep("dock-caddy-meeting-not-started-409", watch)


async def test_nginx_rewrites_in_a_circle(start: Starter, recorder: Recorder) -> None:
    """A rule of tonight's sends ``/live`` to itself until nginx has had enough; the old path is as before."""
    app = start(Gobwas)
    nginx = start(Nginx, app.port, rules="location /live { rewrite ^/live(.*)$ /live/v2$1 last; }")
    watch = await refused(
        {"new": ws(nginx.port, "/live")}, after=1.0, before=1.4, old=ws(nginx.port, "/ws", do=says(0.75, 3))
    )
    assert answer(watch, "new") == 500
    recorder.keep("dock-nginx-rewrites-in-a-circle-500", watch)


def deflates(connection: Connection) -> None:
    """A pump whose firmware compresses, whether or not it was asked to."""
    connection.upgrade(deflate=True, extra="Server: pumpd/1.4\r\n")
    connection.read_to_end()


async def test_a_pump_deflates_unasked(start: Starter, recorder: Recorder) -> None:
    """Our client offers no compression and is told that it is agreed on; another maker's pump does not do so."""
    app = start(Gobwas)
    other = start(Rinetd, app.port)
    with ScriptedServer(deflates) as pump:
        rinetd = start(Rinetd, pump.port)
        watch = await refused(
            {"pump": ws(rinetd.port, "/telemetry", no_compression=True)},
            after=1.2,
            before=1.5,
            other=ws(other.port, "/ws", no_compression=True, do=says(1.0, 4)),
        )
    assert answer(watch, "pump") == 101
    recorder.keep("dock-rinetd-deflates-unasked", watch)


def forgets_the_guid(connection: Connection) -> None:
    """A broker of somebody's own that hashes the key alone."""
    key = connection.read_request()["sec-websocket-key"]
    accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
    head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    connection.send(f"{head}Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: v12.stomp\r\n\r\n".encode())
    connection.read_to_end()


async def test_an_accept_of_somebodys_own(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """STOMP over wss with a broker whose answer does not belong to our key; stomp-broker-js next door is well."""
    broker = start(StompBroker, heartbeat=[1800, 1800])
    well: Table = {"url": broker.url, "heart_beat": "1800,1800", "do": says(1.3, 4, "stomp-send /topic/a 1")}
    with ScriptedServer(forgets_the_guid, server_context(certificate)) as own:
        till: Table = {"url": f"stomp+wss://localhost:{own.port}/ws", "cacert": str(certificate.ca)}
        watch = await refused({"till": till | {"heart_beat": "1800,1800"}}, after=0.9, before=2.0, stock=well)
    assert answer(watch, "till") == 101
    recorder.keep("dock-stomp-wss-accept-without-guid", watch)


def ocpp(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """A central system of 2.0.1, which names no subprotocol where it has none in common."""
    return Subprotocol("ocpp2.0.1") if "ocpp2.0.1" in offered else None


async def central_system(client: ServerConnection) -> None:
    """Closes at once who speaks another version, as the examples of Python's ocpp do."""
    if client.subprotocol is None:
        return
    async for message in client:
        await client.send(message)


async def test_a_charger_of_before(recorder: Recorder) -> None:
    """OCPP: it offers 1.6, the central system has been moved to 2.0.1 and ends it after the 101. A new one talks."""
    async with serve(central_system, LOOPBACK, 0, select_subprotocol=ocpp) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        well = ws(port, "/cs/charger8", subprotocol=["ocpp2.0.1"], do=says(1.2, 4, 'send [2,"1","Heartbeat",{}]'))
        async with probing("--stdin", **POSTMORTEM) as watch:
            await opened(watch, charger8=well)
            await asyncio.sleep(1.4)
            await open_session(watch, name="charger3", **ws(port, "/cs/charger3", subprotocol=["ocpp1.6"]))
            await looked(watch, "charger3")
            await asyncio.sleep(1.1)
            assert await watch.finish() == 1
    assert watch.the("close", "charger3")["received"]["code"] == 1000
    assert not watch.the("open", "charger3").get("subprotocol")
    recorder.keep("dock-ocpp-1-6-meets-2-0-1", watch)


async def test_a_broker_answers_v10(start: Starter, recorder: Recorder) -> None:
    """A client offers STOMP 1.2 alone, an old broker behind HAProxy says ``v10.stomp`` to everybody."""

    def old(_: ServerConnection, __: Sequence[Subprotocol]) -> Subprotocol:
        return Subprotocol("v10.stomp")

    async def broker(_: str, client: ServerConnection, message: str | bytes) -> None:
        if str(message).startswith("CONNECT"):
            await client.send("CONNECTED\nversion:1.0\nsession:17\n\n\0")

    async with house(broker, select_subprotocol=old) as app:
        haproxy = start(HaProxy, app.port)
        url = f"stomp+ws://{LOOPBACK}:{haproxy.port}/?user="
        watch = await refused(
            {"new": {"url": f"{url}new", "subprotocol": ["v12.stomp"]}},
            after=1.1,
            before=1.3,
            old={"url": f"{url}old", "heart_beat": "0,0", "do": says(0.8, 4, "stomp-send /topic/a 1")},
        )
    assert answer(watch, "new") == 101
    recorder.keep("dock-haproxy-broker-answers-v10-stomp", watch)


async def test_the_port_of_amqp(broker: RabbitMq, recorder: Recorder) -> None:
    """A page of SockJS was given RabbitMQ's 5672, which answers in bytes of its own; a page over WebSocket is right."""
    poll: Table = {"url": f"http://{LOOPBACK}:{broker.amqp_port}/echo", "sockjs_transport": "auto", "open_timeout": 6}
    till = web_stomp(broker.port, "2900,2900", do=says(1.1, 3, "stomp-send /queue/dock.till 1"))
    watch = await refused({"page": poll}, after=1.2, before=1.2, till=till)
    assert watch.of("end", "page")[0]["how"] != "timeout"
    recorder.keep("dock-sockjs-to-amqp-port", watch)


async def test_the_port_of_web_stomp(broker: RabbitMq, recorder: Recorder) -> None:
    """15674 for 61613: RabbitMQ takes a CONNECT of STOMP over TCP for bad HTTP; over WebSocket it is right there."""
    watch = await refused(
        {"till": stomp(broker.port, "2000,2000", open_timeout=6)},
        after=1.5,
        before=1.7,
        page=web_stomp(broker.port, "1600,1600"),
    )
    recorder.keep("dock-stomp-to-web-stomp-port", watch)


async def test_sockjs_node_has_it_off(start: Starter, recorder: Recorder) -> None:
    """``websocket: false`` since the load balancer was changed; one client insists, another streams. By Traefik."""
    server = start(SockJsNode, heartbeat_delay=1900, websocket=False)
    traefik = start(Traefik, server.port)
    url = f"http://{LOOPBACK}:{traefik.port}/echo"
    watch = await refused(
        {"socket": {"url": url, "sockjs_transport": "websocket", "open_timeout": 6}},
        after=0.9,
        before=2.4,
        stream={"url": url, "sockjs_transport": "xhr-streaming", "do": says(1.4, 4)},
    )
    assert '"websocket":false' in watch.of("http", "socket", dir="in")[0]["body"]
    recorder.keep("dock-traefik-sockjs-node-websocket-off", watch)


async def test_socket_io_polls_only(start: Starter, recorder: Recorder) -> None:
    """``transports: ['polling']`` is left from an incident; the test system has both. Behind nghttpx."""
    live, test = start(SocketIo, transports=["polling"]), start(SocketIo)
    ways = {name: start(Nghttpx, app.port) for name, app in (("live", live), ("test", test))}
    path = "/socket.io/?EIO=4&transport=websocket"
    watch = await refused(
        {"page": ws(ways["live"].port, path)},
        after=1.0,
        before=1.2,
        test=ws(ways["test"].port, path, do=["0.3 send 40", *says(1.0, 4, 'send 42["a"]')]),
    )
    assert answer(watch, "page") == 400
    recorder.keep("dock-nghttpx-socket-io-polls-only", watch)


def ntlm(connection: Connection) -> None:
    """A company's proxy that knows the users of its domain alone."""
    connection.read_request()
    page = "<html><head><title>Access Denied</title></head><body>Credentials are missing.</body></html>"
    connection.send(
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: NEGOTIATE\r\n"
            f"Proxy-Authenticate: NTLM\r\nVia: 1.1 proxy02.corp.example\r\nContent-Length: {len(page)}\r\n\r\n{page}"
        ).encode()
    )


async def test_a_proxy_wants_ntlm(start: Starter, recorder: Recorder) -> None:
    """A company's proxy refuses a chat and a stream that show it no login; a host of the intranet needs none."""
    inside = start(Gobwas)
    with ScriptedServer(ntlm) as proxy:
        way = f"http://{LOOPBACK}:{proxy.port}"
        watch = await refused(
            {
                "chat": {"url": "wss://chat.ground.example/live", "proxy": way},
                "stream": {"url": "https://app.ground.example/echo", "proxy": way, "sockjs_transport": "xhr-streaming"},
            },
            after=1.1,
            before=1.2,
            inside=ws(inside.port, "/ws", do=says(0.9, 4)),
        )
    assert {watch.of("proxy", name)[0]["status"] for name in ("chat", "stream")} == {407}
    recorder.keep("dock-proxy-wants-ntlm", watch)


async def test_a_job_has_no_login_for_socks(start: Starter, recorder: Recorder) -> None:
    """microsocks got a password last week: the nightly job over STOMP has none, the daily one has."""
    broker, socks = start(CoilMq), start(Socks, Login("anna", "crew"))
    table = stomp(broker.port, "0,0", CREW, stomp_version="1.0,1.1")
    way = f"{LOOPBACK}:{socks.port}"
    watch = await refused(
        {"nightly": table | {"proxy": f"socks5://{way}"}},
        after=1.0,
        before=1.0,
        daily=table | {"proxy": f"socks5://anna:crew@{way}", "do": says(0.9, 3, "stomp-send /queue/a 1")},
    )
    assert watch.the("end", "nightly")["how"] == "proxy"
    recorder.keep("dock-microsocks-stomp-no-login", watch)

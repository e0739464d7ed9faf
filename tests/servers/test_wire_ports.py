"""Ports that speak something else, TLS where none is spoken and the other way round, proxies that want a login."""

import asyncio
from contextlib import suppress
from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tests.probing import open_session, probing, seen
from tests.servers.activemq import ActiveMq
from tests.servers.between import direct, opened, refused, says, sockjs, stomps, web_stomp, ws, wss
from tests.servers.forward import Connect, Login
from tests.servers.frozen import frozen
from tests.servers.haproxy import HaProxy
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.test_direct_ports import Sshd
from tests.servers.uvicorn import Uvicorn
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]

CREW = Login("anna", "crew")


async def test_stomp_is_said_to_springs_port(start: Starter, recorder: Recorder) -> None:
    """There STOMP is spoken over WebSocket only: Tomcat answers what it can make of it. A twin does it right."""
    spring = await asyncio.to_thread(start, Spring, heart_beat="2400,2400")
    watch = await refused(
        {"wrong": {"url": f"stomp://{LOOPBACK}:{spring.port}", "heart_beat": "2400,2400", "open_timeout": 5.5}},
        right={"url": spring.ws_url, "heart_beat": "2400,2400", "do": ["0.4 stomp-send /topic/a one"]},
    )
    recorder.keep("wire-port-stomp-to-spring-http", watch)


async def test_tls_is_said_to_sshd(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """The port of the machine's ssh instead of its web server's."""
    sshd, server = start(Sshd), start(Uvicorn)
    watch = await refused(
        {"wrong": wss(sshd.port, certificate, open_timeout=6.5)}, right=ws(server.port, do=["0.6 send tick"])
    )
    assert watch.the("end", "wrong")["phase"] == "tls"
    recorder.keep("wire-port-wss-to-ssh", watch)


async def test_uvicorn_expects_tls(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """An old bookmark says ``ws:``; the twin's ``wss:`` is right."""
    server = start(Uvicorn, ssl_certfile=certificate.chain, ssl_keyfile=certificate.key)
    watch = await refused(
        {"plain": ws(server.port)}, sealed=wss(server.port, certificate, do=says(0.7, 2.5, "send tick"))
    )
    recorder.keep("wire-tls-expected-uvicorn", watch)


async def test_haproxy_expects_tls_of_sockjs(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """``http:`` to the port of ``https:``, polling; the twin streams over TLS."""
    server = start(SockJsNode, heartbeat_delay=2200)
    haproxy = start(HaProxy, server.port, certificate=certificate)
    sealed = {"url": f"https://localhost:{haproxy.port}/echo", "sockjs_transport": "xhr-streaming"}
    watch = await refused(
        {"plain": sockjs(haproxy.port, "xhr-polling", open_timeout=6)}, sealed=sealed | {"cacert": str(certificate.ca)}
    )
    recorder.keep("wire-tls-expected-haproxy-sockjs", watch)


async def test_uvicorn_speaks_no_tls(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """The developer's own server has none."""
    server = start(Uvicorn)
    watch = await refused({"A": wss(server.port, certificate, open_timeout=7)})
    assert watch.the("end", "A")["phase"] == "tls"
    recorder.keep("wire-tls-not-spoken-uvicorn-alone", watch)


async def test_sockjs_node_speaks_no_tls(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    server = start(SockJsNode, heartbeat_delay=1700)
    url = {"url": f"https://localhost:{server.port}/echo", "cacert": str(certificate.ca), "open_timeout": 7}
    watch = await refused(
        {"sealed": url | {"sockjs_transport": "xhr-streaming"}}, plain=sockjs(server.port, "xhr-polling")
    )
    recorder.keep("wire-tls-not-spoken-sockjs-node", watch)


async def test_a_proxy_does_not_know_the_password(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """It was changed last night. tinyproxy says 401 to that, as if it were the server; a session goes past it."""
    proxy = start(Connect, CREW)
    watch = await refused(
        {"through": web_stomp(broker.port, "2900,3100", proxy=f"http://anna:anchor@{LOOPBACK}:{proxy.port}")},
        past=web_stomp(broker.port, "1600,1600"),
    )
    assert watch.the("proxy", "through")["status"] == 401
    recorder.keep("wire-proxy-tinyproxy-401", watch)


async def test_the_environments_proxy_wants_a_login(
    start: Starter, certificate: Certificate, recorder: Recorder
) -> None:
    """SockJS over https by way of the company's proxy, whose address is set for all programs, without a login."""
    proxy, server = start(Connect, CREW), start(SockJsNode)
    nginx = start(Nginx, server.port, certificate=certificate)
    url = {"url": f"https://localhost:{nginx.port}/echo", "cacert": str(certificate.ca), "proxy": "env"}
    way = {"https_proxy": f"http://{LOOPBACK}:{proxy.port}", "no_proxy": ""}
    async with probing("--stdin", **POSTMORTEM, **way) as watch:
        await open_session(watch, name="A", sockjs_transport="xhr-streaming", **url)
        await looked(watch, "A")
        assert await watch.finish() == 3
    assert watch.of("proxy", "A")[0]["status"] == 407
    recorder.keep("wire-proxy-env-407-sockjs-alone", watch)


async def test_it_listens_on_the_other_loopback(start: Starter, recorder: Recorder) -> None:
    """A development server that took ``localhost`` for ::1; 127.0.0.1 is nobody's."""
    server = start(NodeWs, host="::1")
    watch = await refused(
        {"four": ws(server.port, "/live")}, six={"url": f"ws://[::1]:{server.port}/live", "do": says(0.9, 2, "send hi")}
    )
    assert watch.the("end", "four")["how"] == "refused"
    recorder.keep("wire-refused-other-loopback", watch)


async def test_one_path_never_answers(recorder: Recorder) -> None:
    """Whoever asks for reports waits for a service that says nothing; the same program talks with everybody else."""

    async def door(connection: ServerConnection, request: Request) -> Response | None:
        if request.path != "/reports":
            return None
        await connection.wait_closed()
        return connection.respond(HTTPStatus.GATEWAY_TIMEOUT, "")

    async def echo(connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            async for message in connection:
                await connection.send(message)

    async with (
        serve(echo, LOOPBACK, 0, process_request=door, open_timeout=None, ping_interval=2.3) as server,
        probing("--stdin", **POSTMORTEM) as watch,
    ):
        port: int = next(iter(server.sockets)).getsockname()[1]
        await opened(watch, chat=ws(port, "/chat", do=says(1.1, 9, "send tick")))
        await open_session(watch, name="report", **ws(port, "/reports", open_timeout=5.7))
        await looked(watch, "report", patience=7)
        assert not watch.of("close", "chat")
        assert await watch.finish() == 3
    assert (watch.the("end", "report")["how"], watch.the("end", "report")["phase"]) == ("timeout", "http")
    recorder.keep("wire-handshake-path-never-answers", watch)


async def test_the_broker_behind_stunnel_stands_still(
    activemq: ActiveMq, own_broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """TLS is agreed on with stunnel, and CONNECT is never answered; the other broker is well."""
    stunnel = start(Stunnel, own_broker.stomp_port, certificate)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, stock=direct(activemq, "1900,1900"))
        with frozen(own_broker.pid):
            await open_session(watch, name="orders", **stomps(stunnel.port, "5000,5000", certificate, open_timeout=4.6))
            await seen(watch, "close", "orders")
            await looked(watch, "orders", patience=6)
        assert not watch.of("close", "stock")
        assert await watch.finish() == 3
    assert watch.the("end", "orders")["how"] == "timeout"
    recorder.keep("wire-handshake-stunnel-rabbitmq-frozen", watch)

"""Backends that are away or stand still, 101s that are wrong, ports of other protocols, a proxy that wants a login."""

import asyncio
import os
import signal
import socket

import pytest
from websockets.utils import accept_key

from tests.probing import probing
from tests.servers.between import Table, answer, refused, says, sockjs, stomp, ws, wss
from tests.servers.frameworks import Tornado
from tests.servers.haproxy import HaProxy
from tests.servers.jvm import Vertx
from tests.servers.lesser import Nghttpx, Varnish
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.node_apps import StompBroker
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.python_apps import CoilMq
from tests.servers.recordings import Recorder
from tests.servers.scripted import Connection, ScriptedServer
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.test_kite_hands import COIL, turned_away
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]

ORDER = "stomp-send /queue/orders one"
GREETING = bytes.fromhex(
    "4a0000000a382e302e333600080000000b2d5a1f3e4c7d1100ffffff0200ffdf15000000000000000000006f1b3c"
    "4e2a5d7f1a2b3c4d5e0063616368696e675f736861325f70617373776f726400"
)
"""How MySQL 8 begins."""
POOL = "upstream pool {{ server {0}:{1} fail_timeout=30s; server {0}:{2} fail_timeout=30s; }}"


async def test_varnish_meditates(start: Starter, recorder: Recorder) -> None:
    """sockjs-node was stopped for an update that did not go through; a page polls by Varnish. Another node is well."""
    server, other = start(SockJsNode), start(SockJsNode, heartbeat_delay=1500)
    varnish = start(Varnish, server.port)
    await asyncio.to_thread(server.end)
    watch = await refused(
        {"page": sockjs(varnish.port, "xhr-polling")},
        after=0.9,
        before=0.8,
        other=sockjs(other.port, "xhr-streaming", do=says(1.1, 4)),
    )
    assert {line["status"] for line in watch.of("http", "page", dir="in")} == {503}
    recorder.keep("dove-varnish-sockjs-node-stopped-guru", watch)


async def test_no_upstream_is_alive(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Both backends of a pool ended in one night, nginx says so to two who come; a third is at the old address."""
    old = start(StompBroker)
    one, two = free_ports(2)
    rules = "location /pool { proxy_pass http://pool; proxy_http_version 1.1; }"
    nginx = start(Nginx, old.port, certificate=certificate, rules=rules, http=POOL.format(LOOPBACK, one, two))
    base: Table = {"cacert": str(certificate.ca), "heart_beat": "0,0"}
    till = base | {"url": f"stomp+wss://localhost:{nginx.port}/pool"}
    watch = await refused(
        {"anna": till, "bert": till},
        after=1.0,
        before=0.7,
        carl=base | {"url": f"stomp+wss://localhost:{nginx.port}/stomp", "do": says(1.2, 4, ORDER)},
    )
    assert answer(watch, "anna") == answer(watch, "bert") == 502
    assert "no live upstreams" in nginx.log
    recorder.keep("dove-nginx-no-live-upstreams-502-two", watch)


async def test_a_queue_of_connections_is_full(start: Starter, recorder: Recorder) -> None:
    """The reports' program accepts nobody any more, its queue is full: nginx waits 2 s for it. The chat is well."""
    server = start(NodeWs)
    with socket.socket() as stuck, socket.socket() as first, socket.socket() as second:
        stuck.bind((LOOPBACK, 0))
        stuck.listen(0)
        for one in (first, second):
            one.setblocking(False)
            one.connect_ex(stuck.getsockname())
        back = f"proxy_pass http://{LOOPBACK}:{stuck.getsockname()[1]}; proxy_connect_timeout 2s;"
        nginx = start(Nginx, server.port, rules=f"location /reports {{ {back} }}")
        watch = await refused(
            {"report": ws(nginx.port, "/reports/7")}, after=0.9, before=0.6, chat=ws(nginx.port, do=says(1.4, 6))
        )
    assert answer(watch, "report") == 504
    recorder.keep("dove-nginx-connect-timeout-full-queue-504", watch)


async def test_vertx_stands_still_behind_nghttpx(start: Starter, recorder: Recorder) -> None:
    """An event loop that somebody blocked: nghttpx waits 2.3 s for Vert.x. Node behind nothing is well."""
    server, other = start(Vertx), start(NodeWs)
    nghttpx = start(Nghttpx, server.port, "backend-read-timeout=2300ms")
    os.kill(server.pid, signal.SIGSTOP)
    watch = await refused(
        {"board": ws(nghttpx.port, "/live")}, after=1.1, before=0.6, other=ws(other.port, do=says(1.2, 6))
    )
    os.kill(server.pid, signal.SIGCONT)
    assert answer(watch, "board") == 504
    recorder.keep("dove-nghttpx-vertx-stands-still-504", watch)


async def test_a_patient_nginx(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """nginx would wait for a minute and the client waits 4.5 s: Tornado stands still. Another path leads to Node."""
    server, other = start(Tornado), start(NodeWs)
    back = f"proxy_pass http://{LOOPBACK}:{server.port}; proxy_http_version 1.1;"
    head = 'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";'
    nginx = start(Nginx, other.port, certificate=certificate, rules=f"location /board {{ {back} {head} }}")
    base = wss(nginx.port, certificate)
    os.kill(server.pid, signal.SIGSTOP)
    board = base | {"url": f"wss://localhost:{nginx.port}/board", "open_timeout": 4.5}
    watch = await refused({"board": board}, after=0.8, before=0.6, other=base | {"do": says(1.3, 7)})
    os.kill(server.pid, signal.SIGCONT)
    recorder.keep("dove-nginx-patient-tornado-stands-still", watch)


async def test_vertx_does_not_answer_connect(start: Starter, recorder: Recorder) -> None:
    """Vert.x's STOMP server stands still, its kernel takes CONNECT. CoilMQ next to it is well."""
    server, other = start(Vertx), start(CoilMq)
    os.kill(server.pid, signal.SIGSTOP)
    job: Table = {"url": server.stomp_url, "heart_beat": "0,0", "open_timeout": 4.2}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await turned_away(watch, {"job": job}, {"other": stomp(other.port, "0,0", COIL)}, 0.9)
    os.kill(server.pid, signal.SIGCONT)
    recorder.keep("dove-vertx-stomp-connect-unanswered", watch)


async def test_a_camera_keeps_alive(start: Starter, recorder: Recorder) -> None:
    """A camera's 101 says ``Connection: keep-alive``, as its web server does to everything. The recorder is well."""

    def script(client: Connection) -> None:
        accept = accept_key(client.read_request()["sec-websocket-key"])
        head = "HTTP/1.1 101 Switching Protocols\r\nServer: IPCamera-Webs\r\nUpgrade: websocket\r\n"
        client.send(f"{head}Connection: keep-alive\r\nSec-WebSocket-Accept: {accept}\r\n\r\n".encode())
        client.read_to_end()

    nvr = start(NodeWs)
    with ScriptedServer(script) as server:
        watch = await refused({"viewer": {"url": server.url}}, after=1.0, before=0.8, nvr=ws(nvr.port, do=says(0.9, 4)))
    recorder.keep("dove-camera-101-connection-keep-alive", watch)


async def test_a_gateway_always_compresses(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A gateway answers with an extension that nobody offered, behind stunnel; one session, alone."""

    def script(client: Connection) -> None:
        client.upgrade(extra="Sec-WebSocket-Extensions: x-webkit-deflate-frame\r\nServer: mgw/2.4\r\n")
        client.read_to_end()

    with ScriptedServer(script) as server:
        stunnel = start(Stunnel, server.port, certificate)
        watch = await refused({"A": wss(stunnel.port, certificate)})
    recorder.keep("dove-gateway-101-deflate-unasked-alone", watch)


async def test_a_page_is_sent_to_mysql(recorder: Recorder) -> None:
    """Two lines of a compose file were mixed up: MySQL greets whoever comes. One session, alone."""

    def script(client: Connection) -> None:
        client.send(GREETING)
        client.wait_for_bytes(2)
        client.send(bytes.fromhex("21000001ff1304233038533031476f74207061636b657473206f7574206f66206f72646572"))

    with ScriptedServer(script) as server:
        watch = await refused({"A": {"url": server.url}})
    recorder.keep("dove-ws-to-the-port-of-mysql-alone", watch)


async def test_a_job_is_sent_to_the_mail_server(start: Starter, recorder: Recorder) -> None:
    """A job's STOMP goes to the machine's SMTP, which greets and knows no CONNECT. Another job is at the broker."""

    def script(client: Connection) -> None:
        client.send(b"220 mail.depot.example ESMTP Postfix (Debian/GNU)\r\n")
        client.wait_for_bytes(5)
        client.send(b"502 5.5.2 Error: command not recognized\r\n")
        client.read_to_end()

    broker = start(CoilMq)
    haproxy = start(HaProxy, broker.port, options="mode tcp")
    with ScriptedServer(script) as server:
        async with probing("--stdin", **POSTMORTEM) as watch:
            job: Table = {"url": server.stomp_url, "heart_beat": "0,0", "open_timeout": 5.0}
            await turned_away(watch, {"job": job}, {"right": stomp(haproxy.port, "0,0", COIL)})
    recorder.keep("dove-stomp-to-the-port-of-smtp", watch)


async def test_a_proxy_wants_negotiate(start: Starter, recorder: Recorder) -> None:
    """The company's proxy knows Windows' logins alone; a till on Linux shows none. A desk has a way round it."""

    def script(client: Connection) -> None:
        client.read_request()
        page = b"<HTML><BODY>Access Denied (authentication_failed)</BODY></HTML>"
        client.send(
            b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: NEGOTIATE\r\n"
            b"Proxy-Authenticate: NTLM\r\nConnection: close\r\nContent-Type: text/html; charset=utf-8\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(page), page)
        )

    broker = start(StompBroker)
    base: Table = {"url": broker.url, "heart_beat": "0,0"}
    with ScriptedServer(script) as proxy:
        watch = await refused(
            {"till": base | {"proxy": f"http://{LOOPBACK}:{proxy.port}"}},
            after=1.1,
            before=0.7,
            desk=base | {"do": says(1.2, 4, ORDER)},
        )
    recorder.keep("dove-proxy-wants-negotiate-407", watch)

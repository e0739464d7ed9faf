"""Ways to a server that end before it: names, routes, walls, forward proxies, tiers behind tiers; most of them afar."""

import asyncio
import os
import select
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.probing import open_session, seen
from tests.servers import certificates
from tests.servers.ashore import begun, doors
from tests.servers.between import TCP, Table, answer, opened, says, sockjs, ws
from tests.servers.caddy import Caddy
from tests.servers.forward import Connect, Login, Socks, Squid
from tests.servers.goapps import Gobwas, Melody
from tests.servers.haproxy import HaProxy
from tests.servers.house import echo, house
from tests.servers.joined import CREW
from tests.servers.lines import leave
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.node_apps import StompBroker
from tests.servers.outside import there, there_sockjs
from tests.servers.pond import refusals, run, settled
from tests.servers.ports import LOOPBACK
from tests.servers.python_apps import CoilMq, SockJsTornado
from tests.servers.recordings import Recorder
from tests.servers.routed import OTHER, SERVER, routed
from tests.servers.scripted import Connection, ScriptedServer
from tests.servers.starting import Starter
from tests.servers.test_robin_tls import at
from tests.servers.test_wire_doors import names, trusts
from tests.watching import POSTMORTEM, Watch, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

ORDER = "stomp-send /queue/orders one"
COIL: Table = {"stomp_version": "1.0,1.1", "vhost": "localhost", "heart_beat": "0,0"} | CREW


async def test_a_security_group_was_tightened(start: Starter, recorder: Recorder) -> None:
    """The port of the new chat was not put in: nothing comes back. The old chat's port is let in."""
    with routed() as hosts:
        new = await begun(hosts.server, start, SockJsNode, heartbeat_delay=1500)
        old = await begun(hosts.server, start, NodeWs)
        doors(hosts, new, old)
        hosts.router.wall(f"tcp dport {new.port} drop", name="group")
        watch = await refusals(
            {"chat2": there_sockjs(new.port, "websocket", open_timeout=3.1)},
            on=hosts.client.words,
            after=1.0,
            before=0.8,
            chat=there(old.port, do=says(1.1, 7)),
        )
    assert watch.the("end", "chat2")["phase"] != "http"
    recorder.keep("bass-afar-port-dropped-by-a-security-group", watch)


async def test_a_container_publishes_no_port(start: Starter, recorder: Recorder) -> None:
    """``-p`` was left out of the broker's new unit: refused, three times; the till's other server is well."""
    with routed() as hosts:
        app = await begun(hosts.server, start, NodeWs)
        doors(hosts, app)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, app=there(app.port, do=says(1.2, 6)))
            job: Table = {"url": f"stomp://{SERVER}:61613", "reconnect": True} | COIL
            await open_session(watch, name="job", **job)
            await seen(watch, "close", "job", count=3)
            await settled(watch, "job")
            await leave(watch, "app")
    recorder.keep("bass-afar-stomp-port-not-published-again", watch)


async def test_the_vpn_is_not_up(recorder: Recorder) -> None:
    """The laptop has no way to the inner net, and says so itself; the public address answers."""
    with routed() as hosts:
        hosts.start_node()
        hosts.client.ip("route", "add", "unreachable", f"{OTHER}/32")
        watch = await refusals(
            {"inner": {"url": f"ws://{OTHER}:8080/intranet"}},
            on=hosts.client.words,
            after=1.2,
            before=1.0,
            public={"url": f"ws://{SERVER}:8080/", "do": says(0.9, 4)},
        )
    recorder.keep("bass-afar-no-route-to-the-inner-net", watch)


async def test_a_name_is_known_inside_alone(recorder: Recorder) -> None:
    """``live.corp.example`` is in the company's name server, not in that of the hotel. The public name is known."""
    with routed() as hosts:
        hosts.start_node()
        names(hosts, "timeout:2 attempts:1", www__depot__example=SERVER)
        watch = await refusals(
            {"laptop": {"url": "ws://live.corp.example:8080/", "reconnect": True}},
            on=hosts.client.words,
            closes=2,
            before=0.9,
            public={"url": "ws://www.depot.example:8080/", "do": says(0.9, 5)},
        )
    assert watch.of("end", "laptop")[-1]["how"] == "dns"
    recorder.keep("bass-afar-dns-name-of-the-office", watch)


async def test_the_name_server_is_mute(recorder: Recorder) -> None:
    """A firewall lets no UDP 53 out any more; who goes by the address is in."""
    with routed() as hosts:
        hosts.start_node()
        names(hosts, "timeout:1 attempts:2", www__depot__example=SERVER)
        hosts.router.wall("udp dport 53 drop", name="mute")
        watch = await refusals(
            {"page": {"url": "ws://www.depot.example:8080/", "open_timeout": 5}},
            on=hosts.client.words,
            before=0.9,
            address={"url": f"ws://{SERVER}:8080/", "do": says(1.2, 7)},
        )
    recorder.keep("bass-afar-dns-no-answer", watch)


async def test_nginx_cannot_reach_its_backend(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """The backend moved to a net whose firewall swallows nginx's SYNs: 504 after 2.1 s; the old path is well."""
    with routed() as hosts:
        app = await begun(hosts.server, start, Gobwas)
        hosts.server.ip("address", "add", "10.99.0.1/32", "dev", "lo")
        hosts.server.wall("ip daddr 10.99.0.1 drop", "output", name="moved")
        rules = "location /v2/ { proxy_pass http://10.99.0.1:9000; proxy_connect_timeout 2100ms; }"
        nginx = await begun(hosts.server, start, Nginx, app.port, certificate=certificate, rules=rules)
        doors(hosts, nginx)
        base: Table = trusts(certificate)
        watch = await refusals(
            {"v2": base | {"url": f"wss://{SERVER}:{nginx.port}/v2/live"}},
            on=hosts.client.words,
            before=0.9,
            v1=base | {"url": f"wss://{SERVER}:{nginx.port}/ws", "do": says(0.8, 5)},
        )
    assert answer(watch, "v2") == 504
    recorder.keep("bass-afar-nginx-connects-to-nobody-504", watch)


async def test_haproxy_has_no_broker(start: Starter, recorder: Recorder) -> None:
    """``mode tcp`` in front of a broker that is being upgraded: TCP is taken and ended at once, again and again."""
    with routed() as hosts:
        broker = await begun(hosts.server, start, CoilMq)
        other = await begun(hosts.server, start, CoilMq)
        haproxy = await begun(hosts.server, start, HaProxy, broker.port, options=TCP + "\n    retries 0")
        doors(hosts, haproxy, other)
        await asyncio.to_thread(broker.end)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, other={"url": f"stomp://{SERVER}:{other.port}", "do": says(1.1, 6, ORDER)} | COIL)
            await open_session(watch, name="job", url=f"stomp://{SERVER}:{haproxy.port}", reconnect=True, **COIL)
            await seen(watch, "close", "job", count=3)
            await settled(watch, "job")
            await leave(watch, "other")
    assert not watch.of("stomp", "job", dir="in")
    recorder.keep("bass-afar-haproxy-tcp-no-broker-again", watch)


async def test_a_password_file_afar(
    certificate: Certificate, tmp_path: Path, start: Starter, recorder: Recorder
) -> None:
    """``auth_basic`` of nginx in front of staging: a tester's script has no login, her browser has."""
    users = tmp_path / "users"
    users.write_text("tess:{PLAIN}summer\n")
    with routed() as hosts:
        app = await begun(hosts.server, start, Melody)
        rules = f'auth_basic "Staging"; auth_basic_user_file {users};'
        nginx = await begun(hosts.server, start, Nginx, app.port, certificate=certificate, rules=rules)
        doors(hosts, nginx)
        base: Table = {"url": f"wss://{SERVER}:{nginx.port}/ws"} | trusts(certificate)
        watch = await refusals(
            {"script": base},
            on=hosts.client.words,
            after=1.3,
            before=0.8,
            browser=base | {"user": "tess:summer", "do": says(1.0, 4)},
        )
    assert answer(watch, "script") == 401
    recorder.keep("bass-afar-nginx-auth-basic-401", watch)


async def test_a_certificate_afar_is_old(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """Caddy's own files, out of date since Monday; SockJS of two kiosks. The port without TLS is let in."""
    old = certificates.issue(tmp_path, not_before=at(days=398), not_after=at(days=5, hours=3))
    with routed() as hosts:
        app = await begun(hosts.server, start, SockJsTornado, heartbeat_delay=1.4)
        caddy = await begun(hosts.server, start, Caddy, app.port, tls=f"{old.chain} {old.key}")
        doors(hosts, app, caddy)
        kiosk: Table = {"url": f"https://{SERVER}:{caddy.port}/echo", "sockjs_transport": "xhr-polling"} | trusts(old)
        watch = await refusals(
            {"kiosk1": kiosk, "kiosk2": kiosk | {"sockjs_transport": "websocket"}},
            on=hosts.client.words,
            after=1.0,
            before=1.0,
            plain=there_sockjs(app.port, "websocket", do=says(1.1, 5)),
        )
    recorder.keep("bass-afar-cert-expired-caddy-two-kiosks", watch)


async def test_a_server_afar_stands_still(start: Starter, recorder: Recorder) -> None:
    """stomp-broker-js is stopped in a debugger: TCP is taken, no 101. The twin on the same host is well."""
    with routed() as hosts:
        broker, twin = await begun(hosts.server, start, StompBroker), await begun(hosts.server, start, StompBroker)
        doors(hosts, broker, twin)
        os.kill(broker.pid, signal.SIGSTOP)
        base: Table = {"heart_beat": "0,0"}
        watch = await refusals(
            {"late": base | {"url": f"stomp+ws://{SERVER}:{broker.port}/stomp", "open_timeout": 3.4}},
            on=hosts.client.words,
            after=1.1,
            before=0.7,
            twin=base | {"url": f"stomp+ws://{SERVER}:{twin.port}/stomp", "do": says(1.3, 7, ORDER)},
        )
        os.kill(broker.pid, signal.SIGCONT)
    recorder.keep("bass-afar-stomp-broker-in-a-debugger-no-101", watch)


async def test_a_path_was_written_twice_afar(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """``/ws/ws``: the base already ends in it. 404 by the server behind HAProxy's TLS; the other app has it right."""
    with routed() as hosts:
        app = await begun(hosts.server, start, Gobwas)
        haproxy = await begun(hosts.server, start, HaProxy, app.port, certificate=certificate)
        doors(hosts, haproxy)
        base: Table = trusts(certificate)
        watch = await refusals(
            {"app": base | {"url": f"wss://{SERVER}:{haproxy.port}/ws/ws"}},
            on=hosts.client.words,
            after=1.4,
            before=0.8,
            other=base | {"url": f"wss://{SERVER}:{haproxy.port}/ws", "do": says(0.9, 4)},
        )
    assert answer(watch, "app") == 404
    recorder.keep("bass-afar-haproxy-path-written-twice-404", watch)


async def test_tinyproxy_wants_a_login(start: Starter, recorder: Recorder) -> None:
    """A build agent was moved behind the office's proxy and nobody gave it a login: 407, alone, over and over."""
    server = start(NodeWs)
    proxy = start(Connect, Login("build", "s3cret"))
    async with watching("--stdin", "--reconnect", **POSTMORTEM) as watch:
        await open_session(watch, name="agent", **ws(server.port, proxy=f"http://{LOOPBACK}:{proxy.port}"))
        await seen(watch, "close", "agent", count=3)
        await settled(watch, "agent")
        await leave(watch)
    recorder.keep("bass-tinyproxy-407-alone-again", watch)


async def test_squid_lets_443_through_alone(start: Starter, recorder: Recorder) -> None:
    """``SSL_ports`` is 443, the application's is another: Squid says 403 to CONNECT. Past Squid it goes."""
    server = start(SockJsTornado, heartbeat_delay=1.6)
    rules = "deny !all\nacl SSL_ports port 443\nhttp_access deny CONNECT !SSL_ports\nhttp_access allow"
    squid = start(Squid, access=rules)
    watch = await refusals(
        {"office": ws(server.port, "/echo/websocket", proxy=f"http://{LOOPBACK}:{squid.port}")},
        after=1.0,
        before=1.0,
        home=sockjs(server.port, "xhr-polling", do=says(1.4, 5)),
    )
    recorder.keep("bass-squid-ssl-ports-403", watch)


async def test_socks_has_another_password(start: Starter, recorder: Recorder) -> None:
    """The jump host's SOCKS got a new password this morning; a script has the old one, a colleague the new."""
    broker = start(CoilMq)
    socks = start(Socks, Login("crew", "november"))

    def by(password: str) -> Table:
        return {"url": broker.url, "proxy": f"socks5://crew:{password}@{LOOPBACK}:{socks.port}"} | COIL

    watch = await refusals(
        {"script": by("october")}, after=1.2, before=0.9, colleague=by("november") | {"do": says(1.1, 5, ORDER)}
    )
    recorder.keep("bass-socks-password-of-october", watch)


async def test_two_servers_in_turn(start: Starter, recorder: Recorder) -> None:
    """SockJS was scaled to two behind HAProxy, ``balance roundrobin``, no cookie: streams break, a socket lives."""
    one, two = start(SockJsNode, heartbeat_delay=1800), start(SockJsNode, heartbeat_delay=1800)
    haproxy = start(HaProxy, one.port, two.port)
    tables: dict[str, Table] = {"socket": sockjs(haproxy.port, "websocket", do=says(0.9, 6))}
    late = {"stream": sockjs(haproxy.port, "xhr-streaming", do=says(1.2, 3))}

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "socket", kind="a", dir="in", count=2)

    watch = await run(tables, "stream", strike=strike, late=late)
    recorder.keep("bass-haproxy-scaled-to-two-sockjs-stream", watch)


async def test_a_virus_scanner_holds_streams(start: Starter, recorder: Recorder) -> None:
    """What it has of an answer is let through every 2.2 s; who goes past it gets the beats as they come."""
    server = start(SockJsNode, heartbeat_delay=350)

    def scanner(client: Connection) -> None:
        with socket.create_connection((LOOPBACK, server.port)) as beyond:
            ways = {client._sock: beyond, beyond: client._sock}
            held, due = b"", time.monotonic() + 0.05
            while not client.closing.is_set():
                for sock in select.select(list(ways), [], [], 0.05)[0]:
                    data = sock.recv(65536)
                    if not data:
                        client.send(held)
                        return
                    if sock is beyond:
                        held += data
                    else:
                        beyond.sendall(data)
                if held and time.monotonic() > due:
                    client.send(held)
                    held, due = b"", time.monotonic() + 2.2

    with ScriptedServer(scanner) as box:
        async with watching("--stdin", **POSTMORTEM) as watch:
            await opened(watch, past=sockjs(server.port, "xhr-streaming"))
            await opened(watch, office=sockjs(box.port, "xhr-streaming"))
            await seen(watch, "sockjs", "office", kind="h", dir="in", count=20)
            await leave(watch, "past", "office")
    recorder.keep("bass-scanner-holds-sockjs-stream", watch)


async def test_info_is_the_page(start: Starter, recorder: Recorder) -> None:
    """The single-page application answers every path, ``/api/ws/info`` too: no SockJS there. Its own port is well."""
    server = start(SockJsNode, heartbeat_delay=1700)
    page = "<!doctype html><html><head><title>Warehouse</title></head><body><app-root></app-root></body></html>"
    nginx = start(Nginx, server.port, rules=f"location /api/ {{ default_type text/html; return 200 '{page}'; }}")
    bad: Table = {"url": f"http://{LOOPBACK}:{nginx.port}/api/ws", "sockjs_transport": "websocket"}
    watch = await refusals(
        {"front": bad}, after=1.0, before=1.0, own=sockjs(server.port, "xhr-polling", do=says(1.3, 4))
    )
    recorder.keep("bass-sockjs-info-is-a-page-200", watch)


async def test_a_cold_start(start: Starter, recorder: Recorder) -> None:
    """Nothing is wrong: a function that was asleep takes 3.4 s to answer the upgrade, and HAProxy waits."""

    async def door(_: object, request: object) -> None:
        if "user=cold" in request.path:  # type: ignore[attr-defined]
            await asyncio.sleep(3.4)  # it wakes

    async with house(echo, process_request=door, ping_interval=None) as app:
        haproxy = start(HaProxy, app.port)
        async with watching("--stdin", **POSTMORTEM) as watch:
            await opened(watch, warm=ws(haproxy.port, "/?user=warm", do=says(1.2, 7)))
            await opened(watch, cold=ws(haproxy.port, "/?user=cold", do=says(0.6, 2)))
            await seen(watch, "frame", "cold", dir="in", opcode=1, count=2)
            await leave(watch, "warm", "cold")
    recorder.keep("bass-none-cold-start-haproxy", watch)


async def test_sockjs_falls_back(start: Starter, recorder: Recorder) -> None:
    """nginx passes no upgrade, SockJS's ``auto`` goes on to streaming, and a redirect is followed: all are well."""
    server = start(SockJsNode, heartbeat_delay=1300)
    nginx = start(Nginx, server.port, upgrades=False, rules="proxy_buffering off;")
    raw = start(NodeWs)
    front = start(Nginx, raw.port, rules="location = /old { return 307 /new; }")
    async with watching("--stdin", **POSTMORTEM) as watch:
        await opened(watch, page=sockjs(nginx.port, "auto", do=says(1.0, 4)))
        await opened(watch, moved=ws(front.port, "/old", location=True, do=says(0.9, 4)))
        await seen(watch, "sockjs", "page", kind="h", dir="in", count=3)
        await leave(watch, "page", "moved")
    recorder.keep("bass-none-sockjs-falls-back-and-redirect-followed", watch)

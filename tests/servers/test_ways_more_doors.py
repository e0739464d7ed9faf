"""More doors that stay shut: time-outs shorter than the network's, names no more, hosts, proxies and wrong tongues."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.probing import open_session, probing, seen
from tests.servers import certificates
from tests.servers.asgi_hosts import Hypercorn
from tests.servers.between import opened, refused, says, stomp, stomps, ws, wss
from tests.servers.child import children
from tests.servers.forward import ApacheConnect
from tests.servers.frozen import frozen
from tests.servers.lines import leave, over
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.routed import FAR, SERVER, SERVER6, routed
from tests.servers.spring import Spring
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.test_ways_tls import pem
from tests.servers.test_wire_doors import ashore, names
from tests.servers.uvicorn import Uvicorn
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_we_wait_shorter_than_our_own_network(start: Starter, recorder: Recorder) -> None:
    """Nobody has that address of our own network; our kernel would say so after three seconds, we wait for 2.2."""
    with routed() as hosts:
        hosts.client.set(net__ipv4__tcp_syn_retries=6)
        port = ashore(hosts, start, SockJsNode, heartbeat_delay=2100)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            chat = {"url": f"http://{SERVER}:{port}/echo", "sockjs_transport": "websocket"}
            await opened(watch, chat=chat | {"do": says(1.2, 6, "send tick")})
            url = "stomp+ws://10.78.1.88:15674/ws"
            await open_session(watch, name="board", url=url, heart_beat="4000,4000", open_timeout=2.2)
            await over(watch, "board")
            await leave(watch, "chat", status=3)
    assert (watch.the("end", "board")["how"], watch.the("end", "board")["phase"]) == ("timeout", "tcp")
    recorder.keep("ways-connect-timeout-own-lan-short", watch)


async def test_nginx_is_stopped(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Its administrator stopped it last night; who goes past it to sockjs-node, by the plain port, talks."""
    server = start(SockJsNode, heartbeat_delay=1800)
    nginx = start(Nginx, server.port, certificate=certificate)
    nginx.end(signal.SIGTERM)
    through = {"url": f"https://localhost:{nginx.port}/echo", "cacert": str(certificate.ca)}
    past = {"url": f"http://localhost:{server.port}/echo", "do": says(0.7, 3, "send tick")}
    polls = {"sockjs_transport": "xhr-polling"}
    watch = await refused({"through": through | polls}, before=2.1, past=past | polls)
    assert watch.the("end", "through")["how"] == "refused"
    recorder.keep("ways-refused-nginx-stopped", watch)


async def test_the_name_server_is_gone(start: Starter, recorder: Recorder) -> None:
    """It stops under a session that came by name and needs it no more; the next one cannot be resolved."""
    with routed() as hosts:
        port = ashore(hosts, start, Uvicorn, ws_ping_interval=2.3)
        names(hosts, "timeout:1 attempts:2", live__ground__example=SERVER)
        url = f"ws://live.ground.example:{port}/live"
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, first={"url": url, "do": says(1.1, 7, "send tick")})
            hosts.server.wall(f"ip daddr {FAR} udp dport 53 drop", "input", name="silence")
            await open_session(watch, name="second", url=url, open_timeout=6.9)
            await over(watch, "second")
            await leave(watch, "first", status=3)
    assert watch.the("end", "second")["phase"] == "dns"
    recorder.keep("ways-dns-server-silent", watch)


async def test_tls_is_not_begun(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Hypercorn stands still: its kernel lets us in, and nobody answers our hello. The user wants no look after it."""
    files: dict[str, str] = {"certfile": str(certificate.chain), "keyfile": str(certificate.key)}
    server = start(Hypercorn, **files)  # type: ignore[arg-type]
    async with probing("--stdin") as watch:
        with frozen(server.pid, *children(server.pid)):
            await open_session(watch, name="A", **wss(server.port, certificate, open_timeout=3.4))
            await seen(watch, "close", "A")
        assert await watch.finish() == 3
    assert (watch.the("end", "A")["how"], watch.the("end", "A")["phase"]) == ("timeout", "tls")
    recorder.keep("ways-handshake-hypercorn-tls-alone", watch)


async def test_no_way_for_the_new_protocol(recorder: Recorder) -> None:
    """IPv6: the router knows the way to one server, and none to the other."""
    with routed() as hosts:
        hosts.speak_ipv6()
        hosts.client.set(net__ipv4__tcp_syn_retries=6)
        hosts.start_node(pingEvery=2200)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, live={"url": f"ws://[{SERVER6}]:8080/", "do": says(0.9, 5, "send tick")})
            await open_session(watch, name="test", url="ws://[fd7a::1]:8080/", open_timeout=5.6)
            await over(watch, "test")
            await leave(watch, "live", status=3)
    assert watch.the("end", "test")["how"] == "unreachable"
    recorder.keep("ways-unreachable-ipv6", watch)


async def test_apache_does_not_know_this_user(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """STOMP over TCP by CONNECT, by a login that was somebody else's; one session alone."""
    proxy = start(ApacheConnect, "anna", realm="Ground")
    way = {"proxy": f"http://berta:crew@{LOOPBACK}:{proxy.port}"}
    watch = await refused({"orders": stomp(broker.stomp_port, "5000,5000", open_timeout=6.2) | way})
    assert watch.of("proxy", "orders")[0]["status"] == 407
    recorder.keep("ways-proxy-apache-wrong-user-alone", watch)


async def test_spring_expects_tls(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """The application got a certificate of its own; an old configuration says ``http:``."""
    own = certificates.issue(tmp_path)
    spring = await asyncio.to_thread(start, Spring, pem(own), heart_beat="2700,2700")
    table = {"heart_beat": "2700,2700", "sockjs_transport": "xhr-streaming"}
    watch = await refused(
        {"old": {"url": f"stomp+http://localhost:{spring.port}/sockjs"} | table},
        new={"url": f"stomp+https://localhost:{spring.port}/sockjs", "cacert": str(own.ca)} | table,
    )
    recorder.keep("ways-tls-expected-spring-boot", watch)


async def test_no_tls_at_the_end_of_a_tunnel(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """``ssh -L`` to Node's plain port: ``wss:`` is of no use there, and not needed. The twin says ``ws:``."""
    server = start(NodeWs, pingEvery=1700)
    tunnel = await asyncio.to_thread(start, SshTunnel, server.port)
    watch = await refused(
        {"sealed": wss(tunnel.port, certificate, open_timeout=6.6)}, plain=ws(tunnel.port, do=says(0.8, 2, "send tick"))
    )
    recorder.keep("ways-tls-not-spoken-ssh-node", watch)


async def test_tls_is_said_to_amqp(broker: RabbitMq, certificate: Certificate, recorder: Recorder) -> None:
    """``stomps:`` to the port of the Java clients; one session alone."""
    watch = await refused({"A": stomps(broker.amqp_port, "3000,3000", certificate, open_timeout=5.4)})
    recorder.keep("ways-port-stomps-to-amqp-alone", watch)

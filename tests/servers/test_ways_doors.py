"""Doors that stay shut: programs not started yet, ways nobody leads on, names, proxies and ports that are not right."""

import asyncio
import signal

import pytest

from tests.probing import open_session, probing, seen
from tests.servers.activemq import ActiveMq
from tests.servers.asgi_hosts import Daphne
from tests.servers.between import opened, refused, says, sockjs, stomp, stomps, ws, wss
from tests.servers.forward import ApacheConnect
from tests.servers.frozen import frozen
from tests.servers.haproxy import HaProxy
from tests.servers.joined import CREW
from tests.servers.lines import behind_nginx, leave, open_doors, over
from tests.servers.looks import looked
from tests.servers.nginx import Certificate
from tests.servers.node import SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.test_wire_doors import TALK, ashore, names, trusts
from tests.servers.uvicorn import Uvicorn
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

SWITCHED_OFF = "10.79.0.9"
"""A host of the server's network that is not on."""


async def test_spring_is_still_starting(start: Starter, recorder: Recorder) -> None:
    """The browser was quicker than the application: who comes seconds later is let in, and talks."""
    spring = await asyncio.to_thread(start, Spring, heart_beat="2300,2300")
    await asyncio.to_thread(spring.end, signal.SIGKILL)
    early = {"url": f"stomp+http://{LOOPBACK}:{spring.port}/sockjs", "sockjs_transport": "xhr-streaming"}
    beats = {"heart_beat": "2300,2300"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await open_session(watch, name="early", **early, **beats)
        await looked(watch, "early")
        await asyncio.to_thread(spring.begin)
        await opened(watch, late={"url": spring.ws_url, "do": says(0.9, 4, TALK)} | beats)
        await seen(watch, "stomp", "late", command="beat", dir="in")
        assert not watch.of("close", "late")
        assert await watch.finish() == 3
    assert watch.the("end", "early")["how"] == "refused"
    recorder.keep("ways-refused-spring-not-yet", watch)


async def test_nobody_opened_443(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """The host's firewall lets the old plain port pass, and swallows who comes to nginx' new TLS port."""
    with routed() as hosts:
        hosts.client.set(net__ipv4__tcp_syn_retries=6)
        port = ashore(hosts, start, Daphne)
        nginx, url = behind_nginx(hosts, start, certificate, port)
        hosts.server.wall(f"tcp dport {nginx.port} drop", "input")
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, plain={"url": f"ws://{SERVER}:{port}/live", "do": says(1.3, 10, "send tick")})
            await open_session(watch, name="sealed", url=url, open_timeout=6.3, **trusts(certificate))
            await over(watch, "sealed")
            await leave(watch, "plain", status=3)
    assert (watch.the("end", "sealed")["how"], watch.the("end", "sealed")["phase"]) == ("timeout", "tcp")
    recorder.keep("ways-connect-timeout-443-walled", watch)


async def test_a_slip_in_the_name(start: Starter, recorder: Recorder) -> None:
    """Of two sessions with ActiveMQ one says ``mp`` for ``mq``."""
    with routed() as hosts:
        with hosts.server.inside():
            broker = start(ActiveMq)
        open_doors(hosts.server, broker.port)
        names(hosts, "timeout:2 attempts:2", mq__ground__example=SERVER)
        table = {"heart_beat": "2700,1900"} | CREW
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            right = {"url": f"stomp://mq.ground.example:{broker.port}", "do": says(0.8, 3, TALK)} | table
            await opened(watch, right=right)
            await open_session(watch, name="slip", url=f"stomp://mp.ground.example:{broker.port}", **table)
            await over(watch, "slip")
            await seen(watch, "stomp", "right", command="beat", dir="in")
            await leave(watch, "right", status=3)
    assert watch.the("end", "slip")["how"] == "dns"
    recorder.keep("ways-dns-slip-activemq", watch)


async def test_haproxy_waits_for_sockjs(start: Starter, recorder: Recorder) -> None:
    """sockjs-node stands still behind a patient HAProxy: ``/info`` is not answered. Another application is well."""
    server, other = start(SockJsNode), start(Uvicorn)
    haproxy = start(HaProxy, server.port, client=40)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, other=ws(other.port, "/live", do=says(1.4, 12, "send tick")))
        with frozen(server.pid):
            await open_session(watch, name="chat", **sockjs(haproxy.port, "xhr-streaming", open_timeout=4.3))
            await looked(watch, "chat", stage="http", patience=6)
        assert not watch.of("close", "other")
        assert await watch.finish() == 3
    assert watch.the("end", "chat")["how"] == "timeout"
    recorder.keep("ways-handshake-haproxy-sockjs-frozen", watch)


async def test_the_other_host_is_switched_off(start: Starter, recorder: Recorder) -> None:
    """In the server's own network: the router asks for it, nobody answers, and it says so to us."""
    with routed() as hosts:
        hosts.client.set(net__ipv4__tcp_syn_retries=6)
        hosts.router.ip("route", "add", f"{SWITCHED_OFF}/32", "via", "10.78.2.77", "dev", "wan")
        port = ashore(hosts, start, Uvicorn, ws_ping_interval=2.4)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, chat={"url": f"ws://{SERVER}:{port}/live", "do": says(1.6, 12, "send tick")})
            url = f"stomps://{SWITCHED_OFF}:61614"
            await open_session(watch, name="orders", url=url, heart_beat="7000,7000", open_timeout=9.1)
            await over(watch, "orders")
            await leave(watch, "chat", status=3)
    assert watch.the("end", "orders")["how"] == "unreachable"
    recorder.keep("ways-unreachable-switched-off", watch)


async def test_apache_wants_a_login(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """The way out was open to everybody until today; who already has a login in the address is let through."""
    server = start(Uvicorn, ssl_certfile=certificate.chain, ssl_keyfile=certificate.key)
    proxy = start(ApacheConnect, "anna")
    watch = await refused(
        {"bare": wss(server.port, certificate, proxy=f"http://{LOOPBACK}:{proxy.port}")},
        known=wss(
            server.port, certificate, proxy=f"http://anna:crew@{LOOPBACK}:{proxy.port}", do=says(0.8, 2, "send tick")
        ),
    )
    assert watch.of("proxy", "bare")[0]["status"] == 407
    recorder.keep("ways-proxy-apache-407", watch)


async def test_stunnel_expects_tls_of_stomp(
    activemq: ActiveMq, start: Starter, certificate: Certificate, recorder: Recorder
) -> None:
    """``stomp:`` to the port where stunnel listens for ActiveMQ; the twin says ``stomps:``."""
    stunnel = start(Stunnel, activemq.port, certificate)
    watch = await refused(
        {"plain": stomp(stunnel.port, "3300,3300", CREW, open_timeout=6.4)},
        sealed=stomps(stunnel.port, "1900,1700", certificate, CREW, do=[f"0.7 {TALK}"]),
    )
    recorder.keep("ways-tls-expected-stunnel-activemq", watch)


async def test_spring_speaks_no_tls(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Its https is nginx' work elsewhere; Tomcat's own port is plain. A twin that polls says so."""
    spring = await asyncio.to_thread(start, Spring, heart_beat="2600,2600")
    table = {"heart_beat": "2600,2600", "sockjs_transport": "xhr-polling", "open_timeout": 7.5}
    sealed = {"url": f"stomp+https://localhost:{spring.port}/sockjs", "cacert": str(certificate.ca)}
    watch = await refused(
        {"sealed": sealed | table},
        plain={"url": f"stomp+http://localhost:{spring.port}/sockjs", "do": [f"0.6 {TALK}"]} | table,
    )
    recorder.keep("ways-tls-not-spoken-spring", watch)


async def test_sockjs_is_said_to_amqp(broker: RabbitMq, recorder: Recorder) -> None:
    """Of the broker's ports the one that its Java clients have; one that speaks STOMP has the right one."""
    watch = await refused(
        {"board": sockjs(broker.amqp_port, "xhr-streaming", open_timeout=6.7)},
        orders=stomp(broker.stomp_port, "2100,1700", do=[f"0.5 {TALK}"]),
    )
    recorder.keep("ways-port-sockjs-to-amqp", watch)

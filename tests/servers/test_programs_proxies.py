"""Apache, lighttpd and HAProxy in front of brokers and SockJS: what their own crashes, reloads and restarts end."""

import asyncio
import os
import signal

import pytest

from tests.probing import seen
from tests.servers.apache import Apache
from tests.servers.between import TCP, Table, assert_cut, restarted, says, sockjs, staged, stomps, web_stomp
from tests.servers.child import children
from tests.servers.haproxy import HaProxy
from tests.servers.joined import beaten
from tests.servers.lesser import Lighttpd
from tests.servers.nginx import Certificate
from tests.servers.node import SockJsNode
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

GRACE = """server.feature-flags = ( "server.graceful-shutdown-timeout" => 2, "server.graceful-restart-bg" => "enable" )
"""
"""What lighttpd leaves its sessions when it is told to read its configuration again, which it does beside them."""


def secure(start: Starter, backend: int, certificate: Certificate) -> Apache:
    """An Apache that speaks TLS."""
    rules = f"SSLEngine on\nSSLCertificateFile {certificate.chain}\nSSLCertificateKeyFile {certificate.key}"
    return start(Apache, backend, modules=("ssl",), rules=rules)


def through(port: int, certificate: Certificate, beats: str, **options: object) -> Table:
    """RabbitMQ's STOMP over WebSocket by way of a proxy that speaks TLS."""
    return web_stomp(0, beats, url=f"stomp+wss://localhost:{port}/ws", cacert=str(certificate.ca), **options)


async def test_a_child_of_apache_dies(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """Of a broken module: all sessions are its own. Its parent, who listens on, starts another."""
    apache = secure(start, broker.port, certificate)

    async def strike(watch: Watch) -> None:
        await beaten(watch, "stock", 2)
        for child in children(apache.pid):
            os.kill(child, signal.SIGSEGV)

    tables = {
        "till": through(apache.port, certificate, "0,0", do=says(0.9, 6, "stomp-send /topic/sold one")),
        "stock": through(apache.port, certificate, "1600,1600"),
        "direct": web_stomp(broker.port, "2900,2900"),
    }
    watch = await staged(tables, "till", "stock", strike=strike, stage="tls")
    assert_cut(watch, "till", "stock")
    recorder.keep("programs-apache-child-segfault", watch)


async def test_lighttpd_reads_its_configuration_again(start: Starter, recorder: Recorder) -> None:
    """It leaves a busy WebSocket and a quiet stream of SockJS the same two seconds; both come back at once."""
    server = start(SockJsNode, heartbeat_delay=1500)
    lighttpd = start(Lighttpd, server.port, rules=GRACE + "server.stream-response-body = 2\n")

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "feed", kind="h")
        os.kill(lighttpd.pid, signal.SIGUSR1)
        for name in ("chat", "feed"):
            await seen(watch, "sockjs", name, kind="o", count=2)

    tables = {
        "chat": sockjs(lighttpd.port, "websocket", do=says(1.3, 4), reconnect=True),
        "feed": sockjs(lighttpd.port, "xhr-streaming", reconnect=True),
        "direct": sockjs(server.port, "websocket"),
    }
    watch = await staged(tables, "chat", "feed", strike=strike)
    recorder.keep("programs-lighttpd-sockjs-reload", watch)


async def test_apache_is_stopped_and_started(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """For a moment nobody is at the door; one reconnects and is let in again, and a session past it does not notice."""
    apache = start(Apache, broker.port)

    async def strike(watch: Watch) -> None:
        await beaten(watch, "stock", 2)
        await asyncio.to_thread(apache.end, signal.SIGTERM)
        await seen(watch, "end", "stock", how="refused")
        apache.begin()
        await seen(watch, "stomp", "stock", command="CONNECTED", count=2)

    tables = {
        "direct": web_stomp(broker.port, "0,0"),
        "till": web_stomp(apache.port, "0,0"),
        "stock": web_stomp(apache.port, "2100,2100", reconnect=True),
    }
    watch = await staged(tables, "till", "stock", strike=strike)
    recorder.keep("programs-apache-stomp-away-and-back", watch)


async def test_lighttpd_aborts(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """By an assertion; nobody starts it again."""
    lighttpd = start(Lighttpd, broker.port)

    async def strike(watch: Watch) -> None:
        await beaten(watch, "stock", 2)
        os.kill(lighttpd.pid, signal.SIGABRT)

    tables = {
        "stock": web_stomp(lighttpd.port, "1800,1800"),
        "till": web_stomp(lighttpd.port, "4100,4100", do=says(0.7, 6, "stomp-send /topic/sold one")),
        "direct": web_stomp(broker.port, "2600,2600"),
    }
    watch = await staged(tables, "stock", "till", strike=strike, ok=False)
    recorder.keep("programs-lighttpd-stomp-aborts", watch)


async def test_haproxy_is_reloaded_under_stomp(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """One talks, one beats, one does neither: what is left of them after 2.3 s is ended together."""
    haproxy = start(HaProxy, broker.port, certificate=certificate, hard_stop=2.3)

    async def strike(watch: Watch) -> None:
        await beaten(watch, "stock", 1)
        haproxy.reload()

    tables = {
        "till": through(haproxy.port, certificate, "0,0", do=says(0.83, 6, "stomp-send /topic/sold one")),
        "stock": through(haproxy.port, certificate, "1900,1900"),
        "board": through(haproxy.port, certificate, "0,0"),
        "direct": web_stomp(broker.port, "3300,3300"),
    }
    watch = await staged(tables, "till", "stock", "board", strike=strike, stage="tls")
    assert_cut(watch, "till", "stock", "board")
    recorder.keep("programs-haproxy-stomp-wss-reload", watch)


async def test_haproxy_is_restarted_under_stomps(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """It ends TLS in front of STOMP over TCP; nobody reconnects."""
    haproxy = start(HaProxy, broker.stomp_port, certificate=certificate, options=TCP)

    async def strike(watch: Watch) -> None:
        await beaten(watch, "stock", 2)
        await asyncio.to_thread(restarted, haproxy)

    tables = {
        "stock": stomps(haproxy.port, "1700,1700", certificate),
        "till": stomps(haproxy.port, "0,0", certificate, do=says(0.93, 6, "stomp-send /topic/sold one")),
        "direct": web_stomp(broker.port, "2800,2800"),
    }
    watch = await staged(tables, "stock", "till", strike=strike, stage="tls")
    recorder.keep("programs-haproxy-stomps-restarted", watch)

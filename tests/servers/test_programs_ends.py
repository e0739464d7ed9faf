"""Programs that end sessions: by an operator's hand, by a fault of their own, by a restart, with or without a word."""

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from tests.probing import ask, seen
from tests.servers.apache import Apache
from tests.servers.between import Table, assert_cut, refused, says, sockjs, staged, stomp, stomps, ws, wss
from tests.servers.frameworks import Aiohttp, Tornado
from tests.servers.haproxy import HaProxy
from tests.servers.joined import beaten
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.python import PythonEndings
from tests.servers.python_apps import SockJsTornado
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.uvicorn import Uvicorn
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

CLOSE_OLDEST = '[amqp_direct_connection:server_close(One, 320, <<"{why}">>) || One <- {those}].'
"""What "Force Close" of RabbitMQ's management says for those of its STOMP connections."""
OLDEST = "lists:sublist(lists:sort(rabbit_direct:list()), 1)"


@pytest.fixture(scope="module")
def rabbit(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate) -> Iterator[RabbitMq]:
    """The broker of this module; nobody ends it, but one of its connections is closed."""
    broker = RabbitMq(tmp_path_factory.mktemp("rabbit"), certificate)
    yield broker
    broker.stop()


async def spoken(watch: Watch, name: str, count: int) -> None:
    """Returns once so many messages have come in."""
    await seen(watch, "frame", name, dir="in", opcode=1, count=count)


async def test_an_operator_closes_the_quiet_one_behind_stunnel(
    rabbit: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """It beats every 2.4 s and is a printer that nobody needs any more; the other in the same tunnel talks on."""
    stunnel = start(Stunnel, rabbit.stomp_port, certificate)

    async def strike(watch: Watch) -> None:
        await beaten(watch, "printer", 2)
        order = CLOSE_OLDEST.format(why="Closed via management plugin: decommissioned", those=OLDEST)
        await asyncio.to_thread(rabbit.ctl, "eval", order)

    tables = {
        "printer": stomps(stunnel.port, "2400,2400", certificate),
        "till": stomps(stunnel.port, "3700,3700", certificate, do=says(1.3, 7, "stomp-send /topic/sold one")),
    }
    watch = await staged(tables, "printer", strike=strike)
    recorder.keep("programs-stunnel-rabbitmq-operator-closes-quiet-one", watch)


async def test_springs_own_login_is_out_of_date(rabbit: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """Somebody changed the passcode of the relay's system session: who comes is told that there is no broker."""
    spring = start(Spring, relay=rabbit.stomp_port, relay_system="guest:of-last-year", heart_beat="2700,2700")
    table: Table = {"url": spring.sockjs_url, "sockjs_transport": "xhr-streaming", "heart_beat": "2700,2700"}
    watch = await refused({"desk": table}, after=0.7, before=0.6, straight=stomp(rabbit.stomp_port, "1900,1900"))
    recorder.keep("programs-spring-relay-login-out-of-date", watch)


async def test_tornado_cleans_up_after_its_close(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """It says 4000 and then writes a report, which blocks its loop; nginx, in front with TLS, waits with us."""
    server, other = start(Tornado), start(NodeWs)
    nginx = start(Nginx, server.port, certificate=certificate)
    tables = {
        "report": wss(nginx.port, certificate, do=[*says(0.7, 2), "2.6 send leave 4000 5.5"], close_timeout=2.4),
        "elsewhere": ws(other.port, do=says(1.3, 6)),
    }
    watch = await staged(tables, "report")
    assert watch.the("close", "report")["received"]["code"] == 4000
    recorder.keep("programs-nginx-tornado-close-then-report", watch)


async def test_aiohttp_cuts_one_behind_apache(start: Starter, recorder: Recorder) -> None:
    """By ``abort``; the one beside it talks on, by the same way to the same program."""
    server = start(Aiohttp)
    apache = start(Apache, server.port)
    tables = {
        "guest": ws(apache.port, do=[*says(0.52, 2.5), "2.9 send cut"]),
        "member": ws(apache.port, do=says(0.81, 5)),
    }
    watch = await staged(tables, "guest")
    assert_cut(watch, "guest")
    recorder.keep("programs-apache-aiohttp-cuts-one", watch)


async def test_tornado_dies_of_a_signal(start: Starter, recorder: Recorder) -> None:
    """SIGSEGV, as by a broken extension, under a SockJS WebSocket and a stream; another server is well."""
    server, other = start(SockJsTornado, heartbeat_delay=1.6), start(SockJsNode, heartbeat_delay=1900)

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "chat", kind="a", dir="in", count=4)
        os.kill(server.pid, signal.SIGSEGV)

    tables = {
        "chat": sockjs(server.port, "websocket", do=says(0.73, 6)),
        "feed": sockjs(server.port, "xhr-streaming"),
        "elsewhere": sockjs(other.port, "websocket"),
    }
    watch = await staged(tables, "chat", "feed", strike=strike, ok=False)
    recorder.keep("programs-sockjs-tornado-segfault", watch)


async def test_a_handler_fails_behind_stunnel(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """For one of two: python-websockets says 1011."""
    server = start(PythonEndings, ping_interval=None)
    stunnel = start(Stunnel, server.port, certificate)
    tables = {
        "basket": wss(stunnel.port, certificate, do=[*says(0.63, 2.6), "3.1 send raise"]),
        "search": wss(stunnel.port, certificate, do=says(0.9, 5)),
    }
    watch = await staged(tables, "basket")
    assert watch.the("close", "basket")["received"]["code"] == 1011
    recorder.keep("programs-stunnel-python-handler-fails", watch)


async def test_tornado_is_restarted_behind_apache(start: Starter, recorder: Recorder) -> None:
    """Two transports reconnect; in between Apache has nobody to lead them to."""
    server = start(SockJsTornado, heartbeat_delay=1.2)
    other = start(NodeWs)
    apache = start(Apache, server.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "polls", kind="h")
        await seen(watch, "sockjs", "chat", kind="a", dir="in", count=2)
        await asyncio.to_thread(server.end, signal.SIGTERM)
        for name in ("chat", "polls"):
            await seen(watch, "http", name, dir="in", status=503)
        server.begin()
        for name in ("chat", "polls"):
            await seen(watch, "sockjs", name, kind="o", count=2)

    tables = {
        "chat": sockjs(apache.port, "websocket", do=says(0.87, 2.7), reconnect=True),
        "polls": sockjs(apache.port, "xhr-polling", reconnect=True),
        "elsewhere": ws(other.port),
    }
    watch = await staged(tables, "chat", "polls", strike=strike)
    recorder.keep("programs-apache-sockjs-tornado-restarted", watch)


async def test_tornado_dies_in_the_middle_of_a_message(
    certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """It was on its way to a client that was busy, through HAProxy with TLS; another server is well."""
    server, other = start(Tornado), start(NodeWs)
    haproxy = start(HaProxy, server.port, certificate=certificate)

    async def strike(watch: Watch) -> None:
        await ask(watch, "send-repeat x 8000000", "map")
        await ask(watch, "freeze 2.2", "map")
        await asyncio.sleep(1.3)  # its answer has begun: the rest waits until we read
        os.kill(server.pid, signal.SIGKILL)

    tables = {
        "elsewhere": ws(other.port, do=says(1.1, 6)),
        "map": wss(haproxy.port, certificate, no_compression=True, do=says(0.5, 1)),
    }
    watch = await staged(tables, "map", strike=strike)
    assert watch.the("close", "map")["transport"]["undecoded"] > 0
    recorder.keep("programs-haproxy-tornado-dies-mid-message", watch)


async def test_uvicorn_asks_one_to_come_back_later(start: Starter, recorder: Recorder) -> None:
    """1013 for the one that asks for most, in a tunnel of ssh; the other may stay."""
    server = start(Uvicorn)
    tunnel = start(SshTunnel, server.port)
    tables = {
        "export": ws(tunnel.port, "/live", do=[*says(0.44, 2), "2.5 send close 1013 overloaded, retry in 30 s"]),
        "view": ws(tunnel.port, "/live", do=says(0.95, 5)),
    }
    watch = await staged(tables, "export")
    assert watch.the("close", "export")["received"]["code"] == 1013
    recorder.keep("programs-ssh-uvicorn-1013-one", watch)

"""Doors that stay shut: nobody behind them, no answer, too many, the wrong version, no login, no such destination."""

import asyncio
import signal
from collections.abc import Iterator

import pytest

from tests.probing import ask, open_session, probing, seen
from tests.servers.activemq import ActiveMq
from tests.servers.between import Table, answer, opened, refused, says, sockjs, staged, stomp, stomps, web_stomp, ws
from tests.servers.caddy import Caddy
from tests.servers.envoy import Envoy
from tests.servers.forward import Dante
from tests.servers.frozen import frozen
from tests.servers.haproxy import HaProxy
from tests.servers.joined import CREW
from tests.servers.jvm import Vertx
from tests.servers.lesser import Hitch, Lighttpd, Nghttpx, Redir, Varnish
from tests.servers.lines import leave
from tests.servers.looks import looked
from tests.servers.nginx import Certificate
from tests.servers.node import NodeStomp, NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.python import PythonWs
from tests.servers.python_apps import CoilMq, SockJsTornado
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.test_envoy import limiter
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

NO_UPGRADE = "http-request del-header Upgrade\n    http-request del-header Connection"
OLD_LOGIN = {"login": "ground", "passcode": "crew"}


async def test_the_program_is_stopped_and_gone(start: Starter, recorder: Recorder) -> None:
    """A board that comes back by itself finds nghttpx without anybody behind, twice; another service is well."""
    server, other = start(PythonWs, ping_interval=None), start(NodeWs)
    way = start(Nghttpx, server.port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, elsewhere=ws(other.port, do=says(1.3, 9)))
        await opened(watch, board=ws(way.port, do=says(0.7, 2), reconnect=True))
        await seen(watch, "frame", "board", dir="in", opcode=1, count=2)
        await asyncio.to_thread(server.end, signal.SIGKILL)
        await seen(watch, "http", "board", dir="in", count=3)
        await seen(watch, "close", "board", count=3)
        await leave(watch, "elsewhere")
    assert {line["status"] for line in watch.of("http", "board", dir="in")} <= {101, 502, 503}
    recorder.keep("mast-nghttpx-python-killed-and-gone-502", watch)


async def test_nobody_is_behind_lighttpd(start: Starter, recorder: Recorder) -> None:
    """A till is switched on before its broker is, and tries again; the till of another shop beats."""
    (nobody,) = free_ports(1)
    lighttpd, other = start(Lighttpd, nobody), start(NodeStomp, beatEvery=1400, beats=1000)
    till: Table = {"url": f"stomp+ws://{LOOPBACK}:{lighttpd.port}/stomp", "heart_beat": "1400,1400", "reconnect": True}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, elsewhere={"url": other.url, "heart_beat": "1400,1400"})
        await open_session(watch, name="till", **till)
        await seen(watch, "close", "till", count=3)
        await leave(watch, "elsewhere", status=3)
    assert {line["status"] for line in watch.of("http", "till", dir="in")} <= {502, 503}
    recorder.keep("mast-lighttpd-stomp-nobody-behind-again", watch)


async def test_varnish_asks_for_version_7(start: Starter, recorder: Recorder) -> None:
    """A VCL of 2011 sets the version that browsers had then; Node says no. Who goes past it is let in."""
    server = start(NodeWs)
    varnish = start(Varnish, server.port, rules='set req.http.Sec-WebSocket-Version = "7";')
    watch = await refused({"through": ws(varnish.port)}, after=0.7, before=1.1, past=ws(server.port, do=says(0.8, 3)))
    assert answer(watch, "through") in (400, 426)
    recorder.keep("mast-varnish-node-version-7", watch)


async def test_headers_are_deleted_on_the_way_to_a_broker(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """A rule against smuggling has HAProxy delete what makes an upgrade; who goes to the broker itself beats on."""
    haproxy = start(HaProxy, broker.port, certificate=certificate, rules=NO_UPGRADE)
    page = web_stomp(0, "2200,2200", url=f"stomp+wss://localhost:{haproxy.port}/ws", cacert=str(certificate.ca))
    watch = await refused({"page": page}, before=1.5, direct=web_stomp(broker.port, "1700,1700"))
    assert not watch.of("open", "page")
    recorder.keep("mast-haproxy-rabbitmq-headers-deleted", watch)


async def test_the_third_is_too_many(start: Starter, recorder: Recorder) -> None:
    """Envoy lets four requests a minute through: one streams, one has a socket, and the third is answered 429."""
    server = start(SockJsNode, heartbeat_delay=1800)
    envoy = start(Envoy, server.port, filters=(limiter(4),))
    watch = await refused(
        {"third": sockjs(envoy.port, "xhr-streaming")},
        after=1.2,
        before=1.4,
        first=sockjs(envoy.port, "xhr-streaming"),
        second=sockjs(envoy.port, "websocket", do=says(0.9, 4)),
    )
    assert 429 in {line["status"] for line in watch.of("http", "third", dir="in")}
    recorder.keep("mast-envoy-sockjs-third-is-too-many-429", watch)


async def test_info_is_not_answered(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A tornado that stands still, behind hitch: TLS is agreed on and ``/info`` waits in vain; another one is well."""
    server, other = start(SockJsTornado, heartbeat_delay=2), start(SockJsTornado, heartbeat_delay=1.6)
    hitch = start(Hitch, server.port, certificate)
    chat = sockjs(0, "websocket", url=f"https://localhost:{hitch.port}/echo", cacert=str(certificate.ca))
    with frozen(server.pid):
        watch = await refused({"chat": chat | {"open_timeout": 4.2}}, elsewhere=sockjs(other.port, "xhr-polling"))
    recorder.keep("mast-hitch-tornado-info-unanswered", watch)


async def test_connect_is_not_answered(own_activemq: ActiveMq, start: Starter, recorder: Recorder) -> None:
    """A broker in a long collection of garbage; its clients come by SOCKS, as does the one of a well broker."""
    other = start(CoilMq)
    dante = start(Dante)
    way = {"proxy": f"socks5://{LOOPBACK}:{dante.port}"}
    batch = stomp(own_activemq.port, "6000,6000", CREW, open_timeout=5.1) | way
    with frozen(own_activemq.pid):
        watch = await refused(
            {"batch": batch},
            elsewhere=stomp(
                other.port, "0,0", OLD_LOGIN, stomp_version="1.0,1.1", do=says(1.4, 4, "stomp-send /queue/a b")
            )
            | way,
        )
    assert watch.of("tcp", "batch")
    recorder.keep("mast-dante-activemq-connect-unanswered", watch)


async def test_polls_go_to_two_servers(start: Starter, recorder: Recorder) -> None:
    """HAProxy deals requests to two Vert.x in turn; a socket by the same way needs no second request."""
    one = start(Vertx, heartbeat=1900)
    two = start(Vertx, heartbeat=1900)
    way = start(HaProxy, one.port, two.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "socket", kind="a", dir="in", count=2)
        if not watch.of("close", "polls"):
            await ask(watch, "send hello", "polls")

    tables = {"socket": sockjs(way.port, "websocket", do=says(0.8, 5))}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, **tables)
        await open_session(watch, name="polls", **sockjs(way.port, "xhr-polling", open_timeout=6.0))
        await strike(watch)
        await looked(watch, "polls")
        await leave(watch, "socket")
    assert watch.of("close", "polls")
    recorder.keep("mast-haproxy-two-vertx-poll", watch)


async def test_coilmq_knows_no_host(start: Starter, recorder: Recorder) -> None:
    """A fresh library offers 1.2, for which a small broker behind redir minds the host; the old till offers less."""
    broker = start(CoilMq)
    redir = start(Redir, broker.port)
    fresh = stomp(redir.port, "0,0", OLD_LOGIN, stomp_version="1.2", open_timeout=5.0)
    old = stomp(redir.port, "0,0", OLD_LOGIN, stomp_version="1.0,1.1", do=says(1.1, 5, "stomp-send /queue/sales 9"))
    watch = await refused({"fresh": fresh}, after=0.9, before=1.3, old=old)
    assert watch.of("stomp", "fresh", command="ERROR")
    recorder.keep("mast-redir-coilmq-minds-the-host-in-1-2", watch)


async def test_an_exchange_of_tomorrow(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """A sensor was given the firmware of the next release, whose exchange nobody has declared; web-stomp by Caddy."""
    caddy = start(Caddy, broker.port)
    topic = "stomp-send /exchange/amq.topic/lab.7 21.5"
    tables = {
        "old": web_stomp(caddy.port, "2300,2300", do=says(0.9, 6, topic)),
        "sensor": web_stomp(
            caddy.port, "2300,2300", do=["0.8 " + topic, "2.7 stomp-send /exchange/telemetry.v2/lab.7 21.5"]
        ),
    }
    watch = await staged(tables, "sensor")
    recorder.keep("mast-caddy-rabbitmq-exchange-of-tomorrow", watch)


async def test_the_queue_of_the_old_printer(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """It reads from the queue of a printer that went to the scrap yard; TLS by hitch, where the scales are well."""
    hitch = start(Hitch, broker.stomp_port, certificate)
    tables = {
        "scales": stomps(hitch.port, "2600,1900", certificate, do=says(1.2, 5, "stomp-send /queue/weights 7.1")),
        "printer": stomps(hitch.port, "2600,1900", certificate, do=["2.2 subscribe /amq/queue/labels.printer3"]),
    }
    watch = await staged(tables, "printer", stage="tls")
    recorder.keep("mast-hitch-rabbitmq-queue-of-the-old-printer", watch)


@pytest.fixture
def brief(broker: RabbitMq) -> Iterator[RabbitMq]:
    """The broker, which wants a login within 4.6 seconds; 10 otherwise."""
    broker.ctl("eval", "application:set_env(rabbitmq_stomp, login_timeout, 4600).")
    yield broker
    broker.ctl("eval", "application:unset_env(rabbitmq_stomp, login_timeout).")


async def test_a_job_that_never_logs_in(
    brief: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """Its library waits for a word of the broker first; TLS by hitch, where another job is in and beats."""
    hitch = start(Hitch, brief.stomp_port, certificate)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, well=stomps(hitch.port, "1900,1900", certificate))
        script = stomps(hitch.port, "1900,1900", certificate, no_stomp_connect=True)
        assert (await open_session(watch, name="job", **script))["ok"]
        await looked(watch, "job", stage="tls")
        await leave(watch, "well", status=1)
    assert watch.the("close", "job")["initiator"] == "remote"
    recorder.keep("mast-hitch-rabbitmq-job-never-logs-in", watch)

"""Brokers and what is in front of them: closed by hand, put into maintenance, lost by an application, killed."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import open_session, seen
from tests.servers.activemq import ActiveMq
from tests.servers.ashore import begun, doors
from tests.servers.between import Table, opened, says, sockjs, stomp, web_stomp, ws, wss
from tests.servers.haproxy import HaProxy
from tests.servers.homely import refuse, stomping
from tests.servers.house import Rule
from tests.servers.joined import CREW, beaten
from tests.servers.lesser import Lighttpd, Redir
from tests.servers.lines import THERE, elsewhere, leave
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.node_apps import StompBroker
from tests.servers.pond import Supervised, cut, heard, homes, run, settled, told
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import _PROGRAMS, RabbitMq, _program
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, Watch, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


@pytest.fixture(scope="module")
def rabbit(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate) -> Iterator[RabbitMq]:
    """The broker of this module."""
    broker = RabbitMq(tmp_path_factory.mktemp("rabbit"), certificate)
    yield broker
    broker.stop()


def upgrade(rabbit: RabbitMq, word: str) -> None:
    """``rabbitmq-upgrade drain`` or ``revive``."""
    words = [_program("rabbitmq-upgrade", _PROGRAMS), word]
    done = subprocess.run(words, env=rabbit._env, cwd=rabbit._home, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


async def test_an_operator_closes_all_in_spanish(
    rabbit: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """``close_all_connections`` with its reason, for one over TCP and one over WebSocket by nginx with TLS."""
    nginx, other = start(Nginx, rabbit.port, certificate=certificate), start(NodeWs)

    async def strike(watch: Watch) -> None:
        await beaten(watch, "panel", 2)
        await asyncio.to_thread(rabbit.ctl, "close_all_connections", "mantenimiento del cluster a las 22:00")

    till = web_stomp(0, "0,0", url=f"stomp+wss://localhost:{nginx.port}/ws", cacert=str(certificate.ca))
    tables = {
        "other": ws(other.port, do=says(1.2, 9)),
        "till": till | {"do": says(0.8, 6, "stomp-send /topic/venta uno")},
        "panel": stomp(rabbit.stomp_port, "1100,1100", subscribe=["/topic/venta"]),
    }
    watch = await run(tables, "till", "panel", strike=strike)
    recorder.keep("pike-rabbitmq-close-all-mantenimiento", watch)


async def test_the_way_from_spring_to_its_broker_breaks(
    rabbit: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """A forwarder between Spring's relay and RabbitMQ is gone: two are told by HAProxy, and a third that comes then."""
    way = start(Redir, rabbit.stomp_port)
    spring = start(Spring, relay=way.port, inbound_threads=1)
    haproxy = start(HaProxy, spring.port, certificate=certificate)
    base: Table = {"url": f"stomp+wss://localhost:{haproxy.port}/ws", "cacert": str(certificate.ca)}
    base |= {"heart_beat": "2000,2000"}
    async with watching("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            straight=stomp(rabbit.stomp_port, "1900,1900"),
            early=base | {"do": says(0.9, 5, "stomp-send /topic/a 1")},
            reads=base | {"subscribe": ["/topic/a"]},
        )
        await beaten(watch, "reads", 1)
        await asyncio.to_thread(way.end)
        for name in ("early", "reads"):
            await seen(watch, "close", name)
        await open_session(watch, name="late", **base)
        await seen(watch, "close", "late")
        await settled(watch, "early", "reads", "late")
        await leave(watch, "straight")
    recorder.keep("pike-haproxy-spring-relay-way-gone", watch)


async def test_activemq_afar_is_killed(start: Starter, recorder: Recorder) -> None:
    """By the kernel, under two that beat; another host is well."""
    with routed() as hosts, elsewhere(hosts):
        broker = await begun(hosts.server, start, ActiveMq)
        doors(hosts, broker)  # type: ignore[arg-type]
        base: Table = {"url": f"stomp://{SERVER}:{broker.port}"} | CREW
        tables = {
            "third": {"url": THERE, "do": says(1.3, 8)},
            "meter": base | {"heart_beat": "1500,1500", "do": says(0.8, 7, "stomp-send /queue/m 1")},
            "reads": base | {"heart_beat": "0,0", "subscribe": ["/queue/m"]},
        }

        async def strike(watch: Watch) -> None:
            await beaten(watch, "meter", 2)
            os.kill(broker.pid, signal.SIGKILL)

        watch = await run(tables, "meter", "reads", strike=strike, on=hosts.client.words)
    cut(watch, "meter", "reads")
    recorder.keep("pike-afar-activemq-killed", watch)


def fronting(answers: dict[str, tuple[str, str]]) -> Rule:
    """A STOMP front that refuses these users' CONNECT with a message and a body; others it lets in."""

    async def nothing(_: str, client: ServerConnection, message: str | bytes) -> None:
        assert message

    well = stomping(nothing, "front/3.2")

    async def hear(user: str, client: ServerConnection, message: str | bytes) -> None:
        if user in answers and str(message).startswith(("CONNECT", "STOMP")):
            await refuse(client, *answers[user], code=1002)
        else:
            await well(user, client, message)

    return hear


async def test_a_front_has_no_broker(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """CONNECT is refused for it by a front whose broker is away; a user of the other tenant's broker is well."""
    said = {"late": ("Broker not available.", ""), "also": ("Broker not available.", "")}
    async with homes(rule=fronting(said)) as app:
        nginx = start(Nginx, app.port, certificate=certificate)

        def at(user: str, *do: str) -> Table:
            table = wss(nginx.port, certificate, do=list(do)) | {"heart_beat": "0,0"}
            return table | {"url": f"stomp+wss://localhost:{nginx.port}/?user={user}"}

        watch = await stomp_refusals(
            {"late": at("late"), "also": at("also")}, well=at("well", *says(1.1, 5, "stomp-send /q/a 1"))
        )
    assert len(watch.of("stomp", command="ERROR")) == 2
    recorder.keep("pike-nginx-stomp-front-broker-not-available", watch)


async def stomp_refusals(refused: dict[str, Table], **well: Table) -> Watch:
    """Sessions whose socket opens and whose CONNECT is refused, among others that are well."""
    async with watching("--stdin", **POSTMORTEM) as watch:
        await opened(watch, **well)
        await asyncio.sleep(1.1)  # they have been there for a while
        for name, table in refused.items():
            await open_session(watch, name=name, **table)
        for name in refused:
            await seen(watch, "close", name)
        await settled(watch, *refused)
        await asyncio.sleep(0.8)  # and stay
        await leave(watch, *well)
    return watch


async def test_a_bridge_lost_kafka(start: Starter, recorder: Recorder) -> None:
    """A bridge to Kafka says in a message and in its 1011 that no broker is to be reached; another topic is well."""

    async def bridge(user: str, client: ServerConnection, message: str | bytes) -> None:
        if user == "orders" and message == "poll 4":
            await client.send('{"type":"error","code":"BROKER_NOT_AVAILABLE"}')
            await client.close(1011, "kafka: 3/3 brokers are down, broker not available")
        else:
            await client.send('{"records":[]}')

    async with homes(rule=bridge) as app:
        haproxy = start(HaProxy, app.port)
        polls = [f"{n * 0.8:.1f} send poll {n}" for n in range(1, 5)]
        tables = {
            "prices": ws(haproxy.port, "/?user=prices", do=says(1.1, 7, "send poll 0")),
            "orders": ws(haproxy.port, "/?user=orders", do=polls),
        }
        watch = await run(tables, "orders")
    told(watch, 1011, "orders")
    recorder.keep("pike-haproxy-kafka-brokers-down-1011", watch)


async def test_a_gateway_lost_mqtt(start: Starter, recorder: Recorder) -> None:
    """1013 whose words are of the broker behind, in French, to two; a session at another server is well."""
    other = start(NodeWs)
    async with homes() as app:
        lighttpd = start(Lighttpd, app.port)

        async def strike(watch: Watch) -> None:
            await heard(watch, "capteur", 3)
            for name in ("capteur", "vue"):
                await app.clients[name].close(1013, "courtier de messages (broker) indisponible, réessayez plus tard")

        tables = {
            "autre": ws(other.port, do=says(1.2, 7)),
            "capteur": ws(lighttpd.port, "/?user=capteur", do=says(0.8, 7)),
            "vue": ws(lighttpd.port, "/?user=vue"),
        }
        watch = await run(tables, "capteur", "vue", strike=strike)
    told(watch, 1013, "capteur", "vue")
    recorder.keep("pike-lighttpd-courtier-indisponible-1013", watch)


async def test_a_small_broker_under_a_supervisor(
    start: Starter, recorder: Recorder, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """stomp-broker-js crashes behind nginx and is there again after 0.5 s; both of its users come back."""
    broker, other = start(StompBroker, heartbeat=[0, 0]), start(NodeWs)
    nginx = start(Nginx, broker.port)
    supervised = Supervised(tmp_path_factory.mktemp("super"), broker, 0.2)
    try:
        base: Table = {"url": f"stomp+ws://{LOOPBACK}:{nginx.port}/stomp", "heart_beat": "0,0", "reconnect": True}
        tables = {
            "other": ws(other.port, do=says(1.1, 8)),
            "a": base | {"do": says(0.8, 2.5, "stomp-send /topic/a 1")},
            "b": base | {"subscribe": ["/topic/a"]},
        }

        async def strike(watch: Watch) -> None:
            await seen(watch, "stomp", "b", command="MESSAGE", count=3)
            os.kill(supervised.pid, signal.SIGILL)

        watch = await run(tables, "a", "b", strike=strike, back=["a", "b"])
    finally:
        supervised.stop()
    recorder.keep("pike-nginx-stomp-broker-js-supervised-back", watch)


async def test_pages_are_told_to_reload(start: Starter, recorder: Recorder) -> None:
    """SockJS closes a poll for an update of the page, in words of its own; a socket of another app is well."""
    app, other = start(SockJsNode, heartbeat_delay=1700), start(SockJsNode, heartbeat_delay=1400)
    tables = {
        "other": sockjs(other.port, "websocket", do=says(1.2, 7)),
        "page": sockjs(app.port, "xhr-polling", do=[*says(0.9, 2), "2.8 send close 3503 server restarting for v2.3.1"]),
    }
    watch = await run(tables, "page")
    recorder.keep("pike-sockjs-poll-restarting-for-v2-3503", watch)


async def test_rabbitmq_is_drained(rabbit: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """``rabbitmq-upgrade drain``: the node goes into maintenance under three; one at Node's ws is well."""
    other = start(NodeWs)

    async def strike(watch: Watch) -> None:
        await beaten(watch, "tcp", 2)
        await asyncio.to_thread(upgrade, rabbit, "drain")

    tables = {
        "other": ws(other.port, do=says(1.2, 9)),
        "web": web_stomp(rabbit.port, "0,0", do=says(0.9, 8, "stomp-send /topic/a 1")),
        "tcp": stomp(rabbit.stomp_port, "1200,1200"),
    }
    try:
        watch = await run(tables, "web", "tcp", strike=strike)
    finally:
        await asyncio.to_thread(upgrade, rabbit, "revive")
    recorder.keep("pike-rabbitmq-drained-for-an-upgrade", watch)

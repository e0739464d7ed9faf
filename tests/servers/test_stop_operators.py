"""Operators that close connections, brokers that an application has lost, maintenance, and runs that only look bad."""

import asyncio
import os
import signal

import pytest

from tests.probing import seen
from tests.servers.between import Table, answer, opened, refused, says, sockjs, staged, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.envoy import Envoy
from tests.servers.frozen import freeze
from tests.servers.haproxy import HaProxy
from tests.servers.joined import ANNA, GUEST, beaten
from tests.servers.jvm import Artemis
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeStomp, NodeWs, SockJsNode
from tests.servers.node_apps import Rules
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


def over(port: int, transport: str, beats: str, **options: object) -> Table:
    """STOMP with a Spring application, wherever it is reached."""
    if transport == "ws":
        return {"url": f"stomp+ws://{LOOPBACK}:{port}/ws", "heart_beat": beats} | options
    url = f"stomp+http://{LOOPBACK}:{port}/sockjs"
    return {"url": url, "sockjs_transport": transport, "heart_beat": beats} | options


async def test_an_operator_closes_a_tenant(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """Both connections of a virtual host that is being moved; another tenant's stays, behind the same Envoy."""
    for order in (("add_vhost", "night"), ("set_permissions", "-p", "night", "guest", ".*", ".*", ".*")):
        await asyncio.to_thread(broker.ctl, *order)
    envoy = start(Envoy, broker.port, certificate=certificate)
    url: Table = {"url": f"stomp+wss://localhost:{envoy.port}/ws", "cacert": str(certificate.ca)} | GUEST

    async def strike(watch: Watch) -> None:
        await beaten(watch, "board", 2)
        await asyncio.to_thread(
            broker.ctl, "close_all_connections", "-p", "night", "tenant is moved to another cluster"
        )

    tables = {
        "orders": url | {"vhost": "night", "heart_beat": "0,0", "do": says(0.9, 7, "stomp-send /topic/sold one")},
        "board": url | {"vhost": "night", "heart_beat": "1700,1700"},
        "elsewhere": url | {"heart_beat": "2600,2600"},
    }
    watch = await staged(tables, "orders", "board", strike=strike, stage="tls")
    recorder.keep("stop-envoy-rabbitmq-operator-closes-tenant", watch)


async def test_an_operator_closes_a_user_of_artemis(start: Starter, recorder: Recorder) -> None:
    """Behind nginx, by its management; another user's session beats on."""
    artemis = start(Artemis)
    nginx = start(Nginx, artemis.port)
    url = f"stomp+ws://{LOOPBACK}:{nginx.port}/"

    async def strike(watch: Watch) -> None:
        await beaten(watch, "bert", 2)
        assert await asyncio.to_thread(artemis.manage, "user bert") == "true"

    tables: dict[str, Table] = {
        "anna": {"url": url, "heart_beat": "1500,1500"} | ANNA,
        "bert": {"url": url, "heart_beat": "1300,1300", "login": "bert", "passcode": "crew"},
    }
    watch = await staged(tables, "bert", strike=strike)
    recorder.keep("stop-nginx-artemis-operator-closes-user", watch)


async def test_springs_artemis_is_killed(start: Starter, recorder: Recorder) -> None:
    """Under a stream that comes by way of Caddy and a socket that does not; a broker elsewhere is well."""
    artemis, other = start(Artemis), start(NodeStomp, beatEvery=1800, beats=1000)
    spring = start(Spring, relay=artemis.port, relay_system="anna:crew", relay_client="anna:crew")
    caddy = start(Caddy, spring.port)

    async def strike(watch: Watch) -> None:
        await beaten(watch, "stream", 1)
        os.kill(artemis.pid, signal.SIGKILL)

    tables: dict[str, Table] = {
        "stream": over(caddy.port, "xhr-streaming", "1900,1900"),
        "socket": over(spring.port, "ws", "2300,2300", do=says(0.9, 4, "stomp-send /topic/night one")),
        "elsewhere": {"url": other.url, "heart_beat": "1800,1800"},
    }
    watch = await staged(tables, "stream", "socket", strike=strike)
    recorder.keep("stop-caddy-spring-relay-artemis-killed", watch)


async def test_spring_never_had_a_broker(start: Starter, recorder: Recorder) -> None:
    """It was started before its broker; who polls behind HAProxy is told, an echo elsewhere is well."""
    (nobody,) = free_ports(1)
    spring, other = start(Spring, relay=nobody), start(NodeWs)
    haproxy = start(HaProxy, spring.port)
    tables = {"polls": over(haproxy.port, "xhr-polling", "5000,5000")}
    watch = await refused(tables, before=0.8, elsewhere=ws(other.port, do=says(0.7, 3)))
    recorder.keep("stop-haproxy-spring-relay-never-had-broker", watch)


async def test_a_program_is_in_maintenance(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """One of its paths says so, in JSON, until four o'clock; another path is served, through the same stunnel."""
    headers = {"Retry-After": "3600", "Content-Type": "application/json"}
    body = '{"error":"maintenance","until":"04:00Z"}'
    server = start(Rules, only={"/live": {"status": "503 Service Unavailable", "headers": headers, "body": body}})
    stunnel = start(Stunnel, server.port, certificate)
    late = wss(stunnel.port, certificate) | {"url": f"wss://localhost:{stunnel.port}/live"}
    watch = await refused({"late": late}, after=0.6, before=0.5, chat=wss(stunnel.port, certificate, do=says(0.6, 3)))
    assert answer(watch, "late") == 503
    recorder.keep("stop-stunnel-node-maintenance-503", watch)


async def test_a_sign_hangs_at_caddys_door(start: Starter, recorder: Recorder) -> None:
    """503 with a page for everybody's ``/echo``, two clients of which come; who is within the building is well."""
    server = start(SockJsNode, heartbeat_delay=1500)
    page = "<html><head><title>Scheduled maintenance</title></head><body>We are back at 04:00 UTC.</body></html>"
    rules = f"header /echo* Retry-After 1800\n    respond /echo* `{page}` 503"
    caddy = start(Caddy, server.port, rules=rules)
    tables = {"phone": sockjs(caddy.port, "xhr-streaming"), "desk": sockjs(caddy.port, "websocket")}
    watch = await refused(tables, within=sockjs(server.port, "websocket", do=says(0.8, 3)))
    assert {line["status"] for line in watch.of("http", "desk", dir="in")} == {503}
    recorder.keep("stop-caddy-sockjs-scheduled-maintenance", watch)


async def test_a_program_holds_its_breath_and_is_well(
    certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """It stands still for 2.7 s, as in a long collection of garbage, under pings and talk; nobody leaves."""
    server = start(NodeWs)
    nginx = start(Nginx, server.port, certificate=certificate)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "talks", dir="in", opcode=1, count=3)
        freeze(server.pid)
        await asyncio.sleep(2.7)
        os.kill(server.pid, signal.SIGCONT)
        await seen(watch, "frame", "talks", dir="in", opcode=1, count=8)
        await seen(watch, "frame", "pings", dir="in", opcode=10, count=4)

    tables = {
        "talks": wss(nginx.port, certificate, do=says(0.6, 7)),
        "pings": wss(nginx.port, certificate, ping_interval=1.2, ping_timeout=6),
        "quiet": wss(nginx.port, certificate),
    }
    watch = await staged(tables, strike=strike, status=0)
    recorder.keep("stop-nginx-node-holds-its-breath-and-well", watch)


async def test_a_gateway_is_replaced_and_all_are_well(start: Starter, recorder: Recorder) -> None:
    """HAProxy is reloaded twice: its old workers keep whom they have, newcomers are with the new ones."""
    server = start(SockJsNode, heartbeat_delay=1300)
    haproxy = start(HaProxy, server.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "feed", kind="h")
        haproxy.reload()
        await seen(watch, "sockjs", "feed", kind="h", count=2)
        await opened(watch, second=sockjs(haproxy.port, "xhr-polling"))
        haproxy.reload()
        await seen(watch, "sockjs", "feed", kind="h", count=3)
        await opened(watch, third=sockjs(haproxy.port, "websocket"))
        await seen(watch, "sockjs", "second", kind="h", count=2)

    tables = {
        "chat": sockjs(haproxy.port, "websocket", do=says(0.9, 6)),
        "feed": sockjs(haproxy.port, "xhr-streaming"),
    }
    watch = await staged(tables, strike=strike, status=0)
    recorder.keep("stop-haproxy-reloaded-twice-and-well", watch)
